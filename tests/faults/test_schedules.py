"""A fixed few hundred of the schedules that `make faults` plays by the thousand."""

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import exhaustive
from tests.faults.schedule import Fault, Schedule, drawn, from_json, to_json
from tests.faults.simulate import Outcome, Simulator, shortest, simulator


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


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_a_seed_replays_exactly(played: Simulator, seed: int) -> None:
    first, second = (played.play(drawn(seed)) for _ in range(2))

    def calls(outcome: Outcome) -> list[str]:
        return [line.partition(" {")[0] for line in outcome.trace]

    assert calls(first) == calls(second)
    assert (first.verdicts, first.transactions) == (second.verdicts, second.transactions)


def test_a_failure_is_shortened_to_what_it_takes() -> None:
    """Played is a stub: all that counts is what remains of the schedule."""
    schedule = next(s for s in map(drawn, itertools.count()) if len(s.uploads) > 3 < len(s.faults))
    upload, fault = schedule.uploads[2], schedule.faults[1]

    def play(schedule: Schedule) -> Outcome:
        is_there = upload in schedule.uploads and fault in schedule.faults
        return an_outcome(schedule, "v7: verdict none, and may be one of [1]" * is_there)

    shortest_of_all = shortest(play(schedule), play).schedule

    assert (shortest_of_all.uploads, shortest_of_all.faults) == ((upload,), (fault,))
    assert (shortest_of_all.slowness, shortest_of_all.restlessness, shortest_of_all.skew) == (
        0,
        0,
        0,
    )


def test_a_failure_is_not_shortened_to_another_one() -> None:
    load = exhaustive.loads()[1]

    def play(schedule: Schedule) -> Outcome:
        is_first = len(schedule.uploads) == len(load.uploads)
        return an_outcome(schedule, "v2 has two verdicts" if is_first else "v3: no raw copy")

    assert len(shortest(play(load), play).schedule.uploads) == len(load.uploads)


def an_outcome(schedule: Schedule, violation: str) -> Outcome:
    return Outcome(
        schedule=schedule,
        violations=(violation,) if violation else (),
        verdicts={},
        trace=(),
        calls=0,
        steps=0,
        executions=0,
        transactions=0,
        faults_met=0,
    )


def test_of_two_faults_at_one_call_the_second_waits_for_the_next(played: Simulator) -> None:
    both = Fault(kind="throttle", at=3), Fault(kind="lost_answer", at=3)

    outcome = judge(played, exhaustive.loads()[0].with_faults(*both))

    met = [(n, line.rpartition("<< ")[2]) for n, line in enumerate(outcome.trace) if "<<" in line]
    assert met == [(4, "throttle"), (5, "lost_answer")]


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
