"""Look through data/in/ and the pools for what nobody works on; run by a schedule or by hand."""

import os
from typing import Any

from config.runtime import SweepSettings
from lambdas.sweep.sweeping import Sweeping


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"listed", "sent", "cleared", "woken", "overdue", "is_done"}`, in numbers.

    Not done, the next run goes on from there. `{"by_hand": true}` in the event spares neither
    young uploads nor jobs that were given up.
    """
    settings = SweepSettings.from_env(os.environ)
    sweeping = Sweeping(settings, by_hand=bool((event or {}).get("by_hand")))
    return sweeping.sweep(remaining_ms=context.get_remaining_time_in_millis)
