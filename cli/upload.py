"""`sluice upload`: files into data/in/, and what becomes of exactly these versions."""

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer
from rich.console import Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from cli import advice
from cli.environment import Environment, entered
from cli.exits import Exit, exit_for_states
from cli.following import Outcome, follow
from cli.options import AsJson, InEnvironment
from cli.output import progress, reported, show, show_json, show_text, table, warn
from cli.overview import CONFIG_KEY
from cli.uploading import Source, Upload, sources, upload
from config.job import Job, find_matching_job
from lambdas.shared.aws.ledger_view import LedgerView
from lambdas.shared.domain.errors import ConfigError, DeploymentError
from lambdas.shared.domain.files import FileState
from lambdas.shared.jobs import load_job_configurations

_MOST_LIVE_ROWS = 15


def upload_files(
    files: Annotated[list[Path], typer.Argument(help="Parquet, CSV or JSON lines files.")],
    prefix: Annotated[str, typer.Option(help="A folder below data/in/ to put them in.")] = "",
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Follow these versions to their verdicts.")
    ] = True,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds to wait after the upload; then exit 4.")
    ] = 300,
    environment: InEnvironment = None,
    as_json: AsJson = False,
) -> None:
    """Upload files to data/in/ and say what became of exactly these versions."""
    with reported(as_json=as_json):
        chosen = sources(files, prefix=prefix)
        with entered(environment) as place:
            jobs, warnings = _expectations(chosen, place)
            for warning in warnings:
                warn(warning)
            uploads = _upload(chosen, place)
            if not as_json:
                _show_versions(uploads)
            outcomes = [Outcome(upload=each) for each in uploads]
            if wait:
                view = LedgerView(place.ledger_table)
                with _live() as tell:
                    outcomes = follow(uploads, view, timeout=timeout, tell=tell)
    described = [_describe(each, jobs, place, waited=wait) for each in outcomes]
    if as_json:
        show_json({"environment": place.name, "warnings": warnings, "files": described})
    elif wait:
        _show_outcomes(described)
    raise typer.Exit(exit_for_states([each.state for each in outcomes]) if wait else Exit.OK)


def _expectations(chosen: Sequence[Source], place: Environment) -> tuple[dict[str, Job], list[str]]:
    """The deployed jobs by id, and what they will not do with these files."""
    try:
        jobs = load_job_configurations(place.bucket, CONFIG_KEY)
    except ConfigError as error:
        return {}, [f"no file is loaded until the deployed jobs are mended: {error}"]
    except DeploymentError as error:  # whoever may only upload still can
        return {}, [f"the deployed jobs could not be read, so no file was matched: {error}"]
    warnings = []
    for source in chosen:
        job = find_matching_job(jobs, source.key)
        if job is None:
            warnings.append(
                f"{source.name}: no job takes a file of this name{_nearest(source.name, jobs)};"
                f" it will be moved to data/new_files/{source.name}"
            )
        elif not job.is_active:
            warnings.append(
                f"{source.name}: job {job.job_id} ({job.job_name}) is inactive; the file will"
                " wait in data/in/"
            )
    return {job.job_id: job for job in jobs}, warnings


def _nearest(name: str, jobs: Sequence[Job]) -> str:
    by_pattern = {job.pattern: job for job in jobs}
    near = difflib.get_close_matches(name.lower(), by_pattern, n=1, cutoff=0.5)
    return f" (the nearest is {near[0]} of {by_pattern[near[0]].job_id})" if near else ""


def _upload(chosen: Sequence[Source], place: Environment) -> list[Upload]:
    console = progress()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        what = chosen[0].name if len(chosen) == 1 else f"{len(chosen)} files"
        task = bar.add_task(what, total=sum(source.size for source in chosen))
        return upload(chosen, bucket=place.bucket, sent=lambda _, size: bar.advance(task, size))


class _Tell(Protocol):
    def __call__(self, outcomes: Sequence[Outcome], /) -> None: ...


