"""A file on this machine, read by ranges as one in S3 is."""

from pathlib import Path


class LocalFile:
    """A local file as a ranged source."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.size = path.stat().st_size

    def read(self, start: int, length: int) -> bytes:
        """`length` bytes from `start`."""
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(length)
