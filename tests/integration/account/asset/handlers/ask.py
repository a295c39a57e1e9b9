"""A function that makes the calls its event names."""

from typing import Any

import boto3
from botocore.exceptions import ClientError


def handler(event: dict[str, Any], _context: Any) -> dict[str, str]:
    """The error code of each call, or `done`."""
    return {name: outcome(call) for name, call in event.items()}


def outcome(call: dict[str, Any]) -> str:
    """What one call comes to."""
    try:
        getattr(boto3.client(call["service"]), call["method"])(**call["with"])
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"
