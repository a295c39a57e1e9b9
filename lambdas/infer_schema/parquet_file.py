"""What a Parquet file holds, from its footer alone: one ranged read, two for a long footer."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lambdas.infer_schema.footer import RowGroup, row_groups
from lambdas.infer_schema.headers import column_names
from lambdas.infer_schema.source import Reader
from lambdas.shared.domain import types
from lambdas.shared.domain.columns import Column, FileSchema
from lambdas.shared.domain.errors import FileError, FormatError, TypeChangeError
from lambdas.shared.domain.names import Identifier
from lambdas.shared.domain.types import RedshiftType

TAIL_BYTES = 64 * 1024
MAX_FOOTER_BYTES = 16 * 1024 * 1024
"""A gigabyte with 500 columns has 1.4 MB; a footer that claims more than this is not decoded."""

_MAX_CONTAINER = 8_000
"""Row groups, columns of one, or schema elements: a forged count would reserve memory, and a
schema nested 12,000 deep overflows the stack of Arrow's C++, which no exception tells of."""
_DECODING_FAILS = (
    pa.ArrowException,
    OSError,
    ValueError,
    ArithmeticError,
    LookupError,
    MemoryError,
    RecursionError,
)
_MAGIC, _ENCRYPTED = b"PAR1", b"PARE"
_TRAILER_BYTES = 8  # the footer's length and the magic
_MIN_TEXT_BYTES = 256


def is_parquet(tail: bytes) -> bool:
    """Whether a file that ends so is Parquet, encrypted or not."""
    return len(tail) >= _TRAILER_BYTES and tail[-4:] in (_MAGIC, _ENCRYPTED)


def inspect_parquet(reader: Reader, overrides: Mapping[Identifier, RedshiftType]) -> FileSchema:
    """The columns and the exact number of rows, by the footer; data pages are never read.

    Raises FormatError for footers that are encrypted, damaged or too long, or that point outside
    the file; HeaderError for names that are one to Redshift; TypeChangeError for types it lacks.
    """
    footer_start, tail = _footer(reader)
    try:
        columns, renamed, rows = _decode(reader, footer_start, tail, overrides)
    except FileError:
        raise
    except _DECODING_FAILS as error:
        raise FormatError(
            f"the Parquet footer of {reader.name} cannot be decoded: it is damaged, or has more"
            f" than {_MAX_CONTAINER} columns or row groups; write the file again",
            reader=type(error).__name__,
        ) from error
    return FileSchema(
        format="parquet",
        columns=columns,
        rows=rows,
        renamed=renamed,
        requests=reader.requests,
        bytes_read=reader.bytes_read,
    )


def _footer(reader: Reader) -> tuple[int, bytes]:
    """Where the footer starts, and all bytes from there on or from before."""
    tail = reader.tail(TAIL_BYTES)
    if tail[-4:] == _ENCRYPTED:
        raise FormatError(
            f"{reader.name} is Parquet with an encrypted footer; Redshift cannot read it:"
            " write it without modular encryption (S3 encrypts it at rest)"
        )
    if not is_parquet(tail):
        raise FormatError(
            f"{reader.name} does not end like Parquet: it is another format, or was cut short"
        )
    length = int.from_bytes(tail[-8:-4], "little")
    start = reader.size - _TRAILER_BYTES - length
    if start < len(_MAGIC):
        raise FormatError(
            f"{reader.name} declares a footer of {length} bytes and has {reader.size} in all;"
            " it is damaged or was cut short: write it again"
        )
    if length > MAX_FOOTER_BYTES:
        raise FormatError(
            f"{reader.name} declares a footer of {length} bytes; at most {MAX_FOOTER_BYTES} are"
            " decoded: write fewer row groups or columns"
        )
    if length + _TRAILER_BYTES > len(tail):
        tail = reader.tail(length + _TRAILER_BYTES)
    return start, tail


