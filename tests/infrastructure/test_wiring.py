"""What is connected to what: handlers, settings, events, queues, the state machine."""

import importlib
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from app import build
from config import runtime
from config.deployment import Deployment, Step
from config.metrics import SERVICE_VARIABLE
from stacks.constructs.app import SluiceApp
from tests.infrastructure.assembly import Assembly, as_list, target

_SETTINGS: dict[str, type[runtime.Settings]] = {
    "route": runtime.RouteSettings,
    "claim": runtime.ClaimSettings,
    "infer_schema": runtime.InferSchemaSettings,
    "upsert": runtime.UpsertSettings,
    "settle": runtime.SettleSettings,
    "sweep": runtime.SweepSettings,
    "migrate": runtime.MigrateSettings,
    "limit_usage": runtime.LimitUsageSettings,
    "publish_jobs": runtime.PublishJobsSettings,
    "open_release": runtime.OpenReleaseSettings,
    "run_procedures": runtime.RunProceduresSettings,
    "close_release": runtime.CloseReleaseSettings,
    "release_api": runtime.ReleaseApiSettings,
}
_MACHINES = {
    "Load": ("claim", "infer_schema", "upsert", "settle"),
    "Release": ("open_release", "run_procedures", "close_release"),
}


@pytest.mark.parametrize("step", get_args(Step))
def test_every_handler_string_imports(local: Assembly, step: str) -> None:
    module, _, name = str(local.function(step).properties["Handler"]).rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("step", get_args(Step))
def test_every_function_is_given_the_settings_it_reads(local: Assembly, step: str) -> None:
    variables = local.function(step).properties["Environment"]["Variables"]
    settings = _SETTINGS[step].from_env(variables)
    assert settings.to_env().keys() == variables.keys() - {SERVICE_VARIABLE}
    assert variables[SERVICE_VARIABLE] == "sluice-local"


def test_names_that_one_stack_gives_are_the_names_that_another_uses(local: Assembly) -> None:
    route = local.function("route").properties["Environment"]["Variables"]
    upsert = local.function("upsert").properties["Environment"]["Variables"]
    table = local.one("AWS::DynamoDB::Table").properties["TableName"]
    copying = local.one("AWS::IAM::Role", "Copying").properties["RoleName"]
    machine = local.one("AWS::StepFunctions::StateMachine", "Load").properties["StateMachineName"]
    policy = local.one("AWS::IAM::ManagedPolicy", "Loader").properties["ManagedPolicyName"]
    (attached,) = local.one("AWS::IAM::Role", "Upsert").properties["ManagedPolicyArns"]
    assert route["SLUICE_LEDGER_TABLE"] == table
    assert route["SLUICE_STATE_MACHINE_ARN"].endswith(f":stateMachine:{machine}")
    assert upsert["SLUICE_BUCKET"] == local.one("AWS::S3::Bucket", "Data").properties["BucketName"]
    assert upsert["SLUICE_COPY_ROLE_ARN"].endswith(f":role/{copying}")
    assert json.dumps(attached).rstrip('"]}').endswith(f":policy/{policy}")


def test_the_migration_grants_to_the_role_that_loads(local: Assembly) -> None:
    variables = local.function("migrate").properties["Environment"]["Variables"]
    role = local.one("AWS::IAM::Role", "Upsert")
    assert variables["SLUICE_LOADER_ROLE_NAME"] == role.properties["RoleName"]


def test_the_migration_grants_procedures_to_the_role_that_calls_them(local: Assembly) -> None:
    variables = local.function("migrate").properties["Environment"]["Variables"]
    calling = local.function("run_procedures").properties["Environment"]["Variables"]
    role = local.one("AWS::IAM::Role", "RunProcedures")
    assert variables["SLUICE_CALLER_ROLE_NAME"] == role.properties["RoleName"]
    assert variables["SLUICE_PROCEDURE_SCHEMAS"] == calling["SLUICE_PROCEDURE_SCHEMAS"]


def test_no_stack_exports_or_imports_values(deployed: Assembly) -> None:
    for template in deployed.templates.values():
        assert not [o for o in template.get("Outputs", {}).values() if "Export" in o]
        assert "Fn::ImportValue" not in json.dumps(template)


def test_the_outputs_people_look_for_have_fixed_names(deployed: Assembly) -> None:
    outputs = {
        name for template in deployed.templates.values() for name in template.get("Outputs", {})
    }
    assert outputs == {
        "Bucket", "LedgerTable", "Workgroup", "Database", "StateMachineArn", "TopicArn",
        "ReleaseMachineArn", "ReleasesDeadLetterQueueUrl", "ReleaseApiUrl",
        "ArrivalsQueueUrl", "DeadLetterQueueUrl", "EventsDeadLetterQueueUrl", "SweepFunctionName",
    }  # fmt: skip


# --- the state machine


