"""What a translation returns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "query",
    "dml",
    "ddl",
    "copy",
    "unload",
    "call",
    "lock",
    "utility",
    "control",
    "procedure",
]

ColumnLookup = Callable[[str], Sequence[str]]
"""The columns of a table, given its name as Postgres SQL; empty if there is no such table.

`COLUMNS_SQL` asks Postgres for them.
"""

COLUMNS_SQL = (
    "SELECT attname FROM pg_attribute"
    " WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a translation may know beyond the statement's own text.

    `bindings` are a procedure's variables: `name` or `record.field`, with its type as Postgres SQL.
    They are marked in the translation as parameters are. `records` are those whose fields are not
    known yet.
    """

    columns_of: ColumnLookup | None = None
    bindings: Mapping[str, str] = field(default_factory=dict)
    records: frozenset[str] = frozenset()


NOWHERE = Context()


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """One Redshift statement as Postgres SQL.

    `statements` are executed in order and the last one's result counts. With parameters they hold
    `%(name)s` and doubled percent signs, to be run with a mapping; without, they are to be run
    without one. `name` is the construct in words: what guards act on. `touches` are the tables
    named, `table` or `schema.table`, in lower case and of their full length. Of a CALL, `procedure`
    is the name and `arguments` are the values, each as Postgres SQL.
    """

    kind: Kind
    statements: tuple[str, ...]
    name: str
    touches: frozenset[str] = field(default_factory=frozenset)
    procedure: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
