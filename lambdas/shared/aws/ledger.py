"""The ledger: where every file stands, who waits in a job's pool, and who holds a table.

One DynamoDB table, keys `pk` and `sk`:

    FILE#<object id>  / <file id>              a file: its state, job, copy and verdict
    JOB#<job id>      / POOL#<sequence>#<file id>   exists until the file has a verdict
    JOB#<job id>      / HEAD                   the open generation, and failures in a row
    JOB#<job id>      / LOAD#<batch id>        what one load did; its notice was sent
    JOB#<job id>      / EXPECTED               since when files are expected; the last that failed
    TABLE#<table>     / LEASE                  which execution loads the table
    SWEEP             / POSITION               where the last sweep stopped listing
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from lambdas.shared.aws import clients
from lambdas.shared.aws.concurrently import for_each
from lambdas.shared.aws.failures import code_of, translated
from lambdas.shared.aws.items import Items, conditional, marshal
from lambdas.shared.domain.errors import StorageBusyError
from lambdas.shared.domain.files import File, FileState, Verdict, object_id

_FIRST_GENERATION = 1
_MOST_VERSIONS = 1_000_000
_MOST_AT_ONCE = 50
"""Verdicts of one TransactWriteItems, which takes 100 writes (DynamoDB API reference)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A version the ledger knows, or a replay of it."""

    file: File
    state: FileState


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Since when a job's files are expected, and the last missed deadline said: UTC, ISO 8601."""

    since: str
    missed: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who holds a table; `epoch` grows with each taking."""

    holder: str
    epoch: int


class Ledger:
    """One ledger table. Reads that decide anything are consistent."""

    def __init__(self, table: str) -> None:
        self.table = table
        self._items = Items(table)

    def pool_file(self, file: File, job_id: str) -> FileState:
        """Put the file and its pool entry, if absent; the state the file is in now.

        A waiting file becomes pooled, with the sequence it has. A file with a verdict keeps it.
        """
        return self._put_file(file, job_id, FileState.POOLED)

    def let_wait(self, file: File, job_id: str) -> FileState:
        """Put the file as WAITING, if absent; the state the file is in now."""
        return self._put_file(file, job_id, FileState.WAITING)

    def versions_of(self, bucket: str, key: str) -> list[Known]:
        """The versions of a key that the ledger knows, and their replays, in no order."""
        found = object_id(bucket, key)
        items = self._items.below(f"FILE#{found}", found, most=_MOST_VERSIONS)
        return [Known(file=File.from_json(item), state=FileState(item["state"])) for item in items]

    def file_state(self, file: File) -> FileState | None:
        """The state of a file; None if the ledger does not know it."""
        item = self._items.get(_file_key(file))
        return FileState(item["state"]) if item else None

    def record_move(self, file: File, destination: str) -> bool:
        """Remember that no job takes the file, and where it lies; False if it has another state."""
        return self._items.put_if(
            _file_item(file, FileState.NOT_CONFIGURED) | {"moved_to": destination},
            when="attribute_not_exists(pk) OR #state = :waiting",
            values={":waiting": FileState.WAITING.value},
            names={"#state": "state"},
        )

    def _put_file(self, file: File, job_id: str, state: FileState) -> FileState:
        item = _file_item(file, state) | {"job_id": job_id}
        put: Any = {"TableName": self.table, "Item": marshal(item)}
        writes = [{"Put": put | conditional("attribute_not_exists(pk)")}]
        if state is FileState.POOLED:
            writes.append(self._pooling(file, job_id))
        if self._written(writes):
            return state
        known = self._items.get(_file_key(file))
        if known is None:
            raise StorageBusyError(f"{file.key} was known, and is no more; try again")
        if state is FileState.POOLED and known["state"] == FileState.WAITING:
            return self._pool_waiting(File.from_json(known), job_id)
        return FileState(known["state"])

    def _pool_waiting(self, file: File, job_id: str) -> FileState:
        """Pool a file that waits, in the place it got among the versions of its key."""
        change = self._change(
            file, (FileState.WAITING,), FileState.POOLED, job_id=job_id, error=None
        )
        if self._written([change, self._pooling(file, job_id)]):
            return FileState.POOLED
        return self.file_state(file) or FileState.WAITING

    def _pooling(self, file: File, job_id: str) -> Any:
        entry = _pool_key(file, job_id) | {"file": file.to_json()}
        return {"Put": {"TableName": self.table, "Item": marshal(entry)}}

    def _unpooling(self, file: File, job_id: str) -> Any:
        return {"Delete": {"TableName": self.table, "Key": marshal(_pool_key(file, job_id))}}

    def _change(
        self, file: File, before: Sequence[FileState], after: FileState, **fields: Any
    ) -> Any:
        """The write that takes a file out of one of these states; it holds in those alone."""
        fields["state"] = after.value
        allowed = {f":before_{at}": each.value for at, each in enumerate(before)}
        update: Any = {
            "TableName": self.table,
            "Key": marshal(_file_key(file)),
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in fields),
            **conditional(
                f"#state IN ({', '.join(allowed)})",
                allowed | {f":{name}": value for name, value in fields.items()},
                {f"#{name}": name for name in fields},
            ),
        }
        return {"Update": update}

    def _written(self, writes: list[Any]) -> bool:
        """Whether all of them were done; False where a condition does not hold."""
        with translated():
            try:
                clients.dynamodb().transact_write_items(TransactItems=writes)
            except ClientError as error:
                if not _conditions_failed(error):
                    raise
                return False
        return True

    def withdraw(self, file: File, job_id: str, reason: dict[str, Any]) -> None:
        """Take a file that cannot be read out of the pool: it waits, and the sweep sends it again.

        One that has a verdict by now keeps it.
        """
        change = self._change(file, (FileState.POOLED,), FileState.WAITING, error=reason)
        self._written([change, self._unpooling(file, job_id)])

    def failures(self, job_id: str) -> int:
        """How many executions of a job have failed in a row."""
        head = self._items.get(_head_key(job_id)) or {}
        return int(head.get("failures", 0))

    def is_new(self, file: File) -> bool:
        """Whether the ledger has never seen this file."""
        return self.file_state(file) is None

    def generation(self, job_id: str) -> int:
        """The open generation of a job: arrivals start the execution named after it."""
        head = self._items.get(_head_key(job_id))
        return int(head.get("generation", _FIRST_GENERATION)) if head else _FIRST_GENERATION

    def raise_generation(self, job_id: str, generation: int) -> None:
        """Close a generation; does nothing where it is closed already."""
        condition = "generation = :old"
        if generation == _FIRST_GENERATION:
            condition += " OR attribute_not_exists(generation)"
        values = {":old": generation, ":new": generation + 1}
        self._items.update_if(_head_key(job_id), "SET generation = :new", values, when=condition)

    def count_failure(self, job_id: str, execution: str) -> int:
        """Count a failed execution of a job once; failures in a row."""
        head = self._items.update_if(
            _head_key(job_id),
            "ADD failures :one SET last_failure = :execution",
            {":one": 1, ":execution": execution},
            when="attribute_not_exists(last_failure) OR last_failure <> :execution",
        )
        return self.failures(job_id) if head is None else int(head["failures"])

    def forget_failures(self, job_id: str) -> None:
        """A load succeeded: the next failure is the first again."""
        self._items.update_if(
            _head_key(job_id), "SET failures = :none", {":none": 0}, when="failures > :none"
        )

    def pool(self, job_id: str, *, most: int) -> list[File]:
        """The first files in a job's pool, oldest sequence first; consistent."""
        items = self._items.below(f"JOB#{job_id}", "POOL#", most=most)
        return [File.from_json(item["file"]) for item in items]

    def lease(self, table: str) -> Lease | None:
        """Who holds a table; None if nobody does."""
        item = self._items.get(_lease_key(table))
        if not item or not item.get("holder"):
            return None
        return Lease(holder=item["holder"], epoch=int(item["epoch"]))

    def take_lease(self, table: str, holder: str, *, instead_of: Lease | None) -> bool:
        """Take a table that is free, or whose lease is still `instead_of`; False if it is not."""
        condition = "attribute_not_exists(holder) OR holder = :free OR holder = :holder"
        values: dict[str, Any] = {":holder": holder, ":one": 1, ":free": ""}
        if instead_of is not None:
            condition = "holder = :old AND epoch = :epoch"
            values = {
                ":holder": holder,
                ":one": 1,
                ":old": instead_of.holder,
                ":epoch": instead_of.epoch,
            }
        change = "SET holder = :holder ADD epoch :one"
        return self._items.update_if(_lease_key(table), change, values, when=condition) is not None

    def release_lease(self, table: str, holder: str) -> None:
        """Give a table back, if it is still ours."""
        self._items.update_if(
            _lease_key(table),
            "SET holder = :free",
            {":free": "", ":holder": holder},
            when="holder = :holder",
        )

    def project(self, verdicts: Iterable[Verdict], job_id: str, batch_id: str) -> None:
        """Write verdicts of the load history into the ledger; a verdict is never replaced."""
        listed = list(verdicts)
        parts = [listed[at : at + _MOST_AT_ONCE] for at in range(0, len(listed), _MOST_AT_ONCE)]
        for_each(lambda part: self._project_some(part, job_id, batch_id), parts)

    def _project_some(self, verdicts: list[Verdict], job_id: str, batch_id: str) -> None:
        """All of them at once, or, where one is settled or in use already, one by one."""
        writes = [write for each in verdicts for write in self._projection(each, job_id, batch_id)]
        with translated():
            try:
                clients.dynamodb().transact_write_items(TransactItems=writes)
            except ClientError as error:
                if code_of(error) != "TransactionCanceledException":
                    raise
                for each in verdicts:
                    self._project_one(each, job_id, batch_id)

    def _project_one(self, verdict: Verdict, job_id: str, batch_id: str) -> None:
        if not self._written(self._projection(verdict, job_id, batch_id)):
            self._items.delete(_pool_key(verdict.file, job_id))

    def _projection(self, verdict: Verdict, job_id: str, batch_id: str) -> list[Any]:
        """The writes of one verdict: the file's state, and the end of its pool entry."""
        change = self._change(
            verdict.file,
            (FileState.POOLED, FileState.WAITING),
            verdict.state,
            rows=verdict.rows,
            error=verdict.error,
            batch_id=batch_id,
        )
        return [change, self._unpooling(verdict.file, job_id)]

    def sweep_position(self) -> dict[str, str] | None:
        """Where the last sweep stopped; None if it came to the end."""
        item = self._items.get(_SWEEP_KEY) or {}
        position: dict[str, str] | None = item.get("position")
        return position

    def keep_sweep_position(self, position: dict[str, str] | None) -> None:
        """Keep where a sweep stopped; None when it came to the end."""
        self._items.put(_SWEEP_KEY | {"position": position})

    def expected(self, job_id: str, now: str) -> Expected:
        """Since when a job's files are expected: from the first time that somebody asked."""
        change = "SET since = if_not_exists(since, :now)"
        item = self._items.update(_expected_key(job_id), change, {":now": now})
        return Expected(since=item["since"], missed=item.get("missed"))

    def note_missed(self, job_id: str, deadline: str) -> None:
        """Keep the last deadline a job missed, and never an earlier one instead."""
        self._items.update_if(
            _expected_key(job_id),
            "SET missed = :deadline",
            {":deadline": deadline},
            when="attribute_not_exists(missed) OR missed < :deadline",
        )

    def record_load(self, job_id: str, batch_id: str, load: dict[str, Any]) -> bool:
        """Write down what a load did; False if it was written before, so notices go out once."""
        item = {"pk": f"JOB#{job_id}", "sk": f"LOAD#{batch_id}"} | load
        return self._items.put_if(item, when="attribute_not_exists(pk)")


