"""Files of this machine put under data/in/, each with the version that S3 made of it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig, create_transfer_manager
from s3transfer.subscribers import BaseSubscriber

from cli.exits import UsageError
from lambdas.shared.aws import clients
from lambdas.shared.aws.failures import translated
from lambdas.shared.domain.errors import DeploymentError
from lambdas.shared.domain.files import file_id_of

INBOX = "data/in/"
_MAX_KEY_BYTES = 1024
"""S3 takes keys of at most 1,024 bytes (Creating object key names, S3 user guide)."""
_MEBIBYTE = 1024**2
_PART = 16 * _MEBIBYTE
_MOST_PARTS = 10_000
"""S3 takes at most 10,000 parts (Multipart upload limits, S3 user guide)."""
_CALLS = ("PutObject", "CompleteMultipartUpload")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file to upload, and the key it will have."""

    path: Path
    key: str
    size: int

    @property
    def name(self) -> str:
        """The key without its folders."""
        return self.key.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that was uploaded: exactly this version of its key."""

    source: Source
    version_id: str
    etag: str
    file_id: str


def sources(paths: Sequence[Path], *, prefix: str = "") -> list[Source]:
    """The files and their keys; raises OSError or UsageError before anything is uploaded."""
    found: dict[str, Source] = {}
    for path in paths:
        source = _source(path, prefix.strip("/"))
        other = found.get(source.key)
        if other is not None:
            raise UsageError(
                f"{path} and {other.path} would both be {source.key}, and the second would hide"
                " the first; upload them apart, with another --prefix"
            )
        found[source.key] = source
    return list(found.values())


def _source(path: Path, prefix: str) -> Source:
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name its files")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is no ordinary file; its size must be known")
    with path.open("rb") as file:  # readable now, rather than after others were uploaded
        size = file.seek(0, 2)
    key = "".join([INBOX, f"{prefix}/" if prefix else "", path.name])
    try:
        length = len(key.encode())
    except UnicodeEncodeError as error:
        raise UsageError(f"{path!r}: the name is not valid UTF-8; rename the file") from error
    if length > _MAX_KEY_BYTES:
        raise UsageError(f"{key[:60]}... has {length} bytes; S3 takes keys of {_MAX_KEY_BYTES}")
    return Source(path=path, key=key, size=size)


def upload(
    files: Sequence[Source], *, bucket: str, sent: Callable[[Source, int], None]
) -> list[Upload]:
    """Upload files, large ones in parts; `sent` is told of bytes as they go.

    The library transfers; which version it made is heard from the client's own events, because
    to look afterwards could find the version of somebody else.
    """
    heard: dict[str, dict[str, Any]] = {}
    largest = max((source.size for source in files), default=0)
    part = max(_PART, math.ceil(largest / _MOST_PARTS / _MEBIBYTE) * _MEBIBYTE)
    config = TransferConfig(
        multipart_threshold=_PART,
        multipart_chunksize=part,
        preferred_transfer_client="classic",  # the other one raises none of the client's events
    )
    client = clients.s3()
    listening = _Listening(client.meta.events, heard)
    with translated(), listening, create_transfer_manager(client, config) as manager:
        futures = [
            manager.upload(str(each.path), bucket, each.key, subscribers=[_Sent(each, sent)])
            for each in files
        ]
        for future in futures:
            future.result()
    return [_uploaded(source, bucket, heard.get(source.key, {})) for source in files]


def _uploaded(source: Source, bucket: str, answer: dict[str, Any]) -> Upload:
    version_id = answer.get("VersionId")
    if not version_id or version_id == "null":
        raise DeploymentError(
            f"{source.key} was uploaded without a version: versioning of bucket {bucket} is off;"
            " deploy the storage stack again"
        )
    etag = answer["ETag"].strip('"')
    return Upload(
        source=source,
        version_id=version_id,
        etag=etag,
        file_id=file_id_of(bucket, source.key, version_id, etag),
    )


class _Sent(BaseSubscriber):
    """Passes on how many bytes of a file were sent."""

    def __init__(self, source: Source, sent: Callable[[Source, int], None]) -> None:
        super().__init__()
        self._source = source
        self._tell = sent

    def on_progress(self, future: Any, bytes_transferred: int, **kwargs: Any) -> None:
        """Called by the transfer's threads."""
        self._tell(self._source, bytes_transferred)


class _Listening:
    """While it lasts, S3's answers to uploads are noted by key."""

    def __init__(self, events: Any, heard: dict[str, dict[str, Any]]) -> None:
        self._events = events
        self._heard = heard
        self._handlers = {
            f"{moment}.s3.{call}": handler
            for call in _CALLS
            for moment, handler in (
                ("before-parameter-build", self._note_key),
                ("after-call", self._note_answer),
            )
        }

    def __enter__(self) -> None:
        for event, handler in self._handlers.items():
            self._events.register(event, handler)

    def __exit__(self, *_: object) -> None:
        for event, handler in self._handlers.items():
            self._events.unregister(event, handler)

    def _note_key(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["sluice_key"] = params["Key"]

    def _note_answer(self, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        if "ETag" in parsed:
            self._heard[context["sluice_key"]] = parsed
