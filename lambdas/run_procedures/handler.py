"""Step 2 of a release: all that talks to the warehouse, under a database user of its own."""

import os
from typing import Any

from config.runtime import RunProceduresSettings
from lambdas.run_procedures.running import Running
from lambdas.shared.aws import clients
from lambdas.shared.aws.log import logger
from lambdas.shared.domain.release_run import ReleaseStep


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The release's state: RUNNING with a time to wait, DONE, or REFUSED before any call."""
    clients.be_brief()
    step = ReleaseStep.from_event(event)
    logger().append_keys(execution=step.execution_name, release_id=step.release_id)
    return Running(step, RunProceduresSettings.from_env(os.environ)).advance()
