"""What one file holds: its columns with their types, and how COPY has to read it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Self

from lambdas.shared.domain.names import Identifier
from lambdas.shared.domain.types import (
    DOUBLE,
    MAX_VARCHAR_BYTES,
    Kind,
    RedshiftType,
    common,
    varchar,
)

Format = Literal["parquet", "csv", "json"]
Compression = Literal["none", "gzip"]

MAX_COLUMNS = 1_600
"""Redshift's limit for one table (Quotas and limits, management guide)."""

_TEXT_KINDS = (Kind.VARCHAR, Kind.CHAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of one file.

    `type` is what a new table gets: roomy, because Redshift can only widen VARCHAR later.
    `seen` is the narrowest type that holds what was read; a column of text in a Parquet footer is
    at least that long. `empty` says that no value was seen at all, so that any type may follow.
    `copied_as` is what a staging column must be for COPY to take the file's bytes.
    `null_words` are texts that stand for NULL in this column and that COPY cannot be told about,
    because its NULL AS is one text for the whole file: COPY takes the column as text (`copied_as`)
    and the next statement turns those words and '' into NULL and the rest into `type`.
    """

    name: Identifier
    type: RedshiftType
    seen: RedshiftType | None = None
    empty: bool = False
    copied_as: RedshiftType | None = None
    null_words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "seen", self.seen or self.type)
        as_text = varchar(MAX_VARCHAR_BYTES) if self.null_words else None
        object.__setattr__(self, "copied_as", self.copied_as or as_text or self.type)

    @property
    def narrowest(self) -> RedshiftType:
        """`seen`, for readers who know that it is always set."""
        return self.seen or self.type

    @property
    def staged(self) -> RedshiftType:
        """`copied_as`, for readers who know that it is always set."""
        return self.copied_as or self.type

    def to_json(self) -> dict[str, Any]:
        """The column as JSON; what goes without saying is left out."""
        document: dict[str, Any] = {"name": self.name.text, "type": self.type.sql}
        if self.narrowest != self.type:
            document["seen"] = self.narrowest.sql
        if self.staged != self.type:
            document["copied_as"] = self.staged.sql
        if self.empty:
            document["empty"] = True
        if self.null_words:
            document["null_words"] = list(self.null_words)
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """A column from its JSON."""
        kept = {
            name: RedshiftType.parse(document[name])
            for name in ("seen", "copied_as")
            if name in document
        }
        return cls(
            name=Identifier(document["name"]),
            type=RedshiftType.parse(document["type"]),
            empty=document.get("empty", False),
            null_words=tuple(document.get("null_words", ())),
            **kept,
        )

    def merged(self, other: "Column") -> "Column | None":
        """The column of a new table that two files of one batch bring; None if no type holds both.

        Where the roomy types have nothing in common, what was seen of them may.
        """
        if self.empty or other.empty:
            return self if other.empty else other
        shared = common(self.type, other.type) or self._common_of_seen(other)
        if shared is None:
            return None
        return Column(
            name=self.name,
            type=shared,
            seen=common(self.narrowest, other.narrowest),
            null_words=tuple(dict.fromkeys(self.null_words + other.null_words)),
        )

    def _common_of_seen(self, other: "Column") -> RedshiftType | None:
        found = (
            common(self.type, other.narrowest),
            common(self.narrowest, other.type),
            common(self.narrowest, other.narrowest),
        )
        # floats first: a DECIMAL would cut what the file with floats holds beyond its sample
        return max(
            filter(None, found),
            key=lambda kind: (kind == DOUBLE, kind.precision or 0, kind.sql),
            default=None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvDialect:
    """How a CSV is written, in the words of COPY.

    `encoding` is a name ENCODING takes. `skip_lines` is what IGNOREHEADER takes: all lines before
    the data, the header among them. `null_marker` is what NULL AS takes; None leaves COPY's
    default, which is backslash N.
    """

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "UTF8"
    header: bool = True
    skip_lines: int = 1
    null_marker: str | None = None

    def __post_init__(self) -> None:
        if len(self.delimiter) != 1 or len(self.quote) != 1 or self.delimiter == self.quote:
            raise ValueError("delimiter and quote are one character each, and differ")
        if self.skip_lines < int(self.header):
            raise ValueError("a header is among the lines that are skipped")

    def to_json(self) -> dict[str, Any]:
        """The dialect as JSON."""
        return {
            "delimiter": self.delimiter,
            "quote": self.quote,
            "encoding": self.encoding,
            "header": self.header,
            "skip_lines": self.skip_lines,
            "null_marker": self.null_marker,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """A dialect from its JSON."""
        return cls(**document)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSchema:
    """What one file holds, as far as a few reads can tell.

    `columns` are in the file's order. `rows` is exact, or None where only a sample was read.
    `renamed` pairs a header as written with its column's name where they differ beyond case.
    """

    format: Format
    compression: Compression = "none"
    columns: tuple[Column, ...]
    rows: int | None = None
    csv: CsvDialect | None = None
    renamed: tuple[tuple[str, str], ...] = ()
    requests: int = 0
    bytes_read: int = 0

    def __post_init__(self) -> None:
        if not self.columns:
            raise ValueError("a file has at least one column")
        if len({column.name for column in self.columns}) < len(self.columns):
            raise ValueError("column names are distinct")
        if (self.format == "csv") != (self.csv is not None):
            raise ValueError("a CSV, and only that, has a dialect")

    def column(self, name: Identifier) -> Column | None:
        """The column of this name; None if the file lacks it."""
        return next((column for column in self.columns if column.name == name), None)

    def fits(self, column: Column, target: RedshiftType) -> bool:
        """Whether this column of the file goes into a table's column of type `target` as it is.

        COPY reads text into any type and refuses what does not parse, so for CSV and JSON lines
        what was seen decides, text columns take every scalar, and SUPER every JSON value. A
        Parquet column has its type; only of text was less seen than declared.
        """
        if column.empty or target.holds(column.type) or target.holds(column.narrowest):
            return True
        if self.format == "json" and target.kind is Kind.SUPER:
            return True
        if self.format == "parquet" or target.kind not in _TEXT_KINDS:
            return False
        shown = column.narrowest
        return shown.kind is not Kind.SUPER and (shown.length or 0) <= (target.length or 0)

    def to_json(self) -> dict[str, Any]:
        """The schema as JSON; `from_json` reads it back."""
        return {
            "format": self.format,
            "compression": self.compression,
            "columns": [column.to_json() for column in self.columns],
            "rows": self.rows,
            "csv": self.csv.to_json() if self.csv else None,
            "renamed": [list(pair) for pair in self.renamed],
            "requests": self.requests,
            "bytes_read": self.bytes_read,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """A schema from its JSON."""
        dialect = document["csv"]
        return cls(
            format=document["format"],
            compression=document["compression"],
            columns=tuple(Column.from_json(column) for column in document["columns"]),
            rows=document["rows"],
            csv=CsvDialect.from_json(dialect) if dialect else None,
            renamed=_pairs(document["renamed"]),
            requests=document["requests"],
            bytes_read=document["bytes_read"],
        )


def _pairs(lists: Iterable[Iterable[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((written, name) for written, name in lists)
