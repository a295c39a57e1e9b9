"""Look through data/in/ and the pools for what nobody works on; run by a schedule or by hand."""

import os
from typing import Any

from config.runtime import SweepSettings
from lambdas.sweep.sweeping import Sweeping


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"listed", "sent", "cleared", "woken", "overdue"}` in numbers, and `"position"`.

    The next run goes on from the position, null at the end of data/in/: the schedule's by itself,
    one by hand where its event says: `{"by_hand": true, "position": null}` begins at the beginning.
    By hand neither young uploads are spared nor jobs that were given up.
    """
    settings = SweepSettings.from_env(os.environ)
    asked = event or {}
    sweeping = Sweeping(
        settings, by_hand=bool(asked.get("by_hand")), position=asked.get("position")
    )
    return sweeping.sweep(remaining_ms=context.get_remaining_time_in_millis)
