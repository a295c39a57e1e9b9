"""`sluice status`: what it reads of ledger, queues, bucket and warehouse, and what it shows."""

import json
from datetime import timedelta
from typing import Any

import boto3
import pytest

from cli.exits import Exit
from cli.overview import Overview
from cli.status import _age
from lambdas.shared.aws.warehouse import Statement, Warehouse
from lambdas.shared.domain.errors import DeploymentError, StorageBusyError
from lambdas.shared.domain.files import FileState
from tests.unit.cli.conftest import BUCKET, JOBS, Deployed
from tests.unit.cli.files import START, a_file, loaded, rejected, settle


def look(deployed: Deployed, *options: str) -> Any:
    """What --json prints, the warehouse left alone."""
    return deployed.run_json("status", "--no-history", *options)


def job_of(answer: Any, job_id: str) -> Any:
    (found,) = [job for job in answer["jobs"] if job["job_id"] == job_id]
    return found


@pytest.fixture
def busy(deployed: Deployed) -> Deployed:
    """J1 has loaded twice, rejected one and has two waiting; J2 is inactive with one waiting."""
    ledger = deployed.ledger
    first, second = a_file("customers1.csv"), a_file("customers2.csv", minutes=5)
    bad = a_file("customers3.csv", minutes=6)
    after = START + timedelta(minutes=1)
    settle(ledger, loaded(first, 100), job_id="J1", execution="run-9", at=after)
    later = START + timedelta(minutes=7)
    settle(ledger, loaded(second, 50), rejected(bad), job_id="J1", execution="run-10", at=later)
    for minutes in (20, 10):
        ledger.pool_file(a_file(f"customers-{minutes}.csv", minutes=minutes), "J1")
    ledger.let_wait(a_file("products.csv", minutes=30), "J2")
    return deployed


def test_each_job_shows_what_waits_and_since_when(busy: Deployed) -> None:
    answer = look(busy)
    customers, products = answer["jobs"]
    assert (customers["waiting"], products["waiting"]) == (2, 1)
    assert customers["oldest_waiting"] == str(START + timedelta(minutes=10))
    assert (customers["is_active"], products["is_active"]) == (True, False)
    assert customers["rejected_recently"] == 1


def test_the_last_load_is_the_newest_and_not_the_last_by_name(busy: Deployed) -> None:
    load = job_of(look(busy), "J1")["last_load"]
    assert load["batch_id"] == "run-10-0"
    assert load["rows"] == 50
    assert load["files"] == {"LOADED": 1, "REJECTED": 1}
    assert load["seconds"] == 1.25


def test_files_are_listed_newest_first_with_rows_and_errors(busy: Deployed) -> None:
    files = look(busy)["files"]
    assert [each["key"].removeprefix("data/in/") for each in files] == [
        "products.csv", "customers-20.csv", "customers-10.csv", "customers3.csv",
        "customers2.csv", "customers1.csv",
    ]  # fmt: skip
    assert files[4]["rows"] == 50
    assert files[3]["error"] == {"type": "RowError", "message": "line 3, column a"}
    assert len(look(busy, "--limit", "2")["files"]) == 2


@pytest.mark.parametrize("state", list(FileState))
def test_only_files_of_a_state_are_listed_if_one_is_asked_for(
    busy: Deployed, state: FileState
) -> None:
    busy.ledger.record_move(a_file("unknown.csv"), "data/new_files/unknown.csv")
    answer = look(busy, "--state", state.lower())
    counts = {"LOADED": 2, "REJECTED": 1, "POOLED": 2, "WAITING": 1, "NOT_CONFIGURED": 1}
    assert [each["state"] for each in answer["files"]] == [state] * counts.get(state, 0)


