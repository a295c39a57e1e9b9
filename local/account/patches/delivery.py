"""EventBridge, SQS and Lambda: how an event reaches a function."""

import threading
import time
from typing import Any

from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.cloudformation.exceptions import ValidationError
from moto.events.models import Rule
from moto.sqs.models import Message, SQSBackend, sqs_backends

from local.account import machine
from local.account.identity import ACCOUNT_ID, REGION
from local.account.patches.patch import Parts, Replacement, replaces
from local.account.permissions import AccessDeniedError
from local.account.queues import polling


@replaces(
    Rule,
    "send_to_targets",
    because="it knows no Lambda, SNS or Step Functions target, no dead-letter queue, no queue"
    " policy and no disabled rule",
)
def _offer(_original: Any, account: Parts) -> Replacement:
    return lambda rule, event, transform_input=True: account.events.offer(rule, event)


@replaces(LambdaFunction, "invoke", because="it runs Docker, and waits for asynchronous events")
def _invoke(_original: Any, account: Parts) -> Replacement:
    def invoke(
        function: LambdaFunction,
        body: str | bytes,
        request_headers: Any,
        response_headers: dict[str, str],
    ) -> bytes:
        event = (body.encode() if isinstance(body, str) else body) or b"{}"
        kind = {k.lower(): v for k, v in dict(request_headers or {}).items()}.get(
            "x-amz-invocation-type", "RequestResponse"
        )
        if kind == "Event":
            account.functions.invoke_async(function, event)
            return b""
        if kind == "DryRun":
            return b""
        outcome = account.functions.invoke(function, event)
        if outcome.failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        response_headers["x-amz-executed-version"] = str(function.version)
        response_headers["x-amz-log-result"] = machine.base64_text(outcome.log)
        return outcome.payload

    return invoke


@replaces(
    LambdaBackend,
    "create_event_source_mapping",
    because="moto invokes inside SendMessage, one message a call, deaf to batchItemFailures",
)
def _map_event_source(original: Any, account: Parts) -> Replacement:
    def create(backend: LambdaBackend, spec: dict[str, Any]) -> Any:
        if ":sqs:" not in spec["EventSourceArn"] or spec["EventSourceArn"].endswith(".fifo"):
            raise ValidationError(
                message=f"event source {spec['EventSourceArn']}: the emulated account polls"
                " standard SQS queues only"
            )
        if "FilterCriteria" in spec:
            raise ValidationError(message="FilterCriteria of event sources are not emulated")
        role = backend.get_function(spec["FunctionName"]).role
        try:
            account.permissions.demand(role, polling(spec["EventSourceArn"]))
        except AccessDeniedError as error:
            raise ValidationError(message=str(error)) from error
        mapping = original(backend, spec)
        for queue in sqs_backends[ACCOUNT_ID][REGION].queues.values():
            queue.lambda_event_source_mappings.pop(mapping.function_arn, None)
        account.queues.poll(mapping)
        return mapping

    return create


@replaces(
    SQSBackend,
    "is_message_valid_based_on_retention_period",
    because="it counts all messages of the queue anew for each of them: a thousand take minutes",
)
def _keep(_original: Any, _account: Parts) -> Replacement:
    def is_kept(backend: SQSBackend, queue_name: str, message: Message) -> bool:
        kept_seconds = vars(backend.get_queue(queue_name))["message_retention_period"]
        return bool(message.sent_timestamp / 1000 + kept_seconds > time.time())  # type: ignore[operator] # what is in a queue was sent

    return is_kept


@replaces(
    SQSBackend,
    "receive_message",
    because="two receivers at once get the same message: it looks, then marks, without a lock",
)
def _receive(original: Any, _account: Parts) -> Replacement:
    lock = threading.Lock()

    def receive_message(
        backend: SQSBackend,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> Any:
        queue = backend.get_queue(queue_name)
        until = time.monotonic() + (wait_seconds_timeout or 0)
        while True:
            with lock:
                messages = original(
                    backend, queue_name, count, 0, visibility_timeout, message_attribute_names
                )
            left = until - time.monotonic()
            if messages or left <= 0:
                return messages
            queue.wait_for_messages(min(left, 0.2))  # type: ignore[arg-type]  # fractions too

    return receive_message
