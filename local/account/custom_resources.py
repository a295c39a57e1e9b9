"""Custom resources: runs their function and waits for what it puts to the ResponseURL.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

import json
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any
from uuid import uuid4

from moto.awslambda.models import lambda_backends

from local.account.functions import Functions
from local.account.identity import ACCOUNT_ID, REGION

RESPONSE_PATH = "/_sluice/custom-resources/"
_GRACE_SECONDS = 1.0  # between the function's return and the arrival of its response


class CustomResourceError(Exception):
    """A custom resource failed, or its function never answered."""


class CustomResources:
    """CloudFormation's side of the custom resource protocol."""

    def __init__(self, functions: Functions, *, endpoint_url: str) -> None:
        self._functions = functions
        self._endpoint_url = endpoint_url
        self._waiting: dict[str, Future[dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def request(self, kind: str, properties: dict[str, Any], **request: Any) -> dict[str, Any]:
        """Send a Create, Update or Delete; returns the function's response.

        Raises CustomResourceError if it answers FAILED, raises, or returns without an answer.
        """
        token = uuid4().hex
        response: Future[dict[str, Any]] = Future()
        with self._lock:
            self._waiting[token] = response
        service_token = properties["ServiceToken"]
        event = {
            "RequestType": kind,
            "RequestId": str(uuid4()),
            "ResponseURL": f"{self._endpoint_url}{RESPONSE_PATH}{token}",
            "ServiceToken": service_token,
            "ResourceProperties": as_strings(properties),
            **request,
        }
        function = lambda_backends[ACCOUNT_ID][REGION].get_function(service_token)
        outcome = self._functions.invoke(function, json.dumps(event).encode())
        name = function.function_name
        if outcome.failed:
            raise CustomResourceError(f"{name} failed: {outcome.payload.decode()}")
        try:
            answer = response.result(timeout=_GRACE_SECONDS)
        except FutureTimeoutError:
            raise CustomResourceError(
                f"{name} returned without putting a response to its ResponseURL;"
                " on AWS the stack would hang for an hour"
            ) from None
        if answer.get("Status") != "SUCCESS":
            raise CustomResourceError(f"{name}: {answer.get('Reason', answer)}")
        return answer

    def respond(self, token: str, body: bytes) -> bool:
        """Take a response; False if nobody waits for it."""
        with self._lock:
            waiting = self._waiting.pop(token, None)
        if waiting is None:
            return False
        waiting.set_result(json.loads(body))
        return True


def as_strings(value: Any) -> Any:
    """Properties as a custom resource sees them: every number and boolean is text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict):
        return {name: as_strings(item) for name, item in value.items()}
    if isinstance(value, list):
        return [as_strings(item) for item in value]
    return value
