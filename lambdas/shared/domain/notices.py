"""What people are told: what happened, where, and what to do; never a row's values."""

import contextlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from config.job import Job
from lambdas.shared.domain.files import File, FileState, Verdict
from lambdas.shared.domain.load import Step

_MOST_LISTED = 50

Notice = dict[str, str]
"""Subject and message, as `Alerts.publish` takes them."""


def uploaded(job: Job, keys: list[str]) -> Notice:
    """Files of an active job have arrived."""
    return _notice(
        f"File Uploaded: {job.job_name}",
        f"Job: {job.job_id} ({job.job_name})",
        f"Table: {job.target_table}",
        f"Files: {len(keys)}",
        *_listed(keys),
    )


def not_configured(file: File, moved_to: str) -> Notice:
    """A file that no job takes was moved; the words are the router's contract."""
    return _notice(
        "New / Not Configured File",
        "File not found in config.json",
        f"Original: {file.key}",
        f"Moved to: {moved_to}",
    )


def inactive(file: File, job: Job) -> Notice:
    """A file of an inactive job stays; the words are the router's contract."""
    return _notice("Inactive Job", f"File: {file.name}", f"Job ID: {job.job_id}")


def loaded(step: Step, load: dict[str, Any], verdicts: list[Verdict]) -> Notice:
    """A batch is in its table; `load` is what the ledger keeps of it."""
    by_state = {
        state: [each.file.key for each in verdicts if each.state is state]
        for state in (FileState.LOADED, FileState.SUPERSEDED, FileState.MISSING)
    }
    kept = by_state.pop(FileState.LOADED)
    lines = [f"Table: {load['table']}", *_job(step)]
    if load.get("inserted") is None:
        lines.append(f"Rows: {load['rows']}")
    else:
        lines.append(
            f"Rows: {load['rows']} ({load['inserted']} inserted, {load['updated']} updated)"
        )
    lines += [f"Duration: {load['seconds']} s", f"Files: {len(kept)}", *_listed(kept)]
    for state, keys in by_state.items():
        if keys:
            lines += [f"{_WHY_NOT[state]}: {len(keys)}", *_listed(keys)]
    return _notice(f"Loaded: {load['table']}", *lines)


_WHY_NOT = {
    FileState.SUPERSEDED: "Not loaded, as a newer version was",
    FileState.MISSING: "Not loaded, as they were deleted before",
}


def rejected(step: Step, verdicts: list[Verdict], log_group: str) -> Notice:
    """Files of a batch were put aside; its others are settled."""
    lines = [f"Table: {step.table}", *_job(step)]
    for verdict in verdicts[:_MOST_LISTED]:
        error = verdict.error or {}
        lines += [
            f"File: {verdict.file.key}",
            f"  {error.get('type')}: {error.get('message')}",
            f"  Put aside: {verdict.file.rejected_key(step.job.job_name)}",
        ]
    if len(verdicts) > _MOST_LISTED:
        lines.append(f"... and {len(verdicts) - _MOST_LISTED} more, all in data/rejected/")
    return _notice(
        f"Rejected: {len(verdicts)} file(s) for {step.table}",
        *lines,
        "What to do: mend each file as its error says and upload it again;"
        " the other files are loaded without it.",
        *_where(step, log_group),
    )


def failed(step: Step, failure: dict[str, Any], log_group: str) -> Notice:
    """An execution ended without a verdict on its files."""
    return _notice(
        f"Failed: {step.table}",
        f"Table: {step.table}",
        *_job(step),
        f"Error: {failure.get('Error')}",
        f"Cause: {_cause(failure.get('Cause'))}",
        "Nothing is lost: the files stay in data/in/ and are tried again.",
        "What to do: mend the cause; if it went on for long, redrive the dead letters.",
        *_where(step, log_group),
    )


def given_up(job_id: str, reason: str, queue_url: str) -> Notice:
    """A job that failed too often is left to a person."""
    return _notice(
        f"Given Up: job {job_id}",
        f"{reason}; its files keep their place in data/in/.",
        "What to do: mend the cause, then redrive the dead-letter queue; that wakes the job.",
        f"Dead letters: {queue_url}",
    )


def overdue(job: Job, deadline: datetime) -> Notice:
    """No file of a job came by the time that its `expect` names."""
    return _notice(
        f"Overdue: {job.job_name}",
        f"No file like {job.source_file_name} came by {deadline.isoformat()}.",
        f"Job: {job.job_id} ({job.job_name})",
        f"Table: {job.target_table}",
        "What to do: ask whoever sends it; what comes later is loaded as ever.",
    )


def _notice(subject: str, *lines: str) -> Notice:
    return {"subject": subject, "message": "\n".join(lines)}


def _listed(keys: list[str]) -> Iterable[str]:
    yield from keys[:_MOST_LISTED]
    if len(keys) > _MOST_LISTED:
        yield f"... and {len(keys) - _MOST_LISTED} more"


def _job(step: Step) -> list[str]:
    return [f"Job: {step.job.job_id} ({step.job.job_name})"]


def _where(step: Step, log_group: str) -> list[str]:
    return [f"Execution: {step.execution_id}", f"Logs: {log_group}"]


def _cause(cause: Any) -> str:
    """A function's own message; Step Functions wraps it in JSON, with a stack trace."""
    text = str(cause)
    with contextlib.suppress(ValueError, KeyError, TypeError):  # its own causes are plain text
        text = str(json.loads(text)["errorMessage"])
    return text[:2000]