class _TailFile(io.RawIOBase):
    """The end of a file, where it belongs; reading before it fails rather than pretends."""

    def __init__(self, size: int, tail: bytes) -> None:
        self._size, self._tail, self._position = size, tail, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:  # the stubs' buffer protocol type is private
        begin = self._position - (self._size - len(self._tail))
        if begin < 0:
            raise OSError("the footer points before what was read of the file")
        piece = self._tail[begin : begin + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


def _decode(
    reader: Reader, footer_start: int, tail: bytes, overrides: Mapping[Identifier, RedshiftType]
) -> tuple[tuple[Column, ...], tuple[tuple[str, str], ...], int]:
    with pq.ParquetFile(
        _TailFile(reader.size, tail),
        thrift_string_size_limit=MAX_FOOTER_BYTES,
        thrift_container_size_limit=_MAX_CONTAINER,
    ) as file:
        metadata = file.metadata
        fields = list(metadata.schema.to_arrow_schema())
    if not fields:
        raise FormatError(f"{reader.name} has no columns; there is nothing to load")
    names, renamed = column_names([field.name for field in fields], rename_repeated=False)
    leaves = list(_leaves(fields))
    if sum(each.count for each in leaves) != metadata.num_columns:
        raise FormatError(f"{reader.name} nests its columns in a way that cannot be read")
    footer = tail[footer_start - reader.size : -_TRAILER_BYTES]
    groups = list(row_groups(footer))
    _check_row_groups(reader.name, groups, metadata.num_rows, footer_start)
    columns = tuple(
        _overridden(
            _column(metadata, each, name, _text_length(groups, each.first)), overrides.get(name)
        )
        for name, each in zip(names, leaves, strict=True)
    )
    return columns, renamed, metadata.num_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaves:
    """Where a column of the table lies among the leaf columns that Parquet stores."""

    first: int
    count: int
    nested: bool


def _leaves(fields: Iterable[Any]) -> Iterator[_Leaves]:
    first = 0
    for field in fields:
        kind = _storage(field.type)
        count = _leaf_count(kind)
        yield _Leaves(first=first, count=count, nested=kind.num_fields > 0)
        first += count


def _storage(kind: Any) -> Any:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _leaf_count(kind: Any) -> int:
    kind = _storage(kind)
    if kind.num_fields == 0:
        return 1
    return sum(_leaf_count(kind.field(index).type) for index in range(kind.num_fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class _TextLength:
    """How long the values of a text column are, in bytes: some for certain, most probably."""

    seen: int = 0
    average: int = 0


def _check_row_groups(name: str, groups: list[RowGroup], rows: int, footer_start: int) -> None:
    """Every column chunk lies between the magics, readable, and the rows add up."""
    for group in groups:
        for chunk in group.chunks:
            if chunk.elsewhere:
                raise FormatError(
                    f"{name} is only an index: its data lies in other files; upload those"
                )
            if chunk.encrypted:
                raise FormatError(
                    f"{name} has encrypted columns; Redshift cannot read it: write it without"
                    " modular encryption (S3 encrypts it at rest)"
                )
            inside = len(_MAGIC) <= chunk.start <= chunk.start + chunk.size <= footer_start
            if group.rows and not inside:
                raise FormatError(
                    f"{name} points to data outside itself: it was cut or joined; write it again"
                )
    held = sum(group.rows for group in groups)
    if held != rows or any(group.rows < 0 for group in groups):
        raise FormatError(
            f"{name} says {rows} rows and its row groups hold {held}; it is damaged: write it again"
        )


def _text_length(groups: list[RowGroup], leaf: int) -> _TextLength:
    chunks = [group.chunks[leaf] for group in groups]
    return _TextLength(
        seen=max((chunk.bound_bytes for chunk in chunks), default=0),
        average=max((chunk.average_bytes for chunk in chunks), default=0),
    )


def _column(metadata: Any, leaves: _Leaves, name: Identifier, text: _TextLength) -> Column:
    """The column by its Parquet type; what Arrow remembers beside it means nothing to Redshift."""
    if leaves.nested:
        return Column(name=name, type=types.SUPER)
    leaf = metadata.schema.column(leaves.first)
    logical = json.loads(leaf.logical_type.to_json())
    if logical["Type"] == "Null":
        # nothing but NULL is written as INT32, and COPY compares what is written
        return Column(name=name, type=types.varchar(256), copied_as=types.INTEGER, empty=True)
    if logical["Type"] in _TEXTS:
        return Column(
            name=name,
            type=types.varchar(
                types.size_class(max(2 * text.seen, 2 * text.average, _MIN_TEXT_BYTES))
            ),
            seen=types.varchar(min(max(text.seen, 1), types.MAX_VARCHAR_BYTES)),
        )
    if logical["Type"] == "Decimal":
        return Column(name=name, type=_decimal(leaf, name))
    return Column(name=name, type=_logical(logical) or _physical(leaf, name))


_TEXTS = ("String", "Enum", "JSON")

_INTEGERS = {
    (8, True): types.SMALLINT,
    (16, True): types.SMALLINT,
    (32, True): types.INTEGER,
    (64, True): types.BIGINT,
    (8, False): types.SMALLINT,
    (16, False): types.INTEGER,
    (32, False): types.BIGINT,
    (64, False): types.decimal(20, 0),
}
_LOGICAL = {"Date": types.DATE, "Time": types.TIME, "Float16": types.REAL}
_PHYSICAL = {
    "BOOLEAN": types.BOOLEAN,
    "INT32": types.INTEGER,
    "INT64": types.BIGINT,
    "INT96": types.TIMESTAMP,
    "FLOAT": types.REAL,
    "DOUBLE": types.DOUBLE,
    "BYTE_ARRAY": types.varbyte(65_535),
}


def _decimal(leaf: Any, name: Identifier) -> RedshiftType:
    if leaf.precision > types.MAX_PRECISION or leaf.scale > types.MAX_SCALE:
        raise TypeChangeError(
            f"column {name} is DECIMAL({leaf.precision},{leaf.scale}) and Redshift has"
            f" {types.MAX_PRECISION} digits, at most {types.MAX_SCALE} of them after the point;"
            " cast it in the producer, for example to text",
            column=name.text,
        )
    return types.decimal(leaf.precision, leaf.scale)


def _logical(logical: Mapping[str, Any]) -> RedshiftType | None:
    if logical["Type"] == "Int":
        return _INTEGERS[logical["bitWidth"], logical["isSigned"]]
    if logical["Type"] == "Timestamp":
        # the older annotation claims UTC for local times too, so it proves nothing
        instant = logical["isAdjustedToUTC"] and not logical.get("is_from_converted_type")
        return types.TIMESTAMPTZ if instant else types.TIMESTAMP
    return _LOGICAL.get(logical["Type"])


def _physical(leaf: Any, name: Identifier) -> RedshiftType:
    if leaf.physical_type in _PHYSICAL:
        return _PHYSICAL[leaf.physical_type]
    if not 1 <= leaf.length <= types.MAX_VARBYTE_BYTES:
        raise TypeChangeError(
            f"column {name} holds {leaf.length} bytes in every row; VARBYTE takes 1 to"
            f" {types.MAX_VARBYTE_BYTES}",
            column=name.text,
        )
    return types.varbyte(leaf.length)


def _overridden(column: Column, override: RedshiftType | None) -> Column:
    """The column as the job wants it; COPY still has to take it as it is written.

    Text without its annotation is written as bytes, which COPY takes as text, too.
    """
    if override is None:
        return column
    seen, staged = column.narrowest, column.staged
    if staged == _PHYSICAL["BYTE_ARRAY"] and override.kind is not types.Kind.VARBYTE:
        seen, staged = types.varchar(1), types.varchar(types.MAX_VARCHAR_BYTES)
    return replace(column, type=override, seen=seen, copied_as=staged)
