"""`sluice upload`: warnings before, versions after, exit codes."""

import io
import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli import advice
from cli.exits import Exit
from cli.following import Outcome
from cli.main import app
from lambdas.shared.domain import errors
from lambdas.shared.domain.files import FileState
from tests.unit.cli import files
from tests.unit.cli.conftest import BUCKET, Deployed


@pytest.fixture
def customers(tmp_path: Path) -> str:
    path = tmp_path / "customers.csv"
    path.write_text("id\n1\n")
    return str(path)


def follow_as(
    monkeypatch: pytest.MonkeyPatch, deployed: Deployed, verdict: Any = files.loaded, *extra: Any
) -> None:
    """Instead of waiting, the pipeline's part is done at once."""

    def at_once(uploads: Any, view: Any, **_: Any) -> list[Outcome]:
        verdicts = [verdict(files.of_upload(each), *extra) for each in uploads]
        files.settle(deployed.ledger, *verdicts, job_id="J1", execution="run", at=files.START)
        entries = view.entries([each.file_id for each in uploads])
        return [Outcome(upload=each, entry=entries[each.file_id], seconds=1.5) for each in uploads]

    monkeypatch.setattr("cli.upload.follow", at_once)


def test_without_waiting_it_prints_key_and_version(deployed: Deployed, customers: str) -> None:
    answer = deployed.run_json("upload", customers, "--no-wait", "--prefix", "eu")
    (found,) = answer["files"]
    assert found["key"] == "data/in/eu/customers.csv"
    head = boto3.client("s3").head_object(Bucket=BUCKET, Key=found["key"])
    assert found["version_id"] == head["VersionId"]
    assert "state" not in found
    assert answer["warnings"] == []


def test_a_person_reads_the_version_too(deployed: Deployed, customers: str) -> None:
    result = deployed.run("upload", customers, "--no-wait", "-e", "dev")
    head = boto3.client("s3").head_object(Bucket=BUCKET, Key="data/in/customers.csv")
    assert result.stdout == (
        f"uploaded data/in/customers.csv (5 bytes), version {head['VersionId']}\n"
    )


