"""Where the column chunks of a Parquet file lie, by its footer.

pyarrow has this too, and ends the whole process where a chunk is encrypted or malformed (an
exception of its C++ that its Python does not catch). So the footer is read here as what it is,
Thrift's compact protocol (parquet.thrift in apache/parquet-format; thrift-compact-protocol.md).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_MAX_DEPTH = 16
_VARINT_BITS = 70

# field numbers of parquet.thrift
_FILE_ROW_GROUPS = 4
_GROUP_CHUNKS, _GROUP_ROWS = 1, 3
_CHUNK_PATH, _CHUNK_METADATA, _CHUNK_CRYPTO, _CHUNK_ENCRYPTED = 1, 3, 8, 9
_VALUES, _UNPACKED, _PACKED, _DATA_PAGE, _DICTIONARY_PAGE, _STATISTICS = 5, 6, 7, 9, 11, 12
_BOUNDS = (1, 2, 5, 6)  # max, min, max_value, min_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One column of one row group: where its bytes lie, and how long its values are if text.

    `bound_bytes` is the length of the longer of the least and the greatest value, or of what the
    statistics kept of them; `average_bytes` is over all values, dictionary and page headers too.
    """

    start: int
    size: int
    elsewhere: bool
    encrypted: bool
    bound_bytes: int
    average_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroup:
    """Some rows of a Parquet file, a chunk for each leaf column."""

    rows: int
    chunks: tuple[Chunk, ...]


def row_groups(footer: bytes) -> Iterator[RowGroup]:
    """The row groups of a footer. Raises ValueError or LookupError where it is damaged."""
    metadata = _Compact(footer).struct()
    for group in _structs(metadata.get(_FILE_ROW_GROUPS)):
        yield RowGroup(
            rows=_number(group, _GROUP_ROWS),
            chunks=tuple(map(_chunk, _structs(group.get(_GROUP_CHUNKS)))),
        )


def _chunk(chunk: dict[int, Any]) -> Chunk:
    metadata = _struct(chunk.get(_CHUNK_METADATA))
    statistics = _struct(metadata.get(_STATISTICS))
    bounds = [statistics[field] for field in _BOUNDS if field in statistics]
    data_page = _number(metadata, _DATA_PAGE)
    return Chunk(
        # some writers say 0 for no dictionary
        start=min(data_page, _number(metadata, _DICTIONARY_PAGE) or data_page),
        size=_number(metadata, _PACKED),
        elsewhere=bool(chunk.get(_CHUNK_PATH)),
        encrypted=_CHUNK_CRYPTO in chunk or _CHUNK_ENCRYPTED in chunk,
        bound_bytes=max((len(bound) for bound in bounds if isinstance(bound, bytes)), default=0),
        average_bytes=_number(metadata, _UNPACKED) // max(_number(metadata, _VALUES), 1),
    )


class _Compact:
    """Reads values of Thrift's compact protocol; structs become dictionaries by field number."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._depth = 0

    def struct(self) -> dict[int, Any]:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        data = self._data
        fields: dict[int, Any] = {}
        number = 0
        while header := data[self._at]:
            self._at += 1
            delta, kind = header >> 4, header & 15
            number = number + delta if delta else self._zigzag()
            fields[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind)
        self._at += 1
        self._depth -= 1
        return fields

    def _value(self, kind: int) -> Any:
        if kind in (_I32, _I64, _I16):
            return self._zigzag()
        if kind == _BINARY:
            return self._bytes(self._varint())
        if kind in (_LIST, _SET):
            return self._list()
        if kind == _STRUCT:
            return self.struct()
        if kind == _DOUBLE:
            return struct.unpack("<d", self._bytes(8))[0]
        if kind in (_BYTE, _TRUE, _FALSE):
            return self._bytes(1)[0]
        raise ValueError(f"kind {kind} has no place in a footer")

    def _list(self) -> list[Any]:
        header = self._bytes(1)[0]
        size, kind = header >> 4, header & 15
        size = self._varint() if size == 15 else size
        return [self._value(kind) for _ in range(size)]

    def _bytes(self, length: int) -> bytes:
        found = self._data[self._at : self._at + length]
        if len(found) < length:
            raise ValueError("ends early")
        self._at += length
        return found

    def _varint(self) -> int:
        data, at = self._data, self._at
        byte = data[at]
        value, shift = byte & 127, 7
        while byte > 127:
            at += 1
            byte = data[at]
            value |= (byte & 127) << shift
            shift += 7
            if shift > _VARINT_BITS:
                raise ValueError("a number without end")
        self._at = at + 1
        return value

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)


def _number(fields: dict[int, Any], field: int) -> int:
    value = fields.get(field, 0)
    if not isinstance(value, int):
        raise ValueError(f"field {field} is no number")
    return value


def _struct(value: Any) -> dict[int, Any]:
    return value if isinstance(value, dict) else {}


def _structs(values: Any) -> Iterator[dict[int, Any]]:
    return map(_struct, values if isinstance(values, list) else [])
