"""Releases as `sluice procedures` prints them, for a person and for a script."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.output import table
from cli.releases import WAITING, Progress
from lambdas.shared.aws.objects import Version
from lambdas.shared.aws.release_ledger import ReleaseHead
from lambdas.shared.domain.release_run import CallState
from lambdas.shared.domain.releases import Call, Release

_MOST_LIVE_ROWS = 15
_MOST_ROWS = 200
_STYLES = {
    CallState.FINISHED.value: "green",
    CallState.STARTED.value: "yellow",
    WAITING: "dim",
    CallState.SKIPPED.value: "dim",
    "DONE": "green",
    "OPEN": "yellow",
    "NEW": "dim",
}
NEW = "NEW"
"""A release in the bucket that nobody has run."""


def calls(release: Release) -> RenderableType:
    """The calls of a file."""
    shown = table("call", "line", "statement", "asks for", title=release.file)
    for call in release.calls[:_MOST_ROWS]:
        shown.add_row(str(call.number), str(call.line), Text(call.sql()), _asked(call))
    return _with_rest(shown, len(release.calls), "calls")


def call_json(call: Call) -> dict[str, Any]:
    """A call of a file, as --json prints it."""
    return {
        "number": call.number,
        "line": call.line,
        "procedure": str(call.procedure),
        "sql": call.sql(),
        "idempotent": call.idempotent,
        "limit_seconds": call.limit_seconds,
        "retries": call.retries,
    }


def files(
    found: Iterable[tuple[str, Version, ReleaseHead | None]], *, title: str
) -> RenderableType:
    """The releases in the bucket."""
    shown = table("release", "uploaded", "state", "procedures", "id", title=title)
    for key, version, head in found:
        uploaded = f"{version.modified_at:%Y-%m-%d %H:%M:%S}"
        state = head.state.value if head else NEW
        release_id = head.release_id if head else ""
        shown.add_row(Text(key), uploaded, _coloured(state), _counts(head), release_id)
    return shown


def file_json(key: str, version: Version, head: ReleaseHead | None) -> dict[str, Any]:
    """A release in the bucket, as --json prints it."""
    return {
        "file": key,
        "version_id": version.version_id,
        "uploaded_at": version.modified_at.isoformat(),
        "state": head.state.value if head else NEW,
        "release": head_json(head) if head else None,
    }


def heads(found: Iterable[ReleaseHead], *, title: str) -> RenderableType:
    """Releases that ran, or run."""
    shown = table("release", "opened", "state", "procedures", "seconds", "id", title=title)
    for head in found:
        shown.add_row(
            Text(head.file or "calls"),
            head.opened_at[:19].replace("T", " "),
            _coloured(head.state.value),
            _counts(head),
            _seconds((head.summary or {}).get("duration_ms")),
            head.release_id,
        )
    return shown


def head_json(head: ReleaseHead) -> dict[str, Any]:
    """A release that ran, or runs, as --json prints it."""
    return asdict(head) | {"state": head.state.value, "summary": _plain(head.summary)}


def progress(found: Progress) -> RenderableType:
    """A release, call by call."""
    head = found.head
    if head is None:
        return Text("no call was run", style="dim")
    title = f"{head.file or 'calls'} ({head.release_id}): {head.state.value}"
    return _with_rest(_table(found.calls[:_MOST_ROWS], title), len(found.calls), "calls")


def progress_json(found: Progress) -> dict[str, Any]:
    """The same as --json prints it."""
    return {
        "release": head_json(found.head) if found.head else None,
        "calls": [dict(call) for call in found.calls],
    }


def live(found: Progress) -> RenderableType:
    """What is going on: calls that run, the last that ended, and how many are left."""
    if found.head is None:
        return Text("waiting for the release to begin", style="dim")
    begun = [call for call in found.calls if call["status"] != WAITING]
    title = f"{found.head.file or 'calls'}: {len(begun)} of {len(found.calls)}"
    return _table(begun[-_MOST_LIVE_ROWS:], title)


def _table(entries: Iterable[Mapping[str, Any]], title: str) -> Table:
    shown = table("call", "line", "procedure", "status", "seconds", "error", title=title)
    for call in entries:
        shown.add_row(
            str(call["procedure_number"]),
            str(call["line"]),
            Text(call["procedure_name"]),
            _coloured(call["status"]),
            _seconds(call["duration_ms"]),
            Text(call["error"] or ""),
        )
    return shown


def _with_rest(shown: Table, count: int, noun: str) -> RenderableType:
    if count <= _MOST_ROWS:
        return shown
    return Group(shown, Text(f"and {count - _MOST_ROWS:,} {noun} more; --json has all"))


def _asked(call: Call) -> str:
    asked = ["idempotent"] if call.idempotent else []
    asked += [f"limit {call.limit_seconds}"] if call.limit_seconds else []
    asked += [f"retry {call.retries}"] if call.retries else []
    return ", ".join(asked)


def _counts(head: ReleaseHead | None) -> str:
    summary = (head.summary if head else None) or {}
    if "total_procedures" not in summary:
        return ""
    return f"{int(summary['successful_procedures'])} of {int(summary['total_procedures'])}"


def _seconds(milliseconds: Any) -> str:
    return "" if milliseconds is None else f"{int(milliseconds) / 1000:.1f}"


def _coloured(state: str) -> Text:
    return Text(state, style=_STYLES.get(state, "red"))


def _plain(summary: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """DynamoDB's numbers as JSON has them."""
    if summary is None:
        return None
    numbers = ("status_code", "total_procedures", "successful_procedures", "duration_ms")
    return {
        name: int(value) if name in numbers and value is not None else value
        for name, value in summary.items()
    }
