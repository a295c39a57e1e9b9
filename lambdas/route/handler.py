"""Step 1 of 5: match each arrival to its job, pool it, start the job's open generation."""

import os
from typing import Any

from config.runtime import RouteSettings
from lambdas.route.messages import answer_batch
from lambdas.route.router import Router


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer a batch of SQS messages, or one EventBridge event given by hand.

    A batch is answered with the messages to try again (`batchItemFailures`), an event with its
    outcome: `triggered`, `already_running`, `not_configured`, `inactive`.
    """
    router = Router(RouteSettings.from_env(os.environ))
    if "Records" in event:
        return answer_batch(event["Records"], router)
    (outcome,) = router.route([event])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
