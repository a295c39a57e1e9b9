"""What people ask of the ledger: reads without side effects, by key or index, each bounded.

The layout is the one `ledger.py` writes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from lambdas.shared.aws import clients
from lambdas.shared.aws.failures import translated
from lambdas.shared.domain.files import File, FileState, object_id

_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_BATCH = 100
"""BatchGetItem takes 100 keys (DynamoDB API reference)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """A file as the ledger has it; `job_id` is None where no job takes it."""

    file: File
    state: FileState
    job_id: str | None
    rows: int | None
    error: dict[str, Any] | None
    batch_id: str | None
    moved_to: str | None

    @classmethod
    def from_item(cls, item: dict[str, Any]) -> Self:
        """Read a `FILE#` item."""
        return cls(
            file=File.from_json(item),
            state=FileState(item["state"]),
            job_id=item.get("job_id"),
            rows=_whole(item.get("rows")),
            error=item.get("error"),
            batch_id=item.get("batch_id"),
            moved_to=item.get("moved_to"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRecord:
    """What one load did; a FAILED one has an `error` and no counts."""

    job_id: str
    batch_id: str
    state: str
    at: datetime
    table: str | None
    rows: int | None
    inserted: int | None
    updated: int | None
    seconds: float | None
    files: dict[str, int]
    error: dict[str, Any] | None

    @classmethod
    def from_item(cls, item: dict[str, Any]) -> Self:
        """Read a `LOAD#` item."""
        seconds = item.get("seconds")
        return cls(
            job_id=item["pk"].removeprefix("JOB#"),
            batch_id=item["sk"].removeprefix("LOAD#"),
            state=item["state"],
            at=datetime.fromisoformat(item["at"]),
            table=item.get("table"),
            rows=_whole(item.get("rows")),
            inserted=_whole(item.get("inserted")),
            updated=_whole(item.get("updated")),
            seconds=None if seconds is None else float(seconds),
            files={state: int(count) for state, count in item.get("files", {}).items()},
            error=item.get("error"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobHead:
    """A job's open generation, and how often it failed in a row; the last execution that did."""

    generation: int
    failures: int
    last_failure: str | None


class LedgerView:
    """One ledger table, read only."""

    def __init__(self, table: str) -> None:
        self.table = table

    def entries(self, file_ids: Iterable[str]) -> dict[str, FileEntry]:
        """The files of these ids that the ledger knows, by id; consistent."""
        keys = [{"pk": f"FILE#{each[:16]}", "sk": each} for each in file_ids]
        return {item["sk"]: FileEntry.from_item(item) for item in self._items(keys)}

    def files_of(
        self,
        job_id: str,
        *,
        most: int,
        since: datetime = _EARLIEST,
        until: datetime = _LATEST,
    ) -> list[FileEntry]:
        """A job's files and replays that arrived in [since, until], the newest first.

        By the index, which is a moment behind.
        """
        request = {
            "IndexName": "by_job",
            "KeyConditionExpression": "job_id = :job AND arrived_at BETWEEN :since AND :until",
            "ExpressionAttributeValues": _marshal(
                {":job": job_id, ":since": _text(since), ":until": _text(until)}
            ),
            "ScanIndexForward": False,
        }
        return [FileEntry.from_item(item) for item in self._query(request, most=most)]

    def versions_of(self, bucket: str, key: str, *, most: int = 10_000) -> list[FileEntry]:
        """The versions of a key that the ledger knows, and their replays, in no order."""
        found = object_id(bucket, key)
        return [
            FileEntry.from_item(item)
            for item in self._query(_prefixed(f"FILE#{found}", found), most=most)
        ]

    def pooled(self, job_id: str, *, most: int) -> list[File]:
        """The files in a job's pool, in the order of their sequences."""
        request = _prefixed(f"JOB#{job_id}", "POOL#")
        return [File.from_json(item["file"]) for item in self._query(request, most=most)]

    def loads(self, batches: Iterable[tuple[str, str]]) -> list[LoadRecord]:
        """The loads of these jobs' batches that were written down, the newest first."""
        keys = [{"pk": f"JOB#{job}", "sk": f"LOAD#{batch}"} for job, batch in batches]
        found = [LoadRecord.from_item(item) for item in self._items(keys)]
        return sorted(found, key=lambda load: load.at, reverse=True)

    def loads_of(self, job_id: str, execution: str) -> list[LoadRecord]:
        """What one execution wrote down, the newest first; a failed one is among them."""
        request = _prefixed(f"JOB#{job_id}", f"LOAD#{execution}-")
        found = [LoadRecord.from_item(item) for item in self._query(request, most=_BATCH)]
        return sorted(found, key=lambda load: load.at, reverse=True)

    def head(self, job_id: str) -> JobHead:
        """A job's head; a job that never ran has the first generation."""
        item = next(self._items([{"pk": f"JOB#{job_id}", "sk": "HEAD"}]), {})
        return JobHead(
            generation=int(item.get("generation", 1)),
            failures=int(item.get("failures", 0)),
            last_failure=item.get("last_failure"),
        )

    def lease_holder(self, table: str) -> str | None:
        """The execution that holds a table now; None if none does."""
        item = next(self._items([{"pk": f"TABLE#{table}", "sk": "LEASE"}]), {})
        return item.get("holder") or None

    def scan(self, state: FileState, *, most_read: int) -> tuple[list[FileEntry], bool]:
        """Files in a state that no key leads to, and whether the whole table was read.

        Reads at most about `most_read` items: a scan costs by what it reads, not what it finds.
        """
        request: Any = {
            "TableName": self.table,
            "FilterExpression": "begins_with(pk, :file) AND #state = :state",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": _marshal({":file": "FILE#", ":state": state.value}),
        }
        found: list[FileEntry] = []
        read = 0
        while read < most_read:
            with translated():
                page = clients.dynamodb().scan(**request, Limit=most_read - read)
            found += [FileEntry.from_item(_unmarshal(item)) for item in page["Items"]]
            read += page["ScannedCount"]
            if "LastEvaluatedKey" not in page:
                return found, True
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        return found, False

    def _items(self, keys: Sequence[dict[str, str]]) -> Iterator[dict[str, Any]]:
        for start in range(0, len(keys), _BATCH):
            asked: Any = {
                self.table: {
                    "Keys": [_marshal(key) for key in keys[start : start + _BATCH]],
                    "ConsistentRead": True,
                }
            }
            while asked:
                with translated():
                    answer = clients.dynamodb().batch_get_item(RequestItems=asked)
                yield from map(_unmarshal, answer["Responses"].get(self.table, []))
                asked = answer["UnprocessedKeys"]

    def _query(self, request: dict[str, Any], *, most: int) -> Iterator[dict[str, Any]]:
        request = {"TableName": self.table, **request}
        left = most
        while left > 0:
            with translated():
                page = clients.dynamodb().query(**request, Limit=left)
            yield from map(_unmarshal, page["Items"])
            left -= len(page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _prefixed(pk: str, prefix: str) -> dict[str, Any]:
    return {
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
        "ExpressionAttributeValues": _marshal({":pk": pk, ":prefix": prefix}),
    }


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _marshal(item: dict[str, Any]) -> dict[str, Any]:
    return {name: _SERIALIZER.serialize(value) for name, value in item.items()}


def _unmarshal(item: Any) -> dict[str, Any]:
    return {name: _DESERIALIZER.deserialize(value) for name, value in item.items()}


_SERIALIZER = TypeSerializer()
_DESERIALIZER = TypeDeserializer()
