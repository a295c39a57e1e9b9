"""Event source mappings: polls SQS queues and feeds their messages to functions, as Lambda does.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import json
import logging
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from moto.awslambda.models import EventSourceMapping, lambda_backends
from moto.core.utils import unix_time_millis
from moto.sqs.models import Message, Queue, sqs_backends

from local.account.environments import Outcome
from local.account.functions import Functions
from local.account.identity import ACCOUNT_ID, REGION
from local.account.policies import Call

LOG = logging.getLogger(__name__)

_DEFAULT_CONCURRENCY = 5  # Lambda starts with five concurrent batches
_RECEIVE_LIMIT = 10  # SQS hands out at most ten messages a call
_WAIT_SECONDS = 0.2


class Queues:
    """The pollers of the account, one for each event source mapping."""

    def __init__(self, functions: Functions, *, wait_scale: float) -> None:
        self._functions = functions
        self._wait_scale = wait_scale
        self._closed = threading.Event()
        self._open = threading.Event()

    def open(self) -> None:
        """Begin to poll; mappings are deployed before their events may flow."""
        self._open.set()

    def close(self) -> None:
        """Stop polling; messages in flight stay invisible, as in AWS."""
        self._closed.set()
        self._open.set()

    def poll(self, mapping: EventSourceMapping) -> None:
        """Serve a mapping until it is deleted or the account closes."""
        threading.Thread(
            target=self._run, args=(mapping,), name=f"poll-{mapping.uuid}", daemon=True
        ).start()

    def _run(self, mapping: EventSourceMapping) -> None:
        self._open.wait()
        scaling: dict[str, int] = mapping.scaling_config or {}
        concurrency = scaling.get("MaximumConcurrency", _DEFAULT_CONCURRENCY)
        free = threading.Semaphore(concurrency)
        mappings = lambda_backends[ACCOUNT_ID][REGION]._event_source_mappings
        with ThreadPoolExecutor(concurrency, thread_name_prefix="batch") as batches:
            while not self._closed.is_set() and mapping.uuid in mappings:
                if not mapping.enabled:
                    self._closed.wait(_WAIT_SECONDS)
                    continue
                if not free.acquire(timeout=_WAIT_SECONDS):
                    continue
                messages = self._gather(mapping)
                if not messages:
                    free.release()
                    continue
                batches.submit(self._process, mapping, messages).add_done_callback(
                    lambda _: free.release()
                )

    def _gather(self, mapping: EventSourceMapping) -> list[Message]:
        """Receive up to a batch; wait the batching window only once a first message is there."""
        queue = _queue(mapping)
        queue.wait_for_messages(_WAIT_SECONDS)  # type: ignore[arg-type]  # it waits in fractions too
        messages = _receive(queue, mapping.batch_size)
        window = (mapping.max_batch_window or 0) * self._wait_scale
        closes = time.monotonic() + window
        while messages and len(messages) < mapping.batch_size:
            more = _receive(queue, mapping.batch_size - len(messages))
            messages += more
            left = closes - time.monotonic()
            if not more and (left <= 0 or self._closed.wait(min(left, _WAIT_SECONDS))):
                break
        return messages

    def _process(self, mapping: EventSourceMapping, messages: list[Message]) -> None:
        """Run one batch: delete what succeeded, make the rest visible again in its time."""
        if self._closed.is_set():
            return
        queue = _queue(mapping)
        event = {"Records": [_record(message, queue) for message in messages]}
        function = lambda_backends[ACCOUNT_ID][REGION].get_function(mapping.function_arn)
        try:
            outcome = self._functions.invoke(function, json.dumps(event).encode())
            failed = failed_ids(mapping, outcome, [message.id for message in messages])
        except Exception:
            LOG.exception("%s could not be invoked", mapping.function_arn)
            failed = {message.id for message in messages}
        for message in messages:
            if message.id in failed:
                self._release(queue, message)
            else:
                queue.delete_message(str(message.receipt_handle))

    def _release(self, queue: Queue, received: Message) -> None:
        """Let a failed message return after the rest of its visibility timeout, scaled.

        Its function has ended, so an early return cannot make two run at once.
        """
        for message in list(queue._messages):
            if message.id == received.id and message.receipt_handle == received.receipt_handle:
                now = unix_time_millis()
                message.visible_at = now + max(message.visible_at - now, 0) * self._wait_scale


def failed_ids(mapping: EventSourceMapping, outcome: Outcome, ids: Iterable[str]) -> set[str]:
    """The messages of a batch that come back; a response Lambda cannot read fails them all."""
    every = set(ids)
    if outcome.failed:
        return every
    if "ReportBatchItemFailures" not in (mapping.function_response_types or []):
        return set()
    try:
        response: Any = json.loads(outcome.payload)
        failures = (response or {}).get("batchItemFailures") or []
        failed = {failure["itemIdentifier"] for failure in failures}
    except (ValueError, AttributeError, TypeError, KeyError):
        LOG.error("%s: unreadable batch response; all fail", mapping.function_arn)
        return every
    return failed if failed <= every else every


def polling(queue_arn: str) -> list[Call]:
    """What Lambda does to a queue as the function's role (AWSLambdaSQSQueueExecutionRole)."""
    actions = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
    return [Call(action=f"sqs:{action}", resource=queue_arn) for action in actions]


def _queue(mapping: EventSourceMapping) -> Queue:
    return sqs_backends[ACCOUNT_ID][REGION].get_queue(mapping.event_source_arn.rsplit(":", 1)[-1])


def _receive(queue: Queue, count: int) -> list[Message]:
    return sqs_backends[ACCOUNT_ID][REGION].receive_message(
        queue.name,
        count=min(count, _RECEIVE_LIMIT),
        wait_seconds_timeout=0,
        visibility_timeout=queue.visibility_timeout,  # type: ignore[attr-defined]  # set by name in moto
        message_attribute_names=["All"],
    )


def _record(message: Message, queue: Queue) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.approximate_receive_count),
            "SentTimestamp": str(message.sent_timestamp),
            "SenderId": message.sender_id,
            "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
        },
        "messageAttributes": {
            name: {
                "stringValue": value.get("StringValue"),
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value["DataType"],
            }
            for name, value in message.message_attributes.items()
        },
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.queue_arn,
        "awsRegion": REGION,
    }
