"""All states of a scope, breadth first: the first trace found to a violation is a shortest one."""

import re
import time
from collections import deque
from dataclasses import dataclass
from itertools import pairwise

from tests.model.account import moves, unrest, violation
from tests.model.canonical import canonical
from tests.model.state import Move, Scope, State, initial


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What exploring a scope found; `is_whole` if all its states were seen.

    `met` are the names of the transitions that were taken.
    """

    scope: Scope
    states: int
    moves: int
    ends: int
    seconds: float
    is_whole: bool
    violation: str
    trace: tuple[Move, ...]
    met: frozenset[str]

    def told(self) -> str:
        """The violation and the way to it, for people."""
        lines = [f"{self.scope.name}: {self.violation or 'holds'} ({self.states:,} states)"]
        width = max((len(move.who) for move in self.trace), default=0)
        for number, move in enumerate(self.trace, 1):
            mark = "  <<" if move.is_fault else ""
            lines.append(f"{number:4} {move.who:{width}}  {move.transition} {move.told}{mark}")
        return "\n".join(lines)


class _Seen:
    """The states met, by number, and how each was met first."""

    def __init__(self, first: State) -> None:
        self.numbers: dict[State, int] = {first: 0}
        self.states = [first]
        self.parents = [-1]

    def number(self, state: State, parent: int) -> tuple[int, bool]:
        """A state's number; whether it is new."""
        known = self.numbers.get(state)
        if known is not None:
            return known, False
        number = len(self.states)
        self.numbers[state] = number
        self.states.append(state)
        self.parents.append(parent)
        return number, True

    def trace(self, scope: Scope, number: int) -> tuple[Move, ...]:
        """The moves from the first state to this one, executions named as they came."""
        path = [number]
        while self.parents[path[-1]] >= 0:
            path.append(self.parents[path[-1]])
        path.reverse()
        jobs = tuple(file.job for file in scope.files)
        names: list[int] = []
        started, told = 0, []
        for before, after in pairwise(path):
            for move in moves(scope, self.states[before]):
                kept = canonical(move.state, jobs)
                if kept.state == self.states[after]:
                    break
            if len(move.state.runs) > len(names):
                names.append(started)
                started += 1
            told.append(_named(move, names))
            names = [names[old] for old in kept.kept]
        return tuple(told)


def _named(move: Move, names: list[int]) -> Move:
    def named(text: str) -> str:
        return re.sub(r"\bE(\d+)", lambda found: f"E{names[int(found[1])]}", text)

    return move._replace(who=named(move.who), told=named(move.told))


class _Search:
    """One scope while it is explored."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.started = time.monotonic()
        self.seen = _Seen(initial(scope))
        self.jobs = tuple(file.job for file in scope.files)
        self.queue = deque([0])
        self.met: set[str] = set()
        self.count = 0
        self.calm_ways: list[list[int]] = []
        self.good: list[int] = []

    def expand(self, number: int) -> str:
        """Find all that may follow a state; what is wrong with it, if anything is."""
        state = self.seen.states[number]
        if problem := violation(state):
            return problem
        found = moves(self.scope, state)
        calm: list[int] = []
        for move in found:
            following, is_new = self.seen.number(canonical(move.state, self.jobs).state, number)
            if is_new:
                self.queue.append(following)
                self.met.add(move.transition)
            if not move.is_fault:
                calm.append(following)
        self.count += len(found)
        self.calm_ways.append(calm)
        if calm:
            return ""
        self.good.append(number)
        return unrest(self.scope, state)

    def report(self, problem: str = "", number: int = 0, *, is_whole: bool = False) -> Report:
        """What was found so far."""
        return Report(
            scope=self.scope,
            states=len(self.seen.states),
            moves=self.count,
            ends=len(self.good),
            seconds=round(time.monotonic() - self.started, 1),
            is_whole=is_whole,
            violation=problem,
            trace=self.seen.trace(self.scope, number) if problem else (),
            met=frozenset(self.met),
        )


def explore(scope: Scope, *, most_states: int = 5_000_000) -> Report:
    """See every state of a scope, or stop at the first violation, or after so many states.

    Besides what must hold at any moment: from each state, without further faults, a rest is
    reached in which every version has its verdict.
    """
    search = _Search(scope)
    while search.queue:
        number = search.queue.popleft()
        if problem := search.expand(number):
            return search.report(problem, number)
        if len(search.seen.states) > most_states:
            return search.report()
    restless = _without_rest(search.calm_ways, search.good)
    if restless is not None:
        return search.report("never comes to rest", restless, is_whole=True)
    return search.report(is_whole=True)


def states_of(scope: Scope) -> list[State]:
    """All states of a scope that holds."""
    search = _Search(scope)
    while search.queue:
        search.expand(search.queue.popleft())
    return search.seen.states


def _without_rest(ways: list[list[int]], good: list[int]) -> int | None:
    """A state from which no good rest can be reached; states are numbered as they were met."""
    back: list[list[int]] = [[] for _ in ways]
    for number, following in enumerate(ways):
        for each in following:
            back[each].append(number)
    reached = bytearray(len(ways))
    todo = list(good)
    for each in todo:
        reached[each] = 1
    while todo:
        for before in back[todo.pop()]:
            if not reached[before]:
                reached[before] = 1
                todo.append(before)
    return next((number for number, found in enumerate(reached) if not found), None)
