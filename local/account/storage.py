"""The account's S3 as the warehouse reads and writes it."""

import threading

from moto.s3.models import FakeDeleteMarker, FakeKey, S3Backend, s3_backends

from local.account import arns
from local.account.identity import ACCOUNT_ID, PARTITION
from local.account.meter import Meter
from local.account.permissions import AccessDeniedError, Permissions
from local.account.policies import Call

LOCK = threading.RLock()  # moto's S3 looks and then writes, without one of its own


def s3() -> S3Backend:
    """The account's S3."""
    return s3_backends[ACCOUNT_ID][PARTITION]


def has_tags(bucket: str, key: str, version_id: str | None) -> bool:
    """Whether an object has tags; one that is not there has none."""
    with LOCK:
        if bucket not in s3().buckets:
            return False
        found = s3().get_object(bucket, key, version_id=version_id)
        return isinstance(found, FakeKey) and bool(s3().tagger.get_tag_dict_for_resource(found.arn))


class ObjectStore:
    """Objects for COPY and UNLOAD, without a detour over HTTP; a role reads and writes them.

    Raises PermissionError for what the role may not do.
    """

    def __init__(self, permissions: Permissions, meter: Meter) -> None:
        self._permissions = permissions
        self._meter = meter

    def get(self, bucket: str, key: str, *, role_arn: str) -> bytes:
        """The current version's content; KeyError if there is none."""
        self._demand(role_arn, "s3:GetObject", f"{arns.bucket(bucket)}/{key}")
        self._meter.counted("s3", "Get")
        with LOCK:
            found = s3().buckets[bucket].keys.get(key)
        if not isinstance(found, FakeKey) or isinstance(found, FakeDeleteMarker):
            raise KeyError(f"s3://{bucket}/{key}")
        return found.value

    def put(self, bucket: str, key: str, body: bytes, *, role_arn: str) -> None:
        """Write an object."""
        self._demand(role_arn, "s3:PutObject", f"{arns.bucket(bucket)}/{key}")
        self._meter.counted("s3", "Put")
        with LOCK:
            s3().put_object(bucket, key, body)

    def list(self, bucket: str, prefix: str, *, role_arn: str) -> list[tuple[str, int]]:
        """Key and size of every current object under a prefix, in key order."""
        self._demand(role_arn, "s3:ListBucket", arns.bucket(bucket), prefix=prefix)
        self._meter.counted("s3", "List")
        with LOCK:
            keys = list(s3().buckets[bucket].keys.items())
        return sorted(
            (name, key.size)
            for name, key in keys
            if name.startswith(prefix) and isinstance(key, FakeKey)
        )

    def _demand(self, role_arn: str, action: str, resource: str, prefix: str | None = None) -> None:
        context = {} if prefix is None else {"s3:prefix": prefix}
        call = Call(action=action, resource=resource, context=context)
        try:
            self._permissions.demand(role_arn, [call])
        except AccessDeniedError as error:
            raise PermissionError(str(error)) from error
