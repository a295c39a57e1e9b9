"""The moves of executions: the machine's tasks, and functions that outlive them.

A function that returns is followed at once by the machine's next task: nobody can tell the moment
between from the moment after.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.model import ordering
from tests.model.route import pool, pooled, raised, started
from tests.model.state import (
    ABORTED,
    CLEARED,
    FAILED,
    FREE,
    LOADED,
    MISSING,
    POOLED,
    REJECTED,
    RUNNING,
    SUCCEEDED,
    SUPERSEDED,
    TAKEN,
    THERE,
    UNKNOWN,
    Function,
    Move,
    Run,
    Scope,
    State,
    Transaction,
    Verdicts,
    put,
    spend,
)


class _Step(NamedTuple):
    """A transition of a function; `ends`: the function returned, or the execution came to that."""

    transition: str
    told: str
    state: State
    function: Function
    ends: str = ""


_PRIVATE = {"claim.write", "infer.write", "upsert.plan", "settle.read", "settle.put aside"}
"""What reads and writes only the batch's own work files, or what nobody changes."""


def private_moves(scope: Scope, state: State) -> list[Move]:
    """One move that commutes with all others, if there is one: exploring it alone loses nothing.

    A fault before it comes to the same as a fault before the next one.
    """
    outlived = {each.run for each in state.zombies}
    for number, run in enumerate(state.runs):
        function = run.function
        if function is not None and function.at in _PRIVATE and number not in outlived:
            return list(_attached(scope, state, number, function))
    return []


def moves(scope: Scope, state: State) -> Iterator[Move]:
    """What executions and their functions may do next, and what may befall them."""
    for number, run in enumerate(state.runs):
        if run.function is not None:
            yield from _attached(scope, state, number, run.function)
            yield from _faults(state, number, run.function)
    for position, function in enumerate(state.zombies):
        if not position or state.zombies[position - 1] != function:
            yield from _detached(scope, state, position, function)


def _attached(scope: Scope, state: State, number: int, function: Function) -> Iterator[Move]:
    for step in _STEPS[function.at](scope, state, function):
        after = step.state
        if step.ends in (SUCCEEDED, FAILED):
            after = closed(after, number, step.ends)
        else:
            after = _at(after, number, step.function)
        yield Move(f"E{number}", step.transition, step.told, after)
        if step.transition in _SHARED and step.ends and (paid := spend(step.state, "crash")):
            crashed = _at(paid, number, _from_the_start(function))
            yield Move(f"E{number}", "crash", f"after {step.transition}", crashed, True)


_SHARED = {"settle.start", "settle.look", "abandon.release"}
"""Last effects of a task, after which its answer may be lost."""


def _detached(scope: Scope, state: State, position: int, function: Function) -> Iterator[Move]:
    rest = state._replace(zombies=state.zombies[:position] + state.zombies[position + 1 :])
    who = f"E{function.run} (outlived)"
    run = state.runs[function.run]
    is_stale = (run.round, run.attempt) != (function.round, function.attempt)
    if function.at in ("infer.write", "upsert.plan") and is_stale:
        # whoever went on found this attempt written down and submitted: its token is taken
        yield Move(who, function.at, "finds all done", tidied(rest))
        return
    found = False
    for step in _STEPS[function.at](scope, rest, function):
        found = True
        after = step.state
        if not step.ends:
            after = after._replace(zombies=tuple(sorted((*after.zombies, step.function))))
        yield Move(who, step.transition, step.told, tidied(after))
    if not found:
        yield Move(who, "returns", "WAITING or RUNNING", tidied(rest))
    if paid := spend(rest, "crash"):
        yield Move(who, "crash", f"before {function.at}", tidied(paid), True)


def _faults(state: State, number: int, function: Function) -> Iterator[Move]:
    who, before = f"E{number}", f"before {function.at}"
    if not any(state.budget):
        return
    restarted = _from_the_start(function)
    if restarted != function and (paid := spend(state, "crash")):
        yield Move(who, "crash", before, _at(paid, number, restarted), True)
    if paid := spend(state, "stop"):
        stopped = closed(paid, number, ABORTED)
        yield Move(who, "stop", f"{before}; its function dies", stopped, True)
        stopped = _outlived(closed(paid, number, ABORTED, tidy=False), function)
        yield Move(who, "stop", f"{before}; its function goes on", stopped, True)
    if paid := spend(state, "time_out"):
        again = _outlived(_at(paid, number, restarted, tidy=False), function)
        yield Move(who, "time out", f"{before}; its function goes on", again, True)
    if not function.at.startswith("abandon") and (paid := spend(state, "fail")):
        abandon = function._replace(at="abandon.release", local=())
        yield Move(who, "fail", before, _at(paid, number, abandon), True)


