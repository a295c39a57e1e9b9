"""The moves of everybody else: people who upload and delete, lost events, Redshift."""

from collections.abc import Iterator

from tests.model import load, route, sweep
from tests.model.state import (
    ABSENT,
    CLEARED,
    DELETED,
    LOADED,
    MISSING,
    POOLED,
    REJECTED,
    RUNNING,
    SUPERSEDED,
    TAKEN,
    THERE,
    UNKNOWN,
    Move,
    Scope,
    State,
    Transaction,
    put,
    spend,
)


def moves(scope: Scope, state: State) -> list[Move]:
    """All that may happen next."""
    if private := load.private_moves(scope, state):
        return private
    found = [
        *_uploads(scope, state),
        *_people(scope, state),
        *route.moves(scope, state),
        *load.moves(scope, state),
        *_transactions(scope, state),
        *sweep.moves(scope, state),
        *sweep.early(scope, state),
    ]
    if all(move.is_fault for move in found):
        found += sweep.at_rest(scope, state)
    return found


# --- people ---


def _uploads(scope: Scope, state: State) -> Iterator[Move]:
    for number, file in enumerate(scope.files):
        if state.source[number] != ABSENT or not _is_next(scope, state, number):
            continue
        there = CLEARED if file.replay_of is not None else THERE
        uploaded = state._replace(source=put(state.source, number, there))
        sent = uploaded._replace(events=put(state.events, number, state.events[number] + 1))
        is_replay = file.replay_of is not None  # nobody has to ask for one
        name = "ask for a replay" if is_replay else "upload"
        yield Move("person", name, f"f{number}", sent, is_replay)
        if file.replay_of is None and (paid := spend(uploaded, "lose")):
            yield Move("person", name, f"f{number}; THE EVENT IS LOST", paid)


def _is_next(scope: Scope, state: State, number: int) -> bool:
    """Versions come in their order; of files alike in all, the first comes first."""
    file = scope.files[number]
    if file.replay_of is not None:
        same = [
            n for n in range(number) if n == file.replay_of or _replays(scope, n, file.replay_of)
        ]
        is_settled = _is_final(state.ledger[file.replay_of])
        return is_settled and all(state.ledger[each] != UNKNOWN for each in same)
    for other in range(len(scope.files)):
        each = scope.files[other]
        if state.source[other] != ABSENT or each.replay_of is not None:
            continue
        if each.key == file.key and each.version < file.version:
            return False
        if other < number and _are_alike(scope, other, number):
            return False
    return True


def _replays(scope: Scope, number: int, original: int) -> bool:
    return scope.files[number].replay_of == original


def _are_alike(scope: Scope, one: int, other: int) -> bool:
    """Files of one job, each the only version of its key: which is which makes no difference."""
    first, second = scope.files[one], scope.files[other]
    keys = [each.key for each in scope.files]
    is_alone = keys.count(first.key) == keys.count(second.key) == 1
    return is_alone and (first.job, first.bad) == (second.job, second.bad)


def _is_final(ledger: str) -> bool:
    return ledger not in (UNKNOWN, POOLED, TAKEN)


def _people(scope: Scope, state: State) -> Iterator[Move]:
    if paid := spend(state, "duplicate"):
        for number in (n for n, source in enumerate(state.source) if source != ABSENT):
            twice = paid._replace(events=put(state.events, number, state.events[number] + 1))
            yield Move("S3", "event", f"of f{number}, once more", twice, True)
    if paid := spend(state, "delete"):
        for number in (n for n, source in enumerate(state.source) if source == THERE):
            gone = paid._replace(source=put(state.source, number, DELETED))
            yield Move("person", "delete", f"f{number}", gone, True)
    if paid := spend(state, "lose"):
        for number in sorted(set(state.ended)):
            left = list(state.ended)
            left.remove(number)
            lost = paid._replace(ended=tuple(left))
            yield Move("Step Functions", "event", f"the end of E{number}, is LOST", lost, True)


# --- Redshift ---


def _transactions(scope: Scope, state: State) -> Iterator[Move]:
    for number, each in enumerate(state.transactions):
        if each.status == "open":
            yield from _transaction(scope, state, number, each)


def _transaction(scope: Scope, state: State, number: int, each: Transaction) -> Iterator[Move]:
    """It waits for the mutex, sees all that was committed before it had it, and commits or not."""
    who = f"transaction of E{each.run}, round {each.round}, attempt {each.attempt}"

    def ended(status: str, found: tuple[int, ...] = (), *, of: State = state) -> State:
        closed = each._replace(status=status, found=found, seen=())
        rest = (*of.transactions[:number], closed, *of.transactions[number + 1 :])
        return load.tidied(of._replace(transactions=tuple(sorted(rest))))

    if paid := spend(state, "transient"):
        yield Move(who, "fails", "1023", ended("TRANSIENT", of=paid), True)
    if not each.is_forgotten and (paid := spend(state, "forget")):
        forgotten = each._replace(is_forgotten=True)
        rest = (*state.transactions[:number], forgotten, *state.transactions[number + 1 :])
        after = paid._replace(transactions=tuple(sorted(rest)))
        yield Move(who, "is forgotten", "and goes on", after, True)
    if "the snapshot comes before the lock" in scope.broken and not each.seen:
        begun = each._replace(seen=state.history)
        rest = (*state.transactions[:number], begun, *state.transactions[number + 1 :])
        began = state._replace(transactions=tuple(sorted(rest)))
        yield Move(who, "begins", "takes its snapshot", began)
        return
    status, found = _verdict(scope, state, each)
    if status == "FINISHED":
        yield Move(
            who, "commits", load.told_of(each.plan), ended(status, of=_commit(scope, state, each))
        )
    else:
        yield Move(who, "is refused", f"{status} {list(found)}", ended(status, found))


