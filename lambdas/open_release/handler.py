"""Step 1 of a release: find it, read it, take the database, write the plan."""

import os
from typing import Any

from config.runtime import OpenReleaseSettings
from lambdas.open_release.opening import Opening
from lambdas.shared.aws import clients
from lambdas.shared.aws.log import logger
from lambdas.shared.domain.release_run import ReleaseStep


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The release's state: OPENED, WAITING for its database, or why there is nothing to run."""
    clients.be_brief()
    step = ReleaseStep.from_event(event)
    logger().append_keys(execution=step.execution_name)
    return Opening(step, OpenReleaseSettings.from_env(os.environ)).open()
