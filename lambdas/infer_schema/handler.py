"""Step 3 of 5: each file's columns, from a few ranged reads; which files are bad."""

import os
from typing import Any

from config.runtime import InferSchemaSettings
from lambdas.infer_schema.batch import infer_batch
from lambdas.shared.aws.log import correlate
from lambdas.shared.aws.objects import Objects
from lambdas.shared.domain.load import Step


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The load's state, with a pointer to the schemas of its files."""
    step = Step.from_event(event)
    correlate(job_id=step.job.job_id, batch_id=step.batch_id, execution=step.execution_name)
    settings = InferSchemaSettings.from_env(os.environ)
    return infer_batch(step, objects=Objects(settings.bucket))
