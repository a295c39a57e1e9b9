"""`sluice procedures`: stored procedures by release file."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.live import Live

from cli import release_tables
from cli.environment import Environment, entered
from cli.exits import Exit, UsageError
from cli.options import AsJson, InEnvironment
from cli.output import progress as stderr
from cli.output import reported, show, show_json, show_text
from cli.releases import Ended, Progress, Releases
from lambdas.run_procedures.signatures import refuse_what_cannot_run
from lambdas.shared.aws.release_ledger import ReleaseHead
from lambdas.shared.domain.errors import ReleaseError
from lambdas.shared.domain.release_run import CallState, PlannedCall, ReleaseState
from lambdas.shared.domain.releases import Release, parse_release, read_release

app = typer.Typer(no_args_is_help=True, help="Run stored procedures by release file.")

_EVERY = ("newest", "all")

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the release to its end.")]
Timeout = Annotated[float, typer.Option(min=0, help="Seconds to follow; then exit 4.")]
Again = Annotated[
    list[int] | None,
    typer.Option("--again", help="Run this call again, by its number; may be repeated."),
]
Leave = Annotated[
    bool, typer.Option("--leave", help="Run none again of which nobody knows whether it ran.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Follow:
    """Whether and how long the command follows what it starts, and how it tells of it."""

    wait: bool
    timeout: float
    as_json: bool


@app.command("list", epilog="Example: sluice procedures list")
def list_releases(environment: InEnvironment = None, as_json: AsJson = False) -> None:
    """List the releases in the bucket, oldest first, and what became of each."""
    with reported(as_json=as_json), entered(environment) as place:
        releases = Releases(place)
        heads = releases.ledger.releases()
        found = [
            (key, version, heads.get(releases.release_id(key, version.version_id)))
            for key, version in releases.files().items()
        ]
    if as_json:
        show_json([release_tables.file_json(*each) for each in found])
    elif found:
        show(release_tables.files(found, title=place.name))
    else:
        show_text(f"no release at {releases.where}; `sluice procedures run FILE` uploads one")


@app.command(epilog="Example: sluice procedures check Rel1.txt")
def check(
    file: Annotated[Path, typer.Argument(help="A release on this machine.")],
    environment: InEnvironment = None,
    as_json: AsJson = False,
) -> None:
    """Check a release; name every fault by line and column.

    With --environment the warehouse is asked too: whether each procedure is there, may be called,
    and takes as many arguments.
    """
    with reported(as_json=as_json):
        found = _readable(file, as_json=as_json)
        if environment is not None:
            with entered(environment) as place:
                _refuse_what_is_not_there(found, place)
    if as_json:
        show_json({"file": str(file), "calls": [release_tables.call_json(c) for c in found.calls]})
    else:
        show(release_tables.calls(found))


def _readable(file: Path, *, as_json: bool) -> Release:
    """The release; all that is wrong with it is told, however much it is."""
    text = file.read_bytes()
    release, faults = read_release(text, str(file))
    if not faults:
        return release
    lines = [f"{file}, {fault}" for fault in faults]
    if as_json:
        error = {"type": ReleaseError.__name__, "message": "\n".join(lines)}
        places = [{"line": f.line, "column": f.column, "message": f.message} for f in faults]
        show_json({"error": error, "faults": places})
    else:
        stderr().print("\n".join([f"{ReleaseError.__name__}: {lines[0]}", *lines[1:]]))
    raise typer.Exit(Exit.BAD_INPUT)


def _refuse_what_is_not_there(release: Release, place: Environment) -> None:
    settings = Releases(place).settings
    planned = [PlannedCall.of(call, default_limit=1) for call in release.calls]
    refuse_what_cannot_run(planned, schemas=settings.schemas, warehouse=place.warehouse)


@app.command(epilog="Example: sluice procedures run Rel1.txt --on-error stop")
def run(
    release: Annotated[
        str | None,
        typer.Argument(help="A release on this machine, or one in the bucket, newest, or all."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="One procedure instead of a release: [schema.]procedure.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(help="A value for --name, as JSON, or else as text; may be repeated."),
    ] = None,
    on_error: Annotated[
        str | None, typer.Option(help="continue or stop, where the environment says otherwise.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, max=86_400, help="Seconds a call may take by default.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with one that was interrupted.")
    ] = False,
    again: Again = None,
    leave: Leave = False,
    wait: Wait = True,
    timeout: Timeout = 3600,
    environment: InEnvironment = None,
    as_json: AsJson = False,
) -> None:
    """Run a release, or one procedure, and show what becomes of each call.

    A file of this machine is checked, uploaded and run: each version of it once.
    """
    with reported(as_json=as_json):
        options = {"on_error": _one_of(on_error, "continue", "stop"), "limit_seconds": limit}
        if (release is None) == (name is None):
            raise UsageError("give a release, or --name and a procedure; not both")
        if parameter and name is None:
            raise UsageError("--parameter is a value for --name; a release holds its own")
        if resume and (name is not None or any(value is not None for value in options.values())):
            raise UsageError("--resume goes on with a release, as it was started; name that alone")
        if (again or leave) and not resume:
            raise UsageError("--again and --leave are answers to --resume")
        with entered(environment) as place:
            releases, follow = Releases(place), _Follow(wait=wait, timeout=timeout, as_json=as_json)
            if resume:
                _resume(releases, release, again, follow, leave=leave)
            elif name is not None:
                request = {
                    "stored_procedure_name": name,
                    "parameters": [_value(text) for text in parameter or []],
                }
                _start(releases, request | options, name, follow)
            else:
                _run(releases, str(release), options, follow)


@app.command(epilog="Example: sluice procedures status Rel1.txt")
def status(
    release: Annotated[
        str | None, typer.Argument(help="A release's file name or id; the last ones if absent.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most releases.")] = 20,
    environment: InEnvironment = None,
    as_json: AsJson = False,
) -> None:
    """Show the releases that ran, or each call of one."""
    with reported(as_json=as_json), entered(environment) as place:
        releases = Releases(place)
        if release is not None:
            progress = releases.progress(releases.find(release).release_id)
        else:
            heads = releases.ledger.releases().values()
            newest = sorted(heads, key=lambda head: head.opened_at, reverse=True)[:limit]
    if release is not None:
        if as_json:
            show_json(release_tables.progress_json(progress))
        else:
            show(release_tables.progress(progress))
    elif as_json:
        show_json([release_tables.head_json(head) for head in newest])
    else:
        show(release_tables.heads(newest, title=place.name))


@app.command(epilog="Example: sluice procedures resume Rel1.txt --leave")
def resume(
    release: Annotated[
        str | None,
        typer.Argument(help="A release's file name or id; the one there is if absent."),
    ] = None,
    again: Again = None,
    leave: Leave = False,
    wait: Wait = True,
    timeout: Timeout = 3600,
    environment: InEnvironment = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a release that was interrupted; ask about calls that may have run.

    No call that finished runs again. A call that failed does only if --again says so.
    """
    with reported(as_json=as_json), entered(environment) as place:
        follow = _Follow(wait=wait, timeout=timeout, as_json=as_json)
        _resume(Releases(place), release, again, follow, leave=leave)


