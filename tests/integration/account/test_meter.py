"""The account counts what its roles ask for, and how long its functions run."""

import json
from dataclasses import replace

import pytest

from local.account import Account
from local.account.calls import Request, billed
from tests.integration.account.conftest import Aws

pytestmark = pytest.mark.emulated


def request(service: str, method: str, path: str = "/", **more: object) -> Request:
    headers = {str(k).replace("_", "-"): str(v) for k, v in more.items() if k != "body"}
    body = json.dumps(more.get("body", {})).encode()
    return Request(service=service, method=method, path=path, query={}, headers=headers, body=body)


@pytest.mark.parametrize(
    ("asked", "bill"),
    [
        (request("s3", "GET", "/data/a.csv"), ("Get", 1)),
        (request("s3", "GET", "/data"), ("List", 1)),
        (request("s3", "PUT", "/data/a.csv"), ("Put", 1)),
        (request("s3", "PUT", "/data/a.csv", x_amz_copy_source="data/b.csv"), ("Copy", 1)),
        (request("s3", "DELETE", "/data/a.csv"), ("Delete", 1)),
        (
            replace(
                request("s3", "POST", "/data"),
                query={"delete": ""},
                body=b"<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object></Delete>",
            ),
            ("Delete", 2),
        ),
        (
            request(
                "dynamodb",
                "POST",
                x_amz_target="DynamoDB_20120810.TransactWriteItems",
                body={"TransactItems": [{}, {}, {}]},
            ),
            ("TransactWriteItems", 3),
        ),
        (
            request("states", "POST", x_amz_target="AWSStepFunctions.StartExecution"),
            ("StartExecution", 1),
        ),
    ],
    ids=lambda each: str(each) if isinstance(each, tuple) else "",
)
def test_a_request_is_billed_by_operation(asked: Request, bill: tuple[str, int]) -> None:
    assert billed(asked) == bill


def test_what_functions_use_is_counted_and_what_people_use_is_not(
    account: Account, aws: Aws
) -> None:
    before = account.meter.read()
    aws("s3").list_buckets()
    aws("s3").put_object(Bucket="data", Key="elsewhere/by-a-person", Body=b"1")
    assert not account.meter.read().since(before).requests
    names = {f["FunctionName"] for f in aws("lambda").list_functions()["Functions"]}
    name = sorted(names)[0]
    aws("lambda").invoke(FunctionName=name, Payload=b"{}")
    used = account.meter.read().since(before)
    assert used.invocations[name] == 1
    assert used.seconds[name] >= 0
