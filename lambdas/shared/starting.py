"""Starting the execution of a job's open generation: the rule route and settle share."""

from typing import Any

from config.job import Job
from lambdas.shared.aws.ledger import Ledger
from lambdas.shared.aws.workflow import Workflow
from lambdas.shared.domain.names import sanitize, short_hash

FAILURES_ALLOWED = 8
"""After so many failed executions in a row a job's wake-up becomes a dead letter."""


def execution_name(job: Job, generation: int) -> str:
    """The one execution a generation of a job may have; at most 80 characters."""
    return f"run-{sanitize(job.job_name)}-{short_hash(job.job_id, length=8)}-{generation}"


def start_open_generation(
    job: Job, file_name: str, *, ledger: Ledger, workflow: Workflow
) -> dict[str, str]:
    """Start the open generation; call it only after the pool entries were put.

    The generation is read after the put: whoever puts before a claim raises it is in that claim's
    batch, whoever puts after it reads the next one here.
    """
    generation = ledger.generation(job.job_id)
    name = execution_name(job, generation)
    if workflow.start(name, execution_input(job, file_name, generation)):
        return {"status": "triggered", "execution": name}
    return {"status": "already_running"}


def execution_input(job: Job, file_name: str, generation: int) -> dict[str, Any]:
    """The input of a load: the router's contract, the generation, and the job as it is now."""
    return {
        "glue_jobs": [
            {
                "job_id": job.job_id,
                "job_name": job.job_name,
                "source_file_name": file_name,
                "target_table": job.target_table,
                "upsert_keys": job.upsert_keys,
                "generation": generation,
                "config": job.to_input(),
            }
        ]
    }