def _run(releases: Releases, release: str, options: dict[str, Any], follow: _Follow) -> None:
    """A file is uploaded first; anything else is in the bucket already."""
    path = Path(release)
    if release in _EVERY or not path.is_file():
        wanted = release if release in _EVERY else releases.key_of(release)
        _start(releases, {"release": wanted, **options}, release, follow)
        return
    text = path.read_bytes()
    parse_release(text, str(path))
    key, version_id = releases.upload(path.name, text)
    if not follow.as_json:
        show_text(f"uploaded {key}, version {version_id}")
    request = {"release": key, "version_id": version_id, **options}
    release_id = releases.release_id(key, version_id)
    _start(releases, request, path.stem, follow, release_id=release_id)


def _resume(
    releases: Releases,
    release: str | None,
    again: list[int] | None,
    follow: _Follow,
    *,
    leave: bool,
) -> None:
    head = releases.find(release) if release else _to_resume(releases)
    progress = releases.progress(head.release_id)
    if all(call["status"] == CallState.FINISHED for call in progress.calls) and progress.calls:
        _report(Ended(response=None, progress=progress), as_json=follow.as_json, code=Exit.OK)
    chosen = _chosen(progress, again or [], leave=leave, as_json=follow.as_json)
    request = {"release": head.release_id, "resume": True, "run_unknown": chosen}
    about = Path(head.file or head.release_id).stem
    _start(releases, request, about, follow, release_id=head.release_id)


