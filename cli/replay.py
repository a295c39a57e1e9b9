"""`sluice replay`: load settled files again, from their raw copies."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.progress import Progress

from cli.environment import Environment, entered
from cli.exits import UsageError
from cli.options import AsJson, InEnvironment, Yes
from cli.output import (
    confirmed,
    needs_no_answer,
    progress,
    reported,
    show,
    show_json,
    show_text,
    table,
    warn,
)
from cli.overview import CONFIG_KEY
from config.job import Job
from lambdas.shared.aws.concurrently import for_each
from lambdas.shared.aws.ledger_view import FileEntry, LedgerView
from lambdas.shared.aws.queue import send_all
from lambdas.shared.domain import events
from lambdas.shared.domain.files import File, FileState
from lambdas.shared.jobs import load_job_configurations

_BATCH = 10
_MOST_SHOWN = 50
_MOST_READ = 200_000
"""Files and replays of a job: some hundred pages of the index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A settled version, and its next replay; or why it cannot be replayed now."""

    entry: FileEntry
    file: File
    reason: str | None

    def to_json(self) -> dict[str, Any]:
        """As `--json` shows it."""
        return {
            "key": self.file.key,
            "version_id": self.file.version_id,
            "arrived_at": self.file.arrived_at,
            "job_id": self.entry.job_id,
            "state": self.entry.state,
            "rows": self.entry.rows,
            "replay": None if self.reason else self.file.replay,
            "left_out": self.reason,
        }


def replay(
    job: Annotated[str | None, typer.Option(help="The files of a job, by its id or name.")] = None,
    file: Annotated[
        list[str] | None, typer.Option(help="The newest version of a key below data/in/.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option("--from", help="Arrived at this time or later, UTC.")
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--to", help="This time or earlier, UTC; a date is its midnight."),
    ] = None,
    state: Annotated[
        FileState, typer.Option(help="As they ended before.", case_sensitive=False)
    ] = FileState.LOADED,
    most: Annotated[
        int, typer.Option(min=1, max=100_000, help="Most files of a job, the newest.")
    ] = 10_000,
    rate: Annotated[float, typer.Option(min=0.1, help="Files a second.")] = 50,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be.")] = False,
    yes: Yes = False,
    environment: InEnvironment = None,
    as_json: AsJson = False,
) -> None:
    """Load settled files again from their raw copies; the source objects are not touched.

    Files go in the order in which they arrived. One that is already waiting is left out, so that
    a run that was cut off may be run again.
    """
    with reported(as_json=as_json):
        if (job is None) == (not file):
            raise UsageError("name a --job, or one --file or several")
        is_agreed = needs_no_answer(yes=yes, dry_run=dry_run)
        with entered(environment) as place:
            chosen, is_cut = _chosen(place, job, file or [], _utc(since), _utc(until), state, most)
            going = [each for each in chosen if each.reason is None]
            if not as_json:
                _show(chosen)
                _warn_of_cut(len(chosen), most, is_cut=is_cut)
            sent = 0
            if going and not dry_run and (is_agreed or confirmed(f"replay {len(going)} file(s)?")):
                _send(going, place, rate)
                sent = len(going)
    if as_json:
        files = [each.to_json() for each in chosen]
        show_json({"sent": sent, "cut": is_cut, "files": files})
    elif sent:
        show_text(f"{sent} replays sent; `sluice status` shows what becomes of them")


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _chosen(
    place: Environment,
    job: str | None,
    keys: Sequence[str],
    since: datetime | None,
    until: datetime | None,
    state: FileState,
    most: int,
) -> tuple[list[Candidate], bool]:
    """In the order in which they arrived, and whether there may be older ones."""
    jobs = {each.job_id: each for each in load_job_configurations(place.bucket, CONFIG_KEY)}
    view = LedgerView(place.ledger_table)
    period: dict[str, Any] = {
        name: at for name, at in (("since", since), ("until", until)) if at is not None
    }
    if job is not None:
        originals, is_all = view.originals_of(
            _job_id(job, jobs), state, most=most, most_read=_MOST_READ, **period
        )
    else:
        originals = [each for key in keys for each in _newest(place, view, key, state, **period)]
        is_all = True
    _warn(originals, jobs)
    ordered = sorted(originals, key=lambda each: (each.file.arrived_at, each.file.sequence))
    return for_each(lambda each: _candidate(each, jobs, place, view), ordered), not is_all


def _job_id(wanted: str, jobs: dict[str, Job]) -> str:
    for job in jobs.values():
        if wanted in (job.job_id, job.job_name):
            return job.job_id
    raise UsageError(f"there is no job {wanted}; known: {', '.join(jobs) or 'none'}")


def _newest(
    place: Environment,
    view: LedgerView,
    key: str,
    state: FileState,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[FileEntry]:
    full = key if key.startswith("data/in/") else f"data/in/{key}"
    versions = [
        each
        for each in view.versions_of(place.bucket, full)
        if each.file.replay == 0
        and each.state is state
        and (since is None or each.file.arrived_at >= since)
        and (until is None or each.file.arrived_at <= until)
    ]
    if not versions:
        raise UsageError(f"the ledger knows no version of {full} that is {state} in that period")
    yield max(versions, key=lambda each: each.file.sequence)


def _warn(entries: Sequence[FileEntry], jobs: dict[str, Job]) -> None:
    for job_id in sorted({each.job_id for each in entries if each.job_id in jobs}, key=str):
        job = jobs[str(job_id)]
        if job.load_mode == "append":
            warn(f"{job_id} appends: a file whose rows are in the table ends SUPERSEDED, once more")
        elif job.load_mode == "overwrite":
            warn(f"{job_id} overwrites: the table becomes what the last of these files holds")
        elif not job.order_by:
            warn(
                f"{job_id} has no order_by: rows of these files replace those of files that came"
                " after them; replay until now, or name the newest"
            )


def _warn_of_cut(count: int, most: int, *, is_cut: bool) -> None:
    if is_cut and count < most:
        warn(
            f"only the job's newest {_MOST_READ:,} files and replays were looked at, older ones"
            " are left out; narrow --from and --to"
        )
    elif is_cut:
        warn(
            f"there may be more than {most:,} such files, and these are the newest; narrow --from"
            " and --to, or raise --most"
        )


def _candidate(
    entry: FileEntry, jobs: dict[str, Job], place: Environment, view: LedgerView
) -> Candidate:
    same = [
        each
        for each in view.versions_of(place.bucket, entry.file.key)
        if each.file.version_id == entry.file.version_id
    ]
    job = jobs.get(str(entry.job_id))
    number = max(each.file.replay for each in same) + 1
    reason = None
    if job is None or not job.is_active:
        reason = f"job {entry.job_id} is not active"
    elif not all(each.state.is_final for each in same):
        reason = "is already waiting"
    elif not place.objects.exists(entry.file.raw_key(job.job_name)):
        reason = "has no raw copy any more"
    return Candidate(entry=entry, file=replace(entry.file, replay=number), reason=reason)


def _show(chosen: Sequence[Candidate]) -> None:
    shown = table("file", "arrived", "state", "rows", "replay", "left out")
    for each in chosen[:_MOST_SHOWN]:
        rows = "" if each.entry.rows is None else f"{each.entry.rows:,}"
        shown.add_row(
            each.file.key,
            f"{each.file.arrived_at:%Y-%m-%d %H:%M:%S}",
            each.entry.state,
            rows,
            "" if each.reason else str(each.file.replay),
            each.reason or "",
        )
    show(shown)
    if len(chosen) > _MOST_SHOWN:
        show_text(f"... and {len(chosen) - _MOST_SHOWN} more")
    if not chosen:
        show_text("no file is like that")


def _send(
    going: Sequence[Candidate],
    place: Environment,
    rate: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Ten at a time, no faster than `rate` files a second."""
    console = progress()
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("replays", total=len(going))
        for start in range(0, len(going), _BATCH):
            batch = going[start : start + _BATCH]
            began = clock()
            messages = [events.replay(each.file, str(each.entry.job_id)) for each in batch]
            send_all(place.arrivals_queue_url, messages)
            bar.advance(task, len(batch))
            if start + _BATCH < len(going):
                sleep(max(0.0, len(batch) / rate - (clock() - began)))
