"""S3 as the functions use it: one versioned bucket."""

import hashlib
import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.faults.aws import client_error

_PAGE = 2
"""Versions a page holds where a request limits it at all; S3 may always answer with fewer."""
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion:
    """One version of one key; a delete marker has no body."""

    version_id: str
    body: bytes | None
    modified_at: datetime

    @property
    def etag(self) -> str:
        """The ETag without its quotes."""
        return hashlib.md5(self.body or b"", usedforsecurity=False).hexdigest()


@dataclass
class Bucket:
    """The data bucket; `versions` hold each key's versions, the newest last."""

    name: str
    versions: dict[str, list[StoredVersion]] = field(default_factory=dict)
    written: int = 0

    @property
    def now(self) -> datetime:
        """Its clock."""
        return _EPOCH + timedelta(seconds=self.written)

    # --- what people and tests do ---------------------------------------------------------------

    def write(self, key: str, body: bytes | None) -> StoredVersion:
        """Add a version; None is a delete marker."""
        self.written += 1
        version = StoredVersion(
            version_id=f"v{self.written}",
            body=body,
            modified_at=self.now,
        )
        self.versions.setdefault(key, []).append(version)
        return version

    def erase(self, key: str, version_id: str) -> None:
        """Delete one version for good."""
        kept = [each for each in self.versions.get(key, []) if each.version_id != version_id]
        if kept:
            self.versions[key] = kept
        else:
            self.versions.pop(key, None)

    def current(self, key: str) -> StoredVersion | None:
        """The version a GET without a version id finds."""
        versions = self.versions.get(key)
        return versions[-1] if versions and versions[-1].body is not None else None

    def keys(self, prefix: str) -> list[str]:
        """Keys that have a current version."""
        return sorted(key for key in self.versions if key.startswith(prefix) and self.current(key))

    # --- the warehouse's side -------------------------------------------------------------------

    def get(self, bucket: str, key: str, *, role_arn: str) -> bytes:
        """What COPY reads; KeyError when absent."""
        found = self.current(key)
        if bucket != self.name or found is None or found.body is None:
            raise KeyError(key)
        return found.body

    def put(self, bucket: str, key: str, body: bytes, *, role_arn: str) -> None:
        """What UNLOAD writes."""
        self.write(key, body)

    def list(self, bucket: str, prefix: str, *, role_arn: str) -> list[tuple[str, int]]:
        """Keys and sizes under a prefix."""
        return [(key, len(self.get(bucket, key, role_arn=role_arn))) for key in self.keys(prefix)]

    # --- S3's operations ------------------------------------------------------------------------

    def get_object(self, **request: Any) -> Any:
        found = self._find(request, "GetObject", "NoSuchKey")
        body = found.body or b""
        if "Range" in request:
            first, last = request["Range"].removeprefix("bytes=").split("-")
            if int(first) >= len(body):
                raise client_error("InvalidRange", "GetObject", status=416)
            body = body[int(first) : int(last) + 1]
        return {"Body": io.BytesIO(body), "ContentLength": len(body)} | _head(found)

    def head_object(self, **request: Any) -> Any:
        found = self._find(request, "HeadObject", "404")
        return {"ContentLength": len(found.body or b"")} | _head(found)

    def put_object(self, **request: Any) -> Any:
        key = request["Key"]
        if request.get("IfNoneMatch") == "*" and self.current(key):
            raise client_error("PreconditionFailed", "PutObject", status=412)
        return _head(self.write(key, request["Body"]))

    def copy_object(self, **request: Any) -> Any:
        found = self._find(request["CopySource"], "CopyObject", "NoSuchKey")
        self.write(request["Key"], found.body)
        return {}

    def delete_object(self, **request: Any) -> Any:
        if "VersionId" in request:
            self.erase(request["Key"], request["VersionId"])
        else:
            self.write(request["Key"], None)
        return {}

    def delete_objects(self, **request: Any) -> Any:
        for each in request["Delete"]["Objects"]:
            self.delete_object(**each)
        return {}

    def list_object_versions(self, **request: Any) -> Any:
        prefix = request.get("Prefix", "")
        keys = sorted(key for key in self.versions if key.startswith(prefix))
        listed = [
            (key, each, position == 0)
            for key in keys
            for position, each in enumerate(reversed(self.versions[key]))
        ]
        if "KeyMarker" in request:
            listed = _behind(listed, request["KeyMarker"], request.get("VersionIdMarker"))
        more = {}
        if "MaxKeys" in request and len(listed) > _PAGE:
            key, last, _ = listed[_PAGE - 1]
            more = {
                "IsTruncated": True,
                "NextKeyMarker": key,
                "NextVersionIdMarker": last.version_id,
            }
            listed = listed[:_PAGE]
        return more | {
            "Versions": [
                _head(each) | {"Key": key, "Size": len(each.body), "IsLatest": latest}
                for key, each, latest in listed
                if each.body is not None
            ],
            "DeleteMarkers": [
                {"Key": key, "VersionId": each.version_id, "IsLatest": latest}
                for key, each, latest in listed
                if each.body is None
            ],
        }

    def _find(self, request: dict[str, Any], operation: str, absent: str) -> StoredVersion:
        key, version_id = request["Key"], request.get("VersionId")
        if version_id is None:
            found = self.current(key)
            if found is None:
                raise client_error(absent, operation, status=404)
            return found
        for each in self.versions.get(key, []):
            if each.version_id == version_id and each.body is not None:
                return each
        raise client_error("NoSuchVersion", operation, status=404)


def _behind(
    listed: list[tuple[str, StoredVersion, bool]], key: str, version_id: str | None
) -> list[tuple[str, StoredVersion, bool]]:
    """What a listing has behind a key, or behind a version of it that is there."""
    for position, (found, version, _) in enumerate(listed):
        if found == key and version.version_id == version_id:
            return listed[position + 1 :]
    return [each for each in listed if each[0] > key]


def _head(version: StoredVersion) -> dict[str, Any]:
    return {
        "VersionId": version.version_id,
        "ETag": f'"{version.etag}"',
        "LastModified": version.modified_at,
    }
