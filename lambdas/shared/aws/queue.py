"""The arrivals queue, the one way in, for reminders too; and where a person takes over."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from lambdas.shared.aws import clients
from lambdas.shared.aws.failures import code_of, translated
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message that nobody else sees for a while."""

    message_id: str
    body: str
    receipt: str
    sent_at: datetime


def receive(queue_url: str, *, most: int, hidden_seconds: int) -> list[Received]:
    """Take messages until none come or there are enough; each comes back unless it is deleted."""
    found: dict[str, Received] = {}
    while len(found) < most:
        with translated():
            answer = clients.sqs().receive_message(
                QueueUrl=queue_url,
                MaxNumberOfMessages=min(_BATCH, most - len(found)),
                VisibilityTimeout=hidden_seconds,
                WaitTimeSeconds=1,  # asks every server of the queue, not some
                MessageSystemAttributeNames=["SentTimestamp"],
            )
        messages = answer.get("Messages", [])
        if not messages:
            break
        for message in messages:
            sent = int(message["Attributes"]["SentTimestamp"]) / 1000
            found[message["MessageId"]] = Received(
                message_id=message["MessageId"],
                body=message["Body"],
                receipt=message["ReceiptHandle"],
                sent_at=datetime.fromtimestamp(sent, UTC),
            )
    return list(found.values())


def delete(queue_url: str, message: Received) -> None:
    """Delete a message that was received."""
    with translated():
        clients.sqs().delete_message(QueueUrl=queue_url, ReceiptHandle=message.receipt)


def give_back(queue_url: str, message: Received) -> None:
    """Let a message that was received be seen again at once; one that is seen already is fine."""
    with translated():
        try:
            clients.sqs().change_message_visibility(
                QueueUrl=queue_url, ReceiptHandle=message.receipt, VisibilityTimeout=0
            )
        except ClientError as error:
            if code_of(error) != "MessageNotInflight":
                raise


def count_messages(queue_url: str) -> int:
    """About how many messages wait in a queue; looking takes none of them."""
    with translated():
        answer = clients.sqs().get_queue_attributes(
            QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages"]
        )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])
