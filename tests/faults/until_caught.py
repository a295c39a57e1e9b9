"""Plays schedules until one is violated, and says which: run in a mutant's folder."""

import itertools
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.faults import exhaustive
from tests.faults.schedule import Schedule, drawn
from tests.faults.simulate import simulator


def main() -> int:
    """Print `{"caught_at", "violation"}`; exit status 1 if a violation was found."""
    most = int(sys.argv[1])
    schedules = _mixed(most)
    with tempfile.TemporaryDirectory() as folder, simulator(Path(folder) / "warehouse") as made:
        for number, schedule in enumerate(schedules):
            if violations := made.play(schedule).violations:
                _say(number, violations[0])
                return 1
    _say(None, "")
    return 0


def _mixed(most: int) -> Iterator[Schedule]:
    """Calm loads, then random schedules and, in turn, systematic ones in an order of no kind."""
    yield from exhaustive.loads()
    yield exhaustive.large()
    systematic = list(itertools.chain.from_iterable(exhaustive.kinds()))
    random.Random("mutants").shuffle(systematic)  # noqa: S311 - the same order each time
    for seed, each in zip(range(most), systematic, strict=False):
        yield drawn(seed)
        yield each


def _say(caught_at: int | None, violation: str) -> None:
    sys.stdout.write(json.dumps({"caught_at": caught_at, "violation": violation}) + "\n")


if __name__ == "__main__":
    sys.exit(main())
