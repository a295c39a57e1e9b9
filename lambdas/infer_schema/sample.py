"""The part of a text file that is looked at: its beginning, and of a large one two pieces more."""

import zlib
from dataclasses import dataclass

from lambdas.infer_schema import sniff
from lambdas.infer_schema.source import Reader
from lambdas.shared.domain.columns import Compression
from lambdas.shared.domain.errors import FormatError

HEAD_BYTES = 1024 * 1024
PIECE_BYTES = 64 * 1024
WHOLE_BYTES = HEAD_BYTES + 2 * PIECE_BYTES
"""A file up to this size is read whole, in one request; a larger one in three."""

MAX_INFLATED_BYTES = 4 * 1024 * 1024
"""How much of a gzip file is unpacked; the rest of a bomb stays packed."""

_MAX_MEMBERS = 1_000

_QUOTE, _NEWLINE = b'"', b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some bytes from inside a file; `last` says that the file ends with them."""

    content: bytes
    last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was read of a text file, unpacked. `whole` says that `head` is all of it."""

    head: bytes
    whole: bool
    pieces: tuple[Piece, ...] = ()
    compression: Compression = "none"


def read_head(reader: Reader) -> bytes:
    """The bytes a sample begins with: the whole file if it is small."""
    return reader.read(0, reader.size if reader.size <= WHOLE_BYTES else HEAD_BYTES)


def take_sample(reader: Reader) -> Sample:
    """A sample of a file of text, gzip or not.

    Of gzip only the beginning can be unpacked. Raises FormatError where it is damaged, cut short,
    or holds something other than text.
    """
    head = read_head(reader)
    if sniff.content(head) == sniff.GZIP:
        return _unpacked(reader, head)
    if len(head) == reader.size:
        return Sample(head=head, whole=True)
    middle = max(HEAD_BYTES, reader.size // 2) & ~1  # even, for UTF-16
    pieces = (
        Piece(content=reader.read(middle, PIECE_BYTES), last=False),
        Piece(content=reader.tail(PIECE_BYTES), last=True),
    )
    return Sample(head=head, whole=False, pieces=pieces)


def _unpacked(reader: Reader, packed: bytes) -> Sample:
    whole = len(packed) == reader.size
    try:
        inflated, complete = _inflate(packed)
    except zlib.error as error:
        raise FormatError(f"{reader.name} is damaged gzip; pack it again") from error
    if whole and not complete and len(inflated) < MAX_INFLATED_BYTES:
        raise FormatError(f"{reader.name} is gzip that was cut short; upload it again")
    if not inflated:
        raise FormatError(f"{reader.name} is gzip of nothing; there are no rows and no columns")
    inner = sniff.content(inflated)
    if inner != sniff.TEXT:
        raise FormatError(
            f"{reader.name} is gzip around {inner}; upload what is inside as it is, or text in gzip"
        )
    return Sample(head=inflated, whole=whole and complete, compression="gzip")


def _inflate(packed: bytes) -> tuple[bytes, bool]:
    """Up to MAX_INFLATED_BYTES of what is packed, and whether that is all of it."""
    inflated = bytearray()
    for _ in range(_MAX_MEMBERS):
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        inflated += member.decompress(packed, MAX_INFLATED_BYTES - len(inflated))
        if not member.eof or len(inflated) >= MAX_INFLATED_BYTES:
            return bytes(inflated), member.eof and not member.unused_data
        packed = member.unused_data.lstrip(b"\0")  # gzip may be padded, and of several members
        if not packed:
            return bytes(inflated), True
    raise zlib.error(f"more than {_MAX_MEMBERS} members in a sample")


def first_record_start(content: bytes, *, inside_quotes: bool) -> int:
    """Where the first whole record starts in bytes cut out of a CSV; -1 if nowhere.

    `inside_quotes` is the guess whether the cut fell into a quoted field.
    """
    odd = inside_quotes
    position = 0
    for chunk in content.split(_NEWLINE)[:-1]:
        position += len(chunk) + 1
        odd ^= chunk.count(_QUOTE) % 2 == 1
        if not odd:
            return position
    return -1


def last_record_end(content: bytes) -> int:
    """Where the last whole record ends in bytes that start with a record; 0 if none does."""
    outside = content.count(_QUOTE) % 2 == 0
    end = len(content)
    while (newline := content.rfind(_NEWLINE, 0, end)) >= 0:
        outside ^= content.count(_QUOTE, newline, end) % 2 == 1
        if outside:
            return newline + 1
        end = newline
    return 0
