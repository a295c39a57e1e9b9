"""What one file is, which columns it has and which types they get: the way in to this package."""

import codecs
import re
from collections.abc import Mapping
from typing import Literal

from config.job import CsvOptions
from lambdas.infer_schema import sniff
from lambdas.infer_schema.csv_file import inspect_csv
from lambdas.infer_schema.json_lines import inspect_json_lines
from lambdas.infer_schema.parquet_file import TAIL_BYTES, inspect_parquet, is_parquet
from lambdas.infer_schema.sample import read_head, take_sample
from lambdas.infer_schema.source import RangedSource, Reader
from lambdas.shared.domain.columns import FileSchema, Format
from lambdas.shared.domain.errors import FormatError
from lambdas.shared.domain.names import Identifier
from lambdas.shared.domain.types import RedshiftType

_JSON_OBJECT = re.compile(rb'\s*\{\s*("|\})')
_JSON_ARRAY = re.compile(rb"\s*\[\s*(\{|\[|\])")
_MARKS = codecs.BOM_UTF8 + codecs.BOM_UTF16_LE
_PROBE_BYTES = 4096
_CALLED: dict[Format, str] = {"parquet": "Parquet", "csv": "CSV", "json": "JSON lines"}


def inspect(
    source: RangedSource,
    *,
    file_format: Literal["auto", "parquet", "csv", "json"] = "auto",
    csv: CsvOptions | None = None,
    overrides: Mapping[str, RedshiftType] | None = None,
) -> FileSchema:
    """What the file holds, from a few ranged reads.

    `file_format` is the job's word; with auto the name's ending counts, and the content where the
    ending says nothing. Content that contradicts either is refused. `overrides` are the job's
    column types by name; those of columns the file lacks are left aside.
    Raises FileError subclasses, and whatever the source raises; messages never show values.
    """
    reader = Reader(source)
    if reader.size == 0:
        raise FormatError(f"{reader.name} is empty (0 bytes); upload it again")
    types = {Identifier(name): wanted for name, wanted in (overrides or {}).items()}
    promised, gzip_promised = sniff.format_by_name(reader.name)
    expected = promised if file_format == "auto" else file_format
    ground = "its name" if file_format == "auto" else "the job's file_format"
    if expected in (None, "parquet") and is_parquet(reader.tail(TAIL_BYTES)):
        return inspect_parquet(reader, types)
    head = reader.read(0, _PROBE_BYTES) if expected == "parquet" else read_head(reader)
    content = sniff.content(head)
    _refuse_unless_text(reader, content, expected, ground)
    if gzip_promised and content != sniff.GZIP:
        raise FormatError(f"{reader.name} is gzip by its name and is not packed; rename it")
    sample = take_sample(reader)
    found = _text_format(reader.name, sample.head, expected)
    if expected not in (None, found):
        raise FormatError(
            f"{reader.name} is {_CALLED[expected]} by {ground} and looks like {_CALLED[found]};"
            f" {_MEND}"
        )
    if found == "json":
        return inspect_json_lines(reader, sample, types)
    return inspect_csv(reader, sample, csv, types)


def _refuse_unless_text(reader: Reader, content: str, expected: Format | None, ground: str) -> None:
    if content == sniff.PARQUET and expected in (None, "parquet"):
        raise FormatError(
            f"{reader.name} begins like Parquet and does not end so: it was cut short; upload it"
            " again"
        )
    claim = f" is {_CALLED[expected]} by {ground} and" if expected else ""
    if expected == "parquet":
        raise FormatError(f"{reader.name}{claim} holds {content}; {_MEND}")
    if content not in (sniff.TEXT, sniff.GZIP):
        remedy = _MEND if content == sniff.PARQUET else _SUPPORTED
        raise FormatError(f"{reader.name}{claim} holds {content}; {remedy}")


def _text_format(name: str, head: bytes, expected: Format | None) -> Format:
    text = head[:_PROBE_BYTES].lstrip(_MARKS).replace(b"\0", b"")  # UTF-16 is looked at as well
    if _JSON_ARRAY.match(text) and expected != "csv":
        raise FormatError(
            f"{name} is one JSON array; write one object a line (JSON lines), or convert it with"
            " tools/json_to_parquet.py"
        )
    return "json" if _JSON_OBJECT.match(text) else "csv"


_MEND = "rename it, set file_format in the job, or write it again"
_SUPPORTED = "upload Parquet, or CSV or JSON lines, which may be packed with gzip"
