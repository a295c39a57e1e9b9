"""Event source mappings: batches, partial failures, redrive."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto.awslambda.models import EventSourceMapping

from local.account.environments import Outcome
from local.account.queues import failed_ids
from tests.integration.account.conftest import Aws, eventually

pytestmark = pytest.mark.emulated


def seen(aws: Aws, key: str) -> dict[str, Any]:
    item = aws("dynamodb").get_item(TableName="seen", Key={"id": {"S": key}}).get("Item", {})
    return {name: next(iter(value.values())) for name, value in item.items()}


def upload(aws: Aws, *keys: str) -> None:
    for key in keys:
        aws("s3").put_object(Bucket="data", Key=key, Body=b"x")


def dead_letters(aws: Aws, key: str) -> Iterator[dict[str, Any]]:
    url = aws("sqs").get_queue_url(QueueName="arrivals-dead")["QueueUrl"]
    answer = aws("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, AttributeNames=["All"]
    )
    for message in answer.get("Messages", []):
        if json.loads(message["Body"])["detail"]["object"]["key"] == key:
            yield message


def test_an_upload_reaches_the_function_once(aws: Aws) -> None:
    upload(aws, "in/once")
    found = eventually(lambda: seen(aws, "in/once"))
    assert found["times"] == "1"
    assert json.loads(found["body"])["detail"]["object"]["key"] == "in/once"


def test_only_the_reported_message_comes_back_and_dies_after_exactly_three_receives(
    aws: Aws,
) -> None:
    upload(aws, "in/p1", "in/p2-poison", "in/p3")
    dead = eventually(lambda: list(dead_letters(aws, "in/p2-poison")))
    assert len(dead) == 1
    assert seen(aws, "in/p2-poison")["times"] == "3"
    assert [seen(aws, key)["times"] for key in ("in/p1", "in/p3")] == ["1", "1"]


def test_a_raised_error_returns_the_batch_until_it_dies(aws: Aws) -> None:
    upload(aws, "in/explode")
    assert eventually(lambda: list(dead_letters(aws, "in/explode")))
    assert seen(aws, "in/explode")["times"] == "3"


def mapping(*response_types: str) -> EventSourceMapping:
    return EventSourceMapping(
        {
            "RegionName": "us-east-1",
            "AccountId": "123456789012",
            "FunctionName": "f",
            "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f",
            "EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:q",
            "FunctionResponseTypes": list(response_types),
        }
    )


@pytest.mark.parametrize(
    ("payload", "failed"),
    [
        ("null", set()),
        ("{}", set()),
        ('{"batchItemFailures": []}', set()),
        ('{"batchItemFailures": null}', set()),
        ('{"batchItemFailures": [{"itemIdentifier": "a"}]}', {"a"}),
        ('{"batchItemFailures": [{"itemIdentifier": ""}]}', {"a", "b"}),
        ('{"batchItemFailures": [{"itemIdentifier": null}]}', {"a", "b"}),
        ('{"batchItemFailures": [{"itemId": "a"}]}', {"a", "b"}),
        ('{"batchItemFailures": [{"itemIdentifier": "unknown"}]}', {"a", "b"}),
        ('"not an object"', {"a", "b"}),
        ("not json", {"a", "b"}),
    ],
)
def test_a_batch_response_is_read_as_lambda_reads_it(payload: str, failed: set[str]) -> None:
    outcome = Outcome(payload=payload.encode())
    assert failed_ids(mapping("ReportBatchItemFailures"), outcome, ["a", "b"]) == failed


def test_without_report_batch_item_failures_the_response_does_not_matter() -> None:
    outcome = Outcome(payload=b'{"batchItemFailures": [{"itemIdentifier": "a"}]}')
    assert failed_ids(mapping(), outcome, ["a"]) == set()
