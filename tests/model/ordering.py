"""Sequences as `lambdas.shared.unseen` finds them, in small numbers."""

from tests.model.state import LOADED, POOLED, REJECTED, SUPERSEDED, THERE, UNKNOWN, Scope, State

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
    known = {each: state.sequence[each] for each in of_key if state.ledger[each] != UNKNOWN}
    line: list[int] = list(there)
    gone = [each for each in known if each not in there and _has_place(scope, state, each)]
    for each in sorted(gone, key=lambda x: known[x]):
        line.insert(_place(scope, each, line, known), each)
    filled = _filled([known.get(each) for each in line])
    return [(each, s) for each, s in zip(line, filled, strict=True) if each not in gone]


def _has_place(scope: Scope, state: State, gone: int) -> bool:
    if "what is gone has no place" in scope.broken:
        return False
    if "what was never copied has a place" in scope.broken:
        return True
    if "only what is settled has a place" in scope.broken:
        return state.ledger[gone] in _SETTLED
    return state.ledger[gone] in _SETTLED or (state.ledger[gone] == POOLED and state.raw[gone])


_SETTLED = (LOADED, REJECTED, SUPERSEDED)


def _place(scope: Scope, gone: int, line: list[int], known: dict[int, int]) -> int:
    at = 0
    for position, each in enumerate(line):
        is_lower = each in known and known[each] < known[gone]
        if is_lower or "what nobody knows is older" in scope.broken:
            at = position + 1
    return at


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
    """The oldest version before this one that the ledger does not know, and its sequence.

    Before what is gone nobody looks.
    """
    if "older versions are not put" in scope.broken or state.source[file] != THERE:
        return None
    for each, sequence in listed(scope, state, file):
        if each == file:
            return None
        if state.ledger[each] == UNKNOWN:
            return each, sequence
    return None
