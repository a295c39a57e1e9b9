"""The moves of the sweep: versions without a verdict, versions with one, jobs that nobody loads."""

from collections.abc import Iterator

from tests.model.route import pool, raised
from tests.model.state import (
    CLEARED,
    POOLED,
    RUNNING,
    TAKEN,
    THERE,
    UNKNOWN,
    Move,
    Scope,
    State,
    Sweep,
    put,
    spend,
)

_WHO = "sweep"


def early(scope: Scope, state: State) -> Iterator[Move]:
    """A sweep begins while things are under way.

    What it does with versions tells its look at pools nothing: each is explored alone.
    """
    if state.sweep is not None or (after := spend(state, "sweep")) is None:
        return
    for key in _keys(scope, state):
        looked = _list(scope, after, Sweep(jobs=(), keys=(key,)))
        if looked.state.sweep is not None:
            yield looked
    for job in range(scope.jobs):
        if pool(scope, state, job):
            yield _look_at_job(scope, after, Sweep(jobs=(job,)))


def at_rest(scope: Scope, state: State) -> Iterator[Move]:
    """A sweep begins because nothing else happens: sooner or later one does."""
    if "no sweep comes" in scope.broken:
        return
    if state.sweep is None and _finds_something(scope, state):
        yield _begin(scope, state)


def moves(scope: Scope, state: State) -> Iterator[Move]:
    """What a sweep under way does next; one that crashes is followed by another."""
    sweep = state.sweep
    if sweep is None:
        return
    if sweep.to_clear:
        file, rest = sweep.to_clear[0], sweep.to_clear[1:]
        after = state._replace(sweep=_left(sweep._replace(to_clear=rest)))
        if state.source[file] == THERE:
            after = after._replace(source=put(after.source, file, CLEARED))
            if not state.raw[file]:
                after = after._replace(violation=f"f{file} is lost: cleared without a copy")
        yield Move(_WHO, "sweep.clear", f"f{file}", after)
    elif sweep.to_send:
        swept = tuple(
            min(1, count + (file in sweep.to_send)) for file, count in enumerate(state.swept)
        )
        after = state._replace(swept=swept, sweep=_left(sweep._replace(to_send=())))
        yield Move(_WHO, "sweep.send", _files(sweep.to_send), after)
    elif sweep.keys:
        yield _list(scope, state, sweep)
    elif sweep.is_closed:
        after = raised(state, sweep.jobs[0], sweep.generation, scope)
        after = after._replace(sweep=_job_done(sweep, is_to_wake=True))
        yield Move(_WHO, "sweep.raise", f"job {sweep.jobs[0]}", after)
    elif sweep.jobs:
        yield _look_at_job(scope, state, sweep)
    else:
        wakes = tuple(
            max(count, int(job in sweep.to_wake)) for job, count in enumerate(state.wakes)
        )
        after = state._replace(wakes=wakes, sweep=None)
        yield Move(_WHO, "sweep.wake", f"jobs {list(sweep.to_wake)}", after)
    if paid := spend(state, "crash"):
        yield Move(_WHO, "crash", "", paid._replace(sweep=None), True)


def edges(scope: Scope, state: State) -> Iterator[tuple[str, str, str]]:
    """(at, transition, next) of a sweep that begins here; it begins at "sweep", ends with "".

    It looks at each job twice, so that something follows the last of few.
    """
    jobs = tuple(range(scope.jobs)) * 2
    at, move = "sweep", _list(scope, state, Sweep(jobs=jobs, keys=_keys(scope, state)))
    while True:
        following = _at(move.state.sweep)
        yield at, move.transition, following
        if not following:
            return
        at, move = following, next(iter(moves(scope, move.state)))


def _at(sweep: Sweep | None) -> str:
    if sweep is None:
        return ""
    stages = ("to_clear", "to_send", "keys", "is_closed", "jobs", "to_wake")
    return "sweep: " + next(stage for stage in stages if getattr(sweep, stage))


def _begin(scope: Scope, state: State) -> Move:
    jobs = tuple(range(scope.jobs)) if "the sweep looks at no pool" not in scope.broken else ()
    return _list(scope, state, Sweep(jobs=jobs, keys=_keys(scope, state)))


def _keys(scope: Scope, state: State) -> tuple[str, ...]:
    there = (file.key for n, file in enumerate(scope.files) if state.source[n] == THERE)
    return tuple(sorted(set(there)))


def _list(scope: Scope, state: State, sweep: Sweep) -> Move:
    """List a page of data/in/, and read what the ledger says of each version there."""
    key, rest = sweep.keys[:1], sweep.keys[1:]
    there = [
        n for n, file in enumerate(scope.files) if file.key in key and state.source[n] == THERE
    ]
    there.sort(key=lambda file: -scope.files[file].version)
    to_send = tuple(sorted(file for file in there if state.ledger[file] == UNKNOWN))
    to_clear = tuple(file for file in there if _is_final(state.ledger[file]))
    told = f"to clear {_files(to_clear)}, to send {_files(to_send)}"
    following = _left(sweep._replace(keys=rest, to_clear=to_clear, to_send=to_send))
    return Move(_WHO, "sweep.look", told, state._replace(sweep=following))


def _left(sweep: Sweep) -> Sweep | None:
    """What is left to do; None at the end."""
    has_more = any((*sweep[:4], sweep.to_wake))
    return sweep if has_more else None


def _look_at_job(scope: Scope, state: State, sweep: Sweep) -> Move:
    job = sweep.jobs[0]
    if not pool(scope, state, job):
        after = state._replace(sweep=_job_done(sweep, is_to_wake=False))
        return Move(_WHO, "sweep.look at pool", f"{job}: nothing waits", after)
    generation = state.generation[job]
    is_closed = any(
        (run.job, run.generation) == (job, generation) and run.status != RUNNING
        for run in state.runs
    )
    following: Sweep | None = sweep._replace(generation=generation, is_closed=True)
    if not is_closed:
        following = _job_done(sweep, is_to_wake=True)
    told = f"{job}: files wait, its execution {'has ended' if is_closed else 'has not ended'}"
    return Move(_WHO, "sweep.look at job", told, state._replace(sweep=following))


def _job_done(sweep: Sweep, *, is_to_wake: bool) -> Sweep | None:
    to_wake = (*sweep.to_wake, sweep.jobs[0]) if is_to_wake else sweep.to_wake
    return _left(Sweep(jobs=sweep.jobs[1:], to_wake=to_wake))


def _finds_something(scope: Scope, state: State) -> bool:
    for file, source in enumerate(state.source):
        is_due = state.ledger[file] == UNKNOWN or _is_final(state.ledger[file])
        if source == THERE and scope.files[file].replay_of is None and is_due:
            return True
    if "the sweep looks at no pool" in scope.broken:
        return False
    return any(pool(scope, state, job) for job in range(scope.jobs))


def _is_final(ledger: str) -> bool:
    return ledger not in (UNKNOWN, POOLED, TAKEN)


def _files(files: tuple[int, ...]) -> str:
    return "[" + ", ".join(f"f{file}" for file in files) + "]"
