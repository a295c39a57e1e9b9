"""What goes wrong in an account because somebody asks for it; nothing does by itself.

All chances are 0 until they are set, and may be set while the account runs. They are drawn from
one seed; which call meets which draw is up to the threads of the account.
"""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

_LONGEST_BATCH_SECONDS = 0.1


class Killable(Protocol):
    """An execution environment that is running something."""

    def kill(self) -> None:
        """End it at once."""


@dataclass(eq=False)
class Faults:
    """Chances between 0 and 1, by the name a service signs with where there are several.

    `throttled`: a function's call is refused. `unanswered`: it is done, and answered with a 500.
    `dropped` and `duplicated`: an event of S3. `killed`: a function, somewhere on its way, at most
    `longest_life` seconds from its start. `cancelled`: a function's batch of statements, soon after
    it was submitted. `forgotten`: the Data API no longer knows the statement it is asked about.
    """

    seed: int = 0
    throttled: dict[str, float] = field(default_factory=dict)
    unanswered: dict[str, float] = field(default_factory=dict)
    dropped: float = 0.0
    duplicated: float = 0.0
    killed: float = 0.0
    longest_life: float = 0.5
    cancelled: float = 0.0
    forgotten: float = 0.0
    met: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - dice, not secrets
        self._lock = threading.Lock()

    def calm(self) -> None:
        """From now on nothing goes wrong; what was met stays counted."""
        self.throttled, self.unanswered = {}, {}
        self.dropped = self.duplicated = self.killed = self.cancelled = self.forgotten = 0.0

    def throttles(self, service: str) -> bool:
        """Whether this call is refused."""
        return self._happens(f"throttled {service}", self.throttled.get(service, 0.0))

    def leaves_unanswered(self, service: str) -> bool:
        """Whether this call is done and its answer lost."""
        return self._happens(f"unanswered {service}", self.unanswered.get(service, 0.0))

    def deliveries(self) -> int:
        """How often this event is delivered."""
        if self._happens("dropped", self.dropped):
            return 0
        return 2 if self._happens("duplicated", self.duplicated) else 1

    @contextmanager
    def on(self, environment: Killable) -> Iterator[None]:
        """Around an invocation: the environment may be killed meanwhile."""
        if not self._happens("killed", self.killed):
            yield
            return
        timer = self._soon(self.longest_life, environment.kill)
        try:
            yield
        finally:
            timer.cancel()

    def on_batch(self, cancel: Callable[[], None]) -> None:
        """After a batch of statements was submitted: somebody may cancel it."""
        if self._happens("cancelled", self.cancelled):
            self._soon(_LONGEST_BATCH_SECONDS, cancel)

    def forgets(self) -> bool:
        """Whether the Data API knows nothing of this statement."""
        return self._happens("forgotten", self.forgotten)

    def _soon(self, most_seconds: float, what: Callable[[], None]) -> threading.Timer:
        with self._lock:
            moment = self._random.uniform(0, most_seconds)
        timer = threading.Timer(moment, what)
        timer.daemon = True
        timer.start()
        return timer

    def _happens(self, what: str, chance: float) -> bool:
        if not chance:
            return False
        with self._lock:
            if self._random.random() >= chance:
                return False
            self.met[what] = self.met.get(what, 0) + 1
            return True
