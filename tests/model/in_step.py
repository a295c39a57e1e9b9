"""Whether the model can do what the product did: effects of an invocation against transitions."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from tests.model import load, route, sweep
from tests.model.explore import states_of
from tests.model.recording import Effect, Invocation
from tests.model.state import Scope
from tests.model.transitions import LEFT_OUT, QUIET, TRANSITIONS

_BEGINNINGS = {
    "Route": ("route",),
    "Claim": ("claim.lease",),
    "InferSchema": ("infer.write",),
    "Upsert": ("upsert.plan",),
    "Settle": ("settle.read", "settle.look", "abandon.release"),
    "Sweep": ("sweep",),
}
"""Where an invocation begins; settle has no verdicts to read where the pool was empty."""


class Grammar:
    """In which order the transitions of one invocation follow each other in the model."""

    def __init__(self, scopes: Sequence[Scope]) -> None:
        self._following: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for scope in scopes:
            for state in states_of(scope):
                for edges in (load.edges, route.edges, sweep.edges):
                    for at, transition, following in edges(scope, state):
                        self._following[at].add((transition, following))

    @property
    def transitions(self) -> set[str]:
        """The names of all transitions."""
        return {name for each in self._following.values() for name, _ in each}

    def transitions_of(self, invocation: Invocation) -> set[str] | None:
        """The transitions that may have these effects, in order; None if there are no such.

        An invocation that did not return may stop short, within a transition too.
        """
        effects, is_whole = merged(invocation.effects), invocation.is_whole
        steps: dict[_Place, list[tuple[str, _Place]]] = {}
        todo: list[_Place] = [(at, 0) for at in _BEGINNINGS[invocation.task]]
        while todo:
            place = todo.pop()
            if place not in steps:
                steps[place] = list(self._steps(place, effects, is_whole))
                todo += [following for _, following in steps[place]]
        ends = {
            (at, done) for at, done in steps if done == len(effects) and (not at or not is_whole)
        }
        return _leading_to(ends, steps) if ends else None

    def _steps(
        self, place: "_Place", effects: list[Effect], is_whole: bool
    ) -> Iterator[tuple[str, "_Place"]]:
        at, done = place
        for transition, following in self._following[at]:
            after = _passed(transition, effects, done, is_whole)
            if after is not None:
                yield transition, (following, after)


_Place = tuple[str, int]
"""The next transition, and how many effects were had."""


def _leading_to(ends: set[_Place], steps: dict[_Place, list[tuple[str, _Place]]]) -> set[str]:
    """The transitions on the ways to these places."""
    leading, found = set(ends), set()
    is_growing = True
    while is_growing:
        is_growing = False
        for place, following in steps.items():
            for transition, after in following:
                if after in leading:
                    found.add(transition)
                    is_growing = is_growing or place not in leading
                    leading.add(place)
    return found


def merged(effects: list[Effect]) -> list[Effect]:
    """The effects that count; the same one after another is one, as often as there are files."""
    found: list[Effect] = []
    for each in effects:
        if each.name in QUIET or LEFT_OUT & each.callers:
            continue
        if not found or found[-1].name != each.name:
            found.append(each)
    return found


def _passed(transition: str, effects: list[Effect], done: int, is_whole: bool) -> int | None:
    """How many effects are done after the transition; None if it has others."""
    for name in TRANSITIONS[transition].effects:
        if done == len(effects) and not is_whole:
            return done
        if done < len(effects) and _is(effects[done], name, transition):
            done += 1
        elif not (done and effects[done - 1].name == name):
            return None
    return done


def _is(effect: Effect, name: str, transition: str) -> bool:
    return effect.name == name and TRANSITIONS[transition].by in effect.callers
