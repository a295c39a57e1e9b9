"""A function that answers, raises, sleeps, exits or prints, as its event says."""

import os
import time
from typing import Any

import boto3


class OrderLockedError(Exception):
    """An error with a name a state machine can match."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do what the event says; echo it with what the function knows of itself."""
    if "print" in event:
        print(event["print"])  # noqa: T201 -- what the test reads back from the log
    time.sleep(event.get("sleep", 0))
    if "mark" in event:
        boto3.client("dynamodb").update_item(
            TableName=os.environ["SEEN_TABLE"],
            Key={"id": {"S": event["mark"]}},
            UpdateExpression="ADD times :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
    if "exit" in event:
        os._exit(event["exit"])
    if "raise" in event:
        raise OrderLockedError(event["raise"])
    return {
        "event": event,
        "function": context.function_name,
        "left_ms": context.get_remaining_time_in_millis(),
        "environment": dict(os.environ),
        "identity": boto3.client("sts").get_caller_identity()["Arn"],
        "pid": os.getpid(),
    }
