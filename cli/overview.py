"""What an operator asks at a glance, read without side effects."""

import uuid
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cli.environment import Environment
from cli.exits import UsageError
from config.job import Job
from lambdas.shared.aws.ledger_view import FileEntry, LedgerView, LoadRecord
from lambdas.shared.aws.queue import count_messages
from lambdas.shared.aws.warehouse import Warehouse
from lambdas.shared.domain.errors import (
    ConfigError,
    SluiceError,
    WarehouseBusyError,
    WarehouseError,
)
from lambdas.shared.domain.files import FileState
from lambdas.shared.domain.names import TableName
from lambdas.shared.jobs import load_job_configurations

CONFIG_KEY = "config/config.json"
_HISTORY = Path(__file__).parent / "sql" / "load_history.sql"
_RECENT = 200
"""How many of a job's newest files are read."""
_RECENT_OF_A_STATE = 2000
_MOST_POOLED = 1000
_MOST_SCANNED = 20_000
_MOST_NEW_FILES = 1000
_PATIENCE_SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the operator wants to see."""

    job: str | None = None
    table: str | None = None
    state: FileState | None = None
    limit: int = 20
    history: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """How one job fares. `job` is None once it has left config.json."""

    job_id: str
    job: Job | None
    waiting: int
    waiting_is_capped: bool
    oldest_waiting: datetime | None
    is_loading: bool
    rejected: int
    failures: int
    last_failure: LoadRecord | None
    last_load: LoadRecord | None
    files: tuple[FileEntry, ...]
    history: dict[str, Any] | None = None

    @property
    def table(self) -> str | None:
        """Where its rows go."""
        return self.job.target_table if self.job else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """An environment at one moment; `notes` say what could not be read, or not in full."""

    environment: str
    at: datetime
    jobs: tuple[JobStatus, ...]
    files: tuple[FileEntry, ...]
    loads: tuple[LoadRecord, ...]
    dead_letters: dict[str, int]
    new_files: int
    notes: tuple[str, ...]


def look(place: Environment, asked: Asked) -> Overview:
    """Read the ledger, the queues, the bucket and, if asked to, the warehouse.

    Raises UsageError for a job or table that there is not.
    """
    view = LedgerView(place.ledger_table)
    notes: list[str] = []
    jobs = _jobs(place, notes)
    chosen = _chosen(jobs, asked, view)
    with ThreadPoolExecutor(8) as threads:
        statuses = list(
            threads.map(lambda each: _job_status(each[0], each[1], view, asked), chosen.items())
        )
    loads = view.loads(_batches(statuses, asked.limit))
    statuses = [_with_last_load(each, loads) for each in statuses]
    if asked.history:
        statuses = _with_history(statuses, place, notes)
    return Overview(
        environment=place.name,
        at=datetime.now(UTC),
        jobs=tuple(statuses),
        files=tuple(_files(statuses, view, asked, notes)),
        loads=tuple(loads[: asked.limit]),
        dead_letters={
            "arrivals": count_messages(place.dead_letter_queue_url),
            "events": count_messages(place.events_dead_letter_queue_url),
            "releases": count_messages(place.releases_dead_letter_queue_url),
        },
        new_files=len(place.objects.keys("data/new_files/", most=_MOST_NEW_FILES)),
        notes=tuple(notes),
    )


def _jobs(place: Environment, notes: list[str]) -> dict[str, Job]:
    try:
        return {job.job_id: job for job in load_job_configurations(place.bucket, CONFIG_KEY)}
    except ConfigError as error:
        notes.append(f"no file is loaded until the deployed jobs are mended: {error}")
        return {}


def _chosen(jobs: dict[str, Job], asked: Asked, view: LedgerView) -> dict[str, Job | None]:
    """The jobs to show, by id."""
    chosen: dict[str, Job | None] = dict(jobs)
    if asked.job is not None:
        chosen = {i: job for i, job in jobs.items() if asked.job in (i, job.job_name)}
        if not chosen and _left_something(asked.job, view):
            chosen = {asked.job: None}
    if asked.table is not None:
        table = str(TableName.parse(asked.table))
        chosen = {
            i: job
            for i, job in chosen.items()
            if job and str(TableName.parse(job.target_table)) == table
        }
    if not chosen and (asked.job or asked.table):
        known = ", ".join(f"{i} ({job.job_name} -> {job.target_table})" for i, job in jobs.items())
        what = f"job {asked.job}" if asked.job else f"job for table {asked.table}"
        raise UsageError(f"there is no {what}; known: {known or 'none'}")
    return chosen


def _left_something(job_id: str, view: LedgerView) -> bool:
    """Whether the ledger knows a job that config.json no longer has."""
    return bool(view.files_of(job_id, most=1) or view.pooled(job_id, most=1))


def _job_status(job_id: str, job: Job | None, view: LedgerView, asked: Asked) -> JobStatus:
    most = max(asked.limit, _RECENT_OF_A_STATE if asked.state else _RECENT)
    files = view.files_of(job_id, most=most)
    pooled = view.pooled(job_id, most=_MOST_POOLED)
    let_wait = [each.file for each in files if each.state is FileState.WAITING]
    waiting = [*pooled, *let_wait]
    head = view.head(job_id)
    failed: list[LoadRecord] = []
    if head.failures and head.last_failure:
        failed = [x for x in view.loads_of(job_id, head.last_failure) if x.state == "FAILED"]
    table = str(TableName.parse(job.target_table)) if job else None
    return JobStatus(
        job_id=job_id,
        job=job,
        waiting=len(waiting),
        waiting_is_capped=len(pooled) == _MOST_POOLED,
        oldest_waiting=min((file.arrived_at for file in waiting), default=None),
        is_loading=table is not None and view.lease_holder(table) is not None,
        rejected=sum(each.state is FileState.REJECTED for each in files[:_RECENT]),
        failures=head.failures,
        last_failure=failed[0] if failed else None,
        last_load=None,
        files=tuple(files),
    )


def _batches(statuses: Iterable[JobStatus], most: int) -> list[tuple[str, str]]:
    """The newest batches of each job, by its newest files."""
    found: list[tuple[str, str]] = []
    for status in statuses:
        ids = dict.fromkeys(each.batch_id for each in status.files if each.batch_id)
        found += [(status.job_id, batch_id) for batch_id in list(ids)[:most]]
    return found


def _with_last_load(status: JobStatus, loads: Sequence[LoadRecord]) -> JobStatus:
    mine = (x for x in loads if x.job_id == status.job_id and x.state == "LOADED")
    return replace(status, last_load=next(mine, None))


def _with_history(
    statuses: list[JobStatus], place: Environment, notes: list[str]
) -> list[JobStatus]:
    """Each job with what the load history holds of it; a note where it cannot be read."""
    try:
        rows = _read_history(place.warehouse)
    except SluiceError as error:
        notes.append(f"the load history was not read: {error}")
        return statuses
    return [replace(each, history=_history_of(each.job_id, rows)) for each in statuses]


def _read_history(warehouse: Warehouse) -> list[dict[str, Any]]:
    statement_id = warehouse.submit(_HISTORY.read_text(), token=uuid.uuid4().hex)
    statement = warehouse.wait(statement_id, seconds=_PATIENCE_SECONDS)
    if not statement.is_closed:
        raise WarehouseBusyError(f"no answer in {_PATIENCE_SECONDS} s; the warehouse may resume")
    if statement.status != "FINISHED":
        raise WarehouseError(statement.error or statement.status)
    return warehouse.rows(statement_id)


def _history_of(job_id: str, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    mine = [row for row in rows if row["job_id"] == job_id]
    return {
        "files": {row["verdict"]: row["files"] for row in mine},
        "rows": sum(int(row["total_rows"] or 0) for row in mine if row["verdict"] == "LOADED"),
        "settled_at": max((str(row["settled_at"]) for row in mine), default=None),
    }


def _files(
    statuses: Iterable[JobStatus], view: LedgerView, asked: Asked, notes: list[str]
) -> list[FileEntry]:
    """The newest files that were asked for."""
    if asked.state is FileState.NOT_CONFIGURED:
        found, is_all = view.scan(asked.state, most_read=_MOST_SCANNED)
        if not is_all:
            notes.append(
                f"only {_MOST_SCANNED:,} items of the ledger were searched: no key leads to files"
                " without a job; `aws s3 ls` of data/new_files/ shows all"
            )
    else:
        found = [each for status in statuses for each in status.files]
        if asked.state is not None:
            found = [each for each in found if each.state is asked.state]
            notes.append(f"searched: the newest {_RECENT_OF_A_STATE:,} files of each job")
    return sorted(found, key=lambda each: each.file.arrived_at, reverse=True)[: asked.limit]
