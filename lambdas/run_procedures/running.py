"""The calls of a release, one after the other; each is submitted once, whatever ends this function.

STARTED is written before a call is submitted, with a client token that is a function of the
release, the call and the attempt. So whoever finds STARTED, and not what became of it, submits the
call again under its token, and the Data API answers with the statement there is, if there is one.
Once the token is too old to count on, nobody can say whether the call ran: it is UNKNOWN.
"""

import time
from datetime import UTC, datetime
from typing import Any

from config.runtime import RunProceduresSettings
from lambdas.run_procedures.signatures import refuse_what_cannot_run
from lambdas.shared.aws.log import logger
from lambdas.shared.aws.objects import Objects
from lambdas.shared.aws.release_ledger import ReleaseLedger
from lambdas.shared.aws.warehouse import Cluster, Statement, Warehouse
from lambdas.shared.domain.errors import ReleaseError, StatementLostError
from lambdas.shared.domain.redaction import redacted
from lambdas.shared.domain.release_run import (
    CallRecord,
    CallState,
    PlannedCall,
    ReleaseStep,
    folder_of,
    token_of,
)

TOKEN_SECONDS = 4 * 3600
"""How long a client token is trusted; the Data API forgets it after eight hours (its guide)."""
_POLL_SECONDS = 8
"""One question's wait; clients give up reading after ten."""
_PATIENCE_SECONDS = 20
"""How long one call is waited for here; after that the machine waits, which costs nothing."""
_BUDGET_SECONDS = 600
"""How long one invocation begins new calls; the function may run for 900."""
_GLANCE_SECONDS = 2
"""The first wait; a call that takes longer has its statement written down."""
_SETTLING_SECONDS = 60
"""How long a function that outlived its execution may take to write a statement down."""
_LONGEST_WAIT_SECONDS = 60
_FEW_ROUNDS = 1_000
"""An execution's history holds 25,000 events, 9 a round; after so many, rounds become longer."""
_CANCELLED_AT_LIMIT = "it was cancelled at its limit of {limit} s"


