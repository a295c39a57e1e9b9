"""States that differ only in what nobody can ask about any more are one state.

Closed executions whose name nobody will try to take are forgotten, and the others and the
generations that still count are numbered anew, without gaps: generations are only compared, and the
open one is the highest. A lease whose holder is gone for good is free.
"""

from typing import NamedTuple

from tests.model.state import FREE, Function, Route, State


class Canonical(NamedTuple):
    """The state as it is kept, and which of its executions were which before."""

    state: State
    kept: tuple[int, ...]


def canonical(state: State, jobs_of_files: tuple[int, ...]) -> Canonical:
    """The one state that stands for all that are like it."""
    alive = {each.run for each in state.zombies}
    if state.lease not in (FREE, *alive) and state.runs[state.lease].function is None:
        state = state._replace(lease=FREE)
    state = _from_round_0(state, alive)
    held = _held(state, jobs_of_files)
    referenced = alive | set(state.ended) | {each.run for each in state.transactions}
    referenced |= {each.about for each in state.routes if each.kind == "ended"}
    kept = tuple(
        number
        for number, run in enumerate(state.runs)
        if run.function is not None
        or number in referenced
        or run.generation >= state.generation[run.job]
        or (run.job, run.generation) in held
    )
    count: list[set[int]] = [{generation} for generation in state.generation]
    for job, generation in held:
        count[job].add(generation)
    for number in kept:
        count[state.runs[number].job].add(state.runs[number].generation)
    if len(kept) == len(state.runs) and all(max(each) == len(each) for each in count):
        return Canonical(state, kept)
    ranks = [{old: new for new, old in enumerate(sorted(each), 1)} for each in count]
    return Canonical(_renumbered(state, kept, ranks, jobs_of_files), kept)


def _from_round_0(state: State, alive: set[int]) -> State:
    """An execution whose earlier rounds nobody remembers is in its first."""
    for number, run in enumerate(state.runs):
        if not run.round or run.function is None or number in alive:
            continue
        mine = [each for each in state.transactions if each.run == number]
        if any(each.round != run.round for each in mine):
            continue
        function = run.function._replace(round=0)
        first = run._replace(round=0, function=function)
        runs = (*state.runs[:number], first, *state.runs[number + 1 :])
        transactions = tuple(
            sorted(
                each._replace(round=0) if each.run == number else each
                for each in state.transactions
            )
        )
        state = state._replace(runs=runs, transactions=transactions)
    return state


def _held(state: State, jobs_of_files: tuple[int, ...]) -> set[tuple[int, int]]:
    """Generations that somebody has read and may still start or raise."""
    held = set()
    for route in state.routes:
        if route.at == "route.start":
            held.add((_job(state, route, jobs_of_files), route.read))
    functions = [run.function for run in state.runs if run.function is not None]
    for function in (*functions, *state.zombies):
        if function.at == "settle.start":
            held.add((state.runs[function.run].job, function.local[0]))
        if function.at.startswith("claim"):
            run = state.runs[function.run]
            held.add((run.job, run.generation))
    if state.sweep is not None and state.sweep.generation:
        held.add((state.sweep.jobs[0], state.sweep.generation))
    return held


def _job(state: State, route: Route, jobs_of_files: tuple[int, ...]) -> int:
    return route.about if route.kind == "wake" else jobs_of_files[route.about]


def _renumbered(
    state: State,
    kept: tuple[int, ...],
    ranks: list[dict[int, int]],
    jobs_of_files: tuple[int, ...],
) -> State:
    number = {old: new for new, old in enumerate(kept)}

    def function(each: Function) -> Function:
        local = each.local
        if each.at == "settle.start":
            local = (ranks[state.runs[each.run].job][local[0]],)
        return each._replace(run=number[each.run], local=local)

    def route(each: Route) -> Route:
        if each.kind == "ended":
            return each._replace(about=number[each.about])
        if each.at == "route.start":
            return each._replace(read=ranks[_job(state, each, jobs_of_files)][each.read])
        return each

    runs = tuple(
        run._replace(
            generation=ranks[run.job][run.generation],
            function=None if run.function is None else function(run.function),
        )
        for run in (state.runs[old] for old in kept)
    )
    sweep = state.sweep
    if sweep is not None and sweep.generation:
        sweep = sweep._replace(generation=ranks[sweep.jobs[0]][sweep.generation])
    return state._replace(
        generation=tuple(rank[g] for rank, g in zip(ranks, state.generation, strict=True)),
        lease=number.get(state.lease, FREE),
        ended=tuple(sorted(number[each] for each in state.ended)),
        routes=tuple(sorted(route(each) for each in state.routes)),
        runs=runs,
        zombies=tuple(sorted(function(each) for each in state.zombies)),
        transactions=tuple(
            sorted(each._replace(run=number[each.run]) for each in state.transactions)
        ),
        sweep=sweep,
    )