def test_a_loaded_file_shows_table_rows_and_seconds(
    deployed: Deployed, customers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow_as(monkeypatch, deployed, files.loaded, 7)
    (found,) = deployed.run_json("upload", customers)["files"]
    assert {name: found[name] for name in ("state", "job_id", "table", "rows", "seconds")} == {
        "state": "LOADED",
        "job_id": "J1",
        "table": "customers",
        "rows": 7,
        "seconds": 1.5,
    }
    assert found["what_to_do"] is None
    result = deployed.run("upload", customers, "-e", "dev")
    assert result.exit_code == Exit.OK
    (row,) = [line for line in result.stdout.splitlines() if "LOADED" in line]
    assert row.split() == ["customers.csv", "LOADED", "J1", "customers", "7", "1.5"]


def test_a_rejected_file_shows_why_and_what_to_do(
    deployed: Deployed, customers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow_as(monkeypatch, deployed, files.rejected, "KeyColumnError", "id is NULL in 2 rows")
    result = deployed.run("upload", customers, "-e", "dev")
    assert result.exit_code == Exit.REJECTED
    assert "KeyColumnError: id is NULL in 2 rows" in result.stdout
    assert f"what to do: {advice.for_error('KeyColumnError')}" in result.stdout
    assert "/customers.csv.error.json" in result.stdout


def test_a_file_without_a_verdict_in_time_exits_4(deployed: Deployed, customers: str) -> None:
    answer = deployed.run_json("upload", customers, "--timeout", "0", code=Exit.TIMED_OUT)
    assert answer["files"][0]["state"] is None
    assert "dead letters" in answer["files"][0]["what_to_do"]


def test_a_file_no_job_takes_is_warned_of_with_the_nearest_pattern(
    deployed: Deployed, tmp_path: Path
) -> None:
    path = tmp_path / "custmers.csv"
    path.write_text("id\n1\n")
    result = deployed.run("upload", str(path), "--no-wait", "-e", "dev")
    assert result.exit_code == Exit.OK
    assert "no job takes a file of this name" in result.stderr
    assert "nearest is customers*.csv of J1" in result.stderr


def test_a_file_of_an_inactive_job_is_warned_of(deployed: Deployed, tmp_path: Path) -> None:
    path = tmp_path / "products.csv"
    path.write_text("id\n1\n")
    (warning,) = deployed.run_json("upload", str(path), "--no-wait")["warnings"]
    assert "job J2 (products) is inactive" in warning


@pytest.mark.parametrize("jobs", [None, {}, [{"job_id": "J1"}]])
def test_jobs_that_cannot_be_used_are_warned_of_and_the_file_is_uploaded(
    deployed: Deployed, customers: str, jobs: Any
) -> None:
    if jobs is None:
        boto3.client("s3").delete_object(Bucket=BUCKET, Key="config/config.json")
    else:
        deployed.configure(jobs)
    answer = deployed.run_json("upload", customers, "--no-wait")
    assert "no file is loaded until the deployed jobs are mended" in answer["warnings"][0]
    assert boto3.client("s3").head_object(Bucket=BUCKET, Key="data/in/customers.csv")


def test_who_may_not_read_the_jobs_may_still_upload(
    deployed: Deployed, customers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise errors.DeploymentError("GetObject: AccessDenied")

    monkeypatch.setattr("cli.upload.load_job_configurations", refuse)
    answer = deployed.run_json("upload", customers, "--no-wait")
    assert "AccessDenied" in answer["warnings"][0]
    assert answer["files"][0]["version_id"]


def test_on_a_terminal_bytes_and_states_are_shown_live(
    deployed: Deployed, customers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, width=120)
    monkeypatch.setattr("cli.upload.progress", lambda: terminal)

    def told(uploads: Any, view: Any, *, tell: Any, **_: Any) -> list[Outcome]:
        for each in uploads:
            deployed.ledger.pool_file(files.of_upload(each), "J1")
        tell([Outcome(upload=each) for each in uploads])
        found = view.entries([each.file_id for each in uploads])
        outcomes = [Outcome(upload=each, entry=found[each.file_id]) for each in uploads]
        tell(outcomes)
        return outcomes

    monkeypatch.setattr("cli.upload.follow", told)
    result = deployed.run("upload", customers, "-e", "dev")
    assert result.exit_code == Exit.TIMED_OUT
    shown = terminal.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO above
    assert "5/5 bytes" in shown
    assert shown.index("UPLOADED") < shown.index("POOLED")
    assert "0 of 1 settled" in shown


def test_an_unreadable_file_uploads_nothing(
    deployed: Deployed, customers: str, tmp_path: Path
) -> None:
    absent = str(tmp_path / "absent.csv")
    answer = deployed.run_json("upload", customers, absent, code=Exit.BAD_INPUT)
    assert answer["error"]["type"] == "FileNotFoundError"
    assert "absent.csv" in answer["error"]["message"]
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="data/in/")


def test_without_an_environment_it_says_how_to_get_one(aws: None, customers: str) -> None:
    result = CliRunner().invoke(app, ["upload", customers, "--json"])
    assert result.exit_code == Exit.UNREACHABLE
    assert json.loads(result.stdout)["error"]["type"] == "UnreachableError"


def test_there_is_advice_for_every_reason_to_reject_a_file() -> None:
    # the tools have kinds of their own, which no file of an upload is rejected for
    ours = [
        kind for kind in errors.FileError.__subclasses__() if kind.__module__ == errors.__name__
    ]
    reasons = {kind.__name__ for kind in ours}
    assert advice.FOR_ERRORS.keys() == reasons


def test_there_is_advice_for_every_state_but_the_two_verdicts_that_need_none() -> None:
    without = {state for state in FileState if advice.for_state(state, job="J") is None}
    assert without == {FileState.LOADED, FileState.REJECTED}  # a rejection has its error's