@pytest.mark.parametrize("noun", _MACHINES)
def test_every_placeholder_of_a_state_machine_is_substituted(deployed: Assembly, noun: str) -> None:
    machine = deployed.one("AWS::StepFunctions::StateMachine", noun).properties
    wanted = set(re.findall(r"\$\{(\w+)\}", machine["DefinitionString"]))
    functions = {f.logical_id for f in deployed.resources("AWS::Lambda::Function")}
    assert wanted == machine["DefinitionSubstitutions"].keys()
    assert {target(arn) for arn in machine["DefinitionSubstitutions"].values()} <= functions


@pytest.mark.parametrize(("noun", "steps"), _MACHINES.items())
def test_every_task_of_a_state_machine_runs_its_own_function(
    local: Assembly, noun: str, steps: tuple[str, ...]
) -> None:
    substitutions = local.one("AWS::StepFunctions::StateMachine", noun).properties[
        "DefinitionSubstitutions"
    ]
    assert len(substitutions) == len(steps)
    for step in steps:
        noun = step.title().replace("_", "")
        assert target(substitutions[f"{noun}FunctionArn"]) == local.function(step).logical_id


@pytest.mark.parametrize("noun", _MACHINES)
def test_a_state_machine_logs_every_event_without_data(deployed: Assembly, noun: str) -> None:
    machine = deployed.one("AWS::StepFunctions::StateMachine", noun)
    logging = machine.properties["LoggingConfiguration"]
    assert logging["Level"] == "ALL"
    assert logging["IncludeExecutionData"] is False
    assert logging["Destinations"]


# --- events and queues


def test_uploads_reach_the_arrivals_queue(local: Assembly) -> None:
    bucket = local.one("AWS::S3::Bucket", "Data").properties
    rule = local.one("AWS::Events::Rule", "Uploaded").properties
    assert bucket["NotificationConfiguration"]["EventBridgeConfiguration"]["EventBridgeEnabled"]
    assert rule["EventPattern"] == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [bucket["BucketName"]]},
            "object": {"key": [{"prefix": "data/in/"}]},
        },
    }


def test_a_load_that_ends_without_settling_wakes_route(local: Assembly) -> None:
    pattern = local.one("AWS::Events::Rule", "Failed").properties["EventPattern"]
    machine = local.function("route").properties["Environment"]["Variables"]
    assert pattern["source"] == ["aws.states"]
    assert pattern["detail"]["stateMachineArn"] == [machine["SLUICE_STATE_MACHINE_ARN"]]
    assert set(pattern["detail"]["status"]) == {"FAILED", "ABORTED", "TIMED_OUT"}


def test_every_rule_may_send_to_its_target_and_to_its_dead_letter_queue(
    deployed: Assembly,
) -> None:
    rules = list(deployed.resources("AWS::Events::Rule"))
    assert rules
    for rule in rules:
        for sink in rule.properties["Targets"]:
            assert _admits(deployed, target(sink["DeadLetterConfig"]["Arn"]), rule.logical_id)
            if "RoleArn" not in sink:
                assert _may_send(deployed, target(sink["Arn"]), rule.logical_id)


def _may_send(deployed: Assembly, receiver: str, rule: str) -> bool:
    """Whether a queue's policy, or a function's permission, admits the rule."""
    return _admits(deployed, receiver, rule) or any(
        target(each.properties["FunctionName"]) == receiver
        and each.properties["Principal"] == "events.amazonaws.com"
        and target(each.properties["SourceArn"]) == rule
        for each in deployed.resources("AWS::Lambda::Permission")
    )


def test_an_uploaded_release_starts_the_release_machine(local: Assembly) -> None:
    rule = local.one("AWS::Events::Rule", "ReleaseUploaded").properties
    assert rule["EventPattern"]["detail"]["object"] == {"key": [{"wildcard": "Redshift/Rel*.txt"}]}
    (sink,) = rule["Targets"]
    assert (
        target(sink["Arn"]) == local.one("AWS::StepFunctions::StateMachine", "Release").logical_id
    )
    starting = [s for policy, s in local.statements() if policy.startswith("UploadsRole")]
    assert [(s["Action"], s["Resource"]) for s in starting] == [
        ("states:StartExecution", sink["Arn"])
    ]


def _admits(deployed: Assembly, queue: str, rule: str) -> bool:
    return any(
        statement["Effect"] == "Allow"
        and statement["Principal"] == {"Service": "events.amazonaws.com"}
        and "sqs:SendMessage" in as_list(statement["Action"])
        and target(statement["Resource"]) == queue
        and target(statement["Condition"]["ArnEquals"]["aws:SourceArn"]) == rule
        for policy in deployed.resources("AWS::SQS::QueuePolicy")
        if [target(q) for q in policy.properties["Queues"]] == [queue]
        for statement in policy.properties["PolicyDocument"]["Statement"]
    )


def test_every_queue_is_a_dead_letter_queue_or_has_one_that_keeps_messages_longer(
    deployed: Assembly,
) -> None:
    queues = {q.logical_id: q.properties for q in deployed.resources("AWS::SQS::Queue")}
    ends = {
        target(q["RedrivePolicy"]["deadLetterTargetArn"])
        for q in queues.values()
        if "RedrivePolicy" in q
    }
    ends |= {
        target(sink["DeadLetterConfig"]["Arn"])
        for rule in deployed.resources("AWS::Events::Rule")
        for sink in rule.properties["Targets"]
    }
    assert ends < queues.keys()
    for name, queue in queues.items():
        if name in ends:
            assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
        else:
            end = target(queue["RedrivePolicy"]["deadLetterTargetArn"])
            assert queue["MessageRetentionPeriod"] < queues[end]["MessageRetentionPeriod"]


