"""The arrivals queue, the one way in, for reminders too; and where a person takes over."""

import json
from collections.abc import Sequence
from typing import Any

from lambdas.shared.aws import clients
from lambdas.shared.aws.failures import translated
from lambdas.shared.domain.errors import StorageBusyError

_MAX_DELAY_SECONDS = 900
"""SQS delays a message by at most 15 minutes (SendMessage, SQS API reference)."""

_BATCH = 10
"""SendMessageBatch takes ten (SQS API reference)."""


def send(queue_url: str, message: dict[str, Any], *, after_seconds: int = 0) -> None:
    """Send a message that becomes visible after some seconds, 900 at most."""
    with translated():
        clients.sqs().send_message(
            QueueUrl=queue_url,
            MessageBody=json.dumps(message),
            DelaySeconds=min(after_seconds, _MAX_DELAY_SECONDS),
        )


def send_all(queue_url: str, messages: Sequence[dict[str, Any]]) -> None:
    """Send messages ten at a time; raises TransientError when the queue refused one."""
    for start in range(0, len(messages), _BATCH):
        batch = messages[start : start + _BATCH]
        entries: Any = [
            {"Id": str(number), "MessageBody": json.dumps(message)}
            for number, message in enumerate(batch)
        ]
        with translated():
            answer = clients.sqs().send_message_batch(QueueUrl=queue_url, Entries=entries)
        if refused := answer.get("Failed"):
            raise StorageBusyError(
                f"the queue refused {len(refused)} of {len(batch)} messages: {refused[0]['Code']}"
            )


def count_messages(queue_url: str) -> int:
    """About how many messages wait in a queue; looking takes none of them."""
    with translated():
        answer = clients.sqs().get_queue_attributes(
            QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages"]
        )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])