def _from_the_start(function: Function) -> Function:
    return function._replace(at=_FIRST[function.at.partition(".")[0]], local=())


_FIRST = {
    "claim": "claim.lease",
    "infer": "infer.write",
    "upsert": "upsert.plan",
    "settle": "settle.read",
    "abandon": "abandon.release",
}


def edges(scope: Scope, state: State) -> Iterator[tuple[str, str, str]]:
    """(at, transition, next) of each function; "" follows the last transition of an invocation."""
    functions = [run.function for run in state.runs if run.function is not None]
    for function in (*functions, *state.zombies):
        if function.at == "claim.lease":
            # no state changes, or the same as where nobody comes in between
            yield function.at, "claim.wait", ""
            yield function.at, "claim.take over too late", ""
            yield function.at, "claim.lease freed meanwhile", "claim.raise"
        for step in _STEPS[function.at](scope, state, function):
            yield function.at, step.transition, "" if step.ends else step.function.at


def _outlived(state: State, function: Function) -> State:
    return state._replace(zombies=tuple(sorted((*state.zombies, function))))


def closed(state: State, number: int, status: str, *, tidy: bool = True) -> State:
    """The execution ended; if it did not succeed, an event says so."""
    run = state.runs[number]._replace(status=status, function=None)
    state = state._replace(runs=put(state.runs, number, run))
    if status != SUCCEEDED:
        state = state._replace(ended=tuple(sorted((*state.ended, number))))
    return tidied(state) if tidy else state


def tidied(state: State) -> State:
    """Without what nobody can read any more: work files of the closed, transactions that told."""
    alive = {each.run for each in state.zombies}
    for number, run in enumerate(state.runs):
        if run.function is None and number not in alive and (run.round or run.files):
            bare = Run(run.job, run.generation, run.status, None)
            state = state._replace(runs=put(state.runs, number, bare))
    if not state.transactions:
        return state
    kept = tuple(each for each in state.transactions if _is_awaited(state, each))
    return state if kept == state.transactions else state._replace(transactions=kept)


def _is_awaited(state: State, each: Transaction) -> bool:
    run = state.runs[each.run]
    token = (each.round, each.attempt)
    if each.status == "open" or any(
        z.run == each.run and (z.round, z.attempt) == token for z in state.zombies
    ):
        return True
    return run.function is not None and (run.function.round, run.function.attempt) == token


def _at(state: State, number: int, function: Function, *, tidy: bool = True) -> State:
    run = state.runs[number]
    if run.round != function.round:
        run = run._replace(round=function.round, attempt=function.attempt, files=(), schemas=())
        run = run._replace(plan=None)
    elif run.attempt != function.attempt:
        run = run._replace(attempt=function.attempt, plan=None)
    state = state._replace(runs=put(state.runs, number, run._replace(function=function)))
    return tidied(state) if tidy else state


# --- claim ---


