"""The moves of route: one message at a time, as many side by side as the scope allows."""

from collections.abc import Iterator

from tests.model.ordering import listed, sequencer, unseen_before, versions
from tests.model.state import (
    POOLED,
    RUNNING,
    SUPERSEDED,
    UNKNOWN,
    Function,
    Move,
    Route,
    Run,
    Scope,
    State,
    put,
    spend,
)

_IN_LEDGER_WITHOUT_VERDICT = (UNKNOWN, POOLED, "TAKEN")


def moves(scope: Scope, state: State) -> Iterator[Move]:
    """What route may do next."""
    if len(state.routes) < scope.routes:
        yield from _receive(scope, state)
    for position, route in enumerate(state.routes):
        if position and state.routes[position - 1] == route:
            continue
        rest = state._replace(routes=state.routes[:position] + state.routes[position + 1 :])
        who = f"route({_told(route)})"
        if paid := spend(rest, "crash"):
            yield Move(who, "crash", f"before {route.at}", given_back(paid, route), True)
        yield from _go_on(scope, rest, route, who)


def edges(scope: Scope, state: State) -> Iterator[tuple[str, str, str]]:
    """(at, transition, next) of each invocation; it begins at "route" and ends with ""."""
    for move in moves(scope, state):
        before, after = list(state.routes), list(move.state.routes)
        for each in state.routes:
            if each in after:
                after.remove(each)
                before.remove(each)
        if not move.is_fault:
            at = before[0].at if before else "route"
            yield at, move.transition, after[0].at if after else ""


def pool(scope: Scope, state: State, job: int) -> list[int]:
    """The files with a pool entry, oldest sequence first."""
    found = [
        each
        for each, file in enumerate(scope.files)
        if file.job == job and state.ledger[each] == POOLED
    ]
    return sorted(found, key=lambda each: (state.sequence[each], each))


def given_back(state: State, route: Route) -> State:
    """Its message is visible again."""
    about = route.about
    if route.kind == "event":
        return state._replace(events=put(state.events, about, state.events[about] + 1))
    if route.kind == "swept":
        return state._replace(swept=put(state.swept, about, state.swept[about] + 1))
    if route.kind == "ended":
        return state._replace(ended=tuple(sorted((*state.ended, about))))
    return state._replace(wakes=put(state.wakes, about, state.wakes[about] + 1))


def pooled(scope: Scope, state: State, file: int, sequence: int) -> State:
    """`Ledger.pool_file`: put if absent; what is there stays."""
    if state.ledger[file] != UNKNOWN:
        return state
    newer = [each for each in versions(scope, file) if state.sequence[each] > sequence]
    becomes = POOLED
    if "route supersedes by what it has seen" in scope.broken and newer:
        becomes = SUPERSEDED
    return state._replace(
        ledger=put(state.ledger, file, becomes), sequence=put(state.sequence, file, sequence)
    )


def started(scope: Scope, state: State, job: int, generation: int) -> tuple[State, str]:
    """`Workflow.start`: a name is taken for good."""
    if any((run.job, run.generation) == (job, generation) for run in state.runs):
        return state, f"job {job}: already_running"
    if len(state.runs) >= scope.executions:
        return state._replace(violation="executions without end"), "one execution more"
    number = len(state.runs)
    run = Run(job, generation, RUNNING, Function(number, "claim.lease"))
    return state._replace(runs=(*state.runs, run)), f"E{number} for job {job}"


def _receive(scope: Scope, state: State) -> Iterator[Move]:
    for file, count in enumerate(state.events):
        if count:
            taken = state._replace(events=put(state.events, file, count - 1))
            yield from _admit(scope, taken, Route("event", file, "route.put"))
    for file, count in enumerate(state.swept):
        if count:
            taken = state._replace(swept=put(state.swept, file, count - 1))
            yield _order(scope, taken, Route("swept", file, "route.order"))
    for run in state.ended:
        left = list(state.ended)
        left.remove(run)
        yield _raise(scope, state._replace(ended=tuple(left)), run)
    for job, count in enumerate(state.wakes):
        if count:
            taken = state._replace(wakes=put(state.wakes, job, count - 1))
            after = taken
            if pool(scope, taken, job):
                after = _routing(taken, Route("wake", job, "route.generation"))
            yield Move(f"route(wake-up of job {job})", "route.waken", "", after)


def _admit(scope: Scope, state: State, route: Route) -> Iterator[Move]:
    file, who = route.about, f"route({_told(route)})"
    if "start before put" in scope.broken:
        waiting = _routing(state, route._replace(at="route.generation"))
        yield Move(who, "route.waken", "has not put the file yet", waiting)
        return
    if scope.files[file].replay_of is not None:
        yield from _replay(scope, state, route)
        return
    yield _put(scope, state, route._replace(read=sequencer(scope, file)), who)


