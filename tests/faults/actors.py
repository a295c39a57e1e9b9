"""Function invocations that take turns: one runs at a time, from one call to AWS to the next."""

from collections.abc import Callable
from typing import Any

from greenlet import getcurrent, greenlet


class Crash(BaseException):
    """The function's process is gone; nothing of its code may catch this."""


class Actor(greenlet):
    """One invocation of one function: it runs when it has the turn, on a stack of its own."""

    def __init__(self, label: str, function: Callable[[], Any]) -> None:
        super().__init__()
        self.label = label
        self.result: Any = None
        self.error: BaseException | None = None
        self.is_done = False
        self.calls = 0
        self._function = function
        self._doomed = False

    def resume(self) -> None:
        """Let it go on until its next call to AWS, or its end."""
        self.parent = getcurrent()
        self.switch()

    def kill(self) -> None:
        """End it at its present call."""
        self._doomed = True
        self.resume()

    def pause(self) -> None:
        """Called by the actor itself: hand the turn back until it is resumed."""
        self.calls += 1
        self.parent.switch()
        if self._doomed:
            raise Crash

    def run(self) -> None:
        """What the greenlet runs."""
        try:
            if self._doomed:
                raise Crash
            self.result = self._function()
        except BaseException as error:  # noqa: BLE001 - whatever ends a function is its outcome
            self.error = error
        self.is_done = True


def current() -> Actor:
    """The actor that has the turn; raises LookupError where whoever plays has it."""
    if running := find_current():
        return running
    raise LookupError("no function has the turn")


def find_current() -> Actor | None:
    """The actor that has the turn, if one has."""
    running = getcurrent()
    return running if isinstance(running, Actor) else None