def _to_resume(releases: Releases) -> ReleaseHead:
    """The only release that was interrupted."""
    heads = releases.ledger.releases().values()
    found = [head for head in heads if head.state is ReleaseState.INTERRUPTED]
    if len(found) != 1:
        told = ", ".join(f"{head.release_id} ({head.file})" for head in found) or "none"
        raise UsageError(f"name the release to resume; interrupted: {told}")
    return found[0]


def _chosen(progress: Progress, again: Sequence[int], *, leave: bool, as_json: bool) -> list[int]:
    """The calls to run again: those that were named, and those a person says yes to."""
    known = {call["procedure_number"]: call for call in progress.calls}
    for number in again:
        if number not in known or known[number]["status"] in (CallState.FINISHED, "WAITING"):
            raise UsageError(f"--again {number}: no such call failed, or is unknown")
    open_calls = [
        call
        for call in progress.in_state(CallState.UNKNOWN)
        if call["procedure_number"] not in again
    ]
    if not open_calls or leave:
        return list(again)
    if as_json or not _is_a_person_there():
        numbers = ", ".join(str(call["procedure_number"]) for call in open_calls)
        raise UsageError(
            f"nobody knows whether call {numbers} ran: look, then give --again and its number to"
            " run it again, or --leave to leave it"
        )
    show(release_tables.progress(progress))
    return [*again, *(call["procedure_number"] for call in open_calls if _is_wanted(call))]


def _is_a_person_there() -> bool:
    return sys.stdin.isatty()


def _is_wanted(call: dict[str, Any]) -> bool:
    return typer.confirm(f"Run call {call['procedure_number']}, {call['sql_executed']}, again?")


def _start(
    releases: Releases,
    request: dict[str, Any],
    about: str,
    follow: _Follow,
    *,
    release_id: str | None = None,
) -> None:
    """Start an execution, follow it if asked to, and exit as it ended."""
    given = {name: value for name, value in request.items() if value is not None}
    execution = releases.start(given, about=about)
    if not follow.wait:
        started = {"execution": execution, "release_id": release_id}
        show_json(started) if follow.as_json else show_text(f"started {execution}")
        return
    with _live() as tell:
        ended = releases.follow(execution, release_id=release_id, timeout=follow.timeout, tell=tell)
    _report(ended, as_json=follow.as_json, code=_exit_code(ended))


@contextmanager
def _live() -> Iterator[Callable[[Progress], None]]:
    """Show calls as they change: a live table on a terminal, lines elsewhere."""
    console = stderr()
    if console.is_terminal:
        with Live(console=console, transient=True, auto_refresh=False) as live:
            yield lambda found: live.update(release_tables.live(found), refresh=True)
        return
    told: dict[int, str] = {}

    def tell(found: Progress) -> None:
        for call in found.calls:
            number, state = call["procedure_number"], call["status"]
            if state not in ("WAITING", told.get(number)):
                told[number] = state
                console.print(f"{number} {call['procedure_name']}: {state}")

    yield tell


def _report(ended: Ended, *, as_json: bool, code: Exit) -> None:
    if as_json:
        document = release_tables.progress_json(ended.progress)
        show_json(document | {"response": ended.response})
    else:
        show(release_tables.progress(ended.progress))
        if ended.response is not None:
            show_text(ended.response["body"]["message"])
    raise typer.Exit(code)


def _exit_code(ended: Ended) -> Exit:
    if ended.response is None:
        return Exit.TIMED_OUT
    body = ended.response["body"]
    if body["total_procedures"] != body["successful_procedures"]:
        return Exit.FAILED
    if ended.response["statusCode"] == 200:
        return Exit.OK
    return Exit.BAD_INPUT if not body["total_procedures"] else Exit.FAILED


def _one_of(value: str | None, *allowed: str) -> str | None:
    if value is not None and value not in allowed:
        raise UsageError(f"{value}: give one of {', '.join(allowed)}")
    return value


def _value(text: str) -> Any:
    """A value of JSON, or else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
