"""What the account's roles used that AWS puts on a bill: requests, and the time functions ran."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the meter says at one moment."""

    requests: Counter[tuple[str, str]]  # by service and operation
    invocations: Counter[str]  # by function
    seconds: Mapping[str, float]  # by function; with the waits of a call, without those of a queue

    def since(self, earlier: "Reading") -> "Reading":
        """What was used between an earlier reading and this one."""
        return Reading(
            requests=self.requests - earlier.requests,
            invocations=self.invocations - earlier.invocations,
            seconds={
                name: total - earlier.seconds.get(name, 0.0) for name, total in self.seconds.items()
            },
        )


class Meter:
    """Counts from the start of the account."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._invocations: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}

    def counted(self, service: str, operation: str, units: int = 1) -> None:
        """A role, or a service on its behalf, asked a service for something."""
        with self._lock:
            self._requests[service, operation] += units

    def ran(self, function: str, seconds: float) -> None:
        """A function answered."""
        with self._lock:
            self._invocations[function] += 1
            self._seconds[function] = self._seconds.get(function, 0.0) + seconds

    def read(self) -> Reading:
        """What was used until now."""
        with self._lock:
            return Reading(
                requests=self._requests.copy(),
                invocations=self._invocations.copy(),
                seconds=dict(self._seconds),
            )
