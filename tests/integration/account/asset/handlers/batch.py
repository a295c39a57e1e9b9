"""A queue consumer that counts what it sees and fails what is called poison."""

import json
import os
from typing import Any

import boto3


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Count each record's key; report those with `poison` in their key as failed."""
    failures = []
    for record in event["Records"]:
        key = json.loads(record["body"])["detail"]["object"]["key"]
        boto3.client("dynamodb").update_item(
            TableName=os.environ["SEEN_TABLE"],
            Key={"id": {"S": key}},
            UpdateExpression="ADD times :one SET body = :body",
            ExpressionAttributeValues={":one": {"N": "1"}, ":body": {"S": record["body"]}},
        )
        if "explode" in key:
            raise RuntimeError(key)
        if "poison" in key:
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
