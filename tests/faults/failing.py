"""What may become of one call to AWS, instead of an answer after its effect."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ReadTimeoutError

from tests.faults.actors import Crash
from tests.faults.aws import client_error

_BUSY = {
    "s3": "SlowDown",
    "dynamodb": "ProvisionedThroughputExceededException",
    "sqs": "RequestThrottled",
}
"""What a service says that is asked too much; the others say ThrottlingException."""


def faulty(kind: str, name: str, request: dict[str, Any], perform: Callable[..., Any]) -> Any:
    """The answer of a call, named "service.Operation", in which this goes wrong."""
    if kind == "crash_before":
        raise Crash
    if kind == "timeout":
        raise ReadTimeoutError(endpoint_url=name)
    if kind == "partly_refused":
        return PARTLY[name](request, perform)
    if kind == "throttle":
        service, _, operation = name.partition(".")
        raise client_error(_BUSY.get(service, "ThrottlingException"), operation, "slow down")
    perform()
    if kind == "crash_after":
        raise Crash
    if kind == "lost_answer":
        raise ReadTimeoutError(endpoint_url=name)
    if kind == "sent_twice":  # the client library tries again after a lost answer
        return perform()
    raise NotImplementedError(kind)


def _objects_left(request: dict[str, Any], perform: Callable[..., Any]) -> Any:
    done, left = _halves(request["Delete"]["Objects"])
    perform(Delete=request["Delete"] | {"Objects": done})
    return {"Errors": [{**each, "Code": "InternalError", "Message": ""} for each in left]}


def _messages_left(request: dict[str, Any], perform: Callable[..., Any]) -> Any:
    done, left = _halves(request["Entries"])
    answer = perform(Entries=done)
    refused = {"SenderFault": False, "Code": "InternalError"}
    return answer | {"Failed": [{"Id": each["Id"]} | refused for each in left]}


def _items_left(request: dict[str, Any], perform: Callable[..., Any]) -> Any:
    ((table, asked),) = request["RequestItems"].items()
    done, left = _halves(asked["Keys"])
    answer = perform(RequestItems={table: asked | {"Keys": done}})
    return answer | {"UnprocessedKeys": {table: asked | {"Keys": left}}}


def _halves(listed: list[Any]) -> tuple[list[Any], list[Any]]:
    """The second half is never empty."""
    middle = len(listed) // 2
    return listed[:middle], listed[middle:]


PARTLY = {
    "s3.DeleteObjects": _objects_left,
    "sqs.SendMessageBatch": _messages_left,
    "dynamodb.BatchGetItem": _items_left,
}
"""Operations that answer for each of many things; no other can be done in part."""
