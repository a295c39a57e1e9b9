"""A release on its way: its calls as planned, what became of each, and the contract's answer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from lambdas.shared.domain.errors import ReleaseError
from lambdas.shared.domain.names import Identifier, short_hash
from lambdas.shared.domain.releases import Call

MOST_SQL_BYTES = 100_000
"""The Data API takes 100 KB of SQL (its quotas)."""


class CallState(StrEnum):
    """Where a call stands; all but STARTED are final unless a person says otherwise."""

    STARTED = "STARTED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    ABORTED = "ABORTED"  # cancelled by somebody else
    TIMED_OUT = "TIMED_OUT"  # cancelled at its limit
    UNKNOWN = "UNKNOWN"  # it may have run; nobody can say
    SKIPPED = "SKIPPED"  # never started, as a call before it failed


class ReleaseState(StrEnum):
    """Where a release stands."""

    OPEN = "OPEN"
    DONE = "DONE"
    REFUSED = "REFUSED"  # nothing of it was run: it may be tried again
    INTERRUPTED = "INTERRUPTED"  # some of it was run: a person resumes it


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """What the ledger knows of one call; times are ISO texts."""

    number: int
    attempt: int
    state: CallState
    started_at: str
    statement_id: str | None = None
    ended_at: str | None = None
    duration_ms: int | None = None
    error: str | None = None
    is_cancelled: bool = False

    @property
    def has_failed(self) -> bool:
        """Whether it ended, and not well."""
        return self.state not in (CallState.STARTED, CallState.FINISHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """One call, ready to be submitted; `arity` is how many arguments it has."""

    number: int
    line: int
    name: str
    schema: str
    procedure: str
    arity: int
    sql: str
    parameters: dict[str, str]
    shown: str
    idempotent: bool
    limit_seconds: int
    retries: int = 0

    @classmethod
    def of(cls, call: Call, *, default_limit: int) -> Self:
        """A call as it will be run; raises ReleaseError if it is longer than any statement."""
        statement, schema = call.statement(), call.procedure.schema or Identifier("public")
        if len(statement.sql.encode()) > MOST_SQL_BYTES:
            raise ReleaseError(f"line {call.line}: the call is longer than {MOST_SQL_BYTES} bytes")
        return cls(
            number=call.number,
            line=call.line,
            name=call.procedure.readable,
            schema=schema.text,
            procedure=call.procedure.name.text,
            arity=len(call.arguments),
            sql=statement.sql,
            parameters=statement.parameters,
            shown=call.sql(),
            idempotent=call.idempotent,
            limit_seconds=call.limit_seconds or default_limit,
            retries=call.retries,
        )

    def is_tried_again(self, record: "CallRecord") -> bool:
        """Whether its line asks for another try: it failed, and fewer times than that."""
        return record.state is CallState.FAILED and record.attempt <= self.retries

    def to_json(self) -> dict[str, Any]:
        """The call as JSON; `PlannedCall(**...)` reads it back."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseStep:
    """What every task of `release.asl.json` is given.

    `release` is the state the last task returned; the next one returns it changed.
    """

    request: Any
    execution_id: str
    execution_name: str
    started_at: str
    release: dict[str, Any]

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Read the state machine's state."""
        return cls(
            request=event["request"],
            execution_id=event["execution"]["id"],
            execution_name=event["execution"]["name"],
            started_at=str(event["execution"]["started_at"]),
            release=event["release"],
        )

    @property
    def release_id(self) -> str:
        """The release that is open."""
        return str(self.release["release_id"])

    @property
    def lease(self) -> str:
        """The name of the database's lease: releases of one database run one after the other."""
        return lease_of(self.release["target"], self.release["database"])


def lease_of(target: str, database: str) -> str:
    """The lease of a database of a workgroup or cluster; no table's name looks like it."""
    return f"procedures@{target}/{database}"


def folder_of(release_id: str) -> str:
    """Where a release's plan, text and answer lie."""
    return f"work/releases/{release_id}"


def id_of_file(bucket: str, key: str, version_id: str) -> str:
    """The identity of one version of a file."""
    return short_hash("file", bucket, key, version_id)


def id_of_calls(identity: str) -> str:
    """The identity of calls that a job, or a person by an execution, asks for."""
    return short_hash("calls", identity)


def token_of(release_id: str, number: int, attempt: int) -> str:
    """The client token of one attempt at one call: submitted again, it is the same statement."""
    return short_hash(release_id, str(number), str(attempt), length=64)


def execution_results(
    calls: Sequence[PlannedCall], records: Mapping[int, CallRecord]
) -> list[dict[str, Any]]:
    """One entry a call, in order; what was never started is SKIPPED."""
    return [_result(call, records.get(call.number)) for call in calls]


def _result(call: PlannedCall, record: CallRecord | None) -> dict[str, Any]:
    return {
        "procedure_number": call.number,
        "procedure_name": call.name,
        "query_id": record.statement_id if record else None,
        "status": record.state.value if record else CallState.SKIPPED.value,
        "sql_executed": call.shown,
        "line": call.line,
        "duration_ms": record.duration_ms if record else None,
        "error": record.error if record else None,
    }


def message_of(results: Iterable[Mapping[str, Any]]) -> str:
    """The contract's sentence; it says so where not all were successful."""
    statuses = [each["status"] for each in results]
    total, good = len(statuses), statuses.count(CallState.FINISHED)
    if good == total:
        return f"Executed {total} stored procedures successfully"
    others = {s: statuses.count(s) for s in sorted({*statuses} - {CallState.FINISHED.value})}
    told = ", ".join(f"{count} {state}" for state, count in others.items())
    return f"Executed {good} of {total} stored procedures successfully: {told}"


def answer(
    *,
    status_code: int,
    message: str,
    results: list[dict[str, Any]],
    s3_content: str | None,
    release: Mapping[str, Any] | None,
    duration_ms: int | None,
    error: Any = None,
) -> dict[str, Any]:
    """The response: every field of the contract, then what it lacks."""
    good = sum(each["status"] == CallState.FINISHED for each in results)
    return {
        "statusCode": status_code,
        "body": {
            "message": message,
            "total_procedures": len(results),
            "successful_procedures": good,
            "execution_results": results,
            "s3_content": s3_content,
            "release": release,
            "duration_ms": duration_ms,
            "error": error,
        },
    }
