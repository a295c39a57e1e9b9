"""What a file is by its first bytes, and what its name says that it is."""

import re
from pathlib import PurePosixPath

from lambdas.shared.domain.columns import Format

PARQUET = "Parquet"
GZIP = "gzip"
TEXT = "text"

_BY_SUFFIX: dict[str, Format] = {
    ".parquet": "parquet",
    ".parq": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".psv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}
_GZIP_SUFFIXES = (".gz", ".gzip")

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", GZIP),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\xff\x06\x00\x00sNaPpY", "snappy"),
    (b"\x89LZO\x00", "lzop"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"Obj\x01", "Avro"),
    (b"ARROW1\x00\x00", "Arrow IPC (Feather)"),
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"%PDF-", "a PDF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Office document (.xls)"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
)
_MAGIC_THAT_COULD_BE_TEXT: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", PARQUET),
    (b"ORC", "ORC"),
    (b"BZh", "bzip2"),
)
_MARKUP = re.compile(rb"\s*<(!doctype html|html|\?xml)", re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def format_by_name(name: str) -> tuple[Format | None, bool]:
    """The format a file's name promises, None for no known ending; and whether it promises gzip."""
    path = PurePosixPath(name.strip().lower())
    gzipped = path.suffix in _GZIP_SUFFIXES
    if gzipped:
        path = path.with_suffix("")
    return _BY_SUFFIX.get(path.suffix), gzipped


def content(head: bytes) -> str:
    """What the first bytes show: PARQUET, GZIP, TEXT, or words for what cannot be loaded.

    TEXT is what nothing else was recognised as; its encoding is judged elsewhere.
    """
    for magic, what in _MAGIC:
        if head.startswith(magic):
            workbook = what == "a ZIP archive" and re.search(rb"xl/|\[Content_Types\]", head[:4096])
            return "an Excel workbook (.xlsx)" if workbook else what
    if head[257:262] == b"ustar":
        return "a tar archive"
    for magic, what in _MAGIC_THAT_COULD_BE_TEXT:
        if head.startswith(magic) and _CONTROL.search(head[:64]):
            return what
    if match := _MARKUP.match(head[:512]):
        return "XML" if match[1].lower() == b"?xml" else "an HTML page"
    return TEXT
