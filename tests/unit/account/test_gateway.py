"""HTTP APIs of the emulated account: which route a request takes, and who is let in."""

import json
from typing import Any, cast

import pytest

from local.account.functions import Functions
from local.account.gateway import PATH, Gateway, HttpRequest
from local.account.permissions import Permissions
from local.account.policies import Call


class Deciding:
    """Permissions that allow one resource."""

    def __init__(self, resource: str = "") -> None:
        self.resource = resource
        self.asked: list[Call] = []

    def allowed(self, _principal: str, call: Call) -> bool:
        self.asked.append(call)
        return call.resource.endswith(self.resource)


def asked(
    permissions: Deciding, method: str, path: str, *, signed_for: str = "execute-api"
) -> tuple[int, Any]:
    gateway = Gateway(cast(Functions, None), cast(Permissions, permissions))
    identifier = gateway.create()
    api = gateway.api(identifier)
    api.integrations["one"] = "arn:aws:lambda:us-east-1:123456789012:function:nobody"
    api.routes |= {"POST /releases": "one", "GET /releases/{execution}": "one"}
    request = HttpRequest(
        method=method,
        path=f"{PATH}{identifier}{path}",
        query="",
        body=b"",
        principal="role/caller",
        signed_for=signed_for,
    )
    status, body = gateway.answer(request)
    return status, json.loads(body)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/releases"), ("POST", "/releases/1"), ("GET", "/releases/1/2"), ("GET", "/")],
)
def test_a_request_without_a_route_is_not_found(method: str, path: str) -> None:
    assert asked(Deciding(), method, path) == (404, {"message": "Not Found"})


@pytest.mark.parametrize("signed_for", ["", "s3"])
def test_a_request_that_is_not_signed_for_the_api_is_turned_away(signed_for: str) -> None:
    answer = asked(Deciding(), "POST", "/releases", signed_for=signed_for)
    assert answer == (403, {"message": "Forbidden"})


def test_iam_is_asked_for_exactly_this_request() -> None:
    permissions = Deciding("/$default/GET/releases/abc")
    assert asked(permissions, "POST", "/releases")[0] == 403
    (call,) = permissions.asked
    assert call.action == "execute-api:Invoke"
    assert call.resource.endswith("/$default/POST/releases")
