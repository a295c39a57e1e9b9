"""At deployment: limit what the warehouse may compute in a day."""

import os
from typing import Any

from config.runtime import LimitUsageSettings
from lambdas.limit_usage.limiting import DailyLimit
from lambdas.shared.aws.custom_resource import answered


def handler(event: dict[str, Any], _context: object) -> None:
    """Answer CloudFormation's request for `Custom::UsageLimit`, whose id is that of the limit."""
    settings = LimitUsageSettings.from_env(os.environ)
    answered(
        event,
        lambda: DailyLimit.from_event(event).keep(),
        name=f"{settings.workgroup}-unlimited",  # as long as nothing is made
        undo=lambda: DailyLimit.from_event(event).remove(),
    )
