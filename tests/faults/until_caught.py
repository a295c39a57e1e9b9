"""Plays schedules until one shows a mutant's sign, and says which: run in the mutant's folder."""

import itertools
import json
import random
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.faults import exhaustive
from tests.faults.schedule import Schedule, drawn
from tests.faults.simulate import simulator


def main() -> int:
    """Print `{"caught_at", "violation"}`; exit status 1 if a violation bears the sign."""
    most, sign = int(sys.argv[1]), re.compile(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder, simulator(Path(folder) / "warehouse") as made:
        for number, schedule in enumerate(_mixed(most, made.play)):
            for violation in filter(sign.search, made.play(schedule).violations):
                _say(number, violation)
                return 1
    _say(None, "")
    return 0


def _mixed(most: int, play: exhaustive.Play) -> Iterator[Schedule]:
    """Calm loads; then random schedules and, in turn, one of each systematic kind."""
    yield from exhaustive.loads()
    yield exhaustive.large()
    shuffled = [list(kind) for kind in exhaustive.kinds(play)]
    for kind in shuffled:  # what is near in a kind goes much the same way
        random.Random("mutants").shuffle(kind)  # noqa: S311 - the same order each time
    systematic = filter(None, itertools.chain.from_iterable(itertools.zip_longest(*shuffled)))
    for seed, each in zip(range(most), systematic, strict=False):
        yield drawn(seed)
        yield each


def _say(caught_at: int | None, violation: str) -> None:
    sys.stdout.write(json.dumps({"caught_at": caught_at, "violation": violation}) + "\n")


if __name__ == "__main__":
    sys.exit(main())
