"""DynamoDB as the ledger uses it: one table, conditions and updates evaluated as written.

Items stay in the wire's form. What is not understood is refused, so that a new expression in the
ledger is either simulated or noticed.
"""

import functools
import re
from collections.abc import Callable
from typing import Any

from tests.faults.aws import client_error

Item = dict[str, Any]
Values = dict[str, Any]
Condition = Callable[[Item, Values], bool]

_TERM = re.compile(
    r"(?P<absent>attribute_not_exists)\((?P<a>[#\w]+)\)"
    r"|(?P<present>attribute_exists)\((?P<p>[#\w]+)\)"
    r"|(?P<path>[#\w]+) IN \((?P<options>:\w+(?:, :\w+)*)\)"
    r"|(?P<left>[#\w]+) (?P<operator>=|<>|<=|>=|<|>) (?P<right>:\w+)"
)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


class LedgerTable:
    """The items, by partition and sort key."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}

    def get_item(self, **request: Any) -> Any:
        item = self.items.get(_key(request["Key"]))
        return {} if item is None else {"Item": dict(item)}

    def batch_get_item(self, **request: Any) -> Any:
        ((name, wanted),) = request["RequestItems"].items()
        found = [self.items[_key(each)] for each in wanted["Keys"] if _key(each) in self.items]
        return {"Responses": {name: [dict(item) for item in found]}, "UnprocessedKeys": {}}

    def put_item(self, **request: Any) -> Any:
        self._check(request, request["Item"], "PutItem")
        self._put(request)
        return {}

    def delete_item(self, **request: Any) -> Any:
        self._check(request, request["Key"], "DeleteItem")
        self.items.pop(_key(request["Key"]), None)
        return {}

    def update_item(self, **request: Any) -> Any:
        self._check(request, request["Key"], "UpdateItem")
        updated = self._update(request)
        return {"Attributes": updated} if request.get("ReturnValues") == "ALL_NEW" else {}

    def query(self, **request: Any) -> Any:
        values = request["ExpressionAttributeValues"]
        is_asked = _range(request["KeyConditionExpression"], values)
        start = request.get("ExclusiveStartKey")
        found = [
            item
            for (pk, sk), item in sorted(self.items.items())
            if pk == values[":pk"]["S"]
            and is_asked(sk)
            and (start is None or sk > start["sk"]["S"])
        ]
        page = found[: request.get("Limit", len(found))]
        answer: Any = {"Items": [dict(item) for item in page]}
        if len(page) < len(found):
            answer["LastEvaluatedKey"] = {"pk": page[-1]["pk"], "sk": page[-1]["sk"]}
        return answer

    def transact_write_items(self, **request: Any) -> Any:
        actions = [next(iter(each.items())) for each in request["TransactItems"]]
        reasons = [
            {
                "Code": "None"
                if self._holds(action, _target(kind, action))
                else "ConditionalCheckFailed"
            }
            for kind, action in actions
        ]
        if any(reason["Code"] != "None" for reason in reasons):
            error = client_error("TransactionCanceledException", "TransactWriteItems")
            error.response["CancellationReasons"] = reasons  # type: ignore[typeddict-unknown-key] # modelled for this operation only
            raise error
        for kind, action in actions:
            if kind == "Put":
                self._put(action)
            elif kind == "Update":
                self._update(action)
            elif kind == "Delete":
                self.items.pop(_key(action["Key"]), None)
            elif kind != "ConditionCheck":
                raise NotImplementedError(kind)
        return {}

    def _check(self, request: Any, key: Item, operation: str) -> None:
        if not self._holds(request, key):
            raise client_error("ConditionalCheckFailedException", operation)

    def _holds(self, request: Any, key: Item) -> bool:
        text = request.get("ConditionExpression")
        if text is None:
            return True
        item = self.items.get(_key(key), {})
        names = tuple(sorted(request.get("ExpressionAttributeNames", {}).items()))
        return _condition(text, names)(item, request.get("ExpressionAttributeValues", {}))

    def _put(self, request: Any) -> None:
        self.items[_key(request["Item"])] = dict(request["Item"])

    def _update(self, request: Any) -> Item:
        key = request["Key"]
        item = dict(self.items.get(_key(key), key))
        values, names = (
            request["ExpressionAttributeValues"],
            request.get("ExpressionAttributeNames", {}),
        )
        for action, clause in re.findall(
            r"(SET|ADD) (.*?)(?= SET | ADD |$)", request["UpdateExpression"]
        ):
            for assignment in clause.split(", "):
                path, value = assignment.split(" = " if action == "SET" else " ")
                name = names.get(path, path)
                if action == "SET":
                    item[name] = values[value]
                else:
                    before = int(item.get(name, {"N": "0"})["N"])
                    item[name] = {"N": str(before + int(values[value]["N"]))}
        self.items[_key(key)] = item
        return item


def _key(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _range(text: str, values: Values) -> Callable[[str], bool]:
    if text == "pk = :pk AND begins_with(sk, :prefix)":
        return lambda sk: sk.startswith(values[":prefix"]["S"])
    if text == "pk = :pk AND sk BETWEEN :first AND :last":
        return lambda sk: values[":first"]["S"] <= sk <= values[":last"]["S"]
    raise NotImplementedError(text)


def _target(kind: str, action: Any) -> Item:
    target: Item = action["Item"] if kind == "Put" else action["Key"]
    return target


@functools.cache
def _condition(text: str, names: tuple[tuple[str, str], ...]) -> Condition:
    by_name = dict(names)
    alternatives = [
        [_term(term, by_name) for term in alternative.split(" AND ")]
        for alternative in text.split(" OR ")
    ]
    return lambda item, values: any(
        all(term(item, values) for term in terms) for terms in alternatives
    )


def _term(text: str, names: dict[str, str]) -> Condition:
    found = _TERM.fullmatch(text)
    if found is None:
        raise NotImplementedError(text)

    def name(group: str) -> str:
        return names.get(found[group], found[group])

    if found["absent"]:
        return lambda item, _values: name("a") not in item
    if found["present"]:
        return lambda item, _values: name("p") in item
    if found["path"]:
        options = found["options"].split(", ")
        return lambda item, values: item.get(name("path")) in [values[each] for each in options]
    operator = _OPERATORS[found["operator"]]

    def compared(item: Item, values: Values) -> bool:
        left = item.get(name("left"))
        return left is not None and operator(_plain(left), _plain(values[found["right"]]))

    return compared


def _plain(value: Any) -> Any:
    ((kind, plain),) = value.items()
    return int(plain) if kind == "N" else plain
