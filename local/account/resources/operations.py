"""CloudWatch, and what nothing here acts on: backups, budgets, chats."""

from uuid import uuid4

from moto.cloudwatch.models import cloudwatch_backends

from local.account import arns
from local.account.identity import ACCOUNT_ID, REGION
from local.account.resources.resource import Created, Request, lower_camel, resource_type


@resource_type("AWS::CloudWatch::Alarm", name="AlarmName")
def _alarm(request: Request) -> Created:
    request.aws("cloudwatch").put_metric_alarm(**{**request.properties, "AlarmName": request.name})
    return Created(
        ref=request.name, attributes={"Arn": arns.arn("cloudwatch", f"alarm:{request.name}")}
    )


@resource_type("AWS::CloudWatch::CompositeAlarm", name="AlarmName")
def _composite_alarm(request: Request) -> Created:
    properties = request.properties
    # moto keeps and describes composite alarms, and has no operation that makes one
    cloudwatch_backends[ACCOUNT_ID][REGION].put_metric_alarm(
        name=request.name,
        rule=properties["AlarmRule"],
        description=properties.get("AlarmDescription", ""),
        alarm_actions=properties.get("AlarmActions", []),
        ok_actions=properties.get("OKActions", []),
        namespace="",
        metric_name="",
        metric_data_queries=[],
        comparison_operator="",
        evaluation_periods=0,
        period=0,
        threshold=0,
        statistic="",
        dimensions=[],
        insufficient_data_actions=[],
    )
    return Created(
        ref=request.name, attributes={"Arn": arns.arn("cloudwatch", f"alarm:{request.name}")}
    )


@resource_type("AWS::Logs::MetricFilter", name="FilterName")
def _metric_filter(request: Request) -> Created:
    properties = request.properties
    request.aws("logs").put_metric_filter(
        logGroupName=properties["LogGroupName"],
        filterName=request.name,
        filterPattern=properties["FilterPattern"],
        metricTransformations=lower_camel(properties["MetricTransformations"]),
    )
    return Created(ref=request.name)


# Kept as they were asked for; nothing here backs up, bills or writes to a chat.


@resource_type("AWS::Backup::BackupVault", name="BackupVaultName")
def _backup_vault(request: Request) -> Created:
    arn = f"arn:aws:backup:{REGION}:{ACCOUNT_ID}:backup-vault:{request.name}"
    return Created(ref=request.name, attributes={"BackupVaultArn": arn, "BackupVaultName": arn})


@resource_type("AWS::Backup::BackupPlan")
def _backup_plan(request: Request) -> Created:
    plan_id = request.existing.ref if request.existing else str(uuid4())
    arn = f"arn:aws:backup:{REGION}:{ACCOUNT_ID}:backup-plan:{plan_id}"
    attributes = {"BackupPlanId": plan_id, "BackupPlanArn": arn, "VersionId": str(uuid4())}
    return Created(ref=plan_id, attributes=attributes)


@resource_type("AWS::Backup::BackupSelection")
@resource_type("AWS::Budgets::Budget")
@resource_type("AWS::Chatbot::SlackChannelConfiguration")
@resource_type("AWS::Logs::QueryDefinition")
@resource_type("AWS::CDK::Metadata")
def _kept(request: Request) -> Created:
    return Created(ref=request.name)
