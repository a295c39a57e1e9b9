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
    looked = _begin(scope, after)
    if looked.state.sweep is not None and (
        looked.state.sweep.to_clear or looked.state.sweep.to_send
    ):
        only = looked.state._replace(sweep=looked.state.sweep._replace(jobs=()))
        yield looked._replace(state=only)
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
    elif sweep.is_closed:
        after = raised(state, sweep.jobs[0], sweep.generation, scope)
        after = after._replace(sweep=sweep._replace(is_closed=False))
        yield Move(_WHO, "sweep.raise", f"job {sweep.jobs[0]}", after)
    elif sweep.generation:
        job = sweep.jobs[0]
        after = state._replace(
            wakes=put(state.wakes, job, 1), sweep=_left(Sweep(jobs=sweep.jobs[1:]))
        )
        yield Move(_WHO, "sweep.wake", f"job {job}", after)
    else:
        yield _look_at_job(scope, state, sweep)
    if paid := spend(state, "crash"):
        yield Move(_WHO, "crash", "", paid._replace(sweep=None), True)


def _begin(scope: Scope, state: State) -> Move:
    """List data/in/ and read what the ledger says of each version."""
    there = [
        file
        for file, each in enumerate(scope.files)
        if state.source[file] == THERE and each.replay_of is None
    ]
    there.sort(key=lambda file: (scope.files[file].key, -scope.files[file].version))
    to_send = tuple(sorted(file for file in there if state.ledger[file] == UNKNOWN))
    to_clear = tuple(file for file in there if _is_final(state.ledger[file]))
    jobs = tuple(range(scope.jobs)) if "the sweep looks at no pool" not in scope.broken else ()
    sweep = Sweep(jobs=jobs, to_clear=to_clear, to_send=to_send)
    told = f"to clear {_files(to_clear)}, to send {_files(to_send)}"
    return Move(_WHO, "sweep.look", told, state._replace(sweep=_left(sweep)))


def _left(sweep: Sweep) -> Sweep | None:
    """What is left to do; None at the end."""
    return sweep if sweep.to_clear or sweep.to_send or sweep.jobs else None


def _look_at_job(scope: Scope, state: State, sweep: Sweep) -> Move:
    job = sweep.jobs[0]
    if not pool(scope, state, job):
        after = state._replace(sweep=_left(Sweep(jobs=sweep.jobs[1:])))
        return Move(_WHO, "sweep.look at job", f"{job}: nothing waits", after)
    generation = state.generation[job]
    is_closed = any(
        (run.job, run.generation) == (job, generation) and run.status != RUNNING
        for run in state.runs
    )
    after = state._replace(sweep=sweep._replace(generation=generation, is_closed=is_closed))
    told = f"{job}: files wait, its execution {'has ended' if is_closed else 'has not ended'}"
    return Move(_WHO, "sweep.look at job", told, after)


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
