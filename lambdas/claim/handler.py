"""Step 2 of 5: lease the table, raise the generation, read the pool, keep exact copies."""

import os
from typing import Any

from config.runtime import ClaimSettings
from lambdas.claim.claiming import claim
from lambdas.shared.aws.ledger import Ledger
from lambdas.shared.aws.log import correlate
from lambdas.shared.aws.objects import Objects
from lambdas.shared.domain.load import Step


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The load's state: WAITING for the table, EMPTY, or CLAIMED with its list of files."""
    step = Step.from_event(event)
    correlate(job_id=step.job.job_id, batch_id=step.batch_id, execution=step.execution_name)
    settings = ClaimSettings.from_env(os.environ)
    return claim(
        step,
        ledger=Ledger(settings.ledger_table),
        objects=Objects(settings.bucket),
    )
