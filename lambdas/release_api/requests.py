"""Requests for releases, and their answers; a request that cannot be read starts nothing."""

import base64
import json
from typing import Any

from lambdas.shared.aws.workflow import Workflow
from lambdas.shared.domain.names import sanitize
from lambdas.shared.domain.release_request import REFUSALS, ReleaseRequest

Json = dict[str, Any]


def answered(event: Json, workflow: Workflow) -> Json:
    """The answer of a route: 202 with an execution's id, or what an execution came to."""
    if event["routeKey"] == "POST /releases":
        return _started(event, workflow)
    return _found(event["pathParameters"]["execution"], workflow)


def _started(event: Json, workflow: Workflow) -> Json:
    try:
        request = _body(event)
        ReleaseRequest.from_event(request)
    except REFUSALS as error:
        return _answer(400, error.to_json())
    except ValueError as error:
        return _answer(400, {"type": "EventError", "message": f"the body is not JSON: {error}"})
    # Lambda may run this twice for one request: the name, and so the execution, is the same
    name = f"api-{sanitize(event['requestContext']['requestId'])}"
    workflow.start(name, request)
    return _answer(202, {"execution_id": name, "location": f"/releases/{name}"})


def _body(event: Json) -> Any:
    text = event.get("body") or "{}"
    return json.loads(base64.b64decode(text) if event.get("isBase64Encoded") else text)


def _found(name: str, workflow: Workflow) -> Json:
    execution = workflow.described(name)
    if execution is None:
        return _answer(
            404, {"type": "EventError", "message": f"there is no execution {name[:80]}; ask anew"}
        )
    output = execution.get("output")
    found = {
        "execution_id": name,
        "status": execution["status"],
        "response": json.loads(output) if output else None,
        "error": execution.get("cause") or execution.get("error"),
    }
    return _answer(200, found)


def _answer(status: int, body: Json) -> Json:
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body, ensure_ascii=False),
    }
