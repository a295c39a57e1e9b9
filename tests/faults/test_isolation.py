"""One bad file in a batch loses nothing for its neighbours, and costs few transactions."""

from collections.abc import Iterator
from math import ceil, log2

import pytest

from tests.faults.schedule import Schedule, Upload
from tests.faults.simulate import Outcome, Simulator, simulator


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulator(tmp_path_factory.mktemp("faults") / "warehouse") as made:
        yield made


def batch(fault: str, *, kind: str, count: int = 10, bad: int, nameless: bool = False) -> Schedule:
    """So many files of one layout, of which one is bad, in one batch."""
    uploads = tuple(
        Upload(
            key=f"data/in/upsert_{number:03}.{kind}",
            rows=((number * 10, 0, f"row {number}"), (number * 10 + 1, 0, f"row {number}")),
            fault=fault if number == bad else None,
        )
        for number in range(count)
    )
    return Schedule(seed=1, uploads=uploads, restlessness=0.0, is_nameless=nameless, together=True)


def judged(simulator: Simulator, schedule: Schedule) -> Outcome:
    """The oracle finds the good rows in the table, once, and the verdicts as they must be."""
    outcome = simulator.play(schedule)
    assert not outcome.violations, outcome.told()
    good = len(schedule.uploads) - 1
    assert (outcome.executions, outcome.verdicts) == (1, {"LOADED": good, "REJECTED": 1})
    return outcome


def test_a_file_known_to_be_bad_is_left_out_of_the_copy(played: Simulator) -> None:
    assert judged(played, batch("ragged", kind="csv", bad=4)).transactions == 1


@pytest.mark.parametrize(("fault", "kind"), [("torn", "parquet"), ("late", "csv")])
def test_the_file_that_copy_names_goes_and_the_others_load_at_once(
    played: Simulator, fault: str, kind: str
) -> None:
    assert judged(played, batch(fault, kind=kind, bad=4)).transactions == 2


@pytest.mark.parametrize("bad", [0, 4, 9])
@pytest.mark.parametrize(("fault", "nameless"), [("torn", True), ("null_key", False)])
def test_a_file_that_nothing_names_is_found_by_halving(
    played: Simulator, fault: str, nameless: bool, bad: int
) -> None:
    schedule = batch(fault, kind="parquet", bad=bad, nameless=nameless)
    assert judged(played, schedule).transactions <= most_transactions(10)


def test_halving_a_large_batch_takes_a_few_transactions_more(played: Simulator) -> None:
    for bad in (0, 37):
        schedule = batch("torn", kind="parquet", count=80, bad=bad, nameless=True)
        assert judged(played, schedule).transactions <= most_transactions(80)


def most_transactions(count: int) -> int:
    """Halving down to the file, and doubling up again behind it; each may be refused once."""
    return 3 * ceil(log2(count))