class Running:
    """One release; its memory is the ledger, and `step.release` between invocations."""

    def __init__(self, step: ReleaseStep, settings: RunProceduresSettings) -> None:
        self.step = step
        self.ledger = ReleaseLedger(settings.ledger_table)
        self.objects = Objects(settings.bucket)
        self.schemas = settings.procedure_schemas.split(",")
        place: str | Cluster = settings.workgroup
        if settings.cluster_id:
            place = Cluster(cluster_id=settings.cluster_id, db_user=settings.db_user)
        self.warehouse = Warehouse(
            place, step.release["database"], longest_wait_seconds=_POLL_SECONDS
        )
        self.since = time.monotonic()
        self.again = {int(n): attempt for n, attempt in step.release["again"].items()}

    @property
    def round(self) -> int:
        """How many invocations there were before this one."""
        return int(self.step.release["round"])

    @property
    def next(self) -> int:
        """The first call that may not have ended."""
        return int(self.step.release["next"])

    def advance(self) -> dict[str, Any]:
        """Go on from where the last invocation stopped."""
        if not self._has_database():
            return self._running(self.next, _POLL_SECONDS)
        planned = self._plan()
        records = self.ledger.calls(self.step.release_id, since=self.next)
        if self.next == 1 and not records:
            calls = [PlannedCall(**each) for each in planned]
            try:
                refuse_what_cannot_run(calls, schemas=self.schemas, warehouse=self.warehouse)
            except ReleaseError as error:
                return {**self.step.release, "status": "REFUSED", "error": error.to_json()}
        for each in planned:
            call = PlannedCall(**each)
            if time.monotonic() - self.since > _BUDGET_SECONDS:
                return self._running(call.number, 0)
            record = self._called(call, records.get(call.number))
            if record.state is CallState.STARTED:
                return self._running(call.number, self._wait(call, record))
            if call.is_tried_again(record):
                return self._running(call.number, min(2**record.attempt, _LONGEST_WAIT_SECONDS))
            if self._stops(record):
                return {**self.step.release, "status": "DONE", "stopped_at": call.number}
        return {**self.step.release, "status": "DONE"}

    def _stops(self, record: CallRecord) -> bool:
        """Whether the rest is skipped; what failed before a resumption does not stop it again."""
        is_new = record.started_at >= self.step.release["opened_at"]
        return is_new and record.has_failed and self.step.release["on_error"] == "stop"

    def _plan(self) -> list[dict[str, Any]]:
        """The calls from the first that may not have ended, as JSON: there may be thousands."""
        plan = self.objects.get_json(f"{folder_of(self.step.release_id)}/plan.json")
        return list(plan["calls"][self.next - 1 :])

    def _running(self, number: int, wait: int) -> dict[str, Any]:
        return {
            **self.step.release,
            "status": "RUNNING",
            "next": number,
            "round": self.round + 1,
            "wait_seconds": wait,
        }

    def _wait(self, call: PlannedCall, record: CallRecord) -> int:
        """Longer the longer it runs already, and no longer than its limit."""
        age = _age(record)
        left = max(1, call.limit_seconds - age)
        return int(min(max(2, age / 4), left, _LONGEST_WAIT_SECONDS))

    @property
    def _patience(self) -> int:
        return _PATIENCE_SECONDS if self.round < _FEW_ROUNDS else _BUDGET_SECONDS

    # --- one call -------------------------------------------------------------------------------

    def _called(self, call: PlannedCall, record: CallRecord | None) -> CallRecord:
        """The call as it stands once it has ended or patience has: STARTED if it still runs."""
        if record is None:
            record = self._start(call, None)
        elif record.state is not CallState.STARTED:
            is_asked_for = self.again.get(call.number) == record.attempt
            if not (is_asked_for or call.is_tried_again(record)):
                return record
            record = self._start(call, record)
        while True:
            record = self._followed(call, record)
            if record.state is CallState.UNKNOWN and call.idempotent:
                record = self._start(call, record)
                continue
            return record

    def _start(self, call: PlannedCall, before: CallRecord | None) -> CallRecord:
        record = CallRecord(
            number=call.number,
            attempt=before.attempt + 1 if before else 1,
            state=CallState.STARTED,
            started_at=_now(),
        )
        if self.ledger.start_call(
            self.step.release_id,
            record,
            instead_of=before,
            lease=self.step.lease,
            holder=self.step.execution_id,
        ):
            return record
        found = self.ledger.call(self.step.release_id, call.number)
        return found or record

    def _followed(self, call: PlannedCall, record: CallRecord) -> CallRecord:
        if record.state is not CallState.STARTED:
            return record
        statement_id = record.statement_id
        if statement_id is None:
            if _age(record) > TOKEN_SECONDS:
                return self._unknown(record, "its client token has expired")
            statement_id = self.warehouse.submit(
                call.sql,
                token=token_of(self.step.release_id, call.number, record.attempt),
                parameters=call.parameters,
                name=f"sluice-{self.step.release_id}-{call.number}",
            )
        try:
            statement, record = self._awaited(call, record, statement_id)
        except StatementLostError:
            return self._unknown(record, "the Data API no longer knows its statement")
        if not statement.is_closed:
            return record
        return self._ended(call, record, statement)

    def _awaited(
        self, call: PlannedCall, record: CallRecord, statement_id: str
    ) -> tuple[Statement, CallRecord]:
        """Wait as long as patience lasts; cancel at the limit."""
        statement = self.warehouse.wait(statement_id, seconds=_GLANCE_SECONDS)
        until = min(time.monotonic() + self._patience, self.since + _BUDGET_SECONDS + 60)
        while not statement.is_closed and time.monotonic() < until:
            left = call.limit_seconds - _age(record)
            record = self._remembered(record, statement_id=statement_id, is_cancelled=left <= 0)
            if record.is_cancelled:
                self.warehouse.cancel(statement_id)
            seconds = int(min(_POLL_SECONDS, max(_GLANCE_SECONDS, left + 1)))
            statement = self.warehouse.wait(statement_id, seconds=seconds)
        return statement, record

    def _remembered(
        self, record: CallRecord, *, statement_id: str, is_cancelled: bool
    ) -> CallRecord:
        """Written down before anything more is asked of the statement."""
        is_cancelled = is_cancelled or record.is_cancelled
        if (record.statement_id, record.is_cancelled) == (statement_id, is_cancelled):
            return record
        return self.ledger.change_call(
            self.step.release_id, record, statement_id=statement_id, is_cancelled=is_cancelled
        )

    def _unknown(self, record: CallRecord, why: str) -> CallRecord:
        return self.ledger.change_call(
            self.step.release_id,
            record,
            state=CallState.UNKNOWN,
            ended_at=_now(),
            error=f"whether it ran is not known: {why}; look, then resume the release and say"
            " whether to run it again",
        )

    def _ended(self, call: PlannedCall, record: CallRecord, statement: Statement) -> CallRecord:
        state, error = CallState(statement.status), _told(statement)
        if state is not CallState.FINISHED and record.is_cancelled:
            state, error = CallState.TIMED_OUT, _CANCELLED_AT_LIMIT.format(limit=call.limit_seconds)
        logger().info(
            "procedure called",
            number=call.number,
            procedure=call.name,
            state=state.value,
            duration_ms=statement.duration_ms,
        )
        return self.ledger.change_call(
            self.step.release_id,
            record,
            state=state,
            statement_id=statement.statement_id,
            ended_at=_now(),
            duration_ms=statement.duration_ms,
            error=error,
        )

    # --- the release before ---------------------------------------------------------------------

    def _has_database(self) -> bool:
        """Whether no call of a release that was stopped here runs any more; then it is ours."""
        before = self.ledger.current(self.step.lease)
        if before == self.step.release_id:
            return True
        started = self.ledger.calls(before) if before else {}
        for record in started.values():
            if record.state is CallState.STARTED and not self._has_ended(str(before), record):
                return False
        self.ledger.set_current(self.step.lease, self.step.release_id)
        return True

    def _has_ended(self, release_id: str, record: CallRecord) -> bool:
        if record.statement_id is None:
            # never submitted from here: that would run a call of a release somebody stopped
            return _age(record) > _SETTLING_SECONDS
        try:
            statement = self.warehouse.wait(record.statement_id, seconds=_POLL_SECONDS)
        except StatementLostError:
            return True
        if not statement.is_closed:
            return False
        self.ledger.change_call(
            release_id,
            record,
            state=CallState(statement.status),
            ended_at=_now(),
            duration_ms=statement.duration_ms,
            error=_told(statement),
        )
        return True


def _told(statement: Statement) -> str | None:
    """The engine's words without what it quotes: a procedure reads rows."""
    return redacted(statement.error) if statement.error else None


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _age(record: CallRecord) -> float:
    """Seconds since the call was written down."""
    return (datetime.now(UTC) - datetime.fromisoformat(record.started_at)).total_seconds()
