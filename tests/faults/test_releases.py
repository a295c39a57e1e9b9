"""Releases that crash, are stopped, or outlive their execution: each call runs once, or a person
is asked."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from lambdas.run_procedures import running
from lambdas.shared.domain.release_run import CallState
from local.warehouse import Warehouse
from tests.faults.actors import Actor
from tests.faults.release_proof import (
    Verdict,
    at_each_step_alone,
    at_every_step,
)
from tests.faults.release_world import KEY, Real, Simulated, World
from tests.integration.warehouse.client import Bucket


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    made = Warehouse(tmp_path_factory.mktemp("releases"), object_store=Bucket())
    made.start()
    yield made
    made.discard()


@pytest.fixture
def world() -> Iterator[World]:
    with World(warehouse=Simulated()).entered() as entered:
        yield entered


def statuses(response: dict[str, Any]) -> list[str]:
    return [each["status"] for each in response["body"]["execution_results"]]


def test_a_release_that_crashes_at_every_step_runs_each_call_once(warehouse: Warehouse) -> None:
    verdict = Verdict()
    at_every_step(verdict, Real(warehouse), calls=40)
    assert verdict.crash_points > 40 * 8
    assert verdict.wrong == []


def test_one_crash_at_any_step_runs_each_call_once() -> None:
    verdict = Verdict()
    at_each_step_alone(verdict, calls=3)
    assert verdict.crash_points > 100
    assert verdict.wrong == []


def test_the_proof_finds_a_token_that_is_another_each_time() -> None:
    tokens = (f"token-{number}" for number in range(10_000))
    verdict = Verdict()
    with mock.patch.object(running, "token_of", side_effect=lambda *_: next(tokens)):
        at_every_step(verdict, Simulated(), calls=5)
    assert verdict.run_twice == 5


def test_the_proof_finds_a_call_that_is_taken_for_done_once_it_is_started() -> None:
    called, verdict = running.Running._called, Verdict()

    def forgetful(self: Any, call: Any, record: Any) -> Any:
        if record is not None and record.state is CallState.STARTED:
            return replace(record, state=CallState.FINISHED)
        return called(self, call, record)

    with mock.patch.object(running.Running, "_called", forgetful):
        at_each_step_alone(verdict, calls=2)
    assert verdict.forgotten > 0


@pytest.mark.parametrize("at", range(1, 24))
def test_a_function_that_outlives_its_stopped_execution_runs_no_call_again(
    world: World, at: int
) -> None:
    world.upload(3)
    late = Actor("late", lambda: world.execute("late", release=KEY))
    for _ in range(at):
        if not late.is_done:
            late.resume()
    world.executions = dict.fromkeys(world.executions, "ABORTED")
    response = world.execute("resumed", release=KEY, resume=True)
    while not late.is_done:
        late.resume()
    assert world.warehouse.counts() == {"1": 1, "2": 1, "3": 1}
    assert response["body"]["total_procedures"] == 3


@pytest.mark.parametrize("at", range(1, 24))
def test_a_function_that_outlives_its_execution_begins_no_call_beside_another_release(
    world: World, at: int
) -> None:
    world.upload(3)
    world.upload(3, key="Redshift/Rel2.txt", first=101)
    late = Actor("late", lambda: world.execute("late", release=KEY))
    for _ in range(at):
        if not late.is_done:
            late.resume()
    world.executions = dict.fromkeys(world.executions, "ABORTED")
    before = len(world.warehouse.ran)
    response = world.execute("another", release="Redshift/Rel2.txt")
    while not late.is_done:
        late.resume()
    assert statuses(response) == ["FINISHED"] * 3
    ran = world.warehouse.ran
    assert ran[before : before + 3] == ["101", "102", "103"]
    # at most the one call that it had written down already, and no further one
    assert len(ran) - before - 3 <= 1
    assert max(world.warehouse.counts().values()) == 1


def test_a_release_waits_for_the_last_call_of_one_that_was_stopped(world: World) -> None:
    world.warehouse.ends_late.add("1")
    world.upload(1)
    world.upload(1, key="Redshift/Rel2.txt", first=2)
    stopped = Actor("stopped", lambda: world.execute("stopped", release=KEY))
    while not any(each.get("statement_id") for each in calls_of(world)):
        stopped.resume()
    stopped.kill()
    world.executions = dict.fromkeys(world.executions, "ABORTED")
    waiting = Actor("waiting", lambda: world.execute("waiting", release="Redshift/Rel2.txt"))
    for _ in range(60):
        waiting.resume()
    assert "2" not in world.warehouse.ran
    world.warehouse.ends_late.clear()
    while not waiting.is_done:
        waiting.resume()
    assert world.warehouse.ran == ["1", "2"]
    assert world.states() == {"FINISHED": 2}


@pytest.mark.parametrize("request_", [{}, {"release": "all"}, {"release": "newest"}])
def test_a_prefix_without_releases_is_told(world: World, request_: dict[str, Any]) -> None:
    world.bucket.write("Redshift/Notes.md", b"nothing to run")
    response = world.execute("none", **request_)
    assert response["statusCode"] == 500
    assert "there is no release in data: Redshift/Rel*.txt" in response["body"]["message"]


def test_a_file_that_is_no_release_starts_nothing(world: World) -> None:
    world.bucket.write("Redshift/Relics/Rel1.txt", b"ran('1')")
    response = world.execute("none", release="Redshift/Relics/Rel1.txt")
    assert response["statusCode"] == 200
    assert "is no release" in response["body"]["message"]
    assert world.warehouse.ran == []


def calls_of(world: World) -> list[dict[str, Any]]:
    return [item for (_, sk), item in world.table.items.items() if sk.startswith("CALL#")]


def interrupted(world: World, text: str) -> None:
    """A release that ends before its first call is known to have been submitted."""
    world.bucket.write(KEY, text.encode())
    stopped = Actor("stopped", lambda: world.execute("stopped", release=KEY))
    while not calls_of(world):
        stopped.resume()
    stopped.kill()
    world.executions = dict.fromkeys(world.executions, "ABORTED")


def test_a_release_that_was_interrupted_is_not_run_again_unless_it_is_resumed(
    world: World,
) -> None:
    interrupted(world, "ran('1')\nran('2')\n")
    response = world.execute("again", release=KEY)
    assert response["statusCode"] == 500
    assert "resume it" in response["body"]["message"]
    assert world.warehouse.ran == []
    assert statuses(world.execute("resumed", release=KEY, resume=True)) == ["FINISHED"] * 2


def test_a_call_is_unknown_once_its_token_is_too_old_and_runs_again_if_a_person_says_so(
    world: World,
) -> None:
    interrupted(world, "ran('1')\nran('2')\n")
    world.seconds += running.TOKEN_SECONDS + 60
    response = world.execute("resumed", release=KEY, resume=True)
    assert statuses(response) == ["UNKNOWN", "FINISHED"]
    assert "whether it ran is not known" in response["body"]["execution_results"][0]["error"]
    assert world.warehouse.ran == ["2"]
    assert statuses(world.execute("idle", release=KEY, resume=True)) == ["UNKNOWN", "FINISHED"]
    asked = world.execute("asked", release=KEY, resume=True, run_unknown=[1])
    assert statuses(asked) == ["FINISHED", "FINISHED"]
    assert world.warehouse.ran == ["2", "1"]


def test_an_idempotent_call_of_which_nothing_is_known_runs_again_by_itself(world: World) -> None:
    interrupted(world, "ran('1') -- sluice: idempotent\nran('2')\n")
    world.seconds += running.TOKEN_SECONDS + 60
    assert statuses(world.execute("resumed", release=KEY, resume=True)) == ["FINISHED"] * 2
    assert world.warehouse.ran == ["1", "2"]


def test_a_statement_that_the_data_api_has_forgotten_is_unknown(world: World) -> None:
    world.warehouse.ends_late.add("1")
    world.upload(2)
    stopped = Actor("stopped", lambda: world.execute("stopped", release=KEY))
    while not any(each.get("statement_id") for each in calls_of(world)):
        stopped.resume()
    stopped.kill()
    world.executions = dict.fromkeys(world.executions, "ABORTED")
    world.warehouse.statements.clear()
    response = world.execute("resumed", release=KEY, resume=True)
    assert statuses(response) == ["UNKNOWN", "FINISHED"]
    assert world.warehouse.ran == ["1", "2"]


def test_a_warehouse_that_is_not_reached_refuses_the_release_and_it_may_run_later(
    world: World,
) -> None:
    world.warehouse.is_reachable = False
    world.upload(1)
    assert world.execute("early", most_crashes=100, release=KEY) is None
    (told,) = world.topic.published
    assert "DatabaseConnectionException" in told["Message"] or "Nothing was run" in told["Message"]
    (head,) = [item for (pk, _), item in world.table.items.items() if pk == "RELEASES"]
    assert head["state"]["S"] == "REFUSED"
    world.warehouse.is_reachable = True
    assert statuses(world.execute("later", release=KEY)) == ["FINISHED"]


def test_a_warehouse_that_goes_away_interrupts_the_release_and_it_is_resumed(
    world: World,
) -> None:
    world.upload(2)
    stopped = Actor("stopped", lambda: world.execute("stopped", most_crashes=100, release=KEY))
    while world.states()["FINISHED"] < 1:
        stopped.resume()
    world.warehouse.is_reachable = False
    while not stopped.is_done:
        stopped.resume()
    assert stopped.result is None
    world.warehouse.is_reachable = True
    assert statuses(world.execute("resumed", release=KEY, resume=True)) == ["FINISHED"] * 2
    assert world.warehouse.ran == ["1", "2"]


def test_a_call_that_is_under_way_leaves_its_function_and_comes_back_to_it(world: World) -> None:
    world.warehouse.ends_late.add("1")
    world.upload(1)
    going = Actor("going", lambda: world.execute("going", release=KEY))
    while world.seconds < 30:
        going.resume()
    world.warehouse.ends_late.clear()
    while not going.is_done:
        going.resume()
    assert statuses(going.result) == ["FINISHED"]
    assert world.warehouse.ran == ["1"]


def test_a_large_release_takes_few_rounds_and_its_answer_fits(world: World) -> None:
    world.upload(1_200)
    clock = mock.Mock(monotonic=mock.Mock(return_value=0.0))
    with mock.patch.object(running, "time", clock):
        response = world.execute("large", release=KEY)
    body = response["body"]
    assert body["successful_procedures"] == 1_200
    assert len(json.dumps(response)) < 200_000
    assert body["execution_results"] == []
    key = body["execution_results_location"].removeprefix("s3://data/")
    kept = json.loads(world.bucket.get("data", key, role_arn=""))
    assert len(kept["body"]["execution_results"]) == 1_200
    (opened,) = [call for call in world.calls if call == "s3.ListObjectVersions"]
    assert world.calls.count("s3.GetObject") < 10, opened
