"""Sequences as `lambdas.shared.unseen` finds them, in small numbers."""

from tests.model.state import LOADED, REJECTED, SUPERSEDED, THERE, UNKNOWN, Scope, State

_APART = 1000
"""Between two sequencers of S3 there is room for what is found later."""
_STEP = 10


def sequencer(scope: Scope, file: int) -> int:
    """What S3's own event says."""
    return _APART * scope.files[file].version


def versions(scope: Scope, file: int) -> list[int]:
    """All versions of the file's key, the oldest first."""
    key = scope.files[file].key
    same = [n for n, each in enumerate(scope.files) if each.key == key and each.replay_of is None]
    return sorted(same, key=lambda each: scope.files[each].version)


def listed(scope: Scope, state: State, file: int) -> list[tuple[int, int]]:
    """The versions of the file's key in data/in/, the oldest first, each with its sequence."""
    of_key = versions(scope, file)
    there = [each for each in of_key if state.source[each] == THERE]
    line: list[int] = list(there)
    known = {each: state.sequence[each] for each in of_key if state.ledger[each] != UNKNOWN}
    gone = [each for each in known if each not in there]
    if "what is gone has no place" in scope.broken:
        gone = []
    for each in sorted(gone, key=lambda x: known[x]):
        is_cleared = state.ledger[each] in (LOADED, REJECTED, SUPERSEDED)
        line.insert(_place(scope, each, line, known, is_cleared=is_cleared), each)
    filled = _filled([known.get(each) for each in line])
    return [(each, s) for each, s in zip(line, filled, strict=True) if each not in gone]


def _place(
    scope: Scope, gone: int, line: list[int], known: dict[int, int], *, is_cleared: bool
) -> int:
    at = 0
    for position, each in enumerate(line):
        if each in known and known[each] < known[gone]:
            at = position + 1
    if is_cleared and "order is by time" not in scope.broken:
        return at
    while (
        at < len(line) and line[at] not in known and _second(scope, line[at]) < _second(scope, gone)
    ):
        at += 1
    return at


def _second(scope: Scope, file: int) -> int:
    return scope.clock * scope.files[file].version


def _filled(known: list[int | None]) -> list[int]:
    found: list[int] = []
    for position, each in enumerate(known):
        if each is not None:
            found.append(each)
            continue
        low = found[-1] if found else 0
        end = next((n for n in range(position, len(known)) if known[n] is not None), None)
        gap = _STEP
        if end is not None:
            gap = min(_STEP, ((known[end] or 0) - low) // (end - position + 1))
        found.append(low + gap)
    return found


def unseen_before(scope: Scope, state: State, file: int) -> tuple[int, int] | None:
    """The oldest version before this one that the ledger does not know, and its sequence."""
    if "older versions are not admitted" in scope.broken:
        return None
    for each, sequence in listed(scope, state, file):
        if each == file:
            return None
        if state.ledger[each] == UNKNOWN:
            return each, sequence
    return None
