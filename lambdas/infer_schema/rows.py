"""The rows of a CSV sample as a table of text; strict about the number of fields and quotes."""

import re
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc

from lambdas.infer_schema.dialect import QUOTE, Layout, numbered_records
from lambdas.infer_schema.sample import Piece, Sample, first_record_start, last_record_end
from lambdas.shared.domain.columns import MAX_COLUMNS
from lambdas.shared.domain.errors import FormatError, HeaderError


def rows_of(sample: Sample, layout: Layout) -> Any:
    """An Arrow table of strings, columns named by position; the header is a row like the others.

    The sample's pieces follow the head where they can be cut into rows without doubt. Raises
    FormatError, with the line, for a row too short or too long and for quotes COPY would refuse.
    """
    if layout.width > MAX_COLUMNS:
        raise HeaderError(
            f"{layout.width} columns; a Redshift table has at most {MAX_COLUMNS}: split the file"
        )
    _refuse_stray_quotes(layout)
    if layout.body.count(QUOTE.encode()) % 2:
        raise FormatError("a quoted field never ends: a quotation mark is missing, or one too many")
    head, ragged = _parsed(layout.body, layout)
    if ragged:
        raise _ragged_error(layout)
    pieces = [
        table for piece in sample.pieces if (table := _rows_of_piece(piece, layout)) is not None
    ]
    return pa.concat_tables([head, *pieces])


def _parsed(body: bytes, layout: Layout) -> tuple[Any, bool]:
    """The rows of these bytes, and whether some were too short or too long and are not in it."""
    ragged = False

    def skip(_row: Any) -> str:
        nonlocal ragged
        ragged = True
        return "skip"

    names = [str(position) for position in range(layout.width)]
    try:
        table = pc.read_csv(
            pa.BufferReader(body),
            read_options=pc.ReadOptions(
                use_threads=False, block_size=len(body) + 1, column_names=names
            ),
            parse_options=pc.ParseOptions(
                delimiter=layout.delimiter,
                quote_char=QUOTE,
                newlines_in_values=True,
                # one column: a blank line is a value, and COPY reads it so
                ignore_empty_lines=layout.width > 1,
                invalid_row_handler=skip,
            ),
            convert_options=pc.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise FormatError("the rows cannot be read as CSV; write the file again") from error
    return table, ragged


def _ragged_error(layout: Layout) -> FormatError:
    for line, row in numbered_records(layout.body.decode(), layout.delimiter):
        if len(row) != layout.width:
            return FormatError(
                f"line {layout.preamble + line} has {len(row)} fields and the first has"
                f" {layout.width}; mend the row, or quote the fields that hold a delimiter",
                line=layout.preamble + line,
            )
    return FormatError("some rows have more or fewer fields than the first; mend them")


def _refuse_stray_quotes(layout: Layout) -> None:
    """COPY takes a quotation mark around a field or doubled inside one, and nowhere else."""
    if QUOTE.encode() not in layout.body:
        return
    edge = re.escape(layout.delimiter.encode())
    stray = re.search(rb'[^\r\n"' + edge + rb']"[^\r\n"' + edge + rb"]", layout.body)
    if stray:
        line = layout.preamble + layout.body.count(b"\n", 0, stray.start() + 1) + 1
        raise FormatError(
            f"line {line} has a quotation mark inside a field, or blanks beside a quoted one; quote"
            " the whole field and double the mark",
            line=line,
        )


def _rows_of_piece(piece: Piece, layout: Layout) -> Any | None:
    """The rows of bytes cut out of the file; None where it cannot be told how they are cut.

    The cut may lie inside a quoted field or not; only one of both guesses gives rows of the right
    width. Without quotes there is nothing to guess, and a row of the wrong width is wrong.
    """
    if QUOTE.encode() not in piece.content:
        body = _records_in(piece, inside_quotes=False)
        if not body:  # a part of one long row
            return None
        table, ragged = _parsed(body, layout)
        if ragged:
            raise FormatError(
                "a row in the middle or at the end of the file does not have"
                f" {layout.width} fields, as the first line has; mend it"
            )
        return table
    guesses = [
        _parsed(body, layout)
        for inside in (False, True)
        if (body := _records_in(piece, inside_quotes=inside))
    ]
    fitting = [table for table, ragged in guesses if not ragged]
    return fitting[0] if len(fitting) == 1 else None


def _records_in(piece: Piece, *, inside_quotes: bool) -> bytes:
    start = first_record_start(piece.content, inside_quotes=inside_quotes)
    body = piece.content[start:] if start >= 0 else b""
    return body if piece.last else body[: last_record_end(body)]
