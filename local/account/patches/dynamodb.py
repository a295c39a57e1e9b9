"""DynamoDB: transactions and queries at the cost of what they touch, not of what there is."""

import copy
import functools
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

from local.account.patches.patch import Parts, Replacement, replaces


@replaces(
    DynamoDBBackend,
    "transact_write_items",
    because="to be able to undo a transaction, moto copies its tables whole, item by item: a burst"
    " of transactions takes time by the square of its size",
)
def _copy_what_changes(original: Any, _account: Parts) -> Replacement:
    def transact_write_items(backend: DynamoDBBackend, transact_items: Any) -> Any:
        operations = [next(iter(each.values())) for each in transact_items]
        tables = {
            name: backend.tables[name]
            for name in {operation.get("TableName") for operation in operations}
            if name in backend.tables
        }
        for name, table in tables.items():
            touched = [each for each in operations if each.get("TableName") == name]
            # copy.deepcopy asks the object first
            table.__deepcopy__ = functools.partial(_snapshot, table, touched)  # type: ignore[attr-defined]
        try:
            return original(backend, transact_items)
        finally:
            for table in tables.values():
                del table.__deepcopy__  # type: ignore[attr-defined]

    return transact_write_items


def _snapshot(table: Table, operations: list[dict[str, Any]], _memo: Any) -> Table:
    """A table as it is now, of which only the items that are written to are copies."""
    kept = copy.copy(table)
    kept.__dict__.pop("__deepcopy__")
    kept.items = copy.copy(table.items)
    for operation in operations:
        named = operation.get("Item") or operation.get("Key") or {}
        found = DynamoType(named.get(table.hash_key_attr, {"NULL": True}))
        if found not in kept.items:
            continue
        part: Any = kept.items[found]
        if table.range_key_attr is None:
            kept.items[found] = copy.deepcopy(part)
            continue
        if part is table.items[found]:
            part = kept.items[found] = dict(part)
        place = DynamoType(named.get(table.range_key_attr, {"NULL": True}))
        if place in part:
            part[place] = copy.deepcopy(part[place])
    return kept


@replaces(
    Table,
    "query",
    because="it sorts all items of the table and answers with a few: with thousands of files in"
    " the ledger each look into a pool takes a tenth of a second",
)
def _query_one_partition(original: Any, _account: Parts) -> Replacement:
    def query(table: Table, hash_key: DynamoType | None, *more: Any, **named: Any) -> Any:
        index_name = more[6] if len(more) > 6 else named.get("index_name")
        if index_name or hash_key is None:
            return original(table, hash_key, *more, **named)
        partition = copy.copy(table)
        partition.items = {key: table.items[key] for key in (hash_key,) if key in table.items}  # type: ignore[assignment] # a plain dictionary does
        return original(partition, hash_key, *more, **named)

    return query
