"""What outlives the account: objects with all their versions, items, and messages.

Written to files at `down`, and put straight into the backends at the next `up`, so that nothing
is announced twice.
"""

import base64
import hashlib
import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey
from moto.sqs.models import Message, Queue, sqs_backends

from local.account.deployer import asset_bucket
from local.account.identity import ACCOUNT_ID, REGION
from local.account.storage import s3

_MESSAGE_FIELDS = (
    "id", "body", "message_attributes", "system_attributes", "sender_id", "sent_timestamp",
    "approximate_first_receive_timestamp", "approximate_receive_count", "delayed_until",
)  # fmt: skip


def save(folder: Path) -> None:
    """Write the state anew; an interrupted save leaves the old one."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "blobs").mkdir(parents=True)
    buckets = [bucket for name, bucket in s3().buckets.items() if name != asset_bucket()]
    queues = sqs_backends[ACCOUNT_ID][REGION].queues.values()
    tables = dynamodb_backends[ACCOUNT_ID][REGION].tables.values()
    content = {
        "buckets": {b.name: list(_save_versions(b, partial / "blobs")) for b in buckets},
        "tables": {
            t.name: [item.to_json()["Attributes"] for item in t.all_items()] for t in tables
        },
        "queues": {q.name: [_save_message(m) for m in q._messages] for q in queues},
    }
    (partial / "state.json").write_text(json.dumps(content, default=_encode))
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def restore(folder: Path) -> None:
    """Put a saved state into the freshly deployed account; does nothing without one."""
    if not (folder / "state.json").is_file():
        return
    content = json.loads((folder / "state.json").read_text(), object_hook=_decode)
    for name, versions in content["buckets"].items():
        if name in s3().buckets:
            _restore_versions(s3().buckets[name], versions, folder / "blobs")
    dynamodb = dynamodb_backends[ACCOUNT_ID][REGION]
    for name, items in content["tables"].items():
        if name in dynamodb.tables:
            for item in items:
                dynamodb.put_item(name, item)
    queues = sqs_backends[ACCOUNT_ID][REGION].queues
    for name, messages in content["queues"].items():
        if name in queues:
            _restore_messages(queues[name], messages)


def _save_versions(bucket: FakeBucket, blobs: Path) -> Iterator[dict[str, Any]]:
    """Every version, oldest first."""
    for name in bucket.keys:
        for version in bucket.keys.getlist(name):
            saved = {
                "key": name,
                "version_id": version.version_id,
                "last_modified": version.last_modified.isoformat(),
            }
            if isinstance(version, FakeKey):
                body = version.value
                saved["blob"] = hashlib.sha256(body).hexdigest()
                (blobs / saved["blob"]).write_bytes(body)
                saved["etag"] = version.etag.strip('"')
                saved["metadata"] = dict(version.metadata)
                saved["storage"] = version.storage_class
            yield saved


def _restore_versions(bucket: FakeBucket, saved: list[dict[str, Any]], blobs: Path) -> None:
    """Put the saved versions before those the deployment just wrote.

    A deployed object whose content was there before is no new version: the deployment ran
    because the account started, not because something changed.
    """
    by_key: dict[str, list[Any]] = {}
    contents: dict[str, set[str]] = {}
    for version in saved:
        by_key.setdefault(version["key"], []).append(_version(bucket, version, blobs))
        contents.setdefault(version["key"], set()).add(version.get("blob", ""))
    for key, versions in by_key.items():
        deployed = [
            version
            for version in bucket.keys.getlist(key, [])
            if isinstance(version, FakeKey)
            and hashlib.sha256(version.value).hexdigest() not in contents[key]
        ]
        bucket.keys.setlist(key, versions + deployed)


def _version(bucket: FakeBucket, saved: dict[str, Any], blobs: Path) -> FakeKey | FakeDeleteMarker:
    key = FakeKey(
        name=saved["key"],
        bucket_name=bucket.name,
        value=(blobs / saved["blob"]).read_bytes() if "blob" in saved else b"",
        account_id=ACCOUNT_ID,
        region_name=REGION,
        storage=saved.get("storage"),
        etag=saved.get("etag"),
        is_versioned=bucket.is_versioned,
        version_id=saved["version_id"],
    )
    moment = datetime.fromisoformat(saved["last_modified"])
    if "blob" in saved:
        key.set_metadata(saved["metadata"])
        key.last_modified = moment
        return key
    marker = FakeDeleteMarker(key)
    marker._version_id = saved["version_id"]
    marker.last_modified = moment
    return marker


def _save_message(message: Message) -> dict[str, Any]:
    return {name: getattr(message, name) for name in _MESSAGE_FIELDS}


def _restore_messages(queue: Queue, saved: list[dict[str, Any]]) -> None:
    """What was in flight is visible again: its receiver is gone."""
    for fields in saved:
        message = Message(fields["id"], fields["body"])
        for name, value in fields.items():
            setattr(message, name, value)
        queue._messages.append(message)


def _encode(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"__bytes__": base64.b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} cannot be kept")


def _decode(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["__bytes__"]) if "__bytes__" in value else value
