"""What passes by itself costs an attempt, not the execution; a lost one is never loaded twice."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.faults.schedule import Fault, Schedule, Upload
from tests.faults.simulate import Outcome, Simulator, simulator

APPENDED = Schedule(
    seed=1,
    uploads=(Upload(key="data/in/append_0.csv", rows=((1, 0, "once"), (2, 0, "once"))),),
    restlessness=0.0,
)
STEPS = range(14, 60, 3)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulator(tmp_path_factory.mktemp("faults") / "warehouse") as made:
        yield made


def played_with(simulator: Simulator, kind: str, **changes: object) -> list[Outcome]:
    """The schedule with a fault of this kind at each step; only those in which it was met."""
    load = replace(APPENDED, **changes)  # type: ignore[arg-type] # fields of a schedule
    outcomes = [simulator.play(load.with_faults(Fault(kind=kind, at=at))) for at in STEPS]
    for outcome in outcomes:
        assert not outcome.violations, outcome.told()
    return [outcome for outcome in outcomes if f"<< {kind}" in outcome.trace]


def submissions(outcome: Outcome) -> list[str]:
    return [line for line in outcome.trace if "BatchExecuteStatement" in line]


def test_a_statement_that_is_forgotten_is_followed_by_a_new_attempt_at_once(
    played: Simulator,
) -> None:
    outcomes = [o for o in played_with(played, "forget_statement") if o.transactions > 1]

    assert outcomes
    for outcome in outcomes:
        assert outcome.executions == 1
        assert (outcome.transactions, len(submissions(outcome))) == (2, 2)
        assert outcome.verdicts == {"LOADED": 1}


def test_a_lost_attempt_that_commits_late_is_seen_by_the_next(played: Simulator) -> None:
    """Both transactions wait when the first may begin; whichever is second is refused whole."""
    outcomes = played_with(played, "forget_statement", slowness=0.97, restlessness=0.5)
    both = [o for o in outcomes if o.transactions > 1]

    assert both
    for outcome in both:
        ends = [line for line in outcome.trace if line.startswith("transaction ")]
        assert sum("FINISHED" in line for line in ends) == 1
        assert sum("VERDICT" in line for line in ends) == len(ends) - 1


@pytest.mark.parametrize("has_tables", [True, False])
def test_a_read_or_a_create_that_fails_of_what_passes_does_not_end_the_execution(
    played: Simulator, has_tables: bool
) -> None:
    outcomes = played_with(played, "fail_statement", has_tables=has_tables)

    failed = [o for o in outcomes if any("SerializationError" in line for line in o.trace)]
    assert failed
    assert {(o.executions, o.transactions) for o in failed} == {(1, 1)}


def test_a_transaction_that_loses_or_is_cancelled_is_attempted_again(played: Simulator) -> None:
    for kind in ("fail_transaction", "abort_transaction"):
        outcomes = [o for o in played_with(played, kind, slowness=0.9) if len(submissions(o)) > 1]

        assert outcomes
        assert {(o.executions, o.transactions) for o in outcomes} == {(1, 1)}