def _file_key(file: File) -> dict[str, str]:
    return {"pk": f"FILE#{file.file_id[:16]}", "sk": file.file_id}


def _pool_key(file: File, job_id: str) -> dict[str, str]:
    return {"pk": f"JOB#{job_id}", "sk": f"POOL#{file.sequence}#{file.file_id}"}


def _head_key(job_id: str) -> dict[str, str]:
    return {"pk": f"JOB#{job_id}", "sk": "HEAD"}


def _expected_key(job_id: str) -> dict[str, str]:
    return {"pk": f"JOB#{job_id}", "sk": "EXPECTED"}


def _lease_key(table: str) -> dict[str, str]:
    return {"pk": f"TABLE#{table}", "sk": "LEASE"}


def _file_item(file: File, state: FileState) -> dict[str, Any]:
    return _file_key(file) | file.to_json() | {"state": state.value}


def _conditions_failed(error: ClientError) -> bool:
    """Whether a transaction was refused for its conditions alone."""
    reasons: Any = error.response.get("CancellationReasons", [])
    codes = {reason.get("Code") for reason in reasons} - {"None", None}
    return code_of(error) == "TransactionCanceledException" and codes == {"ConditionalCheckFailed"}


_SWEEP_KEY = {"pk": "SWEEP", "sk": "POSITION"}
