"""The way of a file: from its arrival in the bucket to the verdict on it."""

from pathlib import Path

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from config.deployment import Deployment
from config.runtime import (
    ClaimSettings,
    InferSchemaSettings,
    PublishJobsSettings,
    RouteSettings,
    SettleSettings,
    UpsertSettings,
)
from stacks.constructs.code import content_hash, function_code
from stacks.constructs.function import StepFunction
from stacks.constructs.policy import allow
from stacks.constructs.queues import DeadLetterQueue, WorkQueue
from stacks.constructs.stack import SluiceStack

_JOBS = "config/config.json"
_DEFINITION = Path(__file__).parent / "load.asl.json"


class PipelineStack(SluiceStack):
    """Events into one queue, the function that reads it, and the machine that function starts."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        super().__init__(scope, "pipeline", deployment)
        limits = deployment.limits

        notices = sns.Topic(self, "Notices", topic_name=deployment.topic, enforce_ssl=True)
        for address in deployment.alert_emails:
            notices.add_subscription(subscriptions.EmailSubscription(address))

        dead_letters = DeadLetterQueue(
            self, "ArrivalsDeadLetters", name=deployment.arrivals_dead_letters
        )
        arrivals = WorkQueue(
            self,
            "Arrivals",
            name=deployment.arrivals,
            dead_letters=dead_letters,
            max_receive_count=limits.max_receive_count,
            function_timeout_seconds=limits.functions.route.timeout_seconds,
        )

        jobs = self._jobs()
        route = self._route(notices, arrivals)
        reading = route.add_event_source_mapping(
            "Reading",
            event_source_arn=arrivals.queue_arn,
            # Latency first: without a window Lambda takes what is there, at most 10 at a time.
            batch_size=10,
            report_batch_item_failures=True,
            max_concurrency=limits.route_concurrency,
        )
        reading.node.add_dependency(jobs)
        machine = self._machine(
            claim=self._claim(),
            infer_schema=self._infer_schema(),
            upsert=self._upsert(),
            settle=self._settle(notices),
        )
        self._events(arrivals)

        self.output("StateMachineArn", machine.state_machine_arn)
        self.output("TopicArn", notices.topic_arn)
        self.output("ArrivalsQueueUrl", arrivals.queue_url)
        self.output("DeadLetterQueueUrl", dead_letters.queue_url)

    def _jobs(self) -> CustomResource:
        """The repository's jobs, put into the bucket whenever they change."""
        publish = StepFunction(
            self,
            "publish_jobs",
            settings=PublishJobsSettings(bucket=self.data_bucket, config_key=_JOBS),
            code=function_code(_JOBS),
        )
        publish.allow("s3:GetObject", "s3:PutObject", on=self.data(_JOBS))
        publish.allow("s3:ListBucket", on=self.data())
        return CustomResource(
            self,
            "Jobs",
            resource_type="Custom::Jobs",
            service_token=publish.function_arn,
            service_timeout=Duration.seconds(120),
            properties={"content": content_hash(_JOBS)},
        )

    def _route(self, notices: sns.Topic, arrivals: WorkQueue) -> StepFunction:
        route = StepFunction(
            self,
            "route",
            settings=RouteSettings(
                ledger_table=self.deployment.ledger_table,
                topic_arn=notices.topic_arn,
                state_machine_arn=self.load_machine_arn,
                arrivals_queue_url=arrivals.queue_url,
                config_key=_JOBS,
            ),
        )
        route.allow(
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:SendMessage",
            on=arrivals.queue_arn,
        )
        route.allow("s3:GetObject", on=self.data(_JOBS))
        route.allow(
            "s3:GetObjectVersion",
            "s3:GetObjectVersionTagging",
            "s3:DeleteObjectVersion",
            on=self.data("data/in/*"),
        )
        route.allow("s3:PutObject", "s3:PutObjectTagging", on=self.data("data/new_files/*"))
        route.allow("s3:ListBucket", "s3:ListBucketVersions", on=self.data())
        route.allow(
            "dynamodb:GetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:ConditionCheckItem",
            on=self.ledger_arn,
        )
        route.allow("states:StartExecution", on=self.load_machine_arn)
        route.allow("sns:Publish", on=notices.topic_arn)
        return route

    def _claim(self) -> StepFunction:
        claim = StepFunction(
            self,
            "claim",
            settings=ClaimSettings(
                bucket=self.data_bucket, ledger_table=self.deployment.ledger_table
            ),
        )
        claim.allow(
            "dynamodb:GetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            on=self.ledger_arn,
        )
        claim.allow("states:DescribeExecution", on=self.load_executions_arn)
        claim.allow("s3:GetObjectVersion", "s3:GetObjectVersionTagging", on=self.data("data/in/*"))
        claim.allow(
            "s3:GetObject",
            "s3:PutObject",
            "s3:PutObjectTagging",
            "s3:AbortMultipartUpload",
            on=self.data("data/raw/*"),
        )
        claim.allow("s3:PutObject", on=self.data("work/*"))
        claim.allow("s3:ListBucket", on=self.data())
        return claim

    def _infer_schema(self) -> StepFunction:
        infer_schema = StepFunction(
            self,
            "infer_schema",
            settings=InferSchemaSettings(bucket=self.data_bucket),
            layers=("dependencies", "pyarrow"),
        )
        infer_schema.allow("s3:GetObject", on=self.data("data/raw/*", "work/*"))
        infer_schema.allow("s3:PutObject", on=self.data("work/*"))
        infer_schema.allow("s3:ListBucket", on=self.data())
        return infer_schema

    def _upsert(self) -> StepFunction:
        upsert = StepFunction(
            self,
            "upsert",
            settings=UpsertSettings(
                bucket=self.data_bucket,
                workgroup=self.deployment.workgroup,
                database=self.deployment.database,
                copy_role_arn=self.copy_role_arn,
            ),
            policies=(self.deployment.loader_policy,),
        )
        upsert.allow("s3:GetObject", "s3:PutObject", on=self.data("work/*"))
        upsert.allow("s3:ListBucket", on=self.data())
        return upsert

    def _settle(self, notices: sns.Topic) -> StepFunction:
        settle = StepFunction(
            self,
            "settle",
            settings=SettleSettings(
                bucket=self.data_bucket,
                ledger_table=self.deployment.ledger_table,
                topic_arn=notices.topic_arn,
                state_machine_arn=self.load_machine_arn,
                log_group=f"/aws/lambda/{self.deployment.function('upsert')}",
            ),
        )
        settle.allow(
            "dynamodb:GetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            on=self.ledger_arn,
        )
        settle.allow("s3:GetObject", "s3:PutObject", on=self.data("work/*"))
        settle.allow("s3:GetObject", "s3:GetObjectTagging", on=self.data("data/raw/*"))
        settle.allow("s3:PutObject", "s3:PutObjectTagging", on=self.data("data/rejected/*"))
        settle.allow("s3:DeleteObjectVersion", on=self.data("data/in/*"))
        settle.allow("s3:ListBucket", "s3:ListBucketVersions", on=self.data())
        settle.allow("states:StartExecution", on=self.load_machine_arn)
        settle.allow("sns:Publish", on=notices.topic_arn)
        return settle

    def _machine(self, **steps: StepFunction) -> sfn.StateMachine:
        role = iam.Role(
            self,
            "LoadRole",
            role_name=self.deployment.load_machine,
            assumed_by=iam.ServicePrincipal(
                "states.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": self.account},
                    "ArnEquals": {"aws:SourceArn": self.load_machine_arn},
                },
            ),
        )
        role.add_to_policy(
            allow("lambda:InvokeFunction", on=[step.function_arn for step in steps.values()])
        )
        return sfn.StateMachine(
            self,
            "Load",
            state_machine_name=self.deployment.load_machine,
            definition_body=sfn.DefinitionBody.from_string(_DEFINITION.read_text()),
            definition_substitutions={
                f"{step.title().replace('_', '')}FunctionArn": function.function_arn
                for step, function in steps.items()
            },
            role=role,
            logs=sfn.LogOptions(
                destination=self.log(
                    "LoadLog", f"/aws/vendedlogs/states/{self.deployment.load_machine}"
                ),
                level=sfn.LogLevel.ERROR,
                include_execution_data=False,
            ),
        )

    def _events(self, arrivals: WorkQueue) -> None:
        """All that wakes route comes through the one queue."""
        undelivered = DeadLetterQueue(
            self, "EventsDeadLetters", name=self.deployment.events_dead_letters
        )
        patterns = {
            "Uploaded": events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [self.data_bucket]},
                    "object": {"key": [{"prefix": "data/in/"}]},
                },
            ),
            "Failed": events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "stateMachineArn": [self.load_machine_arn],
                    "status": ["FAILED", "ABORTED", "TIMED_OUT"],
                },
            ),
        }
        for noun, pattern in patterns.items():
            events.Rule(
                self,
                noun,
                rule_name=self.deployment.name(noun.lower()),
                event_pattern=pattern,
                targets=[targets.SqsQueue(arrivals, dead_letter_queue=undelivered)],
            )
