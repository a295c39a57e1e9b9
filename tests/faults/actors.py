"""Function invocations that take turns: one runs at a time, from one call to AWS to the next."""

import threading
from collections.abc import Callable
from typing import Any


class Crash(BaseException):
    """The function's process is gone; nothing of its code may catch this."""


class Actor:
    """One invocation of one function, in a thread that runs only when it has the turn."""

    def __init__(self, label: str, function: Callable[[], Any]) -> None:
        self.label = label
        self.result: Any = None
        self.error: BaseException | None = None
        self.is_done = False
        self.calls = 0
        self._function = function
        self._go = threading.Semaphore(0)
        self._paused = threading.Semaphore(0)
        self._doomed = False
        self._thread = threading.Thread(target=self._run, name=label, daemon=True)
        self._thread.start()

    def resume(self) -> None:
        """Let it go on until its next call to AWS, or its end."""
        self._go.release()
        self._paused.acquire()

    def kill(self) -> None:
        """End it at its present call."""
        self._doomed = True
        self.resume()

    def pause(self) -> None:
        """Called in the actor's thread: hand the turn back until it is resumed."""
        self.calls += 1
        self._paused.release()
        self._go.acquire()
        if self._doomed:
            raise Crash

    def _run(self) -> None:
        _CURRENT.actor = self
        self._go.acquire()
        try:
            if self._doomed:
                raise Crash
            self.result = self._function()
        except BaseException as error:  # noqa: BLE001 - whatever ends a function is its outcome
            self.error = error
        self.is_done = True
        self._paused.release()


def current() -> Actor:
    """The actor whose thread this is."""
    actor: Actor = _CURRENT.actor
    return actor


_CURRENT = threading.local()
