"""Queues: encrypted, over TLS only, and each with a place for what it cannot deliver."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs

from stacks.constructs.stack import SluiceStack


class DeadLetterQueue(sqs.Queue):
    """Where messages wait for a person, as long as SQS keeps any."""

    def __init__(self, stack: SluiceStack, construct_id: str, *, name: str) -> None:
        super().__init__(
            stack,
            construct_id,
            queue_name=name,
            retention_period=Duration.days(14),
            enforce_ssl=True,
        )
        _encrypt(self, stack)


class WorkQueue(sqs.Queue):
    """A queue that a function reads; what fails too often goes to its dead-letter queue."""

    def __init__(
        self,
        stack: SluiceStack,
        construct_id: str,
        *,
        name: str,
        dead_letters: DeadLetterQueue,
        function_timeout_seconds: int,
        max_receive_count: int,
    ) -> None:
        super().__init__(
            stack,
            construct_id,
            queue_name=name,
            # Lambda retries throttled batches within this time: six timeouts, its guide says.
            visibility_timeout=Duration.seconds(6 * function_timeout_seconds),
            # A message's age counts on in the dead-letter queue, so less here is more there.
            retention_period=Duration.days(4),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=dead_letters, max_receive_count=max_receive_count
            ),
            enforce_ssl=True,
        )
        _encrypt(self, stack)


def _encrypt(queue: sqs.Queue, stack: SluiceStack) -> None:
    # Past the L2, which leaves the rule's ARN out of the queue's policy once it knows of a key.
    resource: sqs.CfnQueue = queue.node.default_child  # type: ignore[assignment]  # always so
    resource.kms_master_key_id = stack.key("messages").key_arn
    resource.kms_data_key_reuse_period_seconds = 3600  # a KMS call an hour, not one every 5 min
