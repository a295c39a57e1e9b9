"""What COPY takes of files: each type of Parquet as its column is staged, keys as people write."""

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lambdas.infer_schema.inspect import inspect
from lambdas.shared.domain import types
from lambdas.shared.domain.columns import Column
from lambdas.shared.domain.types import RedshiftType
from tools.verify_on_aws.checks import Check, Finding
from tools.verify_on_aws.scratch import Scratch

_MOMENT = datetime(2024, 1, 31, 9, 30, 0, 123456)  # noqa: DTZ001 - of no zone, as files have them
_KEYS = (
    "blanks in it.csv",
    "a+b.csv",
    "100%.csv",
    "%2F%20.csv",
    "é 日本 🙂.csv",
    "'quoted' \"twice\" ;&|.csv",
    "n/" * 400 + "deep.csv",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One value of a type, and what it equals in SQL; None where that cannot be written.

    `asked` is the type in the job's `columns`.
    """

    name: str
    values: Any
    equals: str | None
    options: dict[str, Any] = field(default_factory=dict)
    asked: RedshiftType | None = None


_KINDS = (
    _Kind(name="8 bit", values=pa.array([7], pa.int8()), equals="7"),
    _Kind(name="16 bit", values=pa.array([-300], pa.int16()), equals="-300"),
    _Kind(name="unsigned 8 bit", values=pa.array([255], pa.uint8()), equals="255"),
    _Kind(name="unsigned 16 bit", values=pa.array([65_535], pa.uint16()), equals="65535"),
    _Kind(name="unsigned 32 bit", values=pa.array([2**32 - 1], pa.uint32()), equals="4294967295"),
    _Kind(
        name="unsigned 64 bit",
        values=pa.array([2**64 - 1], pa.uint64()),
        equals="18446744073709551615",
    ),
    _Kind(name="32 bit float", values=pa.array([1.5], pa.float32()), equals="1.5"),
    _Kind(
        name="decimal",
        values=pa.array([Decimal("1234.56")], pa.decimal128(20, 2)),
        equals="1234.56",
    ),
    _Kind(name="boolean", values=pa.array([True]), equals="TRUE"),
    _Kind(name="date", values=pa.array([date(2024, 1, 31)]), equals="DATE '2024-01-31'"),
    _Kind(name="time", values=pa.array([time(9, 30, 0, 500_000)]), equals="TIME '09:30:00.5'"),
    _Kind(
        name="timestamp",
        values=pa.array([_MOMENT], pa.timestamp("us")),
        equals="TIMESTAMP '2024-01-31 09:30:00.123456'",
    ),
    _Kind(
        name="timestamp in nanoseconds",
        values=pa.array([_MOMENT], pa.timestamp("ns")),
        equals="TIMESTAMP '2024-01-31 09:30:00.123456'",
    ),
    _Kind(
        name="timestamp of 96 bit",
        values=pa.array([_MOMENT], pa.timestamp("ns")),
        equals="TIMESTAMP '2024-01-31 09:30:00.123456'",
        options={"use_deprecated_int96_timestamps": True},
    ),
    _Kind(
        name="timestamp in UTC",
        values=pa.array([_MOMENT], pa.timestamp("us", "UTC")),
        equals="TIMESTAMPTZ '2024-01-31 09:30:00.123456+00'",
    ),
    _Kind(name="text", values=pa.array(["Zoë 日本"]), equals="'Zoë 日本'"),
    _Kind(name="bytes", values=pa.array([b"\x00\xff"]), equals=None),
    _Kind(name="bytes of one length", values=pa.array([b"\x00\xff"], pa.binary(2)), equals=None),
    _Kind(
        name="bytes that the job calls text",
        values=pa.array(["Zoë".encode()], pa.binary()),
        equals="'Zoë'",
        asked=types.varchar(64),
    ),
    _Kind(name="list", values=pa.array([[1, 2]]), equals=None),
    _Kind(name="nothing but NULL", values=pa.nulls(1), equals=None),
    _Kind(name="zstd", values=pa.array([7]), equals="7", options={"compression": "zstd"}),
)


_WRITTEN = {
    "2024-01-31": "DATE '2024-01-31'",
    "2024-01-31 09:30": "TIMESTAMP '2024-01-31 09:30:00'",
    "2024-01-31 09:30:00.123456": "TIMESTAMP '2024-01-31 09:30:00.123456'",
    "2024-01-31T09:30:00": "TIMESTAMP '2024-01-31 09:30:00'",
    "2024-01-31T09:30:00Z": "TIMESTAMPTZ '2024-01-31 09:30:00+00'",
    "2024-01-31T09:30:00.123456Z": "TIMESTAMPTZ '2024-01-31 09:30:00.123456+00'",
    "2024-01-31 09:30:00+02": "TIMESTAMPTZ '2024-01-31 07:30:00+00'",
    "2024-01-31 09:30:00+0200": "TIMESTAMPTZ '2024-01-31 07:30:00+00'",
    "2024-01-31T09:30:00-05:30": "TIMESTAMPTZ '2024-01-31 15:00:00+00'",
    "09:30:00.5": "TIME '09:30:00.5'",
    "TRUE": "TRUE",
    "-1.5e3": "-1500",
    ".25": "0.25",
}
"""Values as text files have them, of types that inference gives, and what each is."""


class _File:
    """A file in memory, as inference reads one."""

    def __init__(self, name: str, body: bytes) -> None:
        self.name = name
        self._body = body
        self.size = len(body)

    def read(self, start: int, length: int) -> bytes:
        return self._body[start : start + length]


def _parquet(scratch: Scratch) -> Finding:
    wrong = [told for number, kind in enumerate(_KINDS) for told in _told(scratch, number, kind)]
    return Finding(holds=not wrong, observed="; ".join(wrong) or f"all {len(_KINDS)} kinds")


def _told(scratch: Scratch, number: int, kind: _Kind) -> Iterable[str]:
    """What is wrong with a kind, if anything."""
    out = io.BytesIO()
    pq.write_table(pa.table({"a": kind.values}), out, **kind.options)
    body = out.getvalue()
    asked = {} if kind.asked is None else {"a": kind.asked}
    column: Column = inspect(_File("verify.parquet", body), overrides=asked).columns[0]
    table = scratch.table(f"parquet_{number}")
    scratch.done(f"CREATE TABLE {table} (a {column.staged.sql})")
    url = scratch.put(f"{number}.parquet", body)
    manifest = scratch.manifest(
        f"{number}.manifest",
        {"url": url, "mandatory": True, "meta": {"content_length": len(body)}},
    )
    as_json = " SERIALIZETOJSON" if column.staged.sql == "SUPER" else ""
    copied = scratch.closed(
        scratch.submit(
            f"COPY {table} FROM {manifest} {scratch.copy_role} MANIFEST FORMAT AS PARQUET{as_json}"
        )
    )
    if copied["Status"] != "FINISHED":
        yield f"{kind.name} into {column.staged}: {copied.get('Error')}"
        return
    where = "" if kind.equals is None else f" WHERE a = {kind.equals}"
    if scratch.rows(f"SELECT COUNT(*) FROM {table}{where}") != [[1]]:
        yield f"{kind.name} into {column.staged}: {scratch.rows(f'SELECT a FROM {table}')}"


def _texts(scratch: Scratch) -> Finding:
    """Each notation alone in a file, into the column that inference gives it."""
    wrong = []
    for number, (text, equals) in enumerate(_WRITTEN.items()):
        body = f"a,b\n{text},x\n".encode()
        column: Column = inspect(_File("verify.csv", body)).columns[0]
        table = scratch.table(f"text_{number}")
        scratch.done(f"CREATE TABLE {table} (a {column.type}, b VARCHAR(1))")
        url = scratch.put(f"text_{number}.csv", body)
        manifest = scratch.manifest(f"text_{number}.manifest", {"url": url, "mandatory": True})
        options = "MANIFEST FORMAT AS CSV IGNOREHEADER 1 DATEFORMAT 'auto' TIMEFORMAT 'auto'"
        copied = scratch.closed(
            scratch.submit(f"COPY {table} (a, b) FROM {manifest} {scratch.copy_role} {options}")
        )
        if copied["Status"] != "FINISHED":
            wrong.append(f"{text} into {column.type}: {copied.get('Error')}")
        elif scratch.rows(f"SELECT COUNT(*) FROM {table} WHERE a = {equals}") != [[1]]:
            wrong.append(f"{text} into {column.type}: {scratch.rows(f'SELECT a FROM {table}')}")
    return Finding(holds=not wrong, observed="; ".join(wrong) or f"all {len(_WRITTEN)} notations")


def _keys(scratch: Scratch) -> Finding:
    """One manifest of files whose keys have to be taken as they are."""
    table = scratch.table("keys")
    scratch.done(f"CREATE TABLE {table} (a INTEGER)")
    urls = [scratch.put(f"keys/{key}", f"{n}\n".encode()) for n, key in enumerate(_KEYS)]
    manifest = scratch.manifest("keys.manifest", *({"url": url, "mandatory": True} for url in urls))
    copied = scratch.closed(
        scratch.submit(f"COPY {table} FROM {manifest} {scratch.copy_role} MANIFEST FORMAT AS CSV")
    )
    there = {row[0] for row in scratch.rows(f"SELECT a FROM {table}")}
    absent = [key for n, key in enumerate(_KEYS) if n not in there]
    return Finding(
        holds=not absent,
        observed=f"{copied['Status']}, without {absent}: {copied.get('Error')}"
        if absent
        else f"all {len(_KEYS)} keys",
    )


def _letters(scratch: Scratch) -> Finding:
    """Two columns that differ in the case of a letter beyond ASCII, and JSON for both."""
    table = scratch.table("letters")
    scratch.done(f'CREATE TABLE {table} ("ID" INTEGER, "Ähre" INTEGER, "ähre" INTEGER)')
    url = scratch.put("letters.json", '{"Id": 1, "Ähre": 2, "ähre": 3}\n'.encode())
    manifest = scratch.manifest("letters.manifest", {"url": url, "mandatory": True})
    options = f"{scratch.copy_role} MANIFEST FORMAT AS JSON 'auto ignorecase'"
    scratch.done(f"COPY {table} FROM {manifest} {options}")
    found = scratch.rows(f'SELECT id, "Ähre", "ähre" FROM {table}')
    return Finding(holds=found == [[1, 2, 3]], observed=str(found))


CHECKS = (
    Check(
        name="types of Parquet",
        expected="COPY takes each type as the column is staged, and the value is the file's",
        otherwise="refused: such files are rejected; another value: it is wrong in its table. Map"
        " the type anew in lambdas/infer_schema/parquet_file.py",
        ask=_parquet,
    ),
    Check(
        name="notations of text",
        expected="COPY reads each notation of a date, time or number that inference gives a type",
        otherwise="refused: such files are rejected by line and column; another value: it is wrong"
        " in its table. Leave that notation text in lambdas/infer_schema/values.py",
        ask=_texts,
    ),
    Check(
        name="keys in a manifest",
        expected="COPY takes the keys of a manifest as they are: blanks, +, %, quotes, letters",
        otherwise="files with such names never load; give raw copies a plain name",
        ask=_keys,
    ),
    Check(
        name="letters beyond ASCII",
        expected="names fold ASCII letters only, and JSON finds a key written as its column",
        otherwise="columns that differ in the case of such a letter are one: files that bring both"
        " are not loaded, or one of their values is lost",
        ask=_letters,
    ),
)
