"""Step 3 of a release: answer, record, notify, release the database."""

import os
from typing import Any

from config.runtime import CloseReleaseSettings
from lambdas.close_release.closing import Closing
from lambdas.shared.aws import clients
from lambdas.shared.aws.log import logger
from lambdas.shared.domain.release_run import ReleaseStep


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The release's state: CLOSED with its response, or AGAIN for the next of all releases."""
    clients.be_brief()
    step = ReleaseStep.from_event(event)
    logger().append_keys(execution=step.execution_name)
    closing = Closing(step, CloseReleaseSettings.from_env(os.environ))
    if "failure" in event:
        return closing.abandon(event["failure"])
    return closing.close()