def _lease(scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    following = function._replace(
        at="claim.pool" if "the pool is read before the raise" in scope.broken else "claim.raise"
    )
    taken = state._replace(lease=function.run)
    if state.lease in (FREE, function.run):
        yield _Step("claim.lease", "", taken, following)
    elif state.runs[state.lease].status != RUNNING:
        yield _Step("claim.take over", f"from E{state.lease}", taken, following)


def _raise(scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    run = state.runs[function.run]
    after = raised(state, run.job, run.generation, scope)
    if "the pool is read before the raise" in scope.broken:
        yield _claimed(scope, after, function, "claim.raise", function.local[0])
        return
    told = "" if after.generation != state.generation else "it was raised before"
    yield _Step("claim.raise", told, after, function._replace(at="claim.pool"))


def _pool(scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    found = tuple(pool(scope, state, state.runs[function.run].job))
    if function.limit:
        found = found[: function.limit]
    if "the pool is read before the raise" in scope.broken and function.at == "claim.pool":
        yield _Step(
            "claim.pool", str(found), state, function._replace(at="claim.raise", local=(found,))
        )
        return
    if "claim takes pool entries" in scope.broken:
        for each in found:
            state = state._replace(ledger=put(state.ledger, each, TAKEN))
    yield _claimed(scope, state, function, "claim.pool", found)


def _claimed(
    scope: Scope, state: State, function: Function, transition: str, found: tuple[int, ...]
) -> _Step:
    told = f"files {list(found)}"
    if not found:
        empty = function._replace(at="settle.look", local=(), verdicts=())
        return _Step(transition, told, state, empty, "returns")
    uploads = tuple(each for each in found if scope.files[each].replay_of is None)
    return _Step(transition, told, state, _looking(function, "claim.list", uploads, found))


def _looking(function: Function, at: str, to_look: tuple[int, ...], found: object) -> Function:
    """Files behind which to look for older versions; then all are copied."""
    if not to_look:
        return function._replace(at="claim.exists", local=(found, ()))
    return function._replace(at=at, local=(to_look, found))


def _list(scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    """One listing for all files: behind those that are the oldest of their key, nobody looks."""
    to_look, found = function.local
    behind = tuple(file for file in to_look if not _is_oldest(scope, state, file))
    following = _looking(function, "claim.list older", behind, found)
    yield _Step("claim.list", str(list(behind)), state, following)


def _is_oldest(scope: Scope, state: State, file: int) -> bool:
    listed = ordering.listed(scope, state, file)
    return bool(listed) and listed[0][0] == file


def _list_older(scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    """Look for versions older than the next file that nobody has seen."""
    (file, *left), found = function.local
    unseen = ordering.unseen_before(scope, state, file)
    if unseen is None:
        following = _looking(function, "claim.list older", tuple(left), found)
        yield _Step("claim.list older", f"f{file}", state, following)
        return
    following = function._replace(at="claim.put older", local=(*function.local, unseen))
    told = f"f{file}; f{unseen[0]} is older and unknown"
    yield _Step("claim.list older", told, state, following)


def _put_older(scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    *local, (older, sequence) = function.local
    after = pooled(scope, state, older, sequence)
    following = function._replace(at="claim.list older", local=tuple(local))
    yield _Step("claim.put older", f"f{older}", after, following)


def _exists(scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    """Whether the raw copy is there; copies there already are passed at once."""
    file = function.local[0][len(function.local[1])]
    told = f"f{file} {'has a copy' if _has_copy(scope, state, file) else 'has none'}"
    if _has_copy(scope, state, file):
        yield _Step(function.at, told, state, _copied(function, missing=False))
    elif function.at == "claim.exists":
        yield _Step(function.at, told, state, function._replace(at="claim.copy"))
    else:
        yield _Step(function.at, told, state, _copied(function, missing=True))


def _copy(scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    file = function.local[0][len(function.local[1])]
    if state.source[file] == THERE:
        copied = state._replace(raw=put(state.raw, file, True))
        yield _Step("claim.copy", f"f{file}", copied, _copied(function, missing=False))
    elif "a copy is not looked for twice" in scope.broken:
        yield _Step("claim.copy", f"f{file} is gone", state, _copied(function, missing=True))
    else:
        again = function._replace(at="claim.exists after all")
        yield _Step("claim.copy", f"f{file} is gone", state, again)


def _has_copy(scope: Scope, state: State, file: int) -> bool:
    original = scope.files[file].replay_of
    return state.raw[file if original is None else original]


def _copied(function: Function, *, missing: bool) -> Function:
    found, done = function.local
    done = (*done, (found[len(done)], missing))
    at = "claim.exists" if len(done) < len(found) else "claim.write"
    return function._replace(at=at, local=(found, done))


def _write_files(_scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    state = _writing(state, function, files=function.local[1])
    following = function._replace(at="infer.write", local=())
    yield _Step("claim.write", str(list(function.local[0])), state, following, "returns")


def _writing(state: State, function: Function, **files: object) -> State:
    """Work files of the round; those of another round are read by nobody."""
    run = state.runs[function.run]
    if run.round != function.round:
        return state
    return state._replace(runs=put(state.runs, function.run, run._replace(**files)))


def _infer(_scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    files = state.runs[function.run].files
    schemas = tuple(file for file, is_missing in files if not is_missing)
    state = _writing(state, function, schemas=schemas)
    following = function._replace(at="upsert.plan", attempt=1, local=())
    yield _Step("infer.write", str(list(schemas)), state, following, "returns")


# --- upsert ---


def _plan(scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    """The attempt as it was written down; written now if it was not."""
    run = state.runs[function.run]
    name = "upsert.plan" if run.plan is None else "upsert.read plan"
    if run.plan is None:
        run = run._replace(plan=_planned(scope, run, function))
        state = state._replace(runs=put(state.runs, function.run, run))
    at = "upsert.poll" if function.is_submitted else "upsert.submit"
    following = function._replace(at=at, local=run.plan or ())
    yield _Step(name, told_of(run.plan or ()), state, following)


def _planned(scope: Scope, run: Run, function: Function) -> Verdicts:
    found: dict[int, str] = {}
    accepted = []
    for file, is_missing in run.files:
        if is_missing:
            found[file] = MISSING
        elif file in function.rejected or (
            scope.files[file].bad == "schema" and file in run.schemas
        ):
            found[file] = REJECTED
        elif file in function.superseded:
            found[file] = SUPERSEDED
        elif file in run.schemas:
            accepted.append(file)
    newest = {scope.files[file].key: file for file in accepted}
    for file in accepted:
        is_older = scope.mode != "append" and newest[scope.files[file].key] != file
        found[file] = SUPERSEDED if is_older else LOADED
    return tuple(found.items())


def _submit(_scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    following = function._replace(at="upsert.poll")
    token = (function.run, function.round, function.attempt)
    if any((t.run, t.round, t.attempt) == token for t in state.transactions):
        yield _Step("upsert.submit", "the token is known", state, following)
        return
    new = Transaction(*token, plan=function.local)
    after = state._replace(transactions=tuple(sorted((*state.transactions, new))))
    yield _Step("upsert.submit", told_of(new.plan), after, following)


def _poll(scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    token = (function.run, function.round, function.attempt)
    found = next(t for t in state.transactions if (t.run, t.round, t.attempt) == token)
    if found.is_forgotten:
        # it may yet commit; the next attempt's own look at the history tells
        following = _attempted_again(function)
        yield _Step("upsert.try again", "it is forgotten", state, following, "returns")
        return
    if found.status == "open":
        if not function.is_submitted:
            again = function._replace(at="upsert.plan", is_submitted=True, local=())
            yield _Step("upsert.poll", "RUNNING", state, again, "returns")
        return
    name, following = _after(scope, state, function, found)
    yield _Step(name, f"{found.status} {list(found.found)}", state, following, "returns")


def _attempted_again(function: Function) -> Function:
    return function._replace(
        at="upsert.plan", attempt=function.attempt + 1, is_submitted=False, local=()
    )


def _after(
    scope: Scope, state: State, function: Function, found: Transaction
) -> tuple[str, Function]:
    """What a closed transaction leads to."""
    decided = function._replace(at="settle.read", local=(), is_submitted=False)
    again = _attempted_again(function)
    if found.status == "FINISHED":
        return "upsert.decide", decided._replace(verdicts=found.plan)
    if found.status == "VERDICT":
        if "a refused batch fails" in scope.broken:
            return "upsert.read history", function._replace(at="abandon.release", local=())
        known = tuple(
            (file, state.history[file])
            for file, _ in state.runs[function.run].files
            if state.history[file] != UNKNOWN
        )
        return "upsert.read history", decided._replace(verdicts=known)
    if found.status == "NEWER":
        older = tuple(sorted({*function.superseded, *found.found}))
        return "upsert.try again", again._replace(superseded=older)
    if found.status == "BAD":
        bad = tuple(sorted({*function.rejected, *found.found}))
        if "rejected without history" in scope.broken:
            verdicts = tuple((each, REJECTED) for each in bad)
            return "upsert.reject", decided._replace(verdicts=verdicts)
        return "upsert.reject", again._replace(rejected=bad)
    if found.status == "NAMELESS":
        loading = sum(verdict == LOADED for _, verdict in found.plan)
        limit = loading if "batches are not halved" in scope.broken else max(1, loading // 2)
        return "upsert.narrow", decided._replace(verdicts=(), limit=limit)
    return "upsert.try again", again


# --- settle ---


def _read_verdicts(scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    """`local`: files to clear, files to tell the ledger of."""
    here = tuple(
        file
        for file, verdict in function.verdicts
        if verdict != MISSING and scope.files[file].replay_of is None
    )
    local = (here, tuple(file for file, _ in function.verdicts))
    following = _settling(scope, function, *local)
    if bad := [file for file, verdict in function.verdicts if verdict == REJECTED]:
        following = function._replace(at="settle.put aside", local=(*local, tuple(bad)))
    yield _Step("settle.read", told_of(function.verdicts), state, following)


def _put_aside(scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    """Into data/rejected/, where only people look."""
    to_clear, to_tell, (file, *rest) = function.local
    following = _settling(scope, function, to_clear, to_tell)
    if rest:
        following = function._replace(local=(to_clear, to_tell, tuple(rest)))
    yield _Step("settle.put aside", f"f{file}", state, following)


def _settling(
    scope: Scope, function: Function, to_clear: tuple[int, ...], to_tell: tuple[int, ...]
) -> Function:
    local = (to_clear, to_tell)
    if to_tell and (not to_clear or "the ledger is told first" in scope.broken):
        return function._replace(at="settle.project", local=local)
    if to_clear:
        return function._replace(at="settle.clear", local=local)
    return function._replace(at="settle.look", local=())


def _clear(scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    """All in one request: what stands between two of them stands after both as well."""
    to_clear, to_tell = function.local
    for file in to_clear:
        if state.source[file] == THERE:
            state = state._replace(source=put(state.source, file, CLEARED))
            if not state.raw[file]:
                state = state._replace(violation=f"f{file} is lost: cleared without a copy")
    following = _settling(scope, function, (), to_tell)
    yield _Step("settle.clear", str(list(to_clear)), state, following)


def _project(scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    to_clear, (file, *rest) = function.local
    verdict = dict(function.verdicts)[file]
    if state.ledger[file] in (POOLED, TAKEN):
        state = state._replace(ledger=put(state.ledger, file, verdict))
    following = _settling(scope, function, to_clear, tuple(rest))
    yield _Step("settle.project", f"f{file} {verdict}", state, following)


def _look(scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    waits = pool(scope, state, state.runs[function.run].job)
    if not waits or "the pool is read before the raise" in scope.broken:
        released = function._replace(at="settle.release")
        yield _Step("settle.look", "nothing waits", state, released)
        return
    limit = function.limit * 2 if function.verdicts else function.limit
    if limit >= len(scope.files):
        limit = 0
    again = Function(function.run, "claim.lease", round=function.round + 1, limit=limit)
    yield _Step("settle.look", f"AGAIN, {list(waits)} wait", state, again, "returns")


def _release(_scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    if state.lease == function.run:
        state = state._replace(lease=FREE)
    yield _Step("settle.release", "", state, function._replace(at="settle.look again"))


def _look_again(scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    waits = pool(scope, state, state.runs[function.run].job)
    if not waits or "the pool is read before the raise" in scope.broken:
        yield _Step("settle.look again", "nothing waits", state, function, SUCCEEDED)
    else:
        reading = function._replace(at="settle.generation")
        yield _Step("settle.look again", f"{list(waits)} wait", state, reading)


def _generation(_scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    read = state.generation[state.runs[function.run].job]
    following = function._replace(at="settle.start", local=(read,))
    yield _Step("settle.generation", "", state, following)


def _start(scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    job = state.runs[function.run].job
    after, told = started(scope, state, job, function.local[0])
    yield _Step("settle.start", told, after, function, SUCCEEDED)


def _abandon(_scope: Scope, state: State, function: Function) -> Iterator[_Step]:
    if state.lease == function.run:
        state = state._replace(lease=FREE)
    yield _Step("abandon.release", "", state, function, FAILED)


def told_of(verdicts: Verdicts) -> str:
    """Verdicts for people."""
    return ", ".join(f"f{file} {verdict}" for file, verdict in verdicts)


_STEPS: dict[str, Callable[[Scope, State, Function], Iterator[_Step]]] = {
    "claim.lease": _lease,
    "claim.raise": _raise,
    "claim.pool": _pool,
    "claim.list": _list,
    "claim.list older": _list_older,
    "claim.put older": _put_older,
    "claim.exists": _exists,
    "claim.copy": _copy,
    "claim.exists after all": _exists,
    "claim.write": _write_files,
    "infer.write": _infer,
    "upsert.plan": _plan,
    "upsert.submit": _submit,
    "upsert.poll": _poll,
    "settle.read": _read_verdicts,
    "settle.put aside": _put_aside,
    "settle.clear": _clear,
    "settle.project": _project,
    "settle.look": _look,
    "settle.release": _release,
    "settle.look again": _look_again,
    "settle.generation": _generation,
    "settle.start": _start,
    "abandon.release": _abandon,
}
