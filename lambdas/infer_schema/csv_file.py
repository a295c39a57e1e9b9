"""What a CSV holds, by a bounded sample: its dialect, its columns, and types that COPY can load."""

from collections.abc import Mapping
from typing import Any

import pyarrow.compute as pc

from config.job import CsvOptions
from lambdas.infer_schema.dialect import commented_header, header_of, layout_of
from lambdas.infer_schema.encodings import as_text
from lambdas.infer_schema.headers import column_names
from lambdas.infer_schema.null_words import DEFAULT_MARKER, Evidence, are, evidence_of, marker_of
from lambdas.infer_schema.rows import rows_of
from lambdas.infer_schema.sample import Sample
from lambdas.infer_schema.source import Reader
from lambdas.infer_schema.values import first_misfit
from lambdas.shared.domain.columns import Column, CsvDialect, FileSchema
from lambdas.shared.domain.errors import EncodingError, TypeChangeError
from lambdas.shared.domain.names import Identifier
from lambdas.shared.domain.types import Kind, RedshiftType

_HEADER_PROBE_ROWS = 100
_TEXT_KINDS = (Kind.VARCHAR, Kind.CHAR)


def inspect_csv(
    reader: Reader,
    sample: Sample,
    options: CsvOptions | None,
    overrides: Mapping[Identifier, RedshiftType],
) -> FileSchema:
    """The dialect, the columns and, where the file was read whole, the rows of a CSV.

    Raises FormatError for rows that do not all have the same number of fields, EncodingError,
    HeaderError, and TypeChangeError for values that an override could not take.
    """
    options = options or CsvOptions()
    text = as_text(sample, options.encoding)
    layout = layout_of(text.sample, options.delimiter, options.header)
    rows = rows_of(text.sample, layout)
    below = [column.slice(1, _HEADER_PROBE_ROWS).to_pylist() for column in rows.columns]
    commented = commented_header(layout, below, options.header)
    header = None if commented else header_of(layout, below, options.header)
    written = commented or header
    skip_lines = layout.preamble + bool(header)
    if text.marked and text.encoding == "UTF8" and not skip_lines:
        raise EncodingError(
            "the file begins with a byte order mark and has no header: COPY would read the mark as"
            " part of the first value; write it without"
        )
    names, renamed = column_names(written or ("",) * layout.width, rename_repeated=True)
    data = rows.slice(1) if header else rows
    shown = [
        evidence_of(
            column,
            name.text,
            options.null_marker,
            asked_as_text=name in overrides and overrides[name].kind in _TEXT_KINDS,
        )
        for name, column in zip(names, data.columns, strict=True)
    ]
    marker = marker_of(shown) if options.null_marker is None else options.null_marker
    return FileSchema(
        format="csv",
        compression=text.sample.compression,
        columns=tuple(
            _overridden(name, each, marker, values, overrides[name])
            if name in overrides
            else _column(name, each, marker)
            for name, each, values in zip(names, shown, data.columns, strict=True)
        ),
        rows=data.num_rows if text.sample.whole else None,
        csv=CsvDialect(
            delimiter=layout.delimiter,
            encoding=text.encoding,
            header=header is not None,
            skip_lines=skip_lines,
            null_marker=marker,
        ),
        renamed=renamed if written else (),
        requests=reader.requests,
        bytes_read=reader.bytes_read,
    )


def _column(name: Identifier, shown: Evidence, marker: str | None) -> Column:
    found = shown.type_given(marker)
    return Column(
        name=name,
        type=found.type,
        seen=found.seen,
        empty=found.empty,
        null_words=shown.null_words(marker),
    )


def _overridden(
    name: Identifier, shown: Evidence, marker: str | None, values: Any, wanted: RedshiftType
) -> Column:
    """The column with the job's type, once the sample shows nothing that it could not take."""
    words = () if wanted.kind in _TEXT_KINDS else shown.words_beside(marker)
    null = {"", *words, marker if marker is not None else DEFAULT_MARKER}
    misfit = first_misfit(pc.if_else(are(values, null), None, values), wanted)
    if misfit is not None:
        raise TypeChangeError(
            f"column {name}, row {misfit + 1} of what was read, does not fit {wanted}, which the"
            " job's columns ask for; mend the file, or the job",
            column=name.text,
            row=misfit + 1,
        )
    return Column(
        name=name,
        type=wanted,
        seen=shown.type_given(marker).seen,
        empty=shown.found.empty and not shown.is_text,
        null_words=words,
    )
