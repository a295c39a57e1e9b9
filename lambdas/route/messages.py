"""SQS messages in and out: what could not be routed goes back, alone."""

import json
from typing import Any

from lambdas.route.router import Router
from lambdas.shared.aws.log import logger


def answer_batch(records: list[dict[str, Any]], router: Router) -> dict[str, Any]:
    """Route the messages of one invocation; the failed ones are named in the answer."""
    outcomes = router.route([_body(record) for record in records])
    failures = []
    for record, outcome in zip(records, outcomes, strict=True):
        if isinstance(outcome, Exception):
            failures.append({"itemIdentifier": record["messageId"]})
            logger().error(
                "message not routed",
                message_id=record["messageId"],
                error=type(outcome).__name__,
                reason=str(outcome),
            )
        else:
            logger().info("message routed", message_id=record["messageId"], **outcome)
    return {"batchItemFailures": failures}


def _body(record: dict[str, Any]) -> Any:
    try:
        return json.loads(record["body"])
    except (ValueError, RecursionError):  # no JSON, or nested deeper than any event is
        return None
