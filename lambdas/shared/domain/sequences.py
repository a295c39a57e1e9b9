"""Sequences for versions whose event never came, or came without one: between those known."""

from collections.abc import Sequence

from lambdas.shared.domain.files import SEQUENCE_WIDTH

_STEP = 16 ** (SEQUENCE_WIDTH // 4)
"""S3's sequencers fill less than half of ours: two of them are further apart than many of these."""


def filled(known: Sequence[str | None]) -> list[str]:
    """The sequences of a key's versions, the oldest first; None where one is not known.

    An unknown one gets its place right above the highest known before it: what S3's own event says
    of the versions after it, now or later, is higher. Uploads in parts may be listed in another
    order than their events have: then it is above what is after it, too.
    """
    sequences = [None if each is None else int(each, 16) for each in known]
    position = 0
    while position < len(sequences):
        end = position
        while end < len(sequences) and sequences[end] is None:
            end += 1
        low = max((each for each in sequences[:position] if each is not None), default=0)
        high = sequences[end] if end < len(sequences) else None
        sequences[position:end] = _between(low, high, end - position)
        position = end + 1
    return [f"{each:0{SEQUENCE_WIDTH}X}" for each in sequences if each is not None]


def _between(low: int, high: int | None, count: int) -> list[int]:
    gap = _STEP if high is None or high <= low else min(_STEP, (high - low) // (count + 1))
    return [low + gap * (at + 1) for at in range(count)]
