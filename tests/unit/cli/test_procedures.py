"""`sluice procedures`: what it uploads and starts, what it shows, and how it exits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from cli.environment import entered
from cli.exits import Exit
from cli.main import app
from cli.releases import Progress, Releases
from lambdas.shared.aws.ledger import Ledger
from lambdas.shared.aws.release_ledger import ReleaseHead, ReleaseLedger
from lambdas.shared.domain.release_request import STARTED_BY_REQUEST
from lambdas.shared.domain.release_run import (
    CallRecord,
    CallState,
    PlannedCall,
    ReleaseState,
    answer,
    execution_results,
    folder_of,
    id_of_file,
    lease_of,
    message_of,
)
from lambdas.shared.domain.releases import parse_release
from tests.unit.cli.conftest import BUCKET, Deployed

_LEASE = lease_of("sluice-dev", "dev")


@pytest.fixture
def release(tmp_path: Path) -> Path:
    path = tmp_path / "Rel7.txt"
    path.write_text("good(1)\nbad()\n-- last\ngood(2) -- sluice: idempotent\n")
    return path


class Machine:
    """The release machine, played by hand: what it was asked for, and what it wrote down."""

    def __init__(self) -> None:
        self.arn = boto3.client("stepfunctions").create_state_machine(
            name="sluice-dev-release",
            definition=json.dumps({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}),
            roleArn="arn:aws:iam::123456789012:role/machine",
        )["stateMachineArn"]
        self.ledger = ReleaseLedger("ledger")

    def requests(self) -> list[dict[str, Any]]:
        client = boto3.client("stepfunctions")
        found = client.list_executions(stateMachineArn=self.arn)["executions"]
        return [
            json.loads(client.describe_execution(executionArn=e["executionArn"])["input"])
            for e in found
        ]

    def write(self, text: str, states: list[CallState], state: ReleaseState) -> str:
        """A release that ran so far: its id."""
        put = boto3.client("s3").put_object(Bucket=BUCKET, Key="Redshift/Rel7.txt", Body=text)
        release_id = id_of_file(BUCKET, "Redshift/Rel7.txt", put["VersionId"])
        head = ReleaseHead(
            release_id=release_id,
            state=ReleaseState.OPEN,
            execution="arn:of-another",
            opened_at="2026-01-01T00:00:00+00:00",
            target="sluice-dev",
            database="dev",
            file="Redshift/Rel7.txt",
            bucket=BUCKET,
            version_id=put["VersionId"],
        )
        assert Ledger("ledger").take_lease(_LEASE, head.execution, instead_of=None)
        assert self.ledger.open(head, instead_of=None)
        calls = [
            PlannedCall.of(call, default_limit=300)
            for call in parse_release(text.encode(), "Rel7.txt").calls
        ]
        _put(f"{folder_of(release_id)}/plan.json", {"calls": [each.to_json() for each in calls]})
        for number, each in enumerate(states, start=1):
            self._call(release_id, number, each)
        results = execution_results(calls, self.ledger.calls(release_id))
        response = answer(
            status_code=200,
            message=message_of(results),
            results=results,
            s3_content=text,
            release=head.identity,
            duration_ms=5,
        )
        _put(f"{folder_of(release_id)}/response.json", response)
        if state is not ReleaseState.OPEN:
            counts = {"total_procedures": 3, "successful_procedures": 1, "duration_ms": 5}
            assert self.ledger.close(
                release_id, head.execution, state, at="2026-01-01T00:01:00+00:00", summary=counts
            )
        return release_id

    def _call(self, release_id: str, number: int, state: CallState) -> None:
        record = CallRecord(
            number=number,
            attempt=1,
            state=CallState.STARTED,
            started_at="2026-01-01T00:00:01+00:00",
        )
        assert self.ledger.start_call(
            release_id, record, instead_of=None, lease=_LEASE, holder="arn:of-another"
        )
        if state is not CallState.STARTED:
            error = None if state is CallState.FINISHED else "it does"
            self.ledger.change_call(
                release_id, record, state=state, statement_id="q", duration_ms=1500, error=error
            )


def _put(key: str, document: Any) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(document).encode())


@pytest.fixture
def machine(deployed: Deployed) -> Machine:
    return Machine()


TEXT = "good(1)\nbad()\ngood(2)\n"


def test_a_release_is_checked_without_an_environment(deployed: Deployed, release: Path) -> None:
    result = deployed.run("procedures", "check", str(release), "--json")
    assert result.exit_code == 0
    calls = json.loads(result.stdout)["calls"]
    assert [(call["line"], call["sql"]) for call in calls] == [
        (1, "CALL good(1);"),
        (2, "CALL bad();"),
        (4, "CALL good(2);"),
    ]
    assert calls[2]["idempotent"]


def test_every_fault_of_a_release_is_told(deployed: Deployed, tmp_path: Path) -> None:
    path = tmp_path / "Rel1.txt"
    path.write_text("p(\nSELECT 1\n" + "x y\n" * 30)
    result = deployed.run("procedures", "check", str(path))
    assert result.exit_code == Exit.BAD_INPUT
    assert result.stderr.count(", line ") == 32
    assert result.stderr.startswith(f"ReleaseError: {path}, line 1, column 3: ")
    found = json.loads(deployed.run("procedures", "check", str(path), "--json").stdout)
    assert [each["line"] for each in found["faults"]] == list(range(1, 33))
    assert found["error"]["type"] == "ReleaseError"


def test_a_release_that_is_none_is_not_uploaded(
    deployed: Deployed, machine: Machine, tmp_path: Path
) -> None:
    path = tmp_path / "Rel1.txt"
    path.write_text("DROP TABLE sales\n")
    answer = deployed.run_json("procedures", "run", str(path), code=Exit.BAD_INPUT)
    assert "DROP is SQL" in answer["error"]["message"]
    assert machine.requests() == []
    assert deployed.run_json("procedures", "list") == []


def test_a_file_whose_name_is_no_releases_is_refused(
    deployed: Deployed, machine: Machine, tmp_path: Path
) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("p()\n")
    answer = deployed.run_json("procedures", "run", str(path), code=Exit.BAD_INPUT)
    assert "is named Rel*.txt; rename the file" in answer["error"]["message"]


def test_a_file_is_uploaded_and_exactly_this_version_started(
    deployed: Deployed, machine: Machine, release: Path
) -> None:
    started = deployed.run_json(
        "procedures", "run", str(release), "--no-wait", "--on-error", "stop", "--limit", "60"
    )
    (listed,) = deployed.run_json("procedures", "list")
    assert machine.requests() == [
        {
            "release": "Redshift/Rel7.txt",
            "version_id": listed["version_id"],
            "on_error": "stop",
            "limit_seconds": 60,
        }
    ]
    head = boto3.client("s3").head_object(
        Bucket=BUCKET, Key=listed["file"], VersionId=listed["version_id"]
    )
    assert head["Metadata"] == STARTED_BY_REQUEST  # or its event would start it, without options
    assert started["release_id"] == id_of_file(BUCKET, listed["file"], listed["version_id"])
    assert started["execution"].startswith(machine.arn.replace(":stateMachine:", ":execution:"))


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        (["newest"], {"release": "newest"}),
        (["all"], {"release": "all"}),
        (["Rel3.txt"], {"release": "Redshift/Rel3.txt"}),
        (["Redshift/Rel3.txt"], {"release": "Redshift/Rel3.txt"}),
        (
            ["--name", "s.p", "--parameter", "1", "--parameter", "x", "--parameter", '"1"'],
            {"stored_procedure_name": "s.p", "parameters": [1, "x", "1"]},
        ),
    ],
)
def test_what_is_in_the_bucket_or_one_procedure_is_started(
    deployed: Deployed, machine: Machine, arguments: list[str], request_: dict[str, Any]
) -> None:
    deployed.run_json("procedures", "run", *arguments, "--no-wait")
    assert machine.requests() == [request_]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["Rel1.txt", "--name", "p"],
        ["newest", "--on-error", "ignore"],
        ["no.txt"],
        ["newest", "--parameter", "1"],
        ["--name", "p", "--resume"],
        ["Rel1.txt", "--resume", "--on-error", "stop"],
        ["Rel1.txt", "--resume", "--limit", "60"],
        ["newest", "--again", "2"],
        ["newest", "--leave"],
    ],
)
def test_what_cannot_be_meant_is_refused(
    deployed: Deployed, machine: Machine, arguments: list[str]
) -> None:
    answer = deployed.run_json("procedures", "run", *arguments, code=Exit.BAD_INPUT)
    assert answer["error"]["type"] == "UsageError"
    assert machine.requests() == []


def test_releases_are_listed_in_their_order_with_what_became_of_them(
    deployed: Deployed, machine: Machine
) -> None:
    for name in ("Rel10.txt", "Rel2.txt", "notes.md", "Rel3.csv"):
        boto3.client("s3").put_object(Bucket=BUCKET, Key=f"Redshift/{name}", Body=b"p()")
    machine.write(TEXT, [CallState.FINISHED], ReleaseState.DONE)
    found = deployed.run_json("procedures", "list")
    assert [(each["file"], each["state"]) for each in found] == [
        ("Redshift/Rel2.txt", "NEW"),
        ("Redshift/Rel7.txt", "DONE"),
        ("Redshift/Rel10.txt", "NEW"),
    ]
    assert found[1]["release"]["summary"]["successful_procedures"] == 1
    shown = deployed.run("procedures", "list", "-e", "dev").stdout
    assert "1 of 3" in shown


def test_the_status_shows_each_call(deployed: Deployed, machine: Machine) -> None:
    states = [CallState.FINISHED, CallState.FAILED]
    release_id = machine.write(TEXT, states, ReleaseState.OPEN)
    (head,) = deployed.run_json("procedures", "status")
    assert (head["release_id"], head["state"]) == (release_id, "OPEN")
    for name in ("Rel7.txt", "Redshift/Rel7.txt", release_id):
        found = deployed.run_json("procedures", "status", name)
        assert [each["status"] for each in found["calls"]] == ["FINISHED", "FAILED", "WAITING"]
    shown = deployed.run("procedures", "status", "Rel7.txt", "-e", "dev").stdout
    assert "it does" in shown
    answer = deployed.run_json("procedures", "status", "Rel8.txt", code=Exit.BAD_INPUT)
    assert answer["error"]["message"] == "no release Rel8.txt has run in dev; ran: Rel7.txt"


def test_a_release_is_resumed_once_somebody_says_what_to_do_with_unknown_calls(
    deployed: Deployed, machine: Machine
) -> None:
    states = [CallState.FINISHED, CallState.UNKNOWN]
    release_id = machine.write(TEXT, states, ReleaseState.INTERRUPTED)
    answer = deployed.run_json("procedures", "resume", code=Exit.BAD_INPUT)
    assert "nobody knows whether call 2 ran" in answer["error"]["message"]
    deployed.run_json("procedures", "resume", "Rel7.txt", "--leave", "--no-wait")
    deployed.run_json("procedures", "run", "Rel7.txt", "--resume", "--again", "2", "--no-wait")
    wanted = {"release": release_id, "resume": True}
    assert {json.dumps(each) for each in machine.requests()} == {
        json.dumps(wanted | {"run_unknown": []}),
        json.dumps(wanted | {"run_unknown": [2]}),
    }


@pytest.mark.parametrize(("said", "chosen"), [("y\nn\n", [1]), ("n\ny\n", [3]), ("n\nn\n", [])])
def test_a_person_is_asked_about_each_call_that_may_have_run(
    deployed: Deployed,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    chosen: list[int],
) -> None:
    states = [CallState.UNKNOWN, CallState.FINISHED, CallState.UNKNOWN]
    machine.write(TEXT, states, ReleaseState.INTERRUPTED)
    monkeypatch.setattr("cli.procedures._is_a_person_there", lambda: True)
    command = ["procedures", "resume", "--no-wait", "--environment", "dev"]
    result = CliRunner().invoke(app, command, input=said)
    assert result.exit_code == 0, result.output
    assert "Run call 1, CALL good(1);, again?" in result.output
    (request,) = machine.requests()
    assert request["run_unknown"] == chosen


def test_a_bucket_without_releases_says_where_they_are_looked_for(
    deployed: Deployed, machine: Machine
) -> None:
    shown = deployed.run("procedures", "list", "-e", "dev").stdout
    assert f"no release at s3://{BUCKET}/Redshift/Rel*.txt" in shown


def test_what_finished_is_never_run_again(deployed: Deployed, machine: Machine) -> None:
    machine.write(TEXT, [CallState.FINISHED, CallState.FAILED], ReleaseState.INTERRUPTED)
    for number in ("1", "3", "9"):
        answer = deployed.run_json("procedures", "resume", "--again", number, code=Exit.BAD_INPUT)
        assert f"--again {number}: no such call failed" in answer["error"]["message"]
    assert machine.requests() == []


def test_a_release_that_is_all_done_is_not_resumed(deployed: Deployed, machine: Machine) -> None:
    machine.write(TEXT, [CallState.FINISHED] * 3, ReleaseState.DONE)
    found = deployed.run_json("procedures", "resume", "Rel7.txt")
    assert [each["status"] for each in found["calls"]] == ["FINISHED"] * 3
    assert machine.requests() == []
    answer = deployed.run_json("procedures", "resume", code=Exit.BAD_INPUT)
    assert "interrupted: none" in answer["error"]["message"]


def follow(
    deployed: Deployed,
    release_id: str,
    *,
    at_second_look: Callable[[], None] = lambda: None,
) -> tuple[Any, list[Progress]]:
    """Follow an execution that found the release taken by another one."""
    told: list[Progress] = []

    def look(found: Progress) -> None:
        told.append(found)
        if len(told) == 2:
            at_second_look()

    with entered("dev") as place:
        releases = Releases(place)
        execution = releases.start({"release": release_id}, about="Rel7")
        ended = releases.follow(
            execution,
            release_id=release_id,
            timeout=1,
            tell=look,
            clock=iter(number / 10 for number in range(100)).__next__,
            sleep=lambda _: None,
        )
    return ended, told


def test_a_release_that_another_execution_runs_is_followed_to_its_answer(
    deployed: Deployed, machine: Machine
) -> None:
    states = [CallState.FINISHED, CallState.FAILED, CallState.FINISHED]
    release_id = machine.write(TEXT, states, ReleaseState.OPEN)

    def close() -> None:
        assert machine.ledger.close(
            release_id, "arn:of-another", ReleaseState.DONE, at="now", summary={}
        )
        states = boto3.client("stepfunctions")
        (ours,) = states.list_executions(stateMachineArn=machine.arn)["executions"]
        states.stop_execution(executionArn=ours["executionArn"])  # it had nothing to do

    ended, told = follow(deployed, release_id, at_second_look=close)
    assert len(told) == 2
    assert told[0].is_open
    assert ended.response["body"]["message"] == (
        "Executed 2 of 3 stored procedures successfully: 1 FAILED"
    )


def test_who_follows_no_longer_is_told_how_far_it_came(
    deployed: Deployed, machine: Machine
) -> None:
    release_id = machine.write(TEXT, [CallState.STARTED], ReleaseState.OPEN)
    ended, _ = follow(deployed, release_id)
    assert ended.response is None
    assert [each["status"] for each in ended.progress.calls] == ["STARTED", "WAITING", "WAITING"]
