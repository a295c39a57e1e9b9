"""Scheduled rules and EventBridge Scheduler: what falls due, on the account's scaled clock."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

from moto.events.models import events_backends
from moto.scheduler.models import scheduler_backends

from local.account.events import Events
from local.account.identity import ACCOUNT_ID, REGION

_TICK_SECONDS = 0.25
_UNIT_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


class Schedules:
    """Fires every enabled `rate(...)`, first one period after it appears."""

    def __init__(self, events: Events, *, wait_scale: float) -> None:
        self._events = events
        self._wait_scale = wait_scale
        self._due: dict[str, float] = {}
        self._closed = threading.Event()
        threading.Thread(target=self._run, name="schedules", daemon=True).start()

    def close(self) -> None:
        """Fire no more."""
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(_TICK_SECONDS):
            now = time.monotonic()
            for arn, seconds, fire in self._enabled():
                period = max(seconds * self._wait_scale, 1.0)
                if now >= self._due.setdefault(arn, now + period):
                    self._due[arn] = now + period
                    fire()

    def _enabled(self) -> Iterator[tuple[str, float, Callable[[], None]]]:
        """Each schedule's ARN, its period in unscaled seconds, and what to do when it is due."""
        for bus in list(events_backends[ACCOUNT_ID][REGION].event_buses.values()):
            for rule in list(bus.rules.values()):
                seconds = rate_seconds(rule.scheduled_expression or "")
                if seconds and rule.state == "ENABLED":
                    yield rule.arn, seconds, partial(self._events.fire, rule)
        for group in list(scheduler_backends[ACCOUNT_ID][REGION].schedule_groups.values()):
            for schedule in list(group.schedules.values()):
                seconds = rate_seconds(schedule.schedule_expression)
                if seconds and schedule.state == "ENABLED":
                    send = partial(
                        self._events.submit,
                        schedule.arn,
                        schedule.target,
                        schedule.target.get("Input", "{}"),
                    )
                    yield schedule.arn, seconds, send


def rate_seconds(expression: str) -> float | None:
    """The period of `rate(5 minutes)`; None for anything else.

    `cron(...)` and `at(...)` are accepted and never fall due: waits are scaled, clocks are not.
    """
    match = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    return float(int(match[1]) * _UNIT_SECONDS[match[2]]) if match else None
