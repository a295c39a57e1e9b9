"""CSV and JSON as COPY reads them: fields as text first, then each column as its type.

Good data is never looked at row by row in Python; only an error is, to say on which line it is.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from local.warehouse.copy import rejects
from local.warehouse.copy.grammar import ENCODINGS, CopyStatement
from local.warehouse.copy.rejects import Reason, Rejects
from local.warehouse.copy.sources import Loaded
from local.warehouse.copy.target import Kind, Target, TargetColumn
from local.warehouse.copy.values import Converted, convert
from local.warehouse.dialect.names import lowered
from local.warehouse.errors import CopyError

_BATCH_ROWS = 64 * 1024
_BLOCK_BYTES = 4 << 20
_BOM = "\ufeff"


def _decoded(file: Loaded, statement: CopyStatement, bad: Rejects) -> str:
    """The file as text; an invalid character is a refused row, or is replaced if that is asked."""
    encoding = ENCODINGS[statement.encoding]
    try:
        return file.body.decode(encoding)
    except UnicodeDecodeError as error:
        if statement.replace_invalid is None:
            line = file.body.count(b"\n", 0, error.start) + 1
            bad.add(rejects.BAD_UTF8, file_name=file.url, line_number=line)
        replacement = statement.replace_invalid or ""
        return file.body.decode(encoding, errors="replace").replace("\ufffd", replacement)


# --- CSV ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Record:
    """One record: the line it starts on, counted from 1 with the headers, its text, its fields."""

    line: int
    text: str
    fields: list[str]


def _records(text: str, statement: CopyStatement) -> Iterator[_Record]:
    """The records of a file one by one: slow, and only for those who must name a line."""
    lines = list(io.StringIO(text, newline=""))
    start = statement.ignore_header
    reader = csv.reader(lines[start:], delimiter=statement.delimiter, quotechar=statement.quote)
    for fields in reader:
        end = statement.ignore_header + reader.line_num
        if fields or not statement.ignore_blank_lines:
            yield _Record(start + 1, "".join(lines[start:end]), fields or [""])
        start = end


def read_csv(
    file: Loaded, statement: CopyStatement, target: Target, bad: Rejects
) -> Iterator[pa.Table]:
    """The file as tables of `target.schema`; refused rows go to `bad`, which may raise CopyError.

    '' is no NULL for text, quoted or not; the NULL AS marker is one only where it is not quoted.
    """
    text = _decoded(file, statement, bad)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        bad.add(rejects.BAD_UTF8, file_name=file.url, line_number=line)
        text = text.replace("\0", "")
    body = text.encode()
    if text.startswith(_BOM):
        body = _BOM.encode() + body  # Arrow drops one, and Redshift drops none
    lines: list[int] | None = None
    try:
        table = _parsed(_without_lines(body, statement.ignore_header), statement, target)
    except pa.ArrowInvalid:
        even, lines = _even_records(text, file, statement, target, bad)
        table = _parsed(even.encode(), statement, target)

    def line_of(row: int) -> int:
        if lines is not None:
            return lines[row]
        try:
            return next(islice(_records(text, statement), row, None)).line
        except csv.Error as error:
            raise _not_closed(file) from error

    yield from _typed(table, file, statement, target, bad, line_of)


def _parsed(body: bytes, statement: CopyStatement, target: Target) -> pa.Table:
    """All records as columns of text; raises ArrowInvalid if they are not all of one width."""
    names = [str(index) for index in range(len(target.columns))]
    if not body:
        return pa.table({name: pa.array([], pa.string()) for name in names})

    def parsed(block_size: int) -> pa.Table:
        return pyarrow.csv.read_csv(
            pa.BufferReader(body),
            read_options=pyarrow.csv.ReadOptions(column_names=names, block_size=block_size),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=statement.delimiter,
                quote_char=statement.quote,
                newlines_in_values=True,
                ignore_empty_lines=statement.ignore_blank_lines,
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[statement.null_as],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                check_utf8=False,  # it was decoded before
            ),
        )

    try:
        return parsed(_BLOCK_BYTES)
    except pa.ArrowInvalid:
        if len(body) <= _BLOCK_BYTES:
            raise
        return parsed(min(len(body) + 1, 2**31 - 1))  # perhaps one record is longer than a block


def _without_lines(body: bytes, count: int) -> bytes:
    start = 0
    for _ in range(count):
        start = body.find(b"\n", start) + 1
        if start == 0:
            return b""
    return body[start:]


def _even_records(
    text: str, file: Loaded, statement: CopyStatement, target: Target, bad: Rejects
) -> tuple[str, list[int]]:
    """The records with the right number of fields, and their lines; the others are refused.

    FILLRECORD fills those that are too short.
    """
    width = len(target.columns)
    kept: list[str] = []
    lines: list[int] = []
    filler = statement.delimiter + statement.null_as
    try:
        for record in _records(text, statement):
            missing = width - len(record.fields)
            if missing < 0:
                bad.add(rejects.TOO_MANY_COLUMNS, file_name=file.url, line_number=record.line)
                continue
            if missing and not statement.fill_record:
                column = target.columns[len(record.fields)]
                bad.add(
                    rejects.NO_DELIMITER, file_name=file.url, line_number=record.line, column=column
                )
                continue
            kept.append(record.text.rstrip("\r\n") + filler * missing + "\n")
            lines.append(record.line)
    except csv.Error as error:
        raise _not_closed(file) from error
    return "".join(kept), lines


def _not_closed(file: Loaded) -> CopyError:
    return CopyError(f"{file.url}: a field is not closed, or too long")


# --- JSON -----------------------------------------------------------------------------------------

_SCALARS = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_VALUES = json.JSONDecoder()


def read_json(
    file: Loaded, statement: CopyStatement, target: Target, bad: Rejects
) -> Iterator[pa.Table]:
    """JSON objects, one after the other, as tables of `target.schema`; as `read_csv` does."""
    text = _decoded(file, statement, bad)
    keys = _Keys(target, statement)
    rows: list[list[str | None]] = []
    starts: list[int] = []
    for start, end, document in _documents(text, file, bad):
        rows.append(keys.row(text[start:end], document))
        starts.append(start)
    if not rows:
        return
    columns = {
        str(index): pa.array(values, pa.string())
        for index, values in enumerate(zip(*rows, strict=True))
    }

    def line_of(row: int) -> int:
        return text.count("\n", 0, starts[row]) + 1

    yield from _typed(pa.table(columns), file, statement, target, bad, line_of)


def _documents(text: str, file: Loaded, bad: Rejects) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Where each JSON object begins and ends, and its members, numbers as they are written.

    What is no object is refused, up to the end of its line.
    """
    position = _next_value(text, 0)
    while position < len(text):
        try:
            value, end = _SCALARS.raw_decode(text, position)
            if not isinstance(value, dict):
                raise ValueError
        except (ValueError, RecursionError):
            line = text.count("\n", 0, position) + 1
            reason = (rejects.BAD_LINE, "Invalid JSON: an object is expected")
            bad.add(reason, file_name=file.url, line_number=line)
            end = text.find("\n", position)
            end = len(text) if end < 0 else end
        else:
            yield position, end, value
        position = _next_value(text, end)


