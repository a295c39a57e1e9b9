"""What people are told: what happened, where, and what to do; never a row's values."""

from typing import Any

from lambdas.shared.domain.files import Verdict
from lambdas.shared.domain.load import Step


def loaded(step: Step, load: dict[str, Any], verdicts: list[Verdict]) -> dict[str, str]:
    """Subject and message of a successful load."""
    names = [verdict.file.key for verdict in verdicts if verdict.state == "LOADED"]
    return {
        "subject": f"Loaded: {load['table']}",
        "message": "\n".join(
            [
                f"Table: {load['table']}",
                f"Job: {step.job.job_id} ({step.job.job_name})",
                f"Rows: {load['rows']} ({load['inserted']} inserted, {load['updated']} updated)",
                f"Duration: {load['seconds']} s",
                f"Files: {len(names)}",
                *names[:50],
            ]
        ),
    }


def rejected(step: Step, verdicts: list[Verdict], log_group: str) -> dict[str, str]:
    """Subject and message of rejected files."""
    lines = []
    for verdict in verdicts[:50]:
        error = verdict.error or {}
        lines += [
            f"File: {verdict.file.key}",
            f"  {error.get('type')}: {error.get('message')}",
            f"  Put aside: {verdict.file.rejected_key(step.job.job_name)}",
        ]
    return {
        "subject": f"Rejected: {len(verdicts)} file(s) for {step.table}",
        "message": "\n".join(
            [
                *lines,
                "What to do: mend the file and upload it again; its neighbours are loaded.",
                *_where(step, log_group),
            ]
        ),
    }


def failed(step: Step, failure: dict[str, Any], log_group: str) -> dict[str, str]:
    """Subject and message of an execution that ended without a load."""
    return {
        "subject": f"Failed: {step.table}",
        "message": "\n".join(
            [
                f"Job: {step.job.job_id} ({step.job.job_name})",
                f"Error: {failure.get('Error')}",
                f"Cause: {str(failure.get('Cause'))[:2000]}",
                "Nothing is lost: the files stay in data/in/ and are tried again.",
                "What to do: mend the cause; if it went on for long, redrive the dead letters.",
                *_where(step, log_group),
            ]
        ),
    }


def _where(step: Step, log_group: str) -> list[str]:
    return [f"Execution: {step.execution_id}", f"Logs: {log_group}"]