def test_a_message_stays_invisible_for_six_timeouts_of_its_reader(deployed: Assembly) -> None:
    functions = {f.logical_id: f.properties for f in deployed.resources("AWS::Lambda::Function")}
    queues = {q.logical_id: q.properties for q in deployed.resources("AWS::SQS::Queue")}
    for mapping in deployed.resources("AWS::Lambda::EventSourceMapping"):
        reader = functions[target(mapping.properties["FunctionName"])]
        queue = queues[target(mapping.properties["EventSourceArn"])]
        assert queue["VisibilityTimeout"] >= 6 * reader["Timeout"]


def test_only_a_failed_message_comes_back_and_none_waits_for_company(deployed: Assembly) -> None:
    reading = deployed.one("AWS::Lambda::EventSourceMapping")
    assert reading.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert reading.properties["BatchSize"] == 10
    assert "MaximumBatchingWindowInSeconds" not in reading.properties
    limit = Deployment.load(deployed.environment).limits.route_concurrency
    assert reading.properties["ScalingConfig"] == {"MaximumConcurrency": limit}
    assert "Jobs" in as_list(reading.body["DependsOn"])


# --- what is done at deployment


def test_the_migration_runs_again_for_new_sql_and_for_a_new_namespace(local: Assembly) -> None:
    migration = local.one("Custom::Migration")
    assert target(migration.properties["ServiceToken"]) == local.function("migrate").logical_id
    assert len(migration.properties["migrations"]) == 64
    assert target(migration.properties["namespace"]) == "Namespace"
    assert local.one("AWS::RedshiftServerless::Workgroup").logical_id in as_list(
        migration.body["DependsOn"]
    )


def test_the_jobs_are_published_again_when_they_change(local: Assembly) -> None:
    jobs = local.one("Custom::Jobs").properties
    assert target(jobs["ServiceToken"]) == local.function("publish_jobs").logical_id
    assert len(jobs["content"]) == 64


def test_the_warehouse_is_held_to_what_its_environment_may_use_in_a_day(
    deployed: Assembly,
) -> None:
    size = Deployment.load(deployed.environment).warehouse
    limit = deployed.one("Custom::UsageLimit")
    properties = limit.properties
    assert target(properties["ServiceToken"]) == deployed.function("limit_usage").logical_id
    compute = deployed.one("AWS::RedshiftServerless::Workgroup").logical_id
    assert target(properties["workgroup"]) == compute
    assert properties["daily_rpu_hours"] == size.daily_rpu_hours
    assert properties["breach_action"] == size.breach_action == "deactivate"


def test_a_limit_is_raised_before_the_migrations_that_need_it(deployed: Assembly) -> None:
    limit = deployed.one("Custom::UsageLimit").logical_id
    assert limit in as_list(deployed.one("Custom::Migration").body["DependsOn"])


def test_an_environment_without_a_limit_has_none(tmp_path: Path) -> None:
    dev = Deployment.load("dev")
    size = dev.warehouse.model_copy(update={"daily_rpu_hours": None})
    unlimited = dev.model_copy(update={"warehouse": size})
    context = {"environment": "dev", "aws:cdk:bundling-stacks": []}
    app = build(SluiceApp(outdir=tmp_path, context=context), unlimited).synth()
    template = app.get_stack_by_name("sluice-dev-warehouse").template
    kinds = {each["Type"] for each in template["Resources"].values()}
    assert "Custom::UsageLimit" not in kinds
    assert "Custom::Migration" in kinds


def test_a_custom_resource_gives_up_soon_after_its_function_does(deployed: Assembly) -> None:
    functions = {f.logical_id: f.properties for f in deployed.resources("AWS::Lambda::Function")}
    for kind in ("Custom::Migration", "Custom::UsageLimit", "Custom::Jobs"):
        properties: dict[str, Any] = deployed.one(kind).properties
        timeout = functions[target(properties["ServiceToken"])]["Timeout"]
        assert timeout < int(properties["ServiceTimeout"]) <= timeout + 60


def test_no_function_but_our_own_is_deployed(deployed: Assembly) -> None:
    handlers = {
        f.properties["Handler"]: f.properties["Runtime"]
        for f in deployed.resources("AWS::Lambda::Function")
    }
    assert handlers.keys() == {f"lambdas.{step}.handler.handler" for step in get_args(Step)}
    assert set(handlers.values()) == {Deployment.load(deployed.environment).runtime}


def test_stateful_resources_live_apart_from_the_pipeline(deployed: Assembly) -> None:
    kinds = {"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::RedshiftServerless::Namespace"}
    assert {r.stack for r in deployed.resources(*kinds)} == {"storage", "warehouse"}
