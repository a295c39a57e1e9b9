"""S3: its announcements, conditional copies, long keys and markers."""

from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

from moto.iam.access_control import PermissionResult
from moto.s3 import notifications
from moto.s3.exceptions import PreconditionFailed, S3ClientError
from moto.s3.models import FakeBucket, FakeDeleteMarker, S3Backend
from moto.s3.responses import S3Response

from local.account.patches.patch import Parts, Replacement, replaces


@replaces(
    FakeBucket,
    "get_permission",
    because="it ignores conditions, so a policy that demands TLS refuses every call over http",
)
def _permit(_original: Any, _account: Parts) -> Replacement:
    return lambda bucket, action, resource: PermissionResult.NEUTRAL


_REASONS = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
}


@replaces(
    notifications,
    "_send_event_bridge_message",
    because="its id and sequencer are constants, its etag is called eTag, its reason is no reason,"
    " and a multipart upload is announced twice",
)
def _object_created(_original: Any, account: Parts) -> Replacement:
    def send(account_id: str, bucket: FakeBucket, event_name: str, key: Any) -> None:
        reason = _REASONS.get(str(getattr(event_name, "value", event_name)))
        part_of_upload = reason == "PutObject" and key.multipart is not None
        if reason is None or part_of_upload:
            return
        described = {"key": key.name, "size": key.size, "etag": key.etag.strip('"')}
        if bucket.is_versioned:
            described["version-id"] = key.version_id
        account.events.object_event(
            bucket.name, "Object Created", {"object": described, "reason": reason}
        )

    return send


@replaces(
    S3Backend,
    "delete_object",
    because="deleting from a versioned bucket is announced only when no version is left",
)
def _object_deleted(original: Any, account: Parts) -> Replacement:
    def delete_object(
        backend: S3Backend, bucket_name: str, key_name: str, *args: Any, **kwargs: Any
    ) -> Any:
        version_id = kwargs.get("version_id", args[0] if args else None)
        deleted, meta = original(backend, bucket_name, key_name, *args, **kwargs)
        bucket = backend.get_bucket(bucket_name)
        configuration = bucket.notification_configuration
        if deleted and configuration and configuration.event_bridge is not None:
            marked = bucket.is_versioned and version_id is None
            described = {"key": key_name}
            if bucket.is_versioned:
                described["version-id"] = meta.get("version-id", version_id)
            account.events.object_event(
                bucket_name,
                "Object Deleted",
                {
                    "object": described,
                    "reason": "DeleteObject",
                    "deletion-type": "Delete Marker Created" if marked else "Permanently Deleted",
                },
            )
        return deleted, meta

    return delete_object


@replaces(
    S3Response, "copy_object", because="x-amz-copy-source-if-match is ignored, so a copy may race"
)
def _copy_if_match(original: Any, _account: Parts) -> Replacement:
    def copy_object(response: S3Response) -> Any:
        if wanted := response.headers.get("x-amz-copy-source-if-match"):
            source = _copy_source(response)
            if source is not None and wanted.strip('"') != source.etag.strip('"'):
                raise PreconditionFailed(failed_condition="x-amz-copy-source-If-Match")
        return original(response)

    return copy_object


_MOST_KEY_BYTES = 1024


@replaces(S3Backend, "put_object", because="a key over 1,024 bytes is taken")
def _key_not_too_long(original: Any, _account: Parts) -> Replacement:
    def put_object(
        backend: S3Backend, bucket_name: str, key_name: str, *a: Any, **more: Any
    ) -> Any:
        if len(key_name.encode()) > _MOST_KEY_BYTES:
            raise S3ClientError("KeyTooLongError", "Your key is too long")
        return original(backend, bucket_name, key_name, *a, **more)

    return put_object


@replaces(
    S3Backend,
    "list_object_versions",
    because="a key marker alone swallows the first version behind a key that is gone",
)
def _list_after_key(original: Any, _account: Parts) -> Replacement:
    def list_object_versions(backend: S3Backend, bucket_name: str, **asked: Any) -> Any:
        marker = asked.get("key_marker")
        if marker is None or asked.get("version_id_marker"):
            return original(backend, bucket_name, **asked)
        versions, _, deletions, _, _ = original(backend, bucket_name, max_keys=None)
        before = sorted(
            (each for each in (*versions, *deletions) if each.name <= marker),
            key=lambda each: (each.name, -each.last_modified.timestamp()),
        )
        start = {"key_marker": None, "version_id_marker": None}
        if before:
            start = {"key_marker": before[-1].name, "version_id_marker": before[-1].version_id}
        return original(backend, bucket_name, **(asked | start))

    return list_object_versions


def _copy_source(response: S3Response) -> Any:
    parsed = urlparse(str(response.headers["x-amz-copy-source"]))
    bucket, key = unquote(parsed.path).lstrip("/").split("/", 1)
    version_id = parse_qs(parsed.query).get("versionId", [None])[0]
    found = response.backend.get_object(bucket, key, version_id=version_id)
    return None if isinstance(found, FakeDeleteMarker) else found
