"""The rows of one query as the Data API hands them out: fields, column metadata, pages, CSV."""

import base64
import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.pq.abc import PGresult

from local.warehouse import dialect
from local.warehouse.errors import RedshiftError

MAX_RESULT_BYTES = 500 * 1024 * 1024
"""Quotas of the Data API, management guide."""
MAX_ROW_BYTES = 64 * 1024
_PAGE_ROWS = 1000
_PAGE_BYTES = 1024 * 1024

Field = dict[str, Any]

_JSON_SPACE = re.compile(r'("(?:[^"\\]|\\.)*")|(?<=[:,]) ')


@dataclass(frozen=True, slots=True)
class _Type:
    """How Redshift's JDBC driver, and the Data API with it, describes a type."""

    name: str
    field: Callable[[str], Field]
    precision: int = 0
    signed: bool = False
    case_sensitive: bool = False


def _string(text: str) -> Field:
    return {"stringValue": text}


def _long(text: str) -> Field:
    return {"longValue": int(text)}


def _double(text: str) -> Field:
    return {"doubleValue": float(text)}


def _boolean(text: str) -> Field:
    return {"booleanValue": text == "t"}


def _blob(text: str) -> Field:
    return {"blobValue": base64.b64encode(bytes.fromhex(text.removeprefix("\\x"))).decode()}


def _super(text: str) -> Field:
    return {"stringValue": compact_json(text)}


def compact_json(text: str) -> str:
    """A jsonb value as Redshift prints a SUPER: without the spaces after commas and colons."""
    return _JSON_SPACE.sub(lambda found: found.group(1) or "", text)


_VARCHAR = _Type("varchar", _string, case_sensitive=True)
_TYPES = {
    16: _Type("bool", _boolean, precision=1),
    17: _Type("varbyte", _blob),
    18: _Type("char", _string, precision=1, case_sensitive=True),
    19: _Type("name", _string, precision=63, case_sensitive=True),
    20: _Type("int8", _long, precision=19, signed=True),
    21: _Type("int2", _long, precision=5, signed=True),
    23: _Type("int4", _long, precision=10, signed=True),
    26: _Type("oid", _long, precision=10),
    700: _Type("float4", _double, precision=8, signed=True),
    701: _Type("float8", _double, precision=17, signed=True),
    1042: _Type("bpchar", _string, case_sensitive=True),
    1082: _Type("date", _string, precision=13),
    1083: _Type("time", _string, precision=15),
    1114: _Type("timestamp", _string, precision=29),
    1184: _Type("timestamptz", _string, precision=35),
    1266: _Type("timetz", _string, precision=21),
    1700: _Type("numeric", _string, signed=True),
    3802: _Type("super", _super),
}
_WITH_WIDTH = ("varchar", "bpchar")

# for every column of a result that comes from a table: which one, and whether it may be NULL
_ORIGINS_SQL = """
SELECT a.attrelid::text, a.attnum::text, n.nspname, c.relname, a.attnotnull::text
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.attrelid = ANY (%s::oid[]) AND a.attnum > 0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultSet:
    """The rows of a finished query, kept as the server sent them."""

    result: PGresult
    columns: tuple[dict[str, Any], ...]
    size: int

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.result.ntuples

    def page(self, offset: int) -> tuple[list[list[Field]], int]:
        """The rows from `offset` on that fit into one answer, and where the next page starts.

        The next page starts at `rows` when this was the last.
        """
        readers = [_TYPES.get(self.result.ftype(i), _VARCHAR).field for i in self._indexes]
        page: list[list[Field]] = []
        size = 0
        for row in range(offset, min(offset + _PAGE_ROWS, self.rows)):
            values = [self.result.get_value(row, index) for index in self._indexes]
            size += sum(len(value) for value in values if value is not None)
            if page and size > _PAGE_BYTES:
                break
            page.append(
                [
                    {"isNull": True} if value is None else read(value.decode())
                    for read, value in zip(readers, values, strict=True)
                ]
            )
        return page, offset + len(page)

    def csv_page(self, offset: int) -> tuple[str, int]:
        """The same as CSV text; the first page begins with the names of the columns."""
        page, following = self.page(offset)
        text = io.StringIO()
        writer = csv.writer(text)
        if offset == 0:
            writer.writerow([column["name"] for column in self.columns])
        writer.writerows([[_plain(field) for field in row] for row in page])
        return text.getvalue(), following

    @property
    def _indexes(self) -> range:
        return range(self.result.nfields)


def _plain(field: Field) -> str:
    ((kind, value),) = field.items()
    if kind == "isNull":
        return ""
    if kind == "booleanValue":
        return "true" if value else "false"
    return str(value)


def read_result(connection: psycopg.Connection[Any], result: PGresult) -> ResultSet:
    """Keep a result with its metadata; raises RedshiftError if it is larger than AWS allows."""
    size = 0
    for row in range(result.ntuples):
        row_size = sum(len(result.get_value(row, index) or b"") for index in range(result.nfields))
        size += row_size
        if row_size > MAX_ROW_BYTES:
            raise RedshiftError(f"row {row + 1} of the result is larger than 64 KB")
        if size > MAX_RESULT_BYTES:
            raise RedshiftError("the result is larger than 500 MB; use UNLOAD")
    return ResultSet(result=result, columns=_metadata(connection, result), size=size)


def _metadata(connection: psycopg.Connection[Any], result: PGresult) -> tuple[dict[str, Any], ...]:
    tables = sorted({result.ftable(index) for index in range(result.nfields)} - {0})
    origins: dict[tuple[str, str], tuple[str, str, bool]] = {}
    if tables:
        for table, number, schema, name, required in connection.execute(_ORIGINS_SQL, (tables,)):
            origins[table, number] = (schema, name, required == "true")
    return tuple(
        column_metadata(
            name=(result.fname(index) or b"").decode(),
            type_oid=result.ftype(index),
            modifier=result.fmod(index),
            origin=origins.get((str(result.ftable(index)), str(result.ftablecol(index)))),
        )
        for index in range(result.nfields)
    )


def column_metadata(
    *, name: str, type_oid: int, modifier: int, origin: tuple[str, str, bool] | None
) -> dict[str, Any]:
    """One ColumnMetadata; `origin` is (schema, table, NOT NULL) where the column has a table."""
    described = _TYPES.get(type_oid, _VARCHAR)
    precision, scale = described.precision, 0
    if described.name in _WITH_WIDTH:
        precision = modifier - 4 if modifier > 4 else 65535
    elif described.name == "numeric":
        # how Postgres packs a numeric's precision and scale into one number
        packed = modifier - 4
        precision, scale = (packed >> 16 & 0xFFFF, packed & 0x7FF) if modifier > 4 else (38, 0)
    elif described.name in ("timestamp", "timestamptz"):
        scale = 6
    schema, table, required = origin or ("", "", False)
    logical = dialect.logical_name(name)
    return {
        "name": logical,
        "label": logical,
        "typeName": described.name,
        "precision": precision,
        "scale": scale,
        "length": 0,
        "nullable": 0 if required else 1,
        "isSigned": described.signed,
        "isCaseSensitive": described.case_sensitive,
        "isCurrency": False,
        "schemaName": dialect.logical_name(schema),
        "tableName": dialect.logical_name(table),
    }