def _verdict(scope: Scope, state: State, each: Transaction) -> tuple[str, tuple[int, ...]]:
    seen = each.seen or state.history
    known = tuple(file for file, _ in each.plan if seen[_row(scope, file)] != UNKNOWN)
    if known and "the history is not asked" not in scope.broken:
        return "VERDICT", known
    loading = [file for file, verdict in each.plan if verdict == LOADED]
    newer = tuple(file for file in loading if _has_newer(scope, state, file, seen))
    if newer and "a newer version is not asked for" not in scope.broken:
        return "NEWER", newer
    bad = [file for file in loading if scope.files[file].bad]
    if not bad:
        return "FINISHED", ()
    if scope.files[bad[0]].bad == "named" or len(loading) == 1:
        return "BAD", (bad[0],)
    return "NAMELESS", ()


def _row(scope: Scope, file: int) -> int:
    """Where the history keeps a file: a replay has a row of its own."""
    original = scope.files[file].replay_of
    return original if original is not None and "a replay has no key" in scope.broken else file


def _has_newer(scope: Scope, state: State, file: int, seen: tuple[str, ...]) -> bool:
    mine = scope.files[file]
    for other, each in enumerate(scope.files):
        if other == file or each.key != mine.key or seen[other] != LOADED:
            continue
        if scope.mode == "append":
            if each.version == mine.version:
                return True
        elif state.sequence[other] > state.sequence[file]:
            return True
    return False


def _commit(scope: Scope, state: State, each: Transaction) -> State:
    violations = []
    history = state.history
    for file, verdict in each.plan:
        if history[_row(scope, file)] != UNKNOWN:
            violations.append(f"f{file} has two verdicts, {history[file]} and {verdict}")
        history = put(history, file, verdict)
    for file, verdict in each.plan:
        violations += _against(scope, state, history, file, verdict)
    problems = "; ".join(violations)
    return state._replace(history=history, violation=problems)


def _against(
    scope: Scope, state: State, history: tuple[str, ...], file: int, verdict: str
) -> Iterator[str]:
    """What this verdict must not be."""
    mine = scope.files[file]
    same_key = [
        (n, each) for n, each in enumerate(scope.files) if each.key == mine.key and n != file
    ]
    if verdict == LOADED:
        if mine.bad:
            yield f"f{file} is half loaded: it is bad"
        for other, each in same_key:
            if scope.mode == "append" and each.version == mine.version and history[other] == LOADED:
                yield f"the rows of f{file} are doubled: f{other} holds the same"
            if (
                scope.mode != "append"
                and each.version > mine.version
                and state.history[other] == LOADED
            ):
                yield f"f{file} is stale: f{other}, which is newer, was loaded before"
    if verdict == SUPERSEDED:
        is_due = any(
            history[other] == LOADED
            and (
                each.version == mine.version
                if scope.mode == "append"
                else each.version > mine.version
            )
            for other, each in same_key
        )
        if not is_due:
            yield f"f{file} is lost: SUPERSEDED, and nothing newer is loaded"
    if verdict == MISSING and (state.raw[file] or state.source[file] != DELETED):
        yield f"f{file} is lost: MISSING, though there is a copy of it"
    if verdict == REJECTED and not mine.bad:
        yield f"f{file} is lost: REJECTED, and it is good"


# --- what must hold ---


def violation(state: State) -> str:
    """What must hold at any moment: the ledger never says more than the history."""
    if state.violation:
        return state.violation
    for file, told in enumerate(state.ledger):
        if _is_final(told) and told != state.history[file]:
            return f"f{file}: the ledger says {told}, the history {state.history[file]}"
    return ""


def unrest(scope: Scope, state: State) -> str:
    """What is wrong once nothing happens any more: each version has its verdict, everywhere."""
    for number, run in enumerate(state.runs):
        if run.status == RUNNING:
            return f"E{number} never ends"
    for file, each in enumerate(scope.files):
        if state.source[file] == ABSENT:
            if each.replay_of is None:
                return f"f{file} was never uploaded"
            continue
        is_unknown = state.ledger[file] == UNKNOWN
        if is_unknown and (each.replay_of is not None or state.source[file] == DELETED):
            continue  # refused, as another was under way; or gone before anybody knew of it
        if state.history[file] == UNKNOWN:
            return f"f{file} has no verdict, and nobody will give it one"
        if state.ledger[file] != state.history[file]:
            return f"f{file}: the ledger never learns of {state.history[file]}"
        if state.source[file] == THERE:
            return f"f{file} stays in data/in/"
    return ""
