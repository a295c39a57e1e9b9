"""Stored procedures by release file: the machine that runs them, and what starts it."""

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from config.deployment import Deployment
from config.runtime import (
    CloseReleaseSettings,
    OpenReleaseSettings,
    ReleaseApiSettings,
    RunProceduresSettings,
)
from stacks.constructs.api import FunctionApi
from stacks.constructs.function import StepFunction
from stacks.constructs.machine import Machine
from stacks.constructs.policy import allow
from stacks.constructs.queues import DeadLetterQueue
from stacks.constructs.stack import SluiceStack


class ProceduresStack(SluiceStack):
    """A release is read by one function, run by another, answered by a third."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        super().__init__(scope, "procedures", deployment)
        running = self._run_procedures()
        machine = Machine(
            self,
            "release",
            name=deployment.release_machine,
            functions=[
                self._open_release(),
                running,
                self._close_release(log_group=running.log_group.log_group_name),
            ],
        )
        self._start(machine)
        api = FunctionApi(
            self,
            name=deployment.name("releases"),
            function=self._release_api(),
            routes=["POST /releases", "GET /releases/{execution}"],
        )
        self.output("ReleaseApiUrl", api.attr_api_endpoint)
        self.output("ReleaseMachineArn", machine.state_machine_arn)

    def _start(self, machine: Machine) -> None:
        """By upload, and by the clock; what cannot be delivered waits for a person."""
        procedures = self.deployment.procedures
        undelivered = DeadLetterQueue(
            self, "ReleasesDeadLetters", name=self.deployment.releases_dead_letters
        )
        self.output("ReleasesDeadLetterQueueUrl", undelivered.queue_url)
        if procedures.on_upload:
            events.Rule(
                self,
                "ReleaseUploaded",
                rule_name=self.deployment.name("release-uploaded"),
                event_pattern=events.EventPattern(
                    source=["aws.s3"],
                    detail_type=["Object Created"],
                    detail={
                        "bucket": {"name": [self.data_bucket]},
                        "object": {"key": [{"wildcard": f"{procedures.prefix}*.txt"}]},
                    },
                ),
                targets=[
                    targets.SfnStateMachine(
                        machine,
                        dead_letter_queue=undelivered,
                        role=self._starter("Uploads", "events", "rule/{}-release-uploaded"),
                    )
                ],
            )
        if procedures.schedule:
            self._by_the_clock(machine, undelivered, procedures.schedule)

    def _by_the_clock(
        self, machine: Machine, undelivered: DeadLetterQueue, expression: str
    ) -> None:
        # Scheduler acts for a group, never for one schedule:
        # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
        role = self._starter("Clock", "scheduler", "schedule-group/default")
        role.add_to_policy(allow("states:StartExecution", on=machine.state_machine_arn))
        role.add_to_policy(allow("sqs:SendMessage", on=undelivered.queue_arn))
        scheduler.CfnSchedule(
            self,
            "Schedule",
            name=self.deployment.name("releases"),
            schedule_expression=expression,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=machine.state_machine_arn,
                role_arn=role.role_arn,
                input="{}",
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(
                    arn=undelivered.queue_arn
                ),
            ),
        )

    def _starter(self, noun: str, service: str, source: str) -> iam.Role:
        """A role that a service may take on behalf of one resource; a rule's target grants it."""
        arn = self.arn(service, source.format(self.deployment.name("")[:-1]))
        return iam.Role(
            self,
            f"{noun}Role",
            role_name=self.deployment.name(f"release-by-{noun.lower()}"),
            assumed_by=iam.ServicePrincipal(
                f"{service}.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": self.account},
                    "ArnEquals": {"aws:SourceArn": arn},
                },
            ),
        )

    def _open_release(self) -> StepFunction:
        """Finds and reads a release; asks whether who holds its database still runs."""
        procedures = self.deployment.procedures
        function = StepFunction(
            self,
            "open_release",
            settings=OpenReleaseSettings(
                bucket=self.data_bucket,
                ledger_table=self.deployment.ledger_table,
                release_prefix=procedures.prefix,
                workgroup=self.deployment.workgroup,
                cluster_id=self._cluster_id,
                database=self._database,
                limit_seconds=procedures.limit_seconds,
                on_error=procedures.on_error,
            ),
        )
        function.allow("s3:GetObjectVersion", on=self.data(f"{procedures.prefix}*"))
        function.allow("s3:GetObject", "s3:PutObject", on=self.data("work/*"))
        function.allow("s3:ListBucket", "s3:ListBucketVersions", on=self.data())
        function.allow(
            "dynamodb:GetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            on=self.ledger_arn,
        )
        function.allow("states:DescribeExecution", on=self.release_executions_arn)
        return function

    def _run_procedures(self) -> StepFunction:
        """Talks to the warehouse, as the warehouse's own stack lets it."""
        deployment = self.deployment
        cluster = deployment.procedures.cluster
        function = StepFunction(
            self,
            "run_procedures",
            settings=RunProceduresSettings(
                bucket=self.data_bucket,
                ledger_table=deployment.ledger_table,
                workgroup=deployment.workgroup,
                cluster_id=self._cluster_id,
                db_user=cluster.db_user if cluster else "",
                procedure_schemas=",".join(deployment.procedures.schemas),
            ),
            policies=(deployment.caller_policy,),
        )
        function.allow("s3:GetObject", on=self.data("work/*"))
        function.allow("s3:ListBucket", on=self.data())
        function.allow(
            "dynamodb:GetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:ConditionCheckItem",
            on=self.ledger_arn,
        )
        return function

    def _close_release(self, *, log_group: str) -> StepFunction:
        """Answers, and tells people."""
        topic = self.arn("sns", self.deployment.topic)
        function = StepFunction(
            self,
            "close_release",
            settings=CloseReleaseSettings(
                bucket=self.data_bucket,
                ledger_table=self.deployment.ledger_table,
                topic_arn=topic,
                log_group=log_group,
            ),
        )
        function.allow("s3:GetObject", "s3:PutObject", on=self.data("work/*"))
        function.allow("s3:ListBucket", on=self.data())
        function.allow(
            "dynamodb:GetItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            on=self.ledger_arn,
        )
        function.allow("sns:Publish", on=topic)
        return function

    def _release_api(self) -> StepFunction:
        """Starts releases, and says what became of them."""
        function = StepFunction(
            self,
            "release_api",
            settings=ReleaseApiSettings(state_machine_arn=self.release_machine_arn),
        )
        function.allow("states:StartExecution", on=self.release_machine_arn)
        function.allow("states:DescribeExecution", on=self.release_executions_arn)
        return function

    @property
    def _cluster_id(self) -> str:
        cluster = self.deployment.procedures.cluster
        return cluster.cluster_id if cluster else ""

    @property
    def _database(self) -> str:
        cluster = self.deployment.procedures.cluster
        return cluster.database if cluster else self.deployment.database
