"""A custom resource that answers by the protocol, or fails when told to."""

import http.client
import json
import urllib.parse
from typing import Any


def handler(event: dict[str, Any], _context: Any) -> None:
    """Answer with the properties as they arrived."""
    failing = event["ResourceProperties"].get("Fail") == "true"
    answer = {
        "Status": "FAILED" if failing else "SUCCESS",
        "Reason": "told to fail",
        "PhysicalResourceId": "stamp",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": {"Seen": json.dumps(event["ResourceProperties"], sort_keys=True)},
    }
    where = urllib.parse.urlsplit(event["ResponseURL"])
    connection = http.client.HTTPConnection(where.netloc)
    connection.request("PUT", where.path, json.dumps(answer))
    connection.getresponse().read()
    connection.close()
