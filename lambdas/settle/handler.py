"""Step 5 of 5: ledger from verdicts, delete what was loaded, notify, release the table."""

import os
from typing import Any

from config.runtime import SettleSettings
from lambdas.settle.settling import Settling
from lambdas.shared.domain.load import Step


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The load's state: AGAIN while the pool holds more, RELEASED at the end."""
    settling = Settling(Step.from_event(event), SettleSettings.from_env(os.environ))
    if "failure" in event:
        return settling.abandon(event["failure"])
    return settling.settle()
