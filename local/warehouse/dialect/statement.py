"""What a translation returns."""

from collections.abc import Callable, Sequence
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

    `variables` are the names a procedure has declared: `name.field` in its SQL is theirs.
    """

    columns_of: ColumnLookup | None = None
    variables: frozenset[str] = frozenset()


NOWHERE = Context()


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """One Redshift statement as Postgres SQL.

    `statements` are executed in order and the last one's result counts. With parameters they hold
    `%(name)s` and doubled percent signs, to be run with a mapping; without, they are to be run
    without one. `name` is the construct in words: what guards act on. `touches` are the tables
    named, `table` or `schema.table`, in lower case and of their full length.
    """

    kind: Kind
    statements: tuple[str, ...]
    name: str
    touches: frozenset[str] = field(default_factory=frozenset)
