"""The table a COPY fills: its columns, their types in Redshift's and in Arrow's words."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import psycopg
import pyarrow as pa

from local.warehouse import dialect
from local.warehouse.dialect.names import dotted
from local.warehouse.errors import RedshiftError


class Kind(StrEnum):
    """The column types COPY can fill, as Redshift's messages name them."""

    SMALLINT = "SMALLINT"
    INTEGER = "INTEGER"
    BIGINT = "BIGINT"
    REAL = "REAL"
    DOUBLE = "DOUBLE PRECISION"
    DECIMAL = "DECIMAL"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    TIMESTAMP = "TIMESTAMP"
    TIMESTAMPTZ = "TIMESTAMPTZ"
    TIME = "TIME"
    VARCHAR = "VARCHAR"
    CHAR = "CHAR"
    VARBYTE = "VARBYTE"
    SUPER = "SUPER"


_BY_OID = {
    16: Kind.BOOLEAN,
    17: Kind.VARBYTE,
    20: Kind.BIGINT,
    21: Kind.SMALLINT,
    23: Kind.INTEGER,
    25: Kind.VARCHAR,
    700: Kind.REAL,
    701: Kind.DOUBLE,
    1042: Kind.CHAR,
    1043: Kind.VARCHAR,
    1082: Kind.DATE,
    1083: Kind.TIME,
    1114: Kind.TIMESTAMP,
    1184: Kind.TIMESTAMPTZ,
    1700: Kind.DECIMAL,
    3802: Kind.SUPER,
}
_ARROW = {
    Kind.SMALLINT: pa.int16(),
    Kind.INTEGER: pa.int32(),
    Kind.BIGINT: pa.int64(),
    Kind.REAL: pa.float32(),
    Kind.DOUBLE: pa.float64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.DATE: pa.date32(),
    Kind.TIMESTAMP: pa.timestamp("us"),
    Kind.TIMESTAMPTZ: pa.timestamp("us", "UTC"),
    Kind.TIME: pa.time64("us"),
    Kind.VARCHAR: pa.string(),
    Kind.CHAR: pa.string(),
    Kind.VARBYTE: pa.binary(),
    Kind.SUPER: pa.string(),
}
_NAMES_IN_LOGS = {
    Kind.DOUBLE: "double precision",
    Kind.DECIMAL: "numeric",
    Kind.TIMESTAMPTZ: "timestamptz",
    Kind.SMALLINT: "int2",
    Kind.INTEGER: "int4",
    Kind.BIGINT: "int8",
    Kind.REAL: "float4",
}
TEXTS = (Kind.VARCHAR, Kind.CHAR)
INTEGERS = (Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetColumn:
    """One column: `width` in bytes of a text, `precision` and `scale` of a decimal."""

    name: str
    kind: Kind
    required: bool
    width: int = 0
    precision: int = 0
    scale: int = 0

    @property
    def logical_name(self) -> str:
        """The name as Redshift has it, of up to 127 bytes."""
        return dialect.logical_name(self.name)

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type whose values pgpq writes as this column's."""
        if self.kind is Kind.DECIMAL:
            return pa.decimal128(self.precision, self.scale)
        return _ARROW[self.kind]

    @property
    def log_type(self) -> str:
        """The type as sys_load_error_detail names it."""
        return _NAMES_IN_LOGS.get(self.kind, self.kind.value.lower())

    @property
    def log_length(self) -> str:
        """The length as sys_load_error_detail gives it: bytes, or `precision, scale`."""
        if self.kind is Kind.DECIMAL:
            return f"{self.precision}, {self.scale}"
        return str(self.width) if self.width else "0"

    @property
    def sql(self) -> str:
        """The type as messages about Parquet name it."""
        if self.kind is Kind.DECIMAL:
            return f"DECIMAL({self.precision}, {self.scale})"
        return f"{self.kind}({self.width})" if self.width else self.kind.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The table and those of its columns that a COPY fills, in the order of the files' fields."""

    oid: int
    name: str
    identifier: str
    is_temporary: bool
    columns: tuple[TargetColumn, ...]

    @property
    def schema(self) -> pa.Schema:
        """What every table on its way to Postgres looks like."""
        return pa.schema([pa.field(column.name, column.arrow) for column in self.columns])


_TABLE_SQL = """
SELECT oid::bigint, relpersistence = 't' FROM pg_class WHERE oid = to_regclass(%s)
"""
_COLUMNS_SQL = """
SELECT a.attname, a.atttypid, a.atttypmod, a.attnotnull
FROM pg_attribute a WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""


def read_target(
    connection: psycopg.Connection[Any], table: tuple[str, ...], columns: tuple[str, ...]
) -> Target:
    """Look the table up; raises RedshiftError for what does not exist or cannot be filled."""
    identifier = dotted(table[-2:])
    found = connection.execute(_TABLE_SQL, (identifier,)).fetchone()
    if found is None:
        raise RedshiftError(f"Cannot COPY into nonexistent table {table[-1]}")
    oid, is_temporary = found
    known = {row[0]: _column(*row) for row in connection.execute(_COLUMNS_SQL, (oid,)).fetchall()}
    wanted = [dialect.physical_name(name) for name in columns] or list(known)
    for name in wanted:
        if name not in known:
            raise RedshiftError(
                f'column "{dialect.logical_name(name)}" of relation "{table[-1]}" does not exist'
            )
    if len(set(wanted)) < len(wanted):
        raise RedshiftError("a column is named more than once in COPY")
    return Target(
        oid=oid,
        name=table[-1],
        identifier=identifier,
        is_temporary=is_temporary,
        columns=tuple(known[name] for name in wanted),
    )


def _column(name: str, type_oid: int, modifier: int, required: bool) -> TargetColumn:
    kind = _BY_OID.get(type_oid)
    if kind is None:
        raise RedshiftError(f'COPY cannot fill column "{name}": its type is not supported here')
    width = precision = scale = 0
    if kind in TEXTS:
        width = modifier - 4 if modifier > 4 else 65535
    elif kind is Kind.DECIMAL:
        packed = modifier - 4  # how Postgres packs a numeric's precision and scale
        precision, scale = (packed >> 16 & 0xFFFF, packed & 0x7FF) if modifier > 4 else (38, 0)
    return TargetColumn(
        name=name, kind=kind, required=required, width=width, precision=precision, scale=scale
    )
