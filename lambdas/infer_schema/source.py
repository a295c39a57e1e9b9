"""A file that is read by byte ranges: each read is one GET, counted, and none is made twice."""

from typing import Protocol

from lambdas.shared.domain.errors import FormatError


class RangedSource(Protocol):
    """One version of one object; `read` is one ranged GET."""

    @property
    def name(self) -> str:
        """The file name, without folders."""

    @property
    def size(self) -> int:
        """The whole object, in bytes."""

    def read(self, start: int, length: int) -> bytes:
        """Exactly the bytes from `start` on, `length` of them."""


class Reader:
    """Reads a source, keeps what was read, and counts requests and bytes."""

    def __init__(self, source: RangedSource) -> None:
        self.name = source.name
        self.size = source.size
        self.requests = 0
        self.bytes_read = 0
        self._source = source
        self._held: list[tuple[int, bytes]] = []

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on, at most `length` and never beyond the end."""
        start = max(start, 0)
        length = max(min(length, self.size - start), 0)
        for offset, held in self._held:
            if offset <= start and start + length <= offset + len(held):
                return held[start - offset : start - offset + length]
        found = self._source.read(start, length)
        self.requests += 1
        self.bytes_read += len(found)
        if len(found) != length:
            raise FormatError(
                f"{self.name} ended early: {length} bytes were asked for at byte {start} and"
                f" {len(found)} came; upload the file again"
            )
        self._held.append((start, found))
        return found

    def tail(self, length: int) -> bytes:
        """The last bytes, at most `length`."""
        return self.read(self.size - length, length)
