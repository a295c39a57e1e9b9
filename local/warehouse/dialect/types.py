"""Redshift's column types in Postgres' words, and how many bytes each may hold."""

import hashlib
from dataclasses import dataclass

from local.warehouse.dialect import names
from local.warehouse.dialect.errors import UnsupportedSqlError
from local.warehouse.dialect.tokens import Cursor

BYTES_CONSTRAINT_PREFIX = "redshift_bytes_"
"""A check constraint so named keeps one column within its bytes; its name says how many."""

MAX_VARCHAR = 65535
MAX_CHAR = 4096
MAX_VARBYTE = 1024000
DEFAULT_VARBYTE = 64000
MAX_PRECISION = 38

_PLAIN = {
    "SMALLINT": "smallint",
    "INT2": "smallint",
    "INTEGER": "integer",
    "INT": "integer",
    "INT4": "integer",
    "BIGINT": "bigint",
    "INT8": "bigint",
    "REAL": "real",
    "FLOAT4": "real",
    "DOUBLE PRECISION": "double precision",
    "FLOAT8": "double precision",
    "FLOAT": "double precision",
    "BOOLEAN": "boolean",
    "BOOL": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITHOUT TIME ZONE": "timestamp",
    "TIMESTAMPTZ": "timestamptz",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "TIME": "time",
    "TIME WITHOUT TIME ZONE": "time",
    "TIMETZ": "timetz",
    "TIME WITH TIME ZONE": "timetz",
    "SUPER": "jsonb",
    # leader-node types: they occur in casts beside catalog queries and in procedures
    "OID": "oid",
    "REGCLASS": "regclass",
    "NAME": "name",
    "REFCURSOR": "refcursor",
    "RECORD": "record",
}
_DECIMAL = {"DECIMAL", "NUMERIC"}
_VARCHAR = {"VARCHAR", "CHARACTER VARYING", "NVARCHAR", "TEXT"}
_CHAR = {"CHAR", "CHARACTER", "NCHAR", "BPCHAR"}
_VARBYTE = {"VARBYTE", "VARBINARY", "BINARY VARYING"}

# the longest first: "TIMESTAMP WITH TIME ZONE" before "TIMESTAMP"
_NAMES = sorted(
    {*_PLAIN, *_DECIMAL, *_VARCHAR, *_CHAR, *_VARBYTE}, key=lambda name: -len(name.split())
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnType:
    """A type as Postgres declares it, and the bytes a value may have (None: no such limit)."""

    sql: str
    max_bytes: int | None = None
    is_text: bool = False

    def check(self, column: str) -> str:
        """The constraint that keeps a column of this type within its bytes; '' if none does."""
        if self.max_bytes is None:
            return ""
        identifier = names.quoted(column)
        return (
            f' CONSTRAINT "{bytes_constraint(column, self.max_bytes)}"'
            f" CHECK (octet_length({identifier}) <= {self.max_bytes})"
        )


def bytes_constraint(column: str, max_bytes: int) -> str:
    """The name of the constraint on one column; `redshift.limit_bytes` makes the same names."""
    digest = hashlib.sha256(names.physical_name(column).encode()).hexdigest()
    return f"{BYTES_CONSTRAINT_PREFIX}{max_bytes}_{digest[:8]}"


def too_long_message(constraint: str) -> str | None:
    """Redshift's message for a violated byte limit; None for any other constraint's name."""
    if not constraint.startswith(BYTES_CONSTRAINT_PREFIX):
        return None
    width = constraint.removeprefix(BYTES_CONSTRAINT_PREFIX).partition("_")[0]
    return f"value too long for type character varying({width})"


def column_type(name: str, parameters: tuple[str, ...] = (), *, in_table: bool) -> ColumnType:
    """The type for its name in upper case and what stood in its parentheses.

    A column's VARCHAR without a width holds 256 bytes; in an expression it takes its width from
    the value (Character types, Redshift developer guide). Raises UnsupportedSqlError.
    """
    if name in _PLAIN:
        if parameters:
            raise UnsupportedSqlError(f"the type {name}({', '.join(parameters)})")
        return ColumnType(sql=_PLAIN[name])
    if name in _DECIMAL:
        return ColumnType(sql=_decimal(parameters))
    if name in _VARCHAR:
        if not parameters and not in_table:
            return ColumnType(sql="varchar", is_text=True)
        width = _width(name, parameters, default=256, maximum=MAX_VARCHAR)
        return ColumnType(sql=f"varchar({width})", max_bytes=width, is_text=True)
    if name in _CHAR:
        if not parameters and not in_table:
            return ColumnType(sql="bpchar", is_text=True)
        default = 256 if name == "BPCHAR" else 1
        width = _width(name, parameters, default=default, maximum=MAX_CHAR)
        return ColumnType(sql=f"char({width})", max_bytes=width, is_text=True)
    if name in _VARBYTE:
        width = _width(name, parameters, default=DEFAULT_VARBYTE, maximum=MAX_VARBYTE)
        return ColumnType(sql="bytea", max_bytes=width)
    raise UnsupportedSqlError(f"the type {name}")


def read_type(cursor: Cursor, *, in_table: bool) -> ColumnType:
    """Read a type with its parameters; raises UnsupportedSqlError for types not known here."""
    for name in _NAMES:
        if cursor.take(*name.split()):
            break
    else:
        raise UnsupportedSqlError(f"the type {cursor.source(cursor.current).upper()}")
    parameters: tuple[str, ...] = ()
    if cursor.at("("):
        parameters = tuple(part.source_text().upper() for part in cursor.group().split())
    return column_type(name, parameters, in_table=in_table)


def _decimal(parameters: tuple[str, ...]) -> str:
    # DECIMAL alone is DECIMAL(18,0); Postgres would keep every digit
    if len(parameters) > 2 or not all(part.isdigit() for part in parameters):
        raise UnsupportedSqlError(f"the type DECIMAL({', '.join(parameters)})")
    precision = int(parameters[0]) if parameters else 18
    scale = int(parameters[1]) if len(parameters) == 2 else 0
    if not 1 <= precision <= MAX_PRECISION or scale > precision:
        raise UnsupportedSqlError(f"the type DECIMAL({precision},{scale})")
    return f"numeric({precision},{scale})"


def _width(name: str, parameters: tuple[str, ...], *, default: int, maximum: int) -> int:
    if not parameters:
        return default
    if parameters == ("MAX",):
        return maximum
    if len(parameters) != 1 or not parameters[0].isdigit():
        raise UnsupportedSqlError(f"the type {name}({', '.join(parameters)})")
    width = int(parameters[0])
    if not 1 <= width <= maximum:
        raise UnsupportedSqlError(f"the type {name}({width}), at most {maximum}")
    return width
