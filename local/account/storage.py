"""The account's S3 as the warehouse reads and writes it."""

import threading

from moto.s3.models import FakeDeleteMarker, FakeKey, S3Backend, s3_backends

from local.account.identity import ACCOUNT_ID, PARTITION

LOCK = threading.RLock()  # moto's S3 looks and then writes, without one of its own


def s3() -> S3Backend:
    """The account's S3."""
    return s3_backends[ACCOUNT_ID][PARTITION]


class ObjectStore:
    """Objects for COPY and UNLOAD, without a detour over HTTP."""

    def get(self, bucket: str, key: str, *, role_arn: str) -> bytes:
        """The current version's content; KeyError if there is none."""
        with LOCK:
            found = s3().buckets[bucket].keys.get(key)
        if not isinstance(found, FakeKey) or isinstance(found, FakeDeleteMarker):
            raise KeyError(f"s3://{bucket}/{key}")
        return found.value

    def put(self, bucket: str, key: str, body: bytes, *, role_arn: str) -> None:
        """Write an object."""
        with LOCK:
            s3().put_object(bucket, key, body)

    def list(self, bucket: str, prefix: str, *, role_arn: str) -> list[tuple[str, int]]:
        """Key and size of every current object under a prefix, in key order."""
        with LOCK:
            keys = list(s3().buckets[bucket].keys.items())
        return sorted(
            (name, key.size)
            for name, key in keys
            if name.startswith(prefix) and isinstance(key, FakeKey)
        )
