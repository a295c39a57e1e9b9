"""A DynamoDB transaction is done whole or not at all, also where the account keeps fewer copies."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.account.conftest import Aws

pytestmark = pytest.mark.emulated


@pytest.fixture(params=[False, True], ids=["hash", "hash and range"])
def table(aws: Aws, request: pytest.FixtureRequest) -> str:
    names = ["pk", "sk"][: 1 + request.param]
    name = f"transactions-{len(names)}"
    aws("dynamodb").create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in names],
        KeySchema=[
            {"AttributeName": each, "KeyType": kind}
            for each, kind in zip(names, ("HASH", "RANGE"), strict=False)
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def test_a_transaction_that_fails_changes_nothing(aws: Aws, table: str) -> None:
    def key(name: str) -> dict[str, Any]:
        return {"pk": {"S": name}} | ({"sk": {"S": name}} if table.endswith("2") else {})

    def write(**changes: Any) -> dict[str, Any]:
        return {"TableName": table, **changes}

    nested = {"M": {"list": {"L": [{"N": "1"}]}}}
    for name in ("updated", "deleted", "replaced", "beside"):
        aws("dynamodb").put_item(TableName=table, Item=key(name) | {"v": nested})
    before = aws("dynamodb").scan(TableName=table)["Items"]
    update = write(
        Key=key("updated"),
        UpdateExpression="SET v.#list[0] = :two",
        ExpressionAttributeNames={"#list": "list"},
        ExpressionAttributeValues={":two": {"N": "2"}},
    )
    effects = [
        {"Update": update},
        {"Delete": write(Key=key("deleted"))},
        {"Put": write(Item=key("replaced"))},
        {"Put": write(Item=key("new"))},
    ]
    failing = {
        "Put": write(Item=key("beside"), ConditionExpression="attribute_not_exists(pk)"),
    }
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        aws("dynamodb").transact_write_items(TransactItems=[*effects, failing])

    def by_key(items: list[dict[str, Any]]) -> dict[str, Any]:
        return {item["pk"]["S"]: item for item in items}

    assert by_key(aws("dynamodb").scan(TableName=table)["Items"]) == by_key(before)
    aws("dynamodb").transact_write_items(TransactItems=effects)
    after = by_key(aws("dynamodb").scan(TableName=table)["Items"])
    assert set(after) == {"updated", "replaced", "beside", "new"}
    assert after["updated"]["v"] == {"M": {"list": {"L": [{"N": "2"}]}}}
    assert after["beside"]["v"] == nested
