"""The answer CloudFormation waits for from a custom resource, whatever happened."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

from lambdas.shared.aws.log import logger


def answered(
    event: dict[str, Any],
    work: Callable[[], str | None],
    *,
    name: str,
    undo: Callable[[], None] | None = None,
) -> None:
    """Do the work of a create or update and tell CloudFormation how it went.

    `work` returns the physical id of what it made, or None if that is `name`. A deletion undoes
    nothing without an `undo`: data outlives stacks. Contract: custom resource request and response
    objects, CloudFormation user guide.
    """
    resource_id, status, reason = str(event.get("PhysicalResourceId", name)), "SUCCESS", "done"
    try:
        if event["RequestType"] in ("Create", "Update"):
            resource_id = work() or name
        elif undo is not None:
            undo()
    except Exception as error:  # noqa: BLE001 - an unanswered request blocks a stack for an hour
        logger().error("custom resource failed", error=type(error).__name__, reason=str(error))
        status, reason = "FAILED", f"{type(error).__name__}: {error}"
    body = json.dumps(
        {
            "Status": status,
            "Reason": reason[:1000],
            "PhysicalResourceId": resource_id,
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
        }
    ).encode()
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own presigned URL
        event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - as above
        pass
