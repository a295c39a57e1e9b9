"""A person's requests to an HTTP API that asks IAM: signed for `execute-api`."""

import json
import urllib.error
import urllib.request
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(
    url: str, method: str, body: Any = None, *, service: str | None = "execute-api"
) -> tuple[int, Any]:
    """Status and JSON of a request; without a service it is not signed."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    asked = AWSRequest(method=method, url=url, data=data)
    if service:
        SigV4Auth(Credentials("local", "local"), service, "us-east-1").add_auth(asked)
    request = urllib.request.Request(  # noqa: S310 - the address of our own account
        url, data=data, method=method, headers=dict(asked.headers.items())
    )
    try:
        with _NO_PROXY.open(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def outputs(account: Any) -> dict[str, str]:
    """The outputs of all stacks of a running account."""
    stacks = account.client("cloudformation").describe_stacks()["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for s in stacks for each in s.get("Outputs", [])}
