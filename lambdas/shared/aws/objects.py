"""The data bucket: versions are read, copied and deleted as versions, never as bare keys."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from lambdas.shared.aws import clients
from lambdas.shared.aws.failures import code_of, translated
from lambdas.shared.domain.files import File

_GONE = {"404", "NoSuchKey", "NoSuchVersion", "NotFound"}
_SINGLE_COPY_BYTES = 5 * 1024**3 - 1
"""CopyObject takes at most 5 GB; larger objects are copied in parts (S3 API reference)."""
_MOST_DELETED = 1000
"""What one DeleteObjects takes (S3 API reference)."""
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What no document of XML 1.0 may hold, however it is written; keys may."""


class ObjectGoneError(Exception):
    """The object, or this version of it, is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a key as a listing shows it."""

    version_id: str
    etag: str
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionPage:
    """Some versions of a listing, by key, and where the next page begins; None at the end."""

    versions: tuple[tuple[str, Version], ...]
    following: dict[str, str] | None


class Objects:
    """One bucket."""

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket

    def get(self, key: str) -> bytes:
        """The current content of a key; raises ObjectGoneError."""
        with translated(), _gone(key):
            return clients.s3().get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def get_version(self, key: str, version_id: str) -> bytes:
        """The content of one version of a key; raises ObjectGoneError."""
        with translated(), _gone(key):
            answer = clients.s3().get_object(Bucket=self.bucket, Key=key, VersionId=version_id)
            return answer["Body"].read()

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """`length` bytes from `start`, one GET."""
        with translated(), _gone(key):
            answer = clients.s3().get_object(
                Bucket=self.bucket, Key=key, Range=f"bytes={start}-{start + length - 1}"
            )
            return answer["Body"].read()

    def get_json(self, key: str) -> Any:
        """The JSON document under a key."""
        return json.loads(self.get(key))

    def find_json(self, key: str) -> Any | None:
        """The JSON document under a key; None if there is none."""
        try:
            return self.get_json(key)
        except ObjectGoneError:
            return None

    def put(self, key: str, body: bytes) -> None:
        """Write a key."""
        with translated():
            clients.s3().put_object(Bucket=self.bucket, Key=key, Body=body)

    def put_version(self, key: str, body: bytes, *, notes: dict[str, str]) -> str:
        """Write a key with metadata; the id of the version that S3 made of it."""
        with translated():
            return clients.s3().put_object(Bucket=self.bucket, Key=key, Body=body, Metadata=notes)[
                "VersionId"
            ]

    def notes(self, key: str, version_id: str) -> dict[str, str]:
        """The metadata of one version of a key; raises ObjectGoneError."""
        with translated(), _gone(key):
            answer = clients.s3().head_object(Bucket=self.bucket, Key=key, VersionId=version_id)
            return answer.get("Metadata", {})

    def put_json(self, key: str, document: Any) -> None:
        """Write a key as JSON."""
        self.put(key, _json(document))

    def put_json_if_absent(self, key: str, document: Any) -> bool:
        """Write a key as JSON unless it is there; False if it was."""
        with translated():
            try:
                clients.s3().put_object(
                    Bucket=self.bucket, Key=key, Body=_json(document), IfNoneMatch="*"
                )
            except ClientError as error:
                if code_of(error) != "PreconditionFailed":
                    raise
                return False
        return True

    def exists(self, key: str) -> bool:
        """Whether a key has a current version."""
        try:
            with translated(), _gone(key):
                clients.s3().head_object(Bucket=self.bucket, Key=key)
        except ObjectGoneError:
            return False
        return True

    def copy_version(self, file: File, to_key: str) -> None:
        """Copy exactly this version of a file; raises ObjectGoneError when it was deleted."""
        source = {"Bucket": file.bucket, "Key": file.key, "VersionId": file.version_id}
        self._copy(source, to_key, size=file.size)

    def copy(self, from_key: str, to_key: str, *, size: int) -> None:
        """Copy the current version of a key within the bucket."""
        self._copy({"Bucket": self.bucket, "Key": from_key}, to_key, size=size)

    def _copy(self, source: Any, to_key: str, *, size: int) -> None:
        with translated(), _gone(source["Key"]):
            if size <= _SINGLE_COPY_BYTES:
                clients.s3().copy_object(Bucket=self.bucket, Key=to_key, CopySource=source)
            else:
                transfer = TransferConfig(multipart_chunksize=512 * 1024**2, max_concurrency=16)
                clients.s3().copy(source, self.bucket, to_key, Config=transfer)

    def delete_version(self, key: str, version_id: str) -> None:
        """Delete one version for good; deleting it again is fine."""
        with translated():
            clients.s3().delete_object(Bucket=self.bucket, Key=key, VersionId=version_id)

    def delete_versions(self, versions: Sequence[tuple[str, str]]) -> None:
        """Delete (key, version id) pairs for good, a thousand a call.

        One key that XML cannot hold would fail the call for all: such keys go in addresses.
        """
        listed = [each for each in versions if not _NOT_IN_XML.search(each[0])]
        for key, version_id in (each for each in versions if _NOT_IN_XML.search(each[0])):
            self.delete_version(key, version_id)
        for start in range(0, len(listed), _MOST_DELETED):
            part = listed[start : start + _MOST_DELETED]
            named: Any = [{"Key": key, "VersionId": version_id} for key, version_id in part]
            with translated():
                answer = clients.s3().delete_objects(
                    Bucket=self.bucket, Delete={"Objects": named, "Quiet": True}
                )
                for error in answer.get("Errors", []):
                    raise ClientError({"Error": {**error}}, "DeleteObjects")  # type: ignore[typeddict-unknown-key] # of the same names

    def keys(self, prefix: str, *, most: int) -> list[str]:
        """The first keys below a prefix."""
        with translated():
            pages = (
                clients.s3()
                .get_paginator("list_objects_v2")
                .paginate(Bucket=self.bucket, Prefix=prefix, PaginationConfig={"MaxItems": most})
            )
            return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def current_versions(self, prefix: str) -> dict[str, Version]:
        """The current version of every key below a prefix; deleted keys left out."""
        with translated():
            pages = clients.s3().get_paginator("list_object_versions")
            return {
                entry["Key"]: _version(entry)
                for page in pages.paginate(Bucket=self.bucket, Prefix=prefix)
                for entry in page.get("Versions", [])
                if entry["IsLatest"]
            }

    def versions(self, key: str) -> list[Version]:
        """The versions of exactly this key, newest first; delete markers left out."""
        found: list[Version] = []
        with translated():
            pages = clients.s3().get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=self.bucket, Prefix=key):
                entries = page.get("Versions", [])
                found += [_version(entry) for entry in entries if entry["Key"] == key]
                # keys are listed in order: past ours there is nothing of ours
                if entries and entries[-1]["Key"] > key:
                    break
        return found

    def page_of_versions(self, prefix: str, position: dict[str, str] | None) -> VersionPage:
        """At most 1,000 versions below a prefix, from a position on; delete markers left out.

        A page ends with a key, so that the next begins after it whatever is deleted meanwhile; only
        a key with more versions than a page is cut.
        """
        start: Any = position or {}
        with translated():
            page = clients.s3().list_object_versions(
                Bucket=self.bucket, Prefix=prefix, MaxKeys=1000, **start
            )
        listed = tuple((entry["Key"], _version(entry)) for entry in page.get("Versions", []))
        if not page.get("IsTruncated"):
            return VersionPage(versions=listed, following=None)
        markers = page.get("DeleteMarkers", [])
        *whole, cut = sorted({entry["Key"] for entry in (*page.get("Versions", []), *markers)})
        if not whole:
            last = {
                "KeyMarker": page["NextKeyMarker"],
                "VersionIdMarker": page["NextVersionIdMarker"],
            }
            return VersionPage(versions=listed, following=last)
        complete = tuple(each for each in listed if each[0] != cut)
        return VersionPage(versions=complete, following={"KeyMarker": whole[-1]})


def _version(entry: Any) -> Version:
    return Version(
        version_id=entry["VersionId"],
        etag=entry["ETag"].strip('"'),
        size=entry["Size"],
        modified_at=entry["LastModified"],
    )


def _json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


class _gone:  # noqa: N801 - reads as the word it is: with translated(), _gone(key)
    """Turn S3's ways of saying "not there" into ObjectGoneError."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ClientError) and code_of(error) in _GONE:
            raise ObjectGoneError(self.key) from error
