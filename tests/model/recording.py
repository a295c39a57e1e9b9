"""What the real handlers do, call by call, in the accounts of `tests/faults`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from tests.faults import actors, simulate
from tests.faults.actors import Actor
from tests.faults.world import World

_AWS = "lambdas.shared.aws."
_PLUMBING = {"lambdas.shared.aws.concurrently", "lambdas.shared.aws.failures"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One call to AWS: the product's function that made it, and all that called that."""

    name: str
    callers: frozenset[str]


@dataclass
class Invocation:
    """One invocation of one function; `task` is what it was invoked as."""

    task: str
    actor: Actor
    effects: list[Effect] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether it returned, and did not give its message back."""
        is_done = self.actor.is_done and self.actor.error is None
        return is_done and not self.actor.result.get("batchItemFailures")

    @property
    def is_single(self) -> bool:
        """Whether it was about one thing: route may be given several messages at once."""
        return "," not in self.actor.label


@contextmanager
def recorded() -> Iterator[list[Invocation]]:
    """Worlds that are played meanwhile note every effect of every invocation."""
    invocations: list[Invocation] = []

    class Recording(World):
        def _gate(self, name: str, request: dict[str, Any], perform: Callable[..., Any]) -> Any:
            actor = actors.current()
            known = next((each for each in reversed(invocations) if each.actor is actor), None)
            if known is None:
                known = Invocation(task=actor.label.partition("(")[0], actor=actor)
                invocations.append(known)
            known.effects.append(_effect(sys._getframe(1)))
            return super()._gate(name, request, perform)

    before = simulate.World
    simulate.World = Recording  # type: ignore[misc] # the harness makes its worlds by this name
    try:
        yield invocations
    finally:
        simulate.World = before  # type: ignore[misc] # as it was


def _effect(frame: FrameType | None) -> Effect:
    """The outermost of the innermost functions of `lambdas.shared.aws`, and those around it."""
    name, callers, is_inside = "", set(), True
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        qualified = frame.f_code.co_qualname
        if module.startswith("lambdas."):
            callers.add(f"{module}.{qualified}")
            is_inside = is_inside and module.startswith(_AWS)
            if is_inside and module not in _PLUMBING:
                name = qualified
        frame = frame.f_back
    return Effect(name=name, callers=frozenset(callers))
