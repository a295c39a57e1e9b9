"""Items of the ledger's table: plain values in and out, and a condition that fails is an answer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from lambdas.shared.aws import clients
from lambdas.shared.aws.failures import code_of, translated

Item = dict[str, Any]
_Answer = TypeVar("_Answer")

_MOST_KEYS = 100
"""BatchGetItem takes 100 keys (DynamoDB API reference)."""


class Items:
    """One table. A write's `when` is its condition; `values` and `names` are of its expressions."""

    def __init__(self, table: str) -> None:
        self.table = table

    def get(self, key: Item) -> Item | None:
        """One item; consistent."""
        with translated():
            answer = clients.dynamodb().get_item(
                TableName=self.table, Key=marshal(key), ConsistentRead=True
            )
        return unmarshal(answer["Item"]) if "Item" in answer else None

    def get_all(self, keys: Sequence[Item]) -> Iterator[Item]:
        """The items there are of these keys, in no order; consistent."""
        for start in range(0, len(keys), _MOST_KEYS):
            asked: Any = {
                self.table: {
                    "Keys": [marshal(key) for key in keys[start : start + _MOST_KEYS]],
                    "ConsistentRead": True,
                }
            }
            while asked:
                with translated():
                    answer = clients.dynamodb().batch_get_item(RequestItems=asked)
                yield from map(unmarshal, answer["Responses"].get(self.table, []))
                asked = answer["UnprocessedKeys"]

    def query(
        self,
        condition: str,
        values: Item,
        *,
        most: int,
        consistent: bool = True,
        **request: Any,
    ) -> Iterator[Item]:
        """The first items whose keys meet the condition, by sort key."""
        request |= {
            "TableName": self.table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": marshal(values),
            "ConsistentRead": consistent,
        }
        left = most
        while left > 0:
            with translated():
                page = clients.dynamodb().query(**request, Limit=left)
            yield from map(unmarshal, page["Items"])
            left -= len(page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def below(self, pk: str, prefix: str, *, most: int, consistent: bool = True) -> Iterator[Item]:
        """The first items of a partition whose sort keys begin with a prefix."""
        condition = "pk = :pk AND begins_with(sk, :prefix)"
        values = {":pk": pk, ":prefix": prefix}
        return self.query(condition, values, most=most, consistent=consistent)

    def put(self, item: Item) -> None:
        """Put an item, whatever was there."""
        with translated():
            clients.dynamodb().put_item(TableName=self.table, Item=marshal(item))

    def put_if(
        self,
        item: Item,
        *,
        when: str,
        values: Item | None = None,
        names: Mapping[str, str] | None = None,
    ) -> bool:
        """Put an item; False if the condition does not hold."""
        condition = conditional(when, values, names)
        answer = _unless_refused(
            lambda: clients.dynamodb().put_item(
                TableName=self.table, Item=marshal(item), **condition
            )
        )
        return answer is not None

    def update(self, key: Item, change: str, values: Item) -> Item:
        """Change or make an item; the item as it is then."""
        with translated():
            answer = clients.dynamodb().update_item(
                TableName=self.table,
                Key=marshal(key),
                UpdateExpression=change,
                ExpressionAttributeValues=marshal(values),
                ReturnValues="ALL_NEW",
            )
        return unmarshal(answer["Attributes"])

    def update_if(
        self,
        key: Item,
        change: str,
        values: Item,
        *,
        when: str,
        names: Mapping[str, str] | None = None,
    ) -> Item | None:
        """Change or make an item; the item as it is then, None if the condition does not hold."""
        condition = conditional(when, values, names)
        answer = _unless_refused(
            lambda: clients.dynamodb().update_item(
                TableName=self.table,
                Key=marshal(key),
                UpdateExpression=change,
                ReturnValues="ALL_NEW",
                **condition,
            )
        )
        return None if answer is None else unmarshal(answer["Attributes"])

    def delete(self, key: Item) -> None:
        """Delete an item, if there is one."""
        with translated():
            clients.dynamodb().delete_item(TableName=self.table, Key=marshal(key))

    def delete_if(self, key: Item, *, when: str, values: Item) -> None:
        """Delete an item, if the condition holds."""
        condition = conditional(when, values)
        _unless_refused(
            lambda: clients.dynamodb().delete_item(
                TableName=self.table, Key=marshal(key), **condition
            )
        )


def conditional(
    when: str, values: Item | None = None, names: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The parameters of a write that is done only `when` its condition holds."""
    parameters: dict[str, Any] = {"ConditionExpression": when}
    if values:
        parameters["ExpressionAttributeValues"] = marshal(values)
    if names:
        parameters["ExpressionAttributeNames"] = names
    return parameters


def marshal(item: Mapping[str, Any]) -> Item:
    """An item as DynamoDB takes it."""
    return {name: _SERIALIZER.serialize(_storable(value)) for name, value in item.items()}


def unmarshal(item: Mapping[str, Any]) -> Item:
    """An item of DynamoDB's answer as plain values; its numbers are Decimals."""
    return {name: _DESERIALIZER.deserialize(value) for name, value in item.items()}


def _unless_refused(write: Callable[[], _Answer]) -> _Answer | None:
    with translated():
        try:
            return write()
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
    return None


def _storable(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, dict):
        return {name: _storable(inner) for name, inner in value.items()}
    return [_storable(inner) for inner in value] if isinstance(value, list) else value


_SERIALIZER = TypeSerializer()
_DESERIALIZER = TypeDeserializer()
