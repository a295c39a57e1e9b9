"""The arrivals queue, the one way in, for reminders too; and where a person takes over."""

import json
from typing import Any

from lambdas.shared.aws import clients
from lambdas.shared.aws.failures import translated

_MAX_DELAY_SECONDS = 900
"""SQS delays a message by at most 15 minutes (SendMessage, SQS API reference)."""


def send(queue_url: str, message: dict[str, Any], *, after_seconds: int = 0) -> None:
    """Send a message that becomes visible after some seconds, 900 at most."""
    with translated():
        clients.sqs().send_message(
            QueueUrl=queue_url,
            MessageBody=json.dumps(message),
            DelaySeconds=min(after_seconds, _MAX_DELAY_SECONDS),
        )


def count_messages(queue_url: str) -> int:
    """About how many messages wait in a queue; looking takes none of them."""
    with translated():
        answer = clients.sqs().get_queue_attributes(
            QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages"]
        )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])
