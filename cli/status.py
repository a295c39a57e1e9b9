"""`sluice status`: jobs, files and loads at a glance."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.environment import Environment, entered
from cli.options import AsJson, InEnvironment
from cli.output import out, reported, show, show_json, table, warn
from cli.overview import Asked, JobStatus, Overview, look
from lambdas.shared.aws.ledger_view import FileEntry, LoadRecord
from lambdas.shared.domain.errors import TransientError
from lambdas.shared.domain.files import FileState

_STYLES = {"LOADED": "green", "REJECTED": "red", "FAILED": "red", "MISSING": "red"}


def status(
    job: Annotated[str | None, typer.Option(help="One job, by its id or name.")] = None,
    of_table: Annotated[str | None, typer.Option("--table", help="The jobs of one table.")] = None,
    state: Annotated[
        FileState | None, typer.Option(help="Only files in this state.", case_sensitive=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most files, and loads.")] = 20,
    history: Annotated[
        bool | None,
        typer.Option(
            "--history/--no-history",
            help="Count the load history too; it wakes the warehouse. Default: not with --watch.",
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(min=0.5, help="Seconds between looks.")] = 2,
    environment: InEnvironment = None,
    as_json: AsJson = False,
) -> None:
    """Show how each job fares, the newest files and the newest loads."""
    asked = Asked(
        job=job,
        table=of_table,
        state=state,
        limit=limit,
        history=(not watch) if history is None else history,
    )
    with reported(as_json=as_json), entered(environment) as place:
        if watch:
            _watch(place, asked, interval, as_json=as_json)
            return
        found = look(place, asked)
    if as_json:
        show_json(to_json(found))
    else:
        show(render(found))


def _watch(place: Environment, asked: Asked, interval: float, *, as_json: bool) -> None:
    """Until Ctrl-C: a table that changes, or one JSON document a line."""
    try:
        if as_json:
            for found in _looks(place, asked, interval):
                show_json(to_json(found), lines=True)
        with Live(console=out(), auto_refresh=False) as live:
            for found in _looks(place, asked, interval):
                live.update(render(found), refresh=True)
    except KeyboardInterrupt:
        return


def _looks(place: Environment, asked: Asked, interval: float) -> Iterator[Overview]:
    """One look after another; what was busy is asked again."""
    while True:
        try:
            yield look(place, asked)
        except TransientError as error:
            warn(str(error))
        time.sleep(interval)


def to_json(found: Overview) -> dict[str, Any]:
    """The overview as --json prints it."""
    return {
        "environment": found.environment,
        "at": found.at.isoformat(),
        "jobs": [_job_json(each) for each in found.jobs],
        "files": [_file_json(each, found) for each in found.files],
        "loads": [_load_json(each) for each in found.loads],
        "dead_letters": found.dead_letters,
        "new_files": found.new_files,
        "notes": list(found.notes),
    }


def _job_json(status: JobStatus) -> dict[str, Any]:
    return {
        "job_id": status.job_id,
        "job_name": status.job.job_name if status.job else None,
        "table": status.table,
        "is_active": status.job.is_active if status.job else None,
        "is_loading": status.is_loading,
        "waiting": status.waiting,
        "waiting_is_capped": status.waiting_is_capped,
        "oldest_waiting": status.oldest_waiting,
        "rejected_recently": status.rejected,
        "failures_in_a_row": status.failures,
        "last_failure": _load_json(status.last_failure) if status.last_failure else None,
        "last_load": _load_json(status.last_load) if status.last_load else None,
        "history": status.history,
    }


def _file_json(entry: FileEntry, found: Overview) -> dict[str, Any]:
    return {
        "file_id": entry.file.file_id,
        "key": entry.file.key,
        "version_id": entry.file.version_id,
        "size": entry.file.size,
        "arrived_at": entry.file.arrived_at.isoformat(),
        "age_seconds": round((found.at - entry.file.arrived_at).total_seconds(), 1),
        "state": entry.state.value,
        "rows": entry.rows,
        "job_id": entry.job_id,
        "batch_id": entry.batch_id,
        "moved_to": entry.moved_to,
        "error": entry.error,
    }


def _load_json(load: LoadRecord) -> dict[str, Any]:
    return asdict(load) | {"at": load.at.isoformat()}


def render(found: Overview) -> RenderableType:
    """The overview for a person."""
    parts: list[RenderableType] = [_jobs_table(found)]
    if found.files:
        parts.append(_files_table(found))
    if found.loads:
        parts.append(_loads_table(found))
    parts += [Text(line, style="red") for line in _errors(found)]
    parts += [Text(line, style="yellow") for line in _remarks(found)]
    return Group(*parts)


def _jobs_table(found: Overview) -> Table:
    has_history = any(status.history is not None for status in found.jobs)
    columns = ["job", "table", "waiting", "last load", "trouble"]
    shown = table(*columns, *(["in all"] if has_history else []), title=found.environment)
    for status in found.jobs:
        name = f"{status.job_id} {status.job.job_name}" if status.job else status.job_id
        cells = [
            Text(name + _mood(status)),
            Text(status.table or ""),
            Text(_waiting(status, found.at)),
            Text(_last_load(status.last_load, found.at)),
            Text(_trouble(status), style="red"),
        ]
        if has_history:
            rows = (status.history or {}).get("rows")
            cells.append(Text(_count(rows, "row") if rows else ""))
        shown.add_row(*cells)
    return shown


def _waiting(status: JobStatus, now: datetime) -> str:
    if status.oldest_waiting is None:
        return ""
    more = "+" if status.waiting_is_capped else ""
    return f"{status.waiting:,}{more}, oldest {_age(status.oldest_waiting, now)}"


def _last_load(load: LoadRecord | None, now: datetime) -> str:
    return f"{_age(load.at, now)} ago, {_count(load.rows or 0, 'row')}" if load else ""


def _trouble(status: JobStatus) -> str:
    said = [f"{status.rejected:,} rejected"] if status.rejected else []
    if status.failures:
        said.append(f"{_count(status.failures, 'run')} failed")
    return ", ".join(said)


def _mood(status: JobStatus) -> str:
    if status.job is None:
        return " (not in config.json)"
    if not status.job.is_active:
        return " (inactive)"
    return " (loading)" if status.is_loading else ""


def _files_table(found: Overview) -> Table:
    shown = table("age", "file", "state", "rows", "job", title="files")
    for each in found.files:
        shown.add_row(
            _age(each.file.arrived_at, found.at),
            Text(each.file.key),
            Text(each.state, style=_STYLES.get(each.state, "yellow")),
            _number(each.rows),
            each.job_id or "",
        )
    return shown


def _loads_table(found: Overview) -> Table:
    columns = ("age", "table", "files", "rows", "inserted", "updated", "seconds")
    shown = table(*columns, title="loads")
    for load in found.loads:
        files = ", ".join(f"{count} {state}" for state, count in sorted(load.files.items()))
        counts = map(_number, (load.rows, load.inserted, load.updated))
        seconds = "" if load.seconds is None else f"{load.seconds:g}"
        shown.add_row(_age(load.at, found.at), Text(load.table or ""), files, *counts, seconds)
    return shown


def _errors(found: Overview) -> list[str]:
    lines = [
        f"{each.file.key}: {each.error.get('type')}: {each.error.get('message')}"
        for each in found.files
        if each.error
    ]
    for status in found.jobs:
        if status.failures:
            cause = (status.last_failure.error or {}) if status.last_failure else {}
            lines.append(
                f"{status.job_id}: {_count(status.failures, 'run')} failed in a row"
                + (f": {cause.get('Error')}: {cause.get('Cause')}" if cause else "")
            )
    return lines


def _remarks(found: Overview) -> list[str]:
    lines = [
        f"{_count(count, 'message')} in the dead letters of {queue}"
        for queue, count in found.dead_letters.items()
        if count
    ]
    if found.new_files:
        lines.append(f"data/new_files/ has {_count(found.new_files, 'file')} without a job")
    return [*lines, *found.notes]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _age(moment: datetime, now: datetime) -> str:
    """How long ago, in one unit; at most as exact as a glance."""
    seconds = max((now - moment).total_seconds(), 0)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
