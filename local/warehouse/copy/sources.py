"""Which objects a COPY reads: those that a prefix or a manifest names."""

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from local.warehouse.copy.grammar import CopyStatement
from local.warehouse.errors import CopyError

_NO_SUCH_KEY = "S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey"
_DENIED = "S3ServiceException:Access Denied,Status 403,Error AccessDenied"


class ObjectStore(Protocol):
    """What COPY and UNLOAD need of S3; `role_arn` is the IAM_ROLE of the statement.

    `get` raises KeyError when there is no such object; all may raise PermissionError.
    """

    def get(self, bucket: str, key: str, *, role_arn: str) -> bytes:
        """The whole object."""

    def put(self, bucket: str, key: str, body: bytes, *, role_arn: str) -> None:
        """Write an object."""

    def list(self, bucket: str, prefix: str, *, role_arn: str) -> list[tuple[str, int]]:
        """Keys and sizes of all objects that begin with a prefix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One object to load; `size` is what a manifest says of it, None where nothing does."""

    bucket: str
    key: str
    mandatory: bool
    size: int | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """One object's bytes, decompressed; `size` is what was read from S3."""

    url: str
    body: bytes
    size: int


def source_files(statement: CopyStatement, store: ObjectStore) -> list[SourceFile]:
    """The files of a COPY: all keys that begin with its own, or the entries of its manifest.

    An entry listed twice is loaded twice, as Redshift does. Raises CopyError.
    """
    if statement.manifest:
        return _manifest_files(statement, store)
    try:
        found = store.list(statement.bucket, statement.key, role_arn=statement.role_arn)
    except PermissionError as error:
        raise CopyError(_DENIED) from error
    if not found:
        raise CopyError(f"The specified S3 prefix '{statement.key}' does not exist")
    return [SourceFile(bucket=statement.bucket, key=key, mandatory=True) for key, _ in found]


def _manifest_files(statement: CopyStatement, store: ObjectStore) -> list[SourceFile]:
    body = _get(store, statement.bucket, statement.key, statement.role_arn)
    if body is None:
        raise CopyError(f"Problem reading manifest file {statement.source} - {_NO_SUCH_KEY}")
    try:
        entries = json.loads(body)["entries"]
        return [_entry(item, columnar=statement.format == "parquet") for item in entries]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CopyError(f"Problem reading manifest file {statement.source}: not valid") from error


def _entry(item: dict[str, Any], *, columnar: bool) -> SourceFile:
    bucket, _, key = item["url"].removeprefix("s3://").partition("/")
    size: int | None = None
    if columnar:
        if "meta" not in item:
            raise CopyError(f"File entry does not have 'meta' key. code: 15003 file: {item['url']}")
        size = item["meta"].get("content_length")
        if not isinstance(size, int):
            raise CopyError(
                f"File entry does not have 'content_length' key. code: 15003 file: {item['url']}"
            )
    return SourceFile(bucket=bucket, key=key, mandatory=bool(item.get("mandatory")), size=size)


def read_files(
    files: list[SourceFile], statement: CopyStatement, store: ObjectStore
) -> Iterator[Loaded]:
    """Each file's bytes, one at a time; raises CopyError for what cannot be read.

    Files that are not mandatory may be missing, but not all of them.
    """
    found = False
    for file in files:
        body = _get(store, file.bucket, file.key, statement.role_arn)
        if body is None:
            if file.mandatory:
                raise CopyError(f"{_NO_SUCH_KEY} file: {file.url}")
            continue
        found = True
        if file.size is not None and file.size != len(body):
            raise CopyError(
                f"Spectrum Scan Error code: 15001 context: the manifest says that {file.url} has"
                f" {file.size} bytes, and it has {len(body)}"
            )
        yield Loaded(url=file.url, body=_decompressed(body, file, statement), size=len(body))
    if not found:
        raise CopyError(f"{_NO_SUCH_KEY} file: none of {statement.source}")


def _get(store: ObjectStore, bucket: str, key: str, role_arn: str) -> bytes | None:
    try:
        return store.get(bucket, key, role_arn=role_arn)
    except KeyError:
        return None
    except PermissionError as error:
        raise CopyError(f"{_DENIED} file: s3://{bucket}/{key}") from error


def _decompressed(body: bytes, file: SourceFile, statement: CopyStatement) -> bytes:
    if not statement.gzip:
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        # as for LZOP, whose words are known: snowplow/snowplow#1265
        raise CopyError(f"failed to inflate with gzip: {error}. S3 key: {file.url}") from error
