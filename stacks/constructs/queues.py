"""Queues: encrypted, over TLS only, and each with a place for what it cannot deliver."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct


class DeadLetterQueue(sqs.Queue):
    """Where messages wait for a person, as long as SQS keeps any."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str) -> None:
        super().__init__(
            scope,
            construct_id,
            queue_name=name,
            retention_period=Duration.days(14),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )


class WorkQueue(sqs.Queue):
    """A queue that a function reads; what fails too often goes to its dead-letter queue."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        dead_letters: DeadLetterQueue,
        function_timeout_seconds: int,
        max_receive_count: int,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            queue_name=name,
            # Lambda retries throttled batches within this time: six timeouts, its guide says.
            visibility_timeout=Duration.seconds(6 * function_timeout_seconds),
            # A message's age counts on in the dead-letter queue, so less here is more there.
            retention_period=Duration.days(4),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=dead_letters, max_receive_count=max_receive_count
            ),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )
