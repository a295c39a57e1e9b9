"""A fixed few hundred of the schedules that `make faults` plays by the thousand."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import exhaustive
from tests.faults.schedule import Fault, Schedule, drawn, from_json, to_json
from tests.faults.simulate import Outcome, Simulator, simulator


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulator(tmp_path_factory.mktemp("faults") / "warehouse") as made:
        yield made


def judge(simulator: Simulator, schedule: Schedule) -> Outcome:
    """Play one schedule; a failing one is shown at its shortest."""
    outcome = simulator.play(schedule)
    if outcome.violations:
        pytest.fail(simulator.shortened(outcome).told())
    return outcome


@pytest.mark.parametrize("start", range(0, 125, 25))
def test_no_schedule_loses_doubles_stales_or_halves_a_row(played: Simulator, start: int) -> None:
    outcomes = [judge(played, drawn(seed)) for seed in range(start, start + 25)]

    assert sum(outcome.faults_met for outcome in outcomes) > 10
    assert sum(outcome.verdicts.get("LOADED", 0) for outcome in outcomes) > 25


def test_a_seed_replays_exactly(played: Simulator) -> None:
    first, second = (played.play(drawn(11)) for _ in range(2))

    def calls(outcome: Outcome) -> list[str]:
        return [line.partition(" {")[0] for line in outcome.trace]

    assert calls(first) == calls(second)


def test_a_schedule_that_is_printed_can_be_read() -> None:
    for schedule in [*map(drawn, range(50)), *exhaustive.loads(), exhaustive.large()]:
        assert from_json(to_json(schedule)) == schedule


def test_a_fault_is_met_where_the_schedule_says(played: Simulator) -> None:
    load = exhaustive.loads()[0]

    outcome = judge(played, load.with_faults(Fault(kind="crash_after", at=3)))

    assert [number for number, line in enumerate(outcome.trace) if "<< crash_after" in line] == [4]
    assert outcome.verdicts == {"LOADED": 1}


@pytest.mark.parametrize("number", range(len(exhaustive.loads())))
def test_a_single_crash_at_any_call_leaves_each_version_one_verdict(
    played: Simulator, number: int
) -> None:
    load = exhaustive.loads()[number]
    judge(played, load)

    for schedule in exhaustive.single_faults(load, played.play):
        if schedule.faults[0].kind == "crash_after":
            assert sum(judge(played, schedule).verdicts.values()) == len(load.uploads)


def test_make_faults_plays_schedules_in_processes_of_their_own(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.faults", "--schedules", "3", "--json"]
    (tmp_path / "lambdas").symlink_to(Path("lambdas").resolve())
    (tmp_path / "stacks").symlink_to(Path("stacks").resolve())

    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
    )

    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["schedules"], figures["violations"]) == (3, 0)
    assert sum(figures["versions"].values()) >= 3
    assert json.loads((tmp_path / "build" / "faults.json").read_text()) == figures
