"""The way of a file: from its arrival in the bucket to the verdict on it."""

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from config.deployment import Deployment
from stacks import steps
from stacks.constructs.code import content_hash
from stacks.constructs.function import StepFunction
from stacks.constructs.machine import Machine
from stacks.constructs.queues import DeadLetterQueue, WorkQueue
from stacks.constructs.stack import SluiceStack


class PipelineStack(SluiceStack):
    """Events into one queue, the function that reads it, and the machine that function starts."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        super().__init__(scope, "pipeline", deployment)
        limits, notices = deployment.limits, self._notices()

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

        jobs = CustomResource(
            self,
            "Jobs",
            resource_type="Custom::Jobs",
            service_token=steps.publish_jobs(self).function_arn,
            service_timeout=Duration.minutes(2),
            properties={"content": content_hash(steps.JOBS)},
        )
        route = steps.route(self, arrivals=arrivals, dead_letters=dead_letters, notices=notices)
        reading = route.add_event_source_mapping(
            "Reading",
            event_source_arn=arrivals.queue_arn,
            # Latency first: without a window Lambda takes what is there, at most 10 at a time.
            batch_size=10,
            report_batch_item_failures=True,
            max_concurrency=limits.route_concurrency,
        )
        reading.node.add_dependency(jobs)  # the first message finds its jobs

        upsert = steps.upsert(self)
        machine = Machine(
            self,
            "load",
            name=deployment.load_machine,
            functions=[
                steps.claim(self),
                steps.infer_schema(self),
                upsert,
                steps.settle(self, notices=notices, log_group=upsert.log_group.log_group_name),
            ],
        )

        undelivered = DeadLetterQueue(
            self, "EventsDeadLetters", name=deployment.events_dead_letters
        )
        sweep = steps.sweep(self, arrivals=arrivals, notices=notices)
        self._rules(arrivals, sweep, undelivered)

        self.output("SweepFunctionName", sweep.function_name)
        self.output("StateMachineArn", machine.state_machine_arn)
        self.output("TopicArn", notices.topic_arn)
        self.output("ArrivalsQueueUrl", arrivals.queue_url)
        self.output("DeadLetterQueueUrl", dead_letters.queue_url)
        self.output("EventsDeadLetterQueueUrl", undelivered.queue_url)

    def _notices(self) -> sns.Topic:
        topic = sns.Topic(
            self,
            "Notices",
            topic_name=self.deployment.topic,
            master_key=self.key("messages"),
            enforce_ssl=True,
        )
        for address in self.deployment.alerts.emails:
            topic.add_subscription(subscriptions.EmailSubscription(address))
        return topic

    def _rules(
        self, arrivals: WorkQueue, sweep: StepFunction, undelivered: DeadLetterQueue
    ) -> None:
        """What sends into the arrivals, and what sweeps."""
        for noun, pattern in self._events().items():
            events.Rule(
                self,
                noun,
                rule_name=self.deployment.name(noun.lower()),
                event_pattern=pattern,
                targets=[targets.SqsQueue(arrivals, dead_letter_queue=undelivered)],
            )
        every = Duration.minutes(self.deployment.limits.sweeps.every_minutes)
        events.Rule(
            self,
            "Sweeping",
            rule_name=self.deployment.name("sweep"),
            schedule=events.Schedule.rate(every),
            targets=[targets.LambdaFunction(sweep, dead_letter_queue=undelivered)],
        )

    def _events(self) -> dict[str, events.EventPattern]:
        """All that wakes route: uploads, and loads that ended without settling."""
        return {
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
