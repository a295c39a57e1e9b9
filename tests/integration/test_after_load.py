"""What a job calls after a load: once for each batch, with its figures, and never in its way."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.account.home import NOTIFICATIONS_PATH, get
from tests.integration.running import Account, running_account, until

pytestmark = pytest.mark.emulated
_CALLER = '"IAMR:sluice-local-run-procedures"'
_SETUP = (
    "CREATE TABLE noted (batch VARCHAR(200), target VARCHAR(200), files INT, rows BIGINT)",
    "CREATE PROCEDURE note(batch VARCHAR(200), target VARCHAR(200), files INT, rows BIGINT)"
    " AS $$ BEGIN INSERT INTO noted VALUES (batch, target, files, rows); END $$"
    " LANGUAGE plpgsql SECURITY DEFINER",
    "CREATE TABLE tries (n INT)",
    "CREATE PROCEDURE third_time() AS $$ DECLARE n INT; BEGIN INSERT INTO tries VALUES (1); COMMIT;"
    " SELECT COUNT(*) INTO n FROM tries; IF n < 3 THEN RAISE EXCEPTION 'not yet'; END IF; END $$"
    " LANGUAGE plpgsql",
    "CREATE PROCEDURE fails() AS $$ BEGIN RAISE EXCEPTION 'it does'; END $$ LANGUAGE plpgsql",
    f"GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA public TO {_CALLER}",
    f"GRANT SELECT, INSERT ON tries TO {_CALLER}",
)
_STARTED = "2026-01-01T00:00:00+00:00"
_CALLS = [
    "CALL note(:batch_id, :target_table, :files, :rows_inserted);",
    "CALL fails()",
    "CALL third_time() -- sluice: retry 2",
]


def job(name: str, **more: Any) -> dict[str, Any]:
    return {
        "job_id": name.upper(),
        "job_name": name,
        "source_file_name": f"{name}*.csv",
        "target_table": name,
        "upsert_keys": ["id"],
        "is_active": True,
        **more,
    }


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with running_account(tmp_path_factory.mktemp("sluice")) as running:
        data, info = running.client("redshift-data"), running.info
        for sql in _SETUP:
            asked = data.execute_statement(
                WorkgroupName=info.workgroup, Database=info.database, Sql=sql, WaitTimeSeconds=20
            )
            answer = data.describe_statement(Id=asked["Id"], WaitTimeSeconds=20)
            assert answer["Status"] == "FINISHED", (sql, answer.get("Error"))
        running.configure(
            [
                job("people", after_load=_CALLS),
                job("again", after_load=_CALLS[:1]),
                job("wrong", after_load=["CALL nowhere()"]),
            ]
        )
        yield running


def releases(account: Account, job_name: str) -> list[dict[str, Any]]:
    """The executions of the release machine for a job that have ended, with their answers."""
    machine = account.client("stepfunctions")
    arn = account.info.state_machine_arn.replace("sluice-local-load", "sluice-local-release")
    found = machine.list_executions(stateMachineArn=arn)["executions"]
    described = [
        machine.describe_execution(executionArn=each["executionArn"])
        for each in found
        if each["name"].startswith(f"after-{job_name}-")
    ]
    return [each for each in described if each["status"] != "RUNNING"]


def notices(account: Account) -> list[dict[str, Any]]:
    return list(get(account.info, NOTIFICATIONS_PATH))


def test_a_batch_is_followed_by_its_calls_and_a_failing_one_undoes_nothing(
    account: Account,
) -> None:
    account.upload("people.csv", b"id,name\n1,Ann\n2,Bob\n")
    (done,) = until(lambda: releases(account, "people"))
    ((batch,),) = account.query("SELECT batch_id FROM sluice.load_history WHERE job_id = 'PEOPLE'")
    noted = account.query("SELECT batch, files, rows FROM noted WHERE target = 'public.people'")
    assert noted == [[batch, 1, 2]]
    assert account.query("SELECT COUNT(*) FROM people") == [[2]]
    results = json.loads(done["output"])["body"]["execution_results"]
    assert [each["status"] for each in results] == ["FINISHED", "FAILED", "FINISHED"]
    told = until(lambda: [n for n in notices(account) if "fails" in str(n["message"])])
    assert len(told) == 1
    assert batch in told[0]["message"]
    assert account.query("SELECT COUNT(*) FROM tries") == [[3]]  # retried as its line says


def test_the_same_batch_settled_again_calls_nothing_again(account: Account) -> None:
    """As after a crash between the start of the calls and the end of settle."""
    account.upload("again.csv", b"id,name\n3,Cleo\n")
    assert len(until(lambda: releases(account, "again"))) == 1
    ((batch,),) = account.query("SELECT batch_id FROM sluice.load_history WHERE job_id = 'AGAIN'")
    machine = account.client("stepfunctions")
    name, _, round_number = batch.rpartition("-")
    arn = account.info.state_machine_arn.replace(":stateMachine:", ":execution:")
    load = machine.describe_execution(executionArn=f"{arn}:{name}")
    (verdicts,) = [key for key in account.keys(f"work/{batch}/") if key.endswith("verdicts.json")]
    event = {
        "job": json.loads(load["input"])["glue_jobs"][0],
        "execution": {"id": load["executionArn"], "name": name, "started_at": _STARTED},
        "load": {"status": "DECIDED", "verdicts": verdicts, "round": int(round_number), "rows": 1},
    }
    answer = account.client("lambda").invoke(
        FunctionName="sluice-local-settle", Payload=json.dumps(event)
    )
    assert json.loads(answer["Payload"].read())["status"] == "RELEASED"
    assert len(releases(account, "again")) == 1
    assert account.query("SELECT rows FROM noted WHERE target = 'public.again'") == [[1]]


def test_calls_that_cannot_run_are_told_and_the_load_stands(account: Account) -> None:
    account.upload("wrong.csv", b"id,name\n1,Ann\n")
    until(lambda: account.verdict("wrong.csv"))
    told = until(lambda: [n for n in notices(account) if "nowhere" in str(n["message"])])
    assert "there is no procedure nowhere" in told[0]["message"]
    assert account.query("SELECT COUNT(*) FROM wrong") == [[1]]
