"""Step 5 of 5: ledger from verdicts, delete what was loaded, notify, release the table."""

import os
from typing import Any

from config.runtime import SettleSettings
from lambdas.settle.settling import Settling
from lambdas.shared.aws.log import correlate
from lambdas.shared.domain.load import Step


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The load's state: AGAIN while the pool holds more, RELEASED at the end."""
    step = Step.from_event(event)
    correlate(job_id=step.job.job_id, batch_id=step.batch_id, execution=step.execution_name)
    settling = Settling(step, SettleSettings.from_env(os.environ))
    if "failure" in event:
        return settling.abandon(event["failure"])
    return settling.settle()
