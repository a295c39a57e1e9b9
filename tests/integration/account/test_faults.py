"""Faults that are asked for happen, are counted, and end when they are to end."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.account import Account
from local.account.faults import Faults
from tests.integration.account.conftest import Aws, eventually

pytestmark = pytest.mark.emulated

COUNT = {
    "UpdateExpression": "ADD times :one",
    "ExpressionAttributeValues": {":one": {"N": "1"}},
}


@pytest.fixture
def faults(account: Account) -> Iterator[Faults]:
    account.faults.met.clear()
    yield account.faults
    account.faults.calm()


def count(aws: Aws, key: str) -> str:
    """What becomes of a function's UpdateItem, which counts."""
    request = {"TableName": "seen", "Key": {"id": {"S": key}}, **COUNT}
    call = {"service": "dynamodb", "method": "update_item", "with": request}
    answer = aws("lambda").invoke(FunctionName="ask", Payload=json.dumps({"count": call}))
    return str(json.loads(answer["Payload"].read())["count"])


def times(aws: Aws, key: str) -> int:
    item = aws("dynamodb").get_item(TableName="seen", Key={"id": {"S": key}}).get("Item", {})
    return int(item.get("times", {"N": "0"})["N"])


def test_a_throttled_call_of_a_function_is_refused_and_nobody_else_s(
    aws: Aws, faults: Faults
) -> None:
    faults.throttled = {"dynamodb": 1.0}
    assert count(aws, "throttled") == "ThrottlingException"
    assert times(aws, "throttled") == 0
    assert faults.met["throttled dynamodb"] > 1  # boto3 tried again


def test_an_unanswered_call_is_done(aws: Aws, faults: Faults) -> None:
    faults.unanswered = {"dynamodb": 1.0}
    assert count(aws, "unanswered") == "InternalServerError"
    assert times(aws, "unanswered") == faults.met["unanswered dynamodb"]


def test_calm_ends_every_fault(aws: Aws, faults: Faults) -> None:
    faults.throttled = {"dynamodb": 1.0}
    faults.calm()
    assert count(aws, "calm") == "done"


def test_a_duplicated_event_arrives_twice_and_a_dropped_one_never(aws: Aws, faults: Faults) -> None:
    faults.duplicated = 1.0
    aws("s3").put_object(Bucket="data", Key="in/doubled", Body=b"x")
    faults.duplicated, faults.dropped = 0.0, 1.0
    aws("s3").put_object(Bucket="data", Key="in/dropped", Body=b"x")
    faults.dropped = 0.0
    assert eventually(lambda: times(aws, "in/doubled") == 2)
    aws("s3").put_object(Bucket="data", Key="in/after", Body=b"x")
    assert eventually(lambda: times(aws, "in/after") == 1)
    assert times(aws, "in/dropped") == 0
    assert faults.met == {"duplicated": 1, "dropped": 1}


def test_a_killed_function_exits_and_the_next_call_works(aws: Aws, faults: Faults) -> None:
    def sleep() -> Any:
        answer = aws("lambda").invoke(FunctionName="mood", Payload=json.dumps({"sleep": 1}))
        return json.loads(answer["Payload"].read())

    faults.killed, faults.longest_life = 1.0, 0.1
    assert sleep()["errorType"] == "Runtime.ExitError"
    faults.calm()
    assert sleep()["event"] == {"sleep": 1}
