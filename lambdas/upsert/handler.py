"""Step 4 of 5: submit one batch as one transaction, poll it, read its verdicts."""

import os
from typing import Any

from config.runtime import UpsertSettings
from lambdas.shared.aws.log import correlate
from lambdas.shared.domain.load import Step
from lambdas.upsert.loading import Loading


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The load's state: RUNNING while the transaction runs, DECIDED with its verdicts."""
    step = Step.from_event(event)
    correlate(job_id=step.job.job_id, batch_id=step.batch_id, execution=step.execution_name)
    return Loading(step, UpsertSettings.from_env(os.environ)).advance()
