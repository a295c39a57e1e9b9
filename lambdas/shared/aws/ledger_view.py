"""What people ask of the ledger: reads without side effects, by key or index, each bounded.

The layout is the one `ledger.py` writes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from lambdas.shared.aws import clients
from lambdas.shared.aws.failures import translated
from lambdas.shared.aws.items import Items, marshal, unmarshal
from lambdas.shared.domain.files import File, FileState, object_id

_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_MOST_LOADS = 100


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
        self._items = Items(table)

    def entries(self, file_ids: Iterable[str]) -> dict[str, FileEntry]:
        """The files of these ids that the ledger knows, by id; consistent."""
        keys = [{"pk": f"FILE#{each[:16]}", "sk": each} for each in file_ids]
        return {item["sk"]: FileEntry.from_item(item) for item in self._items.get_all(keys)}

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
        return list(self._files_of(job_id, most, since, until))

    def originals_of(
        self,
        job_id: str,
        state: FileState,
        *,
        most: int,
        most_read: int,
        since: datetime = _EARLIEST,
        until: datetime = _LATEST,
    ) -> tuple[list[FileEntry], bool]:
        """The newest of a job's files in a state, without replays, and whether that is all.

        Reads about `most_read` files and replays at most, as `files_of` does.
        """
        found: list[FileEntry] = []
        for read, entry in enumerate(self._files_of(job_id, most_read + 1, since, until)):
            if read == most_read:
                return found, False
            if entry.file.replay or entry.state is not state:
                continue
            if len(found) == most:
                return found, False
            found.append(entry)
        return found, True

    def _files_of(
        self, job_id: str, most: int, since: datetime, until: datetime
    ) -> Iterator[FileEntry]:
        """Page by page, as far as somebody asks on."""
        items = self._items.query(
            "job_id = :job AND arrived_at BETWEEN :since AND :until",
            {":job": job_id, ":since": _text(since), ":until": _text(until)},
            most=most,
            consistent=False,
            IndexName="by_job",
            ScanIndexForward=False,
        )
        return map(FileEntry.from_item, items)

    def versions_of(self, bucket: str, key: str, *, most: int = 10_000) -> list[FileEntry]:
        """The versions of a key that the ledger knows, and their replays, in no order."""
        found = object_id(bucket, key)
        items = self._items.below(f"FILE#{found}", found, most=most, consistent=False)
        return [FileEntry.from_item(item) for item in items]

    def pooled(self, job_id: str, *, most: int) -> list[File]:
        """The files in a job's pool, in the order of their sequences."""
        items = self._items.below(f"JOB#{job_id}", "POOL#", most=most, consistent=False)
        return [File.from_json(item["file"]) for item in items]

    def loads(self, batches: Iterable[tuple[str, str]]) -> list[LoadRecord]:
        """The loads of these jobs' batches that were written down, the newest first."""
        keys = [{"pk": f"JOB#{job}", "sk": f"LOAD#{batch}"} for job, batch in batches]
        found = [LoadRecord.from_item(item) for item in self._items.get_all(keys)]
        return sorted(found, key=lambda load: load.at, reverse=True)

    def loads_of(self, job_id: str, execution: str) -> list[LoadRecord]:
        """What one execution wrote down, the newest first; a failed one is among them."""
        items = self._items.below(
            f"JOB#{job_id}", f"LOAD#{execution}-", most=_MOST_LOADS, consistent=False
        )
        found = [LoadRecord.from_item(item) for item in items]
        return sorted(found, key=lambda load: load.at, reverse=True)

    def head(self, job_id: str) -> JobHead:
        """A job's head; a job that never ran has the first generation."""
        item = next(self._items.get_all([{"pk": f"JOB#{job_id}", "sk": "HEAD"}]), {})
        return JobHead(
            generation=int(item.get("generation", 1)),
            failures=int(item.get("failures", 0)),
            last_failure=item.get("last_failure"),
        )

    def lease_holder(self, table: str) -> str | None:
        """The execution that holds a table now; None if none does."""
        item = next(self._items.get_all([{"pk": f"TABLE#{table}", "sk": "LEASE"}]), {})
        return item.get("holder") or None

    def scan(self, state: FileState, *, most_read: int) -> tuple[list[FileEntry], bool]:
        """Files in a state that no key leads to, and whether the whole table was read.

        Reads at most about `most_read` items: a scan costs by what it reads, not what it finds.
        """
        request: Any = {
            "TableName": self.table,
            "FilterExpression": "begins_with(pk, :file) AND #state = :state",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": marshal({":file": "FILE#", ":state": state.value}),
        }
        found: list[FileEntry] = []
        read = 0
        while read < most_read:
            with translated():
                page = clients.dynamodb().scan(**request, Limit=most_read - read)
            found += [FileEntry.from_item(unmarshal(item)) for item in page["Items"]]
            read += page["ScannedCount"]
            if "LastEvaluatedKey" not in page:
                return found, True
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        return found, False


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
