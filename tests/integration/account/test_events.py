"""S3's events reach the right queues, shaped as AWS documents them."""

import json
import re
from datetime import datetime
from typing import Any

import pytest

from tests.integration.account.conftest import Aws, eventually

pytestmark = pytest.mark.emulated


def receive(aws: Aws, queue: str, wanted: str, *, count: int = 1) -> list[dict[str, Any]]:
    """Take messages that mention a text off a queue."""
    url = aws("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
    found: list[dict[str, Any]] = []

    def enough() -> bool:
        answer = aws("sqs").receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=1,
            MessageAttributeNames=["All"],
        )
        for message in answer.get("Messages", []):
            if wanted in message["Body"]:
                found.append(message)
                aws("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(found) >= count

    eventually(enough)
    return found


def events(aws: Aws, wanted: str, *, count: int = 1) -> list[dict[str, Any]]:
    return [json.loads(m["Body"]) for m in receive(aws, "observed", wanted, count=count)]


def test_an_upload_is_announced_as_aws_documents_it(aws: Aws) -> None:
    key = "watch/a b+c%20ü.csv"
    put = aws("s3").put_object(Bucket="data", Key=key, Body=b"12345")
    (event,) = events(aws, "a b+c%20")
    detail = event["detail"]
    sequencer = detail["object"].pop("sequencer")
    assert re.fullmatch(r"[0-9a-f]{16}", sequencer)
    assert detail["object"] == {
        "key": key,  # raw: never URL-encoded on this path
        "size": 5,
        "etag": put["ETag"].strip('"'),
        "version-id": put["VersionId"],
    }
    assert detail["reason"] == "PutObject"
    assert detail["bucket"] == {"name": "data"}
    assert {"version", "request-id", "requester", "source-ip-address"} < set(detail)
    assert event["resources"] == ["arn:aws:s3:::data"]
    assert datetime.fromisoformat(event["time"]).tzinfo is not None


def test_sequencers_increase_and_ids_differ(aws: Aws) -> None:
    for number in range(5):
        aws("s3").put_object(Bucket="data", Key=f"watch/order-{number}", Body=b"")
    found = events(aws, "watch/order-", count=5)
    by_key = sorted(found, key=lambda event: event["detail"]["object"]["key"])
    sequencers = [event["detail"]["object"]["sequencer"] for event in by_key]
    assert sequencers == sorted(set(sequencers))
    assert len({event["id"] for event in found}) == 5


def test_a_copy_and_a_multipart_upload_are_announced_once_each(aws: Aws) -> None:
    s3 = aws("s3")
    s3.put_object(Bucket="data", Key="elsewhere", Body=b"x")
    s3.copy_object(Bucket="data", Key="watch/m-copied", CopySource="data/elsewhere")
    upload = s3.create_multipart_upload(Bucket="data", Key="watch/m-parts")["UploadId"]
    part = s3.upload_part(
        Bucket="data", Key="watch/m-parts", UploadId=upload, PartNumber=1, Body=b"x" * 10
    )
    s3.complete_multipart_upload(
        Bucket="data",
        Key="watch/m-parts",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    s3.put_object(Bucket="data", Key="watch/m-last", Body=b"")
    found = events(aws, "watch/m-", count=3)
    assert sorted(event["detail"]["reason"] for event in found) == [
        "CompleteMultipartUpload",
        "CopyObject",
        "PutObject",
    ]


def test_a_bucket_without_eventbridge_says_nothing(aws: Aws) -> None:
    aws("s3").put_object(Bucket="quiet", Key="watch/quiet", Body=b"")
    aws("s3").put_object(Bucket="data", Key="watch/loud-quiet", Body=b"")
    assert [e["detail"]["bucket"]["name"] for e in events(aws, "quiet")] == ["data"]


def test_a_queue_that_does_not_admit_the_rule_gets_nothing_and_the_dead_letter_queue_it_all(
    aws: Aws,
) -> None:
    aws("s3").put_object(Bucket="data", Key="locked/file", Body=b"")
    (buried,) = receive(aws, "events-dead", "locked/file")
    attributes = {name: a["StringValue"] for name, a in buried["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"
    assert attributes["RULE_ARN"].startswith("arn:aws:events:")
    url = aws("sqs").get_queue_url(QueueName="locked")["QueueUrl"]
    assert "Messages" not in aws("sqs").receive_message(QueueUrl=url)


def test_put_events_reaches_rules_too(aws: Aws) -> None:
    detail = {"bucket": {"name": "data"}, "object": {"key": "watch/by-hand"}}
    answer = aws("events").put_events(
        Entries=[{"Source": "aws.s3", "DetailType": "Object Created", "Detail": json.dumps(detail)}]
    )
    assert answer["FailedEntryCount"] == 0
    (event,) = events(aws, "by-hand")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"])


def test_a_disabled_rule_delivers_nothing(aws: Aws) -> None:
    rules = aws("events").list_rules()["Rules"]
    (name,) = [r["Name"] for r in rules if "watch/" in r["EventPattern"]]
    aws("events").disable_rule(Name=name)
    try:
        aws("s3").put_object(Bucket="data", Key="watch/while-disabled", Body=b"")
    finally:
        aws("events").enable_rule(Name=name)
    aws("s3").put_object(Bucket="data", Key="watch/not-while-disabled-", Body=b"")
    found = events(aws, "while-disabled")
    assert [e["detail"]["object"]["key"] for e in found] == ["watch/not-while-disabled-"]
