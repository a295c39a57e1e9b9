"""Releases in the ledger's table: which there are, and what became of each of their calls.

    RELEASES         / <release id>        a release: its file, its state, who runs it
    RELEASE#<id>     / CALL#<number>       a call: STARTED before it is submitted, then how it ended
    TABLE#<lease>    / CURRENT             the release that was last begun on this database

The lease of a database is one of `Ledger`; a call is started only while it is held.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from botocore.exceptions import ClientError

from lambdas.shared.aws import clients
from lambdas.shared.aws.failures import translated
from lambdas.shared.aws.items import Items, conditional, marshal
from lambdas.shared.domain.errors import LeaseLostError
from lambdas.shared.domain.release_run import CallRecord, CallState, ReleaseState

_MOST_CALLS = 999_999
_CONDITION = "ConditionalCheckFailed"
_STATE = {"#state": "state"}
"""A reserved word of DynamoDB's expressions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseHead:
    """One release; `file` and its version are None for calls by hand or of a job's `batch_id`.

    `summary` is what close tells of it: counts, `duration_ms`, `statusCode`, `error`.
    """

    release_id: str
    state: ReleaseState
    execution: str
    opened_at: str
    target: str
    database: str
    file: str | None = None
    bucket: str | None = None
    version_id: str | None = None
    batch_id: str | None = None
    closed_at: str | None = None
    summary: Mapping[str, Any] | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What a response says of the release."""
        return {
            "id": self.release_id,
            "file": self.file,
            "bucket": self.bucket,
            "version_id": self.version_id,
            "batch_id": self.batch_id,
        }

    @classmethod
    def from_item(cls, item: dict[str, Any]) -> Self:
        """Read an item of the ledger."""
        known = {name: item[name] for name in cls.__slots__ if name in item}
        return cls(**(known | {"state": ReleaseState(item["state"])}))


class ReleaseLedger:
    """The releases of one ledger table. Reads that decide anything are consistent."""

    def __init__(self, table: str) -> None:
        self.table = table
        self._items = Items(table)

    def releases(self) -> dict[str, ReleaseHead]:
        """Every release there is a record of, by its id."""
        items = self._between("RELEASES", "0", "g")
        return {item["sk"]: ReleaseHead.from_item(item) for item in items}

    def head(self, release_id: str) -> ReleaseHead | None:
        """One release; None if the ledger does not know it."""
        item = self._items.get(_release_key(release_id))
        return ReleaseHead.from_item(item) if item else None

    def open(self, head: ReleaseHead, *, instead_of: ReleaseHead | None) -> bool:
        """Write that an execution runs a release now; False if another one was quicker."""
        condition, values = (
            "attribute_not_exists(pk) OR execution = :mine",
            {":mine": head.execution},
        )
        if instead_of is not None:
            condition = "execution = :mine OR execution = :other"
            values[":other"] = instead_of.execution
        item = {name: getattr(head, name) for name in ReleaseHead.__slots__}
        item = {name: value for name, value in item.items() if value is not None}
        return self._items.put_if(
            _release_key(head.release_id) | item, when=condition, values=values
        )

    def close(
        self, release_id: str, execution: str, state: ReleaseState, *, at: str, summary: Any
    ) -> bool:
        """Write how an open release ended; False if it was written before, or is another's."""
        values = {
            ":state": state.value,
            ":at": at,
            ":summary": summary,
            ":mine": execution,
            ":open": ReleaseState.OPEN.value,
        }
        closed = self._items.update_if(
            _release_key(release_id),
            "SET #state = :state, closed_at = :at, summary = :summary",
            values,
            when="execution = :mine AND #state = :open",
            names=_STATE,
        )
        return closed is not None

    def calls(self, release_id: str, *, since: int = 1) -> dict[int, CallRecord]:
        """The calls that were started, by their numbers; `since` leaves out those before it."""
        items = self._between(f"RELEASE#{release_id}", _call_sk(since), _call_sk(_MOST_CALLS))
        return {int(item["number"]): _record(item) for item in items}

    def call(self, release_id: str, number: int) -> CallRecord | None:
        """One call; None if it was never started."""
        item = self._items.get(_call_key(release_id, number))
        return _record(item) if item else None

    def start_call(
        self,
        release_id: str,
        record: CallRecord,
        *,
        instead_of: CallRecord | None,
        lease: str,
        holder: str,
    ) -> bool:
        """Write that a call is about to be submitted; False if that was written before.

        Raises LeaseLostError if the database is another execution's by now.
        """
        condition = conditional("attribute_not_exists(pk)")
        if instead_of is not None:
            values = {":attempt": instead_of.attempt, ":state": instead_of.state.value}
            condition = conditional("attempt = :attempt AND #state = :state", values, _STATE)
        item = marshal(_call_item(release_id, record))
        put = {"TableName": self.table, "Item": item, **condition}
        check = {
            "TableName": self.table,
            "Key": marshal({"pk": f"TABLE#{lease}", "sk": "LEASE"}),
            **conditional("holder = :holder", {":holder": holder}),
        }
        items: Any = [{"ConditionCheck": check}, {"Put": put}]
        with translated():
            try:
                clients.dynamodb().transact_write_items(TransactItems=items)
            except ClientError as error:
                reasons = [each.get("Code") for each in _reasons(error)]
                if reasons[:1] == [_CONDITION]:
                    raise LeaseLostError(
                        f"{lease} is another execution's now, so call {record.number} of release"
                        f" {release_id} was not started"
                    ) from error
                if reasons != ["None", _CONDITION]:
                    raise
                return False
        return True

    def change_call(self, release_id: str, record: CallRecord, **changes: Any) -> CallRecord:
        """Write what became of a started call, unless that was written before; what stands then."""
        changed = replace(record, **changes)
        if self._items.put_if(
            _call_item(release_id, changed),
            when="attempt = :attempt AND #state = :started",
            values={":attempt": record.attempt, ":started": CallState.STARTED.value},
            names=_STATE,
        ):
            return changed
        return self.call(release_id, record.number) or changed

    def current(self, lease: str) -> str | None:
        """The release that was last begun on a database, if it was not closed."""
        item = self._items.get(_current_key(lease))
        return item["release_id"] if item else None

    def set_current(self, lease: str, release_id: str) -> None:
        """Remember whose calls run on a database."""
        self._items.put(_current_key(lease) | {"release_id": release_id})

    def clear_current(self, lease: str, release_id: str) -> None:
        """No call of this release runs any more."""
        mine = {":mine": release_id}
        self._items.delete_if(_current_key(lease), when="release_id = :mine", values=mine)

    def _between(self, pk: str, first: str, last: str) -> Iterator[dict[str, Any]]:
        condition = "pk = :pk AND sk BETWEEN :first AND :last"
        values = {":pk": pk, ":first": first, ":last": last}
        return self._items.query(condition, values, most=_MOST_CALLS)


def _release_key(release_id: str) -> dict[str, str]:
    return {"pk": "RELEASES", "sk": release_id}


def _call_key(release_id: str, number: int) -> dict[str, str]:
    return {"pk": f"RELEASE#{release_id}", "sk": _call_sk(number)}


def _current_key(lease: str) -> dict[str, str]:
    return {"pk": f"TABLE#{lease}", "sk": "CURRENT"}


def _call_sk(number: int) -> str:
    return f"CALL#{number:06d}"


def _call_item(release_id: str, record: CallRecord) -> dict[str, Any]:
    item = {name: getattr(record, name) for name in CallRecord.__slots__}
    kept = {name: value for name, value in item.items() if value is not None}
    return _call_key(release_id, record.number) | kept


def _record(item: dict[str, Any]) -> CallRecord:
    known = {name: item[name] for name in CallRecord.__slots__ if name in item}
    for name in ("number", "attempt", "duration_ms"):
        if name in known:
            known[name] = int(known[name])
    return CallRecord(**(known | {"state": CallState(item["state"])}))


def _reasons(error: ClientError) -> list[Any]:
    found: Any = error.response.get("CancellationReasons", [])
    return list(found)
