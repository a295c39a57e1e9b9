"""Sequences for versions whose event never came: between those that are known."""

from lambdas.shared.domain.files import SEQUENCE_WIDTH


def spread_below(sequence: str, count: int) -> list[str]:
    """`count` sequences below one, the highest first, evenly spread in the last digits' room.

    S3's sequencers are far shorter than ours are wide, so that the room below one, above the one
    before it, holds many.
    """
    top = int(sequence, 16)
    room = min(top, 16 ** (SEQUENCE_WIDTH // 2))
    gap = room // (count + 1)
    return [f"{top - gap * (at + 1):0{SEQUENCE_WIDTH}X}" for at in range(count)]
