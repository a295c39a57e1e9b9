"""Plays schedules until one is violated, and says which: run in a mutant's folder."""

import json
import random
import sys
import tempfile
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


def _mixed(most: int) -> list[Schedule]:
    """Calm loads, then random schedules and those of every step in turn, each kind early."""
    systematic = list(exhaustive.everything())
    calm, rest = systematic[:5], systematic[5:]
    random.Random(0).shuffle(rest)  # noqa: S311 - an order, the same each time
    mixed = [each for pair in zip(map(drawn, range(most)), rest, strict=False) for each in pair]
    return [*calm, *mixed]


def _say(caught_at: int | None, violation: str) -> None:
    sys.stdout.write(json.dumps({"caught_at": caught_at, "violation": violation}) + "\n")


if __name__ == "__main__":
    sys.exit(main())