def test_a_scan_that_stopped_early_says_so(busy: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.overview._MOST_SCANNED", 3)
    (note,) = look(busy, "--state", "not_configured")["notes"]
    assert "only 3 items of the ledger were searched" in note


@pytest.mark.parametrize(
    "option", [("--job", "J1"), ("--job", "customers"), ("--table", "PUBLIC.Customers")]
)
def test_a_job_is_asked_for_by_id_name_or_table(busy: Deployed, option: tuple[str, str]) -> None:
    answer = look(busy, *option)
    assert [job["job_id"] for job in answer["jobs"]] == ["J1"]
    assert {each["job_id"] for each in answer["files"]} == {"J1"}


def test_an_unknown_job_is_bad_input_and_the_known_are_named(busy: Deployed) -> None:
    answer = busy.run_json("status", "--job", "J9", code=Exit.BAD_INPUT)
    assert "J1 (customers -> customers)" in answer["error"]["message"]
    answer = busy.run_json("status", "--table", "a.b.c", code=Exit.BAD_INPUT)
    assert answer["error"]["type"] == "IdentifierError"


def test_a_job_that_left_the_list_still_shows_what_waits_for_it(busy: Deployed) -> None:
    busy.configure([JOBS[1]])
    (job,) = look(busy, "--job", "J1")["jobs"]
    assert (job["job_name"], job["waiting"], job["is_active"]) == (None, 2, None)


def test_failed_runs_are_counted_with_the_last_ones_cause(busy: Deployed) -> None:
    busy.ledger.count_failure("J1", "run-11")
    busy.ledger.record_load(
        "J1",
        "run-11-0-failed",
        {"state": "FAILED", "error": {"Error": "PlanError", "Cause": "too wide"},
         "at": START.isoformat()},
    )  # fmt: skip
    job = job_of(look(busy), "J1")
    assert job["failures_in_a_row"] == 1
    assert job["last_failure"]["error"] == {"Error": "PlanError", "Cause": "too wide"}
    shown = busy.run("status", "--no-history", "-e", "dev").stdout
    assert "J1: 1 run failed in a row: PlanError: too wide" in shown


def test_a_table_whose_lease_is_held_is_loading(busy: Deployed) -> None:
    assert not job_of(look(busy), "J1")["is_loading"]
    busy.ledger.take_lease("public.customers", "run-12", instead_of=None)
    assert job_of(look(busy), "J1")["is_loading"]
    busy.ledger.release_lease("public.customers", "run-12")
    assert not job_of(look(busy), "J1")["is_loading"]


def test_dead_letters_and_files_without_a_job_are_counted(busy: Deployed) -> None:
    sqs, s3 = boto3.client("sqs"), boto3.client("s3")
    sqs.send_message(QueueUrl=busy.outputs["EventsDeadLetterQueueUrl"], MessageBody="{}")
    s3.put_object(Bucket=BUCKET, Key="data/new_files/mystery.csv", Body=b"")
    answer = look(busy)
    assert answer["dead_letters"] == {"arrivals": 0, "events": 1, "releases": 0}
    assert answer["new_files"] == 1
    assert look(busy)["dead_letters"]["events"] == 1  # looking took nothing


def test_looking_changes_nothing(busy: Deployed) -> None:
    def items() -> list[Any]:
        found: list[Any] = boto3.client("dynamodb").scan(TableName="ledger")["Items"]
        return sorted(found, key=str)

    before = items()
    look(busy)
    look(busy, "--state", "not_configured")
    assert items() == before


def test_jobs_that_cannot_be_used_are_a_note(busy: Deployed) -> None:
    busy.configure({})
    (note,) = look(busy)["notes"]
    assert "until the deployed jobs are mended" in note


def test_a_person_sees_jobs_files_loads_and_errors(busy: Deployed) -> None:
    shown = busy.run("status", "--no-history", "-e", "dev").stdout
    assert "J2 products (inactive)" in shown
    assert "1 rejected" in shown
    assert "data/in/customers3.csv: RowError: line 3, column a" in shown
    assert "public.customers" in shown


def test_an_empty_environment_is_shown_without_trouble(deployed: Deployed) -> None:
    answer = look(deployed)
    assert [job["waiting"] for job in answer["jobs"]] == [0, 0]
    assert answer["files"] == answer["loads"] == answer["notes"] == []
    assert deployed.run("status", "--no-history", "-e", "dev").exit_code == Exit.OK


class TestHistory:
    """What the warehouse says, where it can be asked."""

    def test_each_job_shows_its_verdicts_and_rows(
        self, busy: Deployed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = [
            {"job_id": "J1", "verdict": "LOADED", "files": 2, "total_rows": 150,
             "settled_at": "2026-01-31 06:07:00"},
            {"job_id": "J1", "verdict": "REJECTED", "files": 1, "total_rows": None,
             "settled_at": "2026-01-31 06:05:00"},
        ]  # fmt: skip
        asked = answering(monkeypatch, "FINISHED", rows)
        job = job_of(busy.run_json("status"), "J1")
        assert job["history"] == {
            "files": {"LOADED": 2, "REJECTED": 1},
            "rows": 150,
            "settled_at": "2026-01-31 06:07:00",
        }
        (statement,) = asked
        assert statement.startswith("SELECT job_id, verdict")

    @pytest.mark.parametrize(
        ("status", "said"), [("FAILED", "permission denied"), ("STARTED", "no answer in 20 s")]
    )
    def test_a_warehouse_that_does_not_answer_is_a_note(
        self, busy: Deployed, monkeypatch: pytest.MonkeyPatch, status: str, said: str
    ) -> None:
        answering(monkeypatch, status, [])
        answer = busy.run_json("status")
        assert said in answer["notes"][0]
        assert job_of(answer, "J1")["history"] is None

    def test_a_refused_call_is_a_note(
        self, busy: Deployed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> str:
            raise DeploymentError("ExecuteStatement: AccessDeniedException")

        monkeypatch.setattr(Warehouse, "submit", refuse)
        assert "AccessDenied" in busy.run_json("status")["notes"][0]


def answering(monkeypatch: pytest.MonkeyPatch, status: str, rows: list[Any]) -> list[str]:
    """A Data API that gives this answer (moto has none that runs SQL); what it was asked."""
    asked: list[str] = []

    def submit(self: Warehouse, sql: str, *, token: str) -> str:
        asked.append(sql)
        return token

    def wait(self: Warehouse, statement_id: str, *, seconds: int) -> Statement:
        return Statement(
            statement_id=statement_id, status=status, error="permission denied", parts=()
        )

    monkeypatch.setattr(Warehouse, "submit", submit)
    monkeypatch.setattr(Warehouse, "wait", wait)
    monkeypatch.setattr(Warehouse, "rows", lambda self, statement_id: rows)
    return asked


def test_watching_looks_again_until_it_is_interrupted(
    busy: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("cli.status.time.sleep", sleep)
    asked = answering(monkeypatch, "FINISHED", [])
    result = busy.run("status", "--watch", "--interval", "5", "-e", "dev", "--json")
    assert result.exit_code == Exit.OK
    looks = [json.loads(line) for line in result.stdout.splitlines()]
    assert [len(each["jobs"]) for each in looks] == [2, 2, 2]
    assert pauses == [5, 5, 5]
    assert asked == []  # watching must not keep the warehouse awake
    pauses.clear()
    assert busy.run("status", "--watch", "-e", "dev").exit_code == Exit.OK


def test_a_moment_of_trouble_does_not_end_the_watching(
    busy: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[object] = []

    def throttled(*_: object) -> Overview:
        looked.append(None)
        if len(looked) == 2:
            raise KeyboardInterrupt
        raise StorageBusyError("Query: ThrottlingException")

    monkeypatch.setattr("cli.status.look", throttled)
    monkeypatch.setattr("cli.status.time.sleep", lambda _: None)
    result = busy.run("status", "--watch", "-e", "dev", "--json")
    assert (result.exit_code, result.stdout) == (Exit.OK, "")
    assert result.stderr == "warning: Query: ThrottlingException\n"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "0 s"), (59, "59 s"), (61, "1 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_an_age_is_told_in_one_unit(seconds: int, shown: str) -> None:
    assert _age(START - timedelta(seconds=seconds), START) == shown