def _replay(scope: Scope, state: State, route: Route) -> Iterator[Move]:
    """Pool a settled version again, unless another of its replays has no verdict yet."""
    file, who = route.about, f"route({_told(route)})"
    original = scope.files[file].replay_of
    same = [n for n, f in enumerate(scope.files) if n == original or f.replay_of == original]
    if any(state.ledger[each] == POOLED for each in same if each != file):
        yield Move(who, "route.replay refused", "another is not settled", state)
    else:
        read = state.sequence[original or 0]
        after = _put(scope, state, route._replace(read=read), who)
        yield after._replace(transition="route.replay")


def _order(scope: Scope, state: State, route: Route) -> Move:
    """The place of a version without a sequencer, once all older ones are known."""
    file, who = route.about, f"route({_told(route)})"
    if (unseen := unseen_before(scope, state, file)) is not None:
        older, sequence = unseen
        first = route._replace(at="route.put older", read=sequence, older=older)
        return Move(who, "route.order", f"f{older} comes first", _routing(state, first))
    found = dict(listed(scope, state, file))
    if file not in found:
        return Move(who, "route.order", f"f{file} is not there", state)
    read = route._replace(at="route.put", read=found[file], older=-1)
    return Move(who, "route.order", f"sequence {found[file]}", _routing(state, read))


def _put(scope: Scope, state: State, route: Route, who: str) -> Move:
    file = route.about
    before = state.ledger[file]
    after = pooled(scope, state, file, route.read)
    if before not in _IN_LEDGER_WITHOUT_VERDICT:
        return Move(who, "route.put", f"f{file} is {before}", after)
    is_known = before != UNKNOWN and "redelivery does nothing" in scope.broken
    if after.ledger[file] == POOLED and not is_known:
        after = _routing(after, route._replace(at="route.generation", read=0))
    return Move(who, "route.put", f"f{file} {after.ledger[file]}", after)


def _raise(scope: Scope, state: State, number: int) -> Move:
    run = state.runs[number]
    before = state.generation
    state = raised(state, run.job, run.generation, scope, "a failed generation stays open")
    after = _routing(state, Route("ended", number, "route.look"))
    told = "" if after.generation != before else "it was raised before"
    return Move(f"route(end of E{number})", "route.raise", told, after)


def raised(state: State, job: int, generation: int, scope: Scope, unless: str = "") -> State:
    """`Ledger.raise_generation`: only from this one."""
    if state.generation[job] != generation or unless in scope.broken:
        return state
    return state._replace(generation=put(state.generation, job, generation + 1))


def _go_on(scope: Scope, state: State, route: Route, who: str) -> Iterator[Move]:
    """The next transition; `state` is without the route."""
    if route.at in ("route.order", "route.put older", "route.put", "route.put late"):
        yield _admit_on(scope, state, route, who)
    else:
        yield from _start_on(scope, state, route, who)


def _admit_on(scope: Scope, state: State, route: Route, who: str) -> Move:
    if route.at == "route.order":
        return _order(scope, state, route)
    if route.at == "route.put":
        return _put(scope, state, route, who)
    if route.at == "route.put late":
        return Move(who, "route.put", "", pooled(scope, state, route.about, route.read))
    after = pooled(scope, state, route.older, route.read)
    again = route._replace(at="route.order", read=0, older=-1)
    return Move(who, route.at, f"f{route.older}", _routing(after, again))


def _start_on(scope: Scope, state: State, route: Route, who: str) -> Iterator[Move]:
    job = _job(scope, state, route)
    if route.at == "route.generation":
        read = state.generation[job]
        after = _routing(state, route._replace(at="route.start", read=read))
        yield Move(who, route.at, "", after)
    elif route.at == "route.start":
        after, told = started(scope, state, job, route.read)
        if route.kind == "event" and "start before put" in scope.broken:
            late = route._replace(at="route.put late", read=sequencer(scope, route.about))
            yield Move(who, route.at, told, _routing(after, late))
            return
        yield Move(who, route.at, told, after)
        yield from _crash_after(after, route, who, told)
    elif route.at == "route.look":
        waits = bool(pool(scope, state, job))
        after = _routing(state, route._replace(at="route.wake")) if waits else state
        yield Move(who, route.at, "files wait" if waits else "nothing waits", after)
    else:
        after = state._replace(wakes=put(state.wakes, job, state.wakes[job] + 1))
        yield Move(who, route.at, f"job {job}", after)
        yield from _crash_after(after, route, who, f"job {job}")


def _crash_after(after: State, route: Route, who: str, told: str) -> Iterator[Move]:
    if paid := spend(after, "crash"):
        yield Move(who, "crash", f"after {route.at} {told}", given_back(paid, route), True)


def _job(scope: Scope, state: State, route: Route) -> int:
    if route.kind == "ended":
        return state.runs[route.about].job
    return route.about if route.kind == "wake" else scope.files[route.about].job


def _routing(state: State, route: Route) -> State:
    return state._replace(routes=tuple(sorted((*state.routes, route))))


def _told(route: Route) -> str:
    if route.kind == "ended":
        return f"end of E{route.about}"
    if route.kind == "wake":
        return f"wake-up of job {route.about}"
    return f"f{route.about}" if route.kind == "event" else f"f{route.about}, swept"
