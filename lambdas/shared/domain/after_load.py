"""What a job calls once a batch is committed: its parameters, and one request a batch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.job import InvalidJobsError, Job, Problem
from lambdas.shared.domain.files import FileState, Verdict
from lambdas.shared.domain.load import Step
from lambdas.shared.domain.names import sanitize, short_hash
from lambdas.shared.domain.releases import read_calls

PARAMETERS: Mapping[str, str] = {
    "batch_id": "the batch; `sluice.load_history` has its files under the same",
    "job_id": "the job",
    "target_table": "the table, as `schema.table`",
    "files": "how many files were loaded",
    "rows": "how many rows they have; NULL if nobody counted them",
    "rows_inserted": "how many of them are new; NULL if it is no longer known",
    "rows_updated": "how many of them replaced one; NULL if it is no longer known",
}
"""What a call of after_load may name with a colon, and what stands for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterLoad:
    """The calls of one batch: the name of their only execution, and its input."""

    execution_name: str
    request: dict[str, Any]


def after_load(step: Step, verdicts: Iterable[Verdict]) -> list[AfterLoad]:
    """A request for each batch that these verdicts say was committed with rows.

    It is this step's batch, but for files whose verdict was found in the history: those are of the
    batch that loaded them, which may have ended before anybody asked for its calls.
    """
    if not step.job.after_load:
        return []
    loaded: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.state is FileState.LOADED:
            loaded.setdefault(verdict.batch_id or step.batch_id, []).append(verdict)
    return [_requested(step, batch_id, files) for batch_id, files in loaded.items()]


def _requested(step: Step, batch_id: str, files: Sequence[Verdict]) -> AfterLoad:
    counted = [each.rows for each in files if each.rows is not None]
    values: dict[str, Any] = {
        "batch_id": batch_id,
        "job_id": step.job.job_id,
        "target_table": str(step.table),
        "files": len(files),
        "rows": sum(counted) if len(counted) == len(files) else None,
        "rows_inserted": None,
        "rows_updated": None,
    }
    if all(each.batch_id is None for each in files):
        counts = {"rows": "rows", "rows_inserted": "inserted", "rows_updated": "updated"}
        values |= {name: step.load.get(count) for name, count in counts.items()}
    return AfterLoad(
        execution_name=f"after-{sanitize(step.job.job_name)[:40]}-{short_hash(batch_id)}",
        request={"calls": step.job.after_load, "identity": batch_id, "parameters": values},
    )


def check_after_load(jobs: Iterable[Job]) -> None:
    """Raise InvalidJobsError if an after_load holds what is no call, naming every fault."""
    names = dict.fromkeys(PARAMETERS)
    problems = [
        Problem(
            job=f"job {position} ({job.job_id})",
            field=f"after_load.{fault.line - 1}",
            message=f"column {fault.column}: {fault.message}",
        )
        for position, job in enumerate(jobs, start=1)
        if job.after_load
        for fault in read_calls(job.after_load, names, job.job_id)[1]
    ]
    if problems:
        raise InvalidJobsError(problems)
