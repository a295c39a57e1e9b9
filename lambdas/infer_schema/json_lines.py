"""What a file of JSON lines holds, by a bounded sample: the union of the keys, and their types."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lambdas.infer_schema import values
from lambdas.infer_schema.encodings import Text, as_text
from lambdas.infer_schema.headers import column_names
from lambdas.infer_schema.sample import Sample
from lambdas.infer_schema.source import Reader
from lambdas.infer_schema.values import Found
from lambdas.shared.domain import types
from lambdas.shared.domain.columns import Column, FileSchema
from lambdas.shared.domain.errors import (
    EncodingError,
    FormatError,
    HeaderError,
    TypeChangeError,
)
from lambdas.shared.domain.names import Identifier
from lambdas.shared.domain.types import RedshiftType

_BLANKS = " \t\r"


class _Number(str):
    """A JSON number as it is written: a float would lose digits."""

    __slots__ = ()


@dataclass(slots=True)
class _Values:
    """What one key showed, by the kind of JSON value; texts in order of first sight."""

    numbers: dict[str, None] = field(default_factory=dict)
    strings: dict[str, None] = field(default_factory=dict)
    booleans: set[bool] = field(default_factory=set)
    nested: bool = False

    def add(self, value: Any) -> None:
        if isinstance(value, _Number):
            self.numbers[value] = None
        elif isinstance(value, str):
            self.strings[value] = None
        elif isinstance(value, bool):
            self.booleans.add(value)
        elif value is not None:
            self.nested = True

    def found(self, name: str) -> Found:
        """The type; SUPER as soon as one value is nested, text where kinds are mixed."""
        if self.nested:
            return Found(type=types.SUPER, seen=types.SUPER)
        kinds = [bool(self.numbers), bool(self.strings), bool(self.booleans)]
        if not any(kinds):
            return values.NOTHING
        if sum(kinds) > 1:
            words = [str(value).lower() for value in self.booleans]
            return values.text_of(_array([*self.numbers, *self.strings, *words]), name)
        if self.booleans:
            return Found(type=types.BOOLEAN, seen=types.BOOLEAN)
        if self.numbers:
            return values.number_of(_array(self.numbers), name)
        return values.date_or_text_of(_array(self.strings), name)

    def scalars(self) -> Any:
        """All that was seen and is not nested, as text."""
        return _array([*self.numbers, *self.strings, *(str(value) for value in self.booleans)])


def inspect_json_lines(
    reader: Reader, sample: Sample, overrides: Mapping[Identifier, RedshiftType]
) -> FileSchema:
    """The columns of a file with one JSON object a line, keys in the order of first sight.

    Raises FormatError, with the line, for what is no object; HeaderError for keys that COPY could
    not tell apart or not match; TypeChangeError for values that an override could not take.
    """
    text = as_text(sample, "UTF8")
    if text.marked:
        raise EncodingError(
            "the file begins with a byte order mark, which COPY does not take in JSON; write it"
            " without"
        )
    shown: dict[str, _Values] = {}
    rows = 0
    for line, document in _documents(text):
        if not isinstance(document, dict):
            raise FormatError(f"{_place(line)} is no JSON object; {_ADVICE}", line=line)
        rows += 1
        for key, value in document.items():
            shown.setdefault(key, _Values()).add(value)
    if not shown:
        raise FormatError(f"the file has no JSON object with a key; {_ADVICE}")
    names = _names(list(shown))
    return FileSchema(
        format="json",
        compression=text.sample.compression,
        columns=tuple(
            _column(name, each, overrides.get(name))
            for name, each in zip(names, shown.values(), strict=True)
        ),
        rows=rows if text.sample.whole else None,
        requests=reader.requests,
        bytes_read=reader.bytes_read,
    )


_ADVICE = "write one object a line (JSON lines), or convert the file with tools/json_to_parquet.py"


def _names(keys: list[str]) -> tuple[Identifier, ...]:
    names, renamed = column_names(keys, rename_repeated=False)
    if renamed:
        raise HeaderError(
            f"{len(renamed)} of the {len(keys)} keys cannot be column names as they are (empty,"
            " blanks around them, or over 127 bytes), so COPY would not find them; rename them",
            columns=[name for _, name in renamed],
        )
    return names


def _column(name: Identifier, shown: _Values, wanted: RedshiftType | None) -> Column:
    found = shown.found(name.text)
    if wanted is None:
        return Column(name=name, type=found.type, seen=found.seen, empty=found.empty)
    if values.first_misfit(shown.scalars(), wanted) is not None:
        raise TypeChangeError(
            f"column {name} has a value that does not fit {wanted}, which the job's columns ask"
            " for; mend the file, or the job",
            column=name.text,
        )
    return Column(name=name, type=wanted, seen=found.seen, empty=found.empty)


def _documents(text: Text) -> Iterator[tuple[int | None, Any]]:
    """Every document of the sample, with its line where that is known."""
    sample = text.sample
    head = sample.head if sample.whole else sample.head[: sample.head.rfind(b"\n") + 1]
    if not head.strip():
        raise FormatError(f"no line ends within the first {len(sample.head)} bytes; {_ADVICE}")
    for number, line in enumerate(head.decode().split("\n"), start=1):
        if line.strip(_BLANKS):
            yield number, _parsed(line, number)
    for piece in sample.pieces:
        # what stands before the first line's end is cut; a piece of one long line is all that
        _, _, content = piece.content.partition(b"\n")
        whole = content if piece.last else content[: content.rfind(b"\n") + 1]
        for line in whole.decode().split("\n"):
            if line.strip(_BLANKS):
                yield None, _parsed(line, None)


def _parsed(line: str, number: int | None) -> Any:
    try:
        return json.loads(
            line,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_distinct,
        )
    except _RepeatedKeyError as error:
        raise HeaderError(
            f"{_place(number)} has an object with the same key twice; rename one", line=number
        ) from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{_place(number)} is no JSON object; {_ADVICE}", line=number) from error


class _RepeatedKeyError(ValueError):
    """A key stands twice in one object."""


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise _RepeatedKeyError
    return document


def _refuse_constant(_name: str) -> Any:
    raise ValueError("NaN and Infinity are no JSON")


def _place(line: int | None) -> str:
    return f"line {line}" if line else "a line in the middle or at the end of the file"


def _array(texts: Iterable[str]) -> Any:
    try:
        return pc.unique(pa.array([str(text) for text in texts], pa.string()))
    except (UnicodeEncodeError, pa.ArrowInvalid) as error:
        raise EncodingError(
            "a JSON text holds half of a character (a lone surrogate); write it as UTF-8"
        ) from error