def _next_value(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n" + _BOM:
        position += 1
    return position


class _Keys:
    """Which key of a document goes into which column, for the modes of FORMAT AS JSON."""

    def __init__(self, target: Target, statement: CopyStatement) -> None:
        if statement.json_mode == "noshred" and [c.kind for c in target.columns] != [Kind.SUPER]:
            raise CopyError("JSON 'noshred' loads one column of type SUPER")
        self._whole = statement.json_mode == "noshred"
        self._fold = statement.json_mode == "auto ignorecase"
        self._columns = target.columns

    def row(self, document: str, scalars: dict[str, Any]) -> list[str | None]:
        """The text of each column's value; SUPER columns get JSON."""
        if self._whole:
            return [document]
        nested: dict[str, Any] = {}
        if any(c.kind is Kind.SUPER for c in self._columns) or any(
            isinstance(value, dict | list) for value in scalars.values()
        ):
            nested = _VALUES.decode(document)
        if self._fold:
            # of other letters nobody says that their case is ignored
            scalars = {lowered(key): value for key, value in scalars.items()}
            nested = {lowered(key): value for key, value in nested.items()}
        return [self._text(column, scalars, nested) for column in self._columns]

    def _text(
        self, column: TargetColumn, scalars: dict[str, Any], nested: dict[str, Any]
    ) -> str | None:
        value = scalars.get(column.logical_name)
        if value is None:
            return None
        if column.kind is Kind.SUPER or isinstance(value, dict | list):
            whole = nested[column.logical_name]
            return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
        return ("true" if value else "false") if isinstance(value, bool) else str(value)


# --- both -----------------------------------------------------------------------------------------


def _typed(
    table: pa.Table,
    file: Loaded,
    statement: CopyStatement,
    target: Target,
    bad: Rejects,
    line_of: Callable[[int], int],
) -> Iterator[pa.Table]:
    """Columns of text as columns of the target's types, without the rows that are refused."""
    first = 0
    for batch in table.to_batches(max_chunksize=_BATCH_ROWS):
        converted = [
            convert(values, column, statement)
            for values, column in zip(batch.columns, target.columns, strict=True)
        ]
        typed = pa.Table.from_arrays([each.values for each in converted], schema=target.schema)
        wrong = _wrong_rows(converted)
        if wrong is not None:
            for row in pc.indices_nonzero(wrong).to_pylist():
                column, reason = _first_failure(converted, target, row)
                bad.add(reason, file_name=file.url, line_number=line_of(first + row), column=column)
            typed = typed.filter(pc.invert(wrong))
        first += batch.num_rows
        yield typed


def _wrong_rows(converted: list[Converted]) -> pa.Array | None:
    wrong: pa.Array | None = None
    for each in converted:
        for mask, _ in each.failures:
            filled = pc.fill_null(mask, False)
            wrong = filled if wrong is None else pc.or_(wrong, filled)
    return wrong


def _first_failure(
    converted: list[Converted], target: Target, row: int
) -> tuple[TargetColumn, Reason]:
    for each, column in zip(converted, target.columns, strict=True):
        if reason := each.first_failure(row):
            return column, reason
    raise AssertionError("a refused row has a reason")
