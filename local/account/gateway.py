"""HTTP APIs of API Gateway: routes to functions, for whom IAM lets in.

Payload format 2.0: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
An API is reached below `/_sluice/apis/<api id>/`; requests are signed for `execute-api`.
"""

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from moto.awslambda.models import lambda_backends
from moto.cloudformation.exceptions import ValidationError

from local.account.functions import Functions
from local.account.identity import ACCOUNT_ID, REGION
from local.account.permissions import Permissions
from local.account.policies import Call, Delivery, admits
from local.account.resources.resource import Create, Created, Request

PATH = "/_sluice/apis/"


@dataclass(slots=True, kw_only=True)
class Api:
    """One API: its functions by integration, its integrations by `METHOD /path`."""

    integrations: dict[str, str] = field(default_factory=dict)
    routes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request to an API; `signed_for` is empty if it is not signed."""

    method: str
    path: str
    query: str
    body: bytes
    principal: str
    signed_for: str


Answer = tuple[int, bytes]


def resource_types(gateway: "Gateway", endpoint_url: str) -> dict[str, Create]:
    """How CloudFormation makes an API and its parts."""

    def api(request: Request) -> Created:
        identifier = request.existing.ref if request.existing else gateway.create()
        url = f"{endpoint_url}{PATH}{identifier}"
        return Created(ref=identifier, attributes={"ApiEndpoint": url, "ApiId": identifier})

    def integration(request: Request) -> Created:
        given = request.properties
        if (given["IntegrationType"], given["PayloadFormatVersion"]) != ("AWS_PROXY", "2.0"):
            raise ValidationError("only functions with payload format 2.0 are emulated")
        gateway.api(given["ApiId"]).integrations[request.name] = given["IntegrationUri"]
        return Created(ref=request.name)

    def route(request: Request) -> Created:
        given = request.properties
        name, asks = given["Target"].removeprefix("integrations/"), given.get("AuthorizationType")
        if asks != "AWS_IAM":
            raise ValidationError("only routes that ask IAM are emulated")
        gateway.api(given["ApiId"]).routes[given["RouteKey"]] = name
        return Created(ref=request.name)

    def stage(request: Request) -> Created:
        if (request.properties["StageName"], request.properties["AutoDeploy"]) != (
            "$default",
            True,
        ):
            raise ValidationError("only the stage $default, deployed by itself, is emulated")
        return Created(ref="$default")

    kinds = {"Api": api, "Integration": integration, "Route": route, "Stage": stage}
    return {f"AWS::ApiGatewayV2::{kind}": create for kind, create in kinds.items()}


class Gateway:
    """The account's HTTP APIs."""

    def __init__(self, functions: Functions, permissions: Permissions) -> None:
        self._functions = functions
        self._permissions = permissions
        self._apis: dict[str, Api] = {}
        self._lock = threading.Lock()

    def create(self) -> str:
        """A new API; its id."""
        identifier = uuid4().hex[:10]
        with self._lock:
            self._apis[identifier] = Api()
        return identifier

    def api(self, identifier: str) -> Api:
        """An API by its id; KeyError if there is none."""
        return self._apis[identifier]

    def answer(self, request: HttpRequest) -> Answer:
        """Answer a request as the API's route would."""
        identifier, _, rest = request.path.removeprefix(PATH).partition("/")
        path = f"/{rest}"
        api = self._apis.get(identifier)
        found = _route(api, request.method, path) if api else None
        if api is None or found is None:
            return _told(404, "Not Found")
        key, parameters = found
        function = api.integrations[api.routes[key]]
        source = f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{identifier}"
        asked = Call(
            action="execute-api:Invoke", resource=f"{source}/$default/{request.method}{path}"
        )
        is_signed = request.signed_for == "execute-api"
        if not is_signed or not self._permissions.allowed(request.principal, asked):
            return _told(403, "Forbidden")
        delivery = Delivery(
            service="apigateway.amazonaws.com",
            action="lambda:InvokeFunction",
            resource=function,
            source_arn=f"{source}/$default/{key.replace(' ', '')}",
            source_account=ACCOUNT_ID,
        )
        event = _event(request, key, path, parameters, identifier)
        return self._invoked(function, delivery, event)

    def _invoked(self, arn: str, delivery: Delivery, event: Mapping[str, Any]) -> Answer:
        function = lambda_backends[ACCOUNT_ID][REGION].get_function(arn)
        if not admits(function.policy.statements, delivery):
            return _told(500, "Internal Server Error")
        outcome = self._functions.invoke(function, json.dumps(event).encode())
        try:
            answer = json.loads(outcome.payload)
            return int(answer["statusCode"]), str(answer.get("body", "")).encode()
        except (ValueError, KeyError, TypeError):  # it raised, or answered no HTTP
            return _told(500, "Internal Server Error")


def _route(api: Api, method: str, path: str) -> tuple[str, dict[str, str]] | None:
    for key in api.routes:
        wanted, _, pattern = key.partition(" ")
        expression = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(pattern))
        matched = re.fullmatch(expression, path)
        if wanted == method and matched:
            return key, {name: unquote(value) for name, value in matched.groupdict().items()}
    return None


def _event(
    request: HttpRequest, key: str, path: str, parameters: Mapping[str, str], api: str
) -> dict[str, Any]:
    now = datetime.now(UTC)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": api,
            "authorizer": {"iam": {"userArn": f"arn:aws:iam::{ACCOUNT_ID}:{request.principal}"}},
            "domainName": f"{api}.execute-api.{REGION}.amazonaws.com",
            "http": {"method": request.method, "path": path, "protocol": "HTTP/1.1"},
            "requestId": uuid4().hex[:15],
            "routeKey": key,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now.timestamp() * 1000),
        },
        "isBase64Encoded": False,
    }
    if parameters:
        event["pathParameters"] = dict(parameters)
    if request.body:
        event["body"] = request.body.decode()
    return event


def _told(status: int, message: str) -> Answer:
    return status, json.dumps({"message": message}).encode()
