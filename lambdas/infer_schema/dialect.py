"""How a CSV is written: the lines above it, its delimiter, and whether it names its columns."""

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lambdas.infer_schema import values
from lambdas.infer_schema.null_words import WORDS
from lambdas.infer_schema.sample import Sample, last_record_end
from lambdas.shared.domain.errors import FormatError, HeaderError

DELIMITERS = ",;|\t"
QUOTE = '"'
_PROBE_BYTES = 64 * 1024
_PROBE_ROWS = 200
_NAME = re.compile(r"[^\W\d][^\s:=]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the rows are and how they are cut: `body` is UTF-8, whole records, header included.

    `preamble` counts the comment and blank lines above the body; `comment` is the last of them
    if it is a comment, without its mark. `first` is the first record.
    """

    body: bytes
    preamble: int
    comment: str | None
    delimiter: str
    first: tuple[str, ...]

    @property
    def width(self) -> int:
        """The number of fields of the first record, and so of every other."""
        return len(self.first)


def layout_of(sample: Sample, delimiter: str | None, header: bool | None = None) -> Layout:
    """The layout of a CSV in UTF-8; `delimiter` and `header` are the job's words.

    Comments stand above a header: where the job says that there is none, a line that begins with #
    is a row. Raises FormatError where there are no rows to be seen, or no line is a whole one.
    """
    preamble, comment, start = _preamble(sample.head, comments=header is not False)
    body = sample.head[start:]
    if not body.strip():
        raise FormatError("there are no rows and no header: the file holds only blank or # lines")
    if b"\n" not in body and b"\r" in body.strip():
        raise FormatError("lines end in a bare carriage return; write them with line feeds")
    if not sample.whole:
        body = body[: last_record_end(body)]
    if not body:
        raise FormatError(
            f"no row ends within the first {len(sample.head)} bytes: lines are missing, or a quoted"
            " field never ends"
        )
    probe = body[: last_record_end(body[:_PROBE_BYTES]) or _PROBE_BYTES].decode(errors="ignore")
    chosen = _known(delimiter) if delimiter else _found(probe)
    first = next((row for _, row in numbered_records(probe, chosen)), None)
    if first is None:
        raise FormatError("the first line cannot be read as CSV; write the file again", line=1)
    return Layout(
        body=body,
        preamble=preamble,
        comment=comment,
        delimiter=chosen,
        first=tuple(first),
    )


def numbered_records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The records of a CSV with the line each starts in, blank ones left out.

    Stops where the text is no CSV any more.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=QUOTE)
    line = 1
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1
    except csv.Error:
        return


def header_of(
    layout: Layout, below: Sequence[Sequence[str]], header: bool | None
) -> tuple[str, ...] | None:
    """The first record if it names the columns, else None; `header` is the job's word on it.

    It does unless it could be data itself: some field is a number, a date or the like, and in no
    column is only what lies below so. A file of text alone is taken to have a header. `below` is
    the beginning of each column after the first record. Raises HeaderError for a name with a line
    break: COPY skips lines, not records.
    """
    if header is None:
        header = _is_header(layout.first, below)
    if not header:
        return None
    if any("\n" in field or "\r" in field for field in layout.first):
        raise HeaderError("a column name holds a line break; rename it in the producer")
    return layout.first


def commented_header(
    layout: Layout, below: Sequence[Sequence[str]], header: bool | None
) -> tuple[str, ...] | None:
    """The names in the last comment above the data, if it has as many fields and heads it better.

    It does where the first record is no header. Where that cannot be told, as in a file of text
    alone, or the job says that there is one, each field of the comment has to be a single word: so
    prose and `key: value` stay comments.
    """
    fields = next((row for _, row in numbered_records(layout.comment or "", layout.delimiter)), ())
    if len(fields) != layout.width or layout.width == 1 or _names_typed(layout.first, below):
        return None
    if header is None and not _is_header(layout.first, below):
        return tuple(fields)
    return tuple(fields) if all(map(_NAME.fullmatch, fields)) else None


def _is_header(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    return not any(map(values.looks_typed, first)) or _names_typed(first, below)


def _names_typed(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether in some column a text, and no word for NULL, is above numbers, dates or the like."""
    for field, column in zip(first, below, strict=True):
        shown = [value for value in column if value and value not in WORDS]
        is_name = field and field not in WORDS and not values.looks_typed(field)
        if is_name and shown and all(map(values.looks_typed, shown)):
            return True
    return False


def _preamble(head: bytes, *, comments: bool) -> tuple[int, str | None, int]:
    """How many lines at the top are no rows, the last of them if a comment, and where they end."""
    count, comment, start = 0, None, 0
    while start < len(head):
        end = head.find(b"\n", start) + 1 or len(head)
        line = head[start:end].strip()
        if line and not (comments and line.startswith(b"#")):
            break
        comment = line.lstrip(b"#").strip().decode(errors="ignore") if line else None
        count, start = count + 1, end
    return count, comment, start


def _known(delimiter: str) -> str:
    if not delimiter.isascii() or delimiter in '\r\n"':
        raise FormatError(f"csv.delimiter {delimiter!r} of the job: COPY takes one ASCII character")
    return delimiter


def _found(probe: str) -> str:
    """The delimiter by which rows have the same number of fields; the one with most fields."""
    counts = {each: _field_counts(probe, each) for each in DELIMITERS}
    even = [each for each in DELIMITERS if len(set(counts[each])) == 1 and counts[each][0] > 1]
    if ";" in even and "," in even:
        even.remove(",")  # decimal commas: no comma separates what semicolons do already
    if even:
        return max(even, key=lambda each: counts[each][0])
    uneven = [each for each in DELIMITERS if counts[each] and counts[each][0] > 1]
    if uneven:
        return max(uneven, key=lambda each: _evenness(counts[each]))
    for each in DELIMITERS:
        below = set(counts[each][1:])
        if len(counts[each]) > 2 and len(below) == 1 and below != {1}:
            raise FormatError(
                f"the first line is one field and each line below is {below.pop()} by {each!r}:"
                " name every column, or set csv.delimiter in the job",
                line=1,
            )
    return next((each for each in DELIMITERS if each not in probe), ",")


def _field_counts(probe: str, delimiter: str) -> list[int]:
    found = itertools.islice(numbered_records(probe, delimiter), _PROBE_ROWS)
    return [len(row) for _, row in found]


def _evenness(counts: Sequence[int]) -> float:
    return Counter(counts).most_common(1)[0][1] / len(counts)
