"""What a sweep finds and does: it sends versions and jobs to route, the one way in.

It decides nothing about rows: a version sent too early, twice, or while it is being loaded is what
route and the transaction are made for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

from config.job import Expectation, Job, find_matching_job
from config.metrics import Metric
from config.runtime import SweepSettings
from lambdas.shared.aws.alerts import Alerts
from lambdas.shared.aws.ledger import Ledger
from lambdas.shared.aws.ledger_view import LedgerView
from lambdas.shared.aws.log import logger
from lambdas.shared.aws.metrics import emit
from lambdas.shared.aws.objects import Objects, Version, VersionPage
from lambdas.shared.aws.queue import send_all
from lambdas.shared.aws.workflow import Workflow
from lambdas.shared.domain import notices
from lambdas.shared.domain.events import overlooked, wake_up
from lambdas.shared.domain.files import File, FileState
from lambdas.shared.jobs import load_job_configurations
from lambdas.shared.starting import FAILURES_ALLOWED, execution_name
from lambdas.sweep.deadlines import last_deadlines

_INCOMING = "data/in/"
_MOMENT = timedelta(microseconds=1)
_MOST_ARRIVALS = 1000
_MOST_RAISED = 1000
"""Generations of a job in one run: DescribeExecution answers 15 times a second."""
_SPARE_MS = 60_000
"""What one page and the pools may take."""


@dataclass
class Sweeping:
    """One run: pages of versions until enough was sent, then the pools, then what is overdue.

    The schedule's runs keep their place in the ledger; whoever sweeps by hand keeps its own, so
    that it looks at everything, wherever the schedule stopped.
    """

    settings: SweepSettings
    by_hand: bool = False
    position: dict[str, str] | None = None
    listed: int = 0
    sent: int = 0
    cleared: int = 0
    unloaded: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = datetime.now(UTC)
        self.ledger = Ledger(self.settings.ledger_table)
        self.view = LedgerView(self.settings.ledger_table)
        self.objects = Objects(self.settings.bucket)
        self.workflow = Workflow(self.settings.state_machine_arn)
        self.jobs = load_job_configurations(self.settings.bucket, self.settings.config_key)

    def sweep(self, *, remaining_ms: Callable[[], int]) -> dict[str, Any]:
        """Go on from the position; the outcome in numbers, and the position for the next run."""
        if not self.by_hand:
            self.position = self.ledger.sweep_position()
        self._look_through(remaining_ms)
        active = [job for job in self.jobs if job.is_active]
        woken = [job.job_id for job in active if self._is_abandoned(job)]
        send_all(self.settings.arrivals_queue_url, [wake_up(job_id) for job_id in woken])
        overdue = sum(self._is_overdue(job, job.expect) for job in active if job.expect is not None)
        outcome: dict[str, Any] = {
            "listed": self.listed,
            "sent": self.sent,
            "cleared": self.cleared,
            "woken": len(woken),
            "overdue": overdue,
            "position": self.position,
        }
        logger().info("swept", **outcome)
        emit(
            {
                Metric.UNLOADED_FILES: len(self.unloaded),
                Metric.OLDEST_UNLOADED_FILE_SECONDS: self._age(
                    min(self.unloaded, default=self.now)
                ),
                Metric.OVERDUE: 0,  # what is overdue was counted where it was said
            }
        )
        return outcome

    def _look_through(self, remaining_ms: Callable[[], int]) -> None:
        """Page by page to the end, or as far as it may."""
        while True:
            page = self.objects.page_of_versions(_INCOMING, self.position)
            self._handle(page)
            self.position = page.following
            if not self.by_hand:
                self.ledger.keep_sweep_position(self.position)
            if self.position is None:
                return
            if self.sent >= self.settings.most_messages or remaining_ms() < _SPARE_MS:
                return

    def _handle(self, page: VersionPage) -> None:
        files = [_file(self.settings.bucket, key, version) for key, version in page.versions]
        entries = self.view.entries(file.file_id for file in files)
        messages = []
        for file in files:
            entry = entries.get(file.file_id)
            state = entry.state if entry else None
            if state is not None and state.is_final:
                self._clear(file, state)
                continue
            job = find_matching_job(self.jobs, file.key)
            may_load = job is None or job.is_active
            if may_load:
                self.unloaded.append(file.arrived_at)
            is_overlooked = state is None or (state is FileState.WAITING and may_load)
            if is_overlooked and self._is_late(file):
                messages.append(overlooked(file))
        send_all(self.settings.arrivals_queue_url, messages)
        self.listed += len(files)
        self.sent += len(messages)

    def _is_late(self, file: File) -> bool:
        """Whether the file's own event should have come by now."""
        return self.by_hand or self._age(file.arrived_at) >= self.settings.patience_seconds

    def _clear(self, file: File, state: FileState) -> None:
        """Delete a version that has its verdict: its load ended before it was cleared.

        One that was MISSING and is there contradicts itself; that is left to a person.
        """
        if state is FileState.MISSING:
            logger().warning("a version that was missing is there", key=file.key)
            return
        self.objects.delete_version(file.key, file.version_id)
        self.cleared += 1

    def _is_abandoned(self, job: Job) -> bool:
        """Whether files wait in the job's pool; a generation whose execution ended is raised.

        A ledger that was restored is behind by many generations. Waking a job whose execution runs
        does no harm: route finds its name taken.
        """
        waiting = self.ledger.pool(job.job_id, most=1)
        if not waiting:
            return False
        if self.ledger.failures(job.job_id) > FAILURES_ALLOWED and not self.by_hand:
            return False  # its wake-up is a dead letter, and waits for a person
        first = self.ledger.generation(job.job_id)
        names = (execution_name(job, first + after) for after in range(_MOST_RAISED))
        closed = sum(1 for _ in takewhile(self.workflow.has_closed, names))
        for after in range(closed):
            self.ledger.raise_generation(job.job_id, first + after)
        return True

    def _is_overdue(self, job: Job, expect: Expectation) -> bool:
        """Whether the last deadline was missed and nobody was told.

        What came after a missed deadline is taken for what was missed: it does not also count as
        what is due by the next. The deadline is noted last, and only once SNS took the notice:
        whatever is cut short is said again by the next sweep, and two sweeps at once may say it
        twice, which is better than never.
        """
        deadline, before = last_deadlines(expect, self.now)
        known = self.ledger.expected(job.job_id, self.now.isoformat())
        if deadline.isoformat() <= max(known.since, known.missed or ""):
            return False
        due = 2 if known.missed == before.isoformat() else 1
        between = self.view.files_of(
            job.job_id, since=before + _MOMENT, until=deadline, most=_MOST_ARRIVALS
        )
        if sum(entry.file.replay == 0 for entry in between) >= due:
            return False
        emit({Metric.OVERDUE: 1})
        if Alerts(self.settings.topic_arn).publish(**notices.overdue(job, deadline)):
            self.ledger.note_missed(job.job_id, deadline.isoformat())
        return True

    def _age(self, since: datetime) -> float:
        return (self.now - since).total_seconds()


def _file(bucket: str, key: str, version: Version) -> File:
    """A version as the ledger may know it; its order among others is for route to find."""
    return File(
        bucket=bucket,
        key=key,
        version_id=version.version_id,
        etag=version.etag,
        size=version.size,
        sequence="",
        arrived_at=version.modified_at,
    )