@contextmanager
def _live() -> Iterator[_Tell]:
    """Show states as they change: a live table on a terminal, lines elsewhere."""
    console = progress()
    if console.is_terminal:
        with Live(console=console, transient=True) as live:
            yield lambda outcomes: live.update(_states(outcomes), refresh=True)
        return
    told: dict[str, FileState | None] = {}

    def tell(outcomes: Sequence[Outcome]) -> None:
        for each in outcomes:
            if told.get(each.upload.file_id, "new") != each.state:
                told[each.upload.file_id] = each.state
                console.print(f"{each.upload.source.name}: {_word(each.state)}")

    yield tell


def _states(outcomes: Sequence[Outcome]) -> Group:
    open_first = sorted(outcomes, key=lambda each: each.is_settled)
    grid = Table.grid(padding=(0, 2))
    for each in open_first[:_MOST_LIVE_ROWS]:
        grid.add_row(Text(each.upload.source.name), _coloured(_word(each.state)))
    settled = sum(each.is_settled for each in outcomes)
    return Group(grid, Text(f"{settled} of {len(outcomes)} settled", style="dim"))


def _word(state: FileState | str | None) -> str:
    return str(state) if state else "UPLOADED"


def _coloured(word: str) -> Text:
    return Text(word, style=_STYLES.get(word, "yellow"))


_STYLES = {"LOADED": "green", "REJECTED": "red", "MISSING": "red"}


def _describe(
    outcome: Outcome, jobs: dict[str, Job], place: Environment, *, waited: bool
) -> dict[str, Any]:
    """One file as --json prints it."""
    upload, entry = outcome.upload, outcome.entry
    job_id = entry.job_id if entry else None
    job = jobs.get(job_id) if job_id else None
    document: dict[str, Any] = {
        "path": str(upload.source.path),
        "key": upload.source.key,
        "version_id": upload.version_id,
        "etag": upload.etag,
        "file_id": upload.file_id,
        "size": upload.source.size,
    }
    if not waited:
        return document
    rejected = entry is not None and entry.state is FileState.REJECTED
    error = entry.error if entry else None
    return document | {
        "state": outcome.state,
        "job_id": job_id,
        "table": job.target_table if job else None,
        "rows": entry.rows if entry else None,
        "seconds": outcome.seconds,
        "moved_to": entry.moved_to if entry else None,
        "error": error,
        "error_json": f"s3://{place.bucket}/{entry.file.rejected_key(job.job_name)}.error.json"
        if entry and rejected and job
        else None,
        "what_to_do": advice.for_error(str((error or {}).get("type")))
        if rejected
        else advice.for_state(outcome.state, job=job_id),
    }


def _show_versions(uploads: Sequence[Upload]) -> None:
    for each in uploads:
        size = f"{each.source.size:,} bytes"
        show_text(f"uploaded {each.source.key} ({size}), version {each.version_id}")


def _show_outcomes(described: Sequence[dict[str, Any]]) -> None:
    shown = table("file", "state", "job", "table", "rows", "seconds")
    for each in described:
        cells = [_cell(each[name]) for name in ("job_id", "table", "rows", "seconds")]
        name = Path(each["key"]).name
        shown.add_row(Text(name), _coloured(_word(each["state"])), *map(Text, cells))
    show(shown)
    for each in described:
        if each["what_to_do"]:
            show_text(_explained(each))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)


def _explained(file: dict[str, Any]) -> str:
    lines = [f"{file['key']}: {_word(file['state'])}"]
    error = file["error"]
    if error:
        lines.append(f"  {error.get('type')}: {error.get('message')}")
    if file["moved_to"]:
        lines.append(f"  moved to {file['moved_to']}")
    lines.append(f"  what to do: {file['what_to_do']}")
    if file["error_json"]:
        lines.append(f"  all of it: {file['error_json']}")
    return "\n".join(lines)
