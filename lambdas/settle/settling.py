"""From the verdicts of one batch to the ledger, the bucket and people; safe to do again."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from config.metrics import Metric
from config.runtime import SettleSettings
from lambdas.shared.aws.alerts import Alerts
from lambdas.shared.aws.concurrently import for_each
from lambdas.shared.aws.ledger import Ledger
from lambdas.shared.aws.log import logger
from lambdas.shared.aws.metrics import emit, emit_by_class
from lambdas.shared.aws.objects import ObjectGoneError, Objects
from lambdas.shared.aws.workflow import Workflow
from lambdas.shared.domain.after_load import after_load
from lambdas.shared.domain.errors import WarehouseError
from lambdas.shared.domain.files import ERROR_SUFFIX, FileState, Verdict
from lambdas.shared.domain.load import Step
from lambdas.shared.domain.notices import failed, loaded, rejected
from lambdas.shared.starting import start_open_generation

_MOST_ROUNDS = 60
"""An execution's history holds 25,000 events: a round's 30, and 9 for each look at its transaction,
every 22 seconds. Loads of a quarter of an hour each fit; the next execution goes on from here."""
_MOST_IDLE_ROUNDS = 3


class Settling:
    """One batch of one load."""

    def __init__(self, step: Step, settings: SettleSettings) -> None:
        self.step = step
        self.settings = settings
        self.ledger = Ledger(settings.ledger_table)
        self.objects = Objects(settings.bucket)
        self.alerts = Alerts(settings.topic_arn)

    def settle(self) -> dict[str, Any]:
        """Delete, project, notify; then go round again or release the table."""
        verdicts = self._verdicts()
        if verdicts:
            self._apply(verdicts)
            self.ledger.forget_failures(self.step.job.job_id)
        waiting = self.ledger.pool(self.step.job.job_id, most=1)
        if not waiting or self.step.round >= _MOST_ROUNDS:
            return self._release()
        return self._again(made_progress=bool(verdicts))

    def abandon(self, failure: dict[str, Any]) -> dict[str, Any]:
        """The execution failed for good: say so once and give the table back."""
        if self.ledger.record_load(
            self.step.job.job_id,
            f"{self.step.batch_id}-failed",
            {"state": "FAILED", "error": failure, "at": _now().isoformat()},
        ):
            self.alerts.publish(**failed(self.step, failure, self.settings.log_group))
            emit_by_class(Metric.FAILURES, {str(failure.get("Error", "Unknown")): 1})
        self.ledger.release_lease(str(self.step.table), self.step.execution_id)
        return {"status": "RELEASED"}

    def _verdicts(self) -> list[Verdict]:
        key = self.step.load.get("verdicts")
        if not key:
            return []
        return [Verdict.from_json(each) for each in self.objects.get_json(key)["verdicts"]]

    def _apply(self, verdicts: list[Verdict]) -> None:
        bad = [each for each in verdicts if each.state is FileState.REJECTED]
        for_each(self._put_aside, bad, threads=16)
        self._clear(verdicts)
        self._start_calls(verdicts)
        # last: until the pool entry is gone, whoever comes next finds the file and does this again
        self.ledger.project(verdicts, self.step.job.job_id, self.step.batch_id)
        self._tell(verdicts)

    def _start_calls(self, verdicts: list[Verdict]) -> None:
        """Start what the job calls after a load: an execution a batch, which has its name from it.

        Done again after a crash, the name is taken; whether the calls succeed is not asked here.
        """
        releases = Workflow(self.settings.release_machine_arn)
        for asked in after_load(self.step, verdicts):
            if releases.start(asked.execution_name, asked.request):
                logger().info("calls started", execution=asked.execution_name)

    def _clear(self, verdicts: list[Verdict]) -> None:
        """Delete the settled versions from data/in/; claim made known what becomes current.

        A replay came from its raw copy, and a missing file from nowhere.
        """
        here = [
            (each.file.key, each.file.version_id)
            for each in verdicts
            if each.state is not FileState.MISSING and not each.file.replay
        ]
        self.objects.delete_versions(here)

    def _put_aside(self, verdict: Verdict) -> None:
        key = verdict.file.rejected_key(self.step.job.job_name)
        raw_key = verdict.file.raw_key(self.step.job.job_name)
        self.objects.put_json(
            f"{key}{ERROR_SUFFIX}",
            {
                "file": verdict.file.key,
                "file_id": verdict.file.file_id,
                "job_id": self.step.job.job_id,
                "table": str(self.step.table),
                "execution": self.step.execution_name,
                "raw_copy": raw_key,
                "error": verdict.error,
            },
        )
        try:
            self.objects.copy(raw_key, key, size=verdict.file.size)
        except ObjectGoneError:
            logger().warning("raw copy is gone", key=raw_key)

    def _tell(self, verdicts: list[Verdict]) -> None:
        states = [verdict.state.value for verdict in verdicts]
        load = {
            "state": "LOADED" if FileState.LOADED.value in states else "SETTLED",
            "job_id": self.step.job.job_id,
            "table": str(self.step.table),
            "batch_id": self.step.batch_id,
            "execution": self.step.execution_name,
            "rows": self.step.load.get("rows", 0),
            "inserted": self.step.load.get("inserted"),
            "updated": self.step.load.get("updated"),
            "files": {state: states.count(state) for state in sorted(set(states))},
            "at": _now().isoformat(),
            "seconds": _seconds_since(self.step.started_at),
        }
        if not self.ledger.record_load(self.step.job.job_id, self.step.batch_id, load):
            return
        logger().info("batch settled", **load)
        if load["state"] == "LOADED":
            self.alerts.publish(**loaded(self.step, load, verdicts))
        bad = [verdict for verdict in verdicts if verdict.state is FileState.REJECTED]
        self._measure(load, verdicts, bad)
        if bad:
            self.alerts.publish(**rejected(self.step, bad, self.settings.log_group))

    def _measure(self, load: dict[str, Any], verdicts: list[Verdict], bad: list[Verdict]) -> None:
        loaded_files = load["files"].get(FileState.LOADED.value, 0)
        arrived = min(verdict.file.arrived_at for verdict in verdicts)
        emit(
            {
                Metric.LOADS: int(loaded_files > 0),
                Metric.FILES_LOADED: loaded_files,
                Metric.ROWS: load["rows"] or 0,
                Metric.LOAD_SECONDS: load["seconds"],
                Metric.FILE_SECONDS: (_now() - arrived).total_seconds(),
            }
        )
        classes = [str((verdict.error or {}).get("type", "Unknown")) for verdict in bad]
        emit_by_class(Metric.REJECTED, Counter(classes))

    def _again(self, *, made_progress: bool) -> dict[str, Any]:
        limit = self.step.load.get("limit")
        narrowed = limit is not None and not made_progress
        idle = 0 if made_progress or narrowed else int(self.step.load.get("idle", 0)) + 1
        if idle > _MOST_IDLE_ROUNDS:
            raise WarehouseError(
                f"{idle} batches of job {self.step.job.job_id} in a row ended without a verdict"
            )
        return {
            "status": "AGAIN",
            "round": self.step.round + 1,
            "limit": limit * 2 if limit and made_progress else limit,
            "idle": idle,
        }

    def _release(self) -> dict[str, Any]:
        """Release, then look once more: what came in between has its own execution started."""
        self.ledger.release_lease(str(self.step.table), self.step.execution_id)
        waiting = self.ledger.pool(self.step.job.job_id, most=1)
        ages = [(_now() - each.arrived_at).total_seconds() for each in waiting]
        emit({Metric.OLDEST_UNLOADED_SECONDS: max(ages, default=0)})
        if waiting:
            workflow = Workflow(self.settings.state_machine_arn)
            start_open_generation(
                self.step.job, waiting[0].name, ledger=self.ledger, workflow=workflow
            )
        return {"status": "RELEASED", "round": self.step.round}


def _now() -> datetime:
    return datetime.now(UTC)


def _seconds_since(started_at: str) -> float:
    started = datetime.fromisoformat(started_at)
    return round((_now() - started).total_seconds(), 3)
