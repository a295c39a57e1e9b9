"""Releases on the emulated account: the contract's answer, and what becomes of odd ones."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.http_api import call, outputs
from tests.integration.running import Account, running_account, until

pytestmark = pytest.mark.emulated
_CALLER = '"IAMR:sluice-local-run-procedures"'
_SETUP = (
    "CREATE SCHEMA closed",
    "CREATE TABLE noted (n INT, said VARCHAR(100))",
    "CREATE PROCEDURE note(n INT) AS $$ BEGIN INSERT INTO noted VALUES (n); END; $$"
    " LANGUAGE plpgsql SECURITY DEFINER",
    "CREATE PROCEDURE say(n INT, said VARCHAR) AS $$ BEGIN INSERT INTO noted VALUES (n, said);"
    " END; $$ LANGUAGE plpgsql SECURITY DEFINER",
    "CREATE PROCEDURE fails() AS $$ BEGIN RAISE EXCEPTION 'it does'; END; $$"
    " LANGUAGE plpgsql SECURITY DEFINER",
    "CREATE PROCEDURE commits(n INT) AS $$ BEGIN INSERT INTO noted VALUES (n); COMMIT;"
    " RAISE EXCEPTION 'after'; END; $$ LANGUAGE plpgsql SECURITY INVOKER",
    "CREATE PROCEDURE peeks() AS $$ DECLARE n INT; BEGIN SELECT count(*) INTO n FROM noted; END;"
    " $$ LANGUAGE plpgsql SECURITY INVOKER",
    "CREATE PROCEDURE drops() AS $$ BEGIN DROP PROCEDURE dropped(); END; $$"
    " LANGUAGE plpgsql SECURITY DEFINER",
    "CREATE PROCEDURE dropped() AS $$ BEGIN NULL; END; $$ LANGUAGE plpgsql SECURITY DEFINER",
    'CREATE PROCEDURE "größe"() AS $$ BEGIN INSERT INTO noted VALUES (77); END; $$'
    " LANGUAGE plpgsql SECURITY DEFINER",
    "CREATE TABLE many AS SELECT prooid FROM pg_proc_info",
    "CREATE PROCEDURE endless() AS $$ DECLARE n BIGINT; BEGIN SELECT count(*) INTO n FROM many a,"
    " many b, many c, many d; END; $$ LANGUAGE plpgsql SECURITY DEFINER",
    "CREATE PROCEDURE closed.hidden() AS $$ BEGIN NULL; END; $$ LANGUAGE plpgsql SECURITY DEFINER",
    f"GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA public TO {_CALLER}",
    f"GRANT INSERT ON noted TO {_CALLER}",
)


class Releases:
    """The release machine of a running account."""

    def __init__(self, account: Account) -> None:
        self.account = account
        load = account.info.state_machine_arn
        self.machine = load.replace("sluice-local-load", "sluice-local-release")
        self.number = 0
        self.names = itertools.count()

    def execute(self, sql: str) -> None:
        data = self.account.client("redshift-data")
        info = self.account.info
        statement = data.execute_statement(
            WorkgroupName=info.workgroup, Database=info.database, Sql=sql, WaitTimeSeconds=20
        )["Id"]
        answer = data.describe_statement(Id=statement, WaitTimeSeconds=20)
        assert answer["Status"] == "FINISHED", (sql, answer.get("Error"))

    def upload(self, text: str | bytes) -> str:
        """A release under a name of its own, newer than all before."""
        self.number += 1
        key = f"Redshift/Rel{self.number}.txt"
        body = text.encode() if isinstance(text, str) else text
        self.account.client("s3").put_object(Bucket=self.account.info.bucket, Key=key, Body=body)
        return key

    def by_upload(self, *, on: bool) -> None:
        """Whether an upload starts its release."""
        rules = self.account.client("events")
        change = rules.enable_rule if on else rules.disable_rule
        change(Name="sluice-local-release-uploaded")

    def start(self, **request: Any) -> str:
        started = self.account.client("stepfunctions").start_execution(
            stateMachineArn=self.machine,
            name=f"test-{next(self.names)}",
            input=json.dumps(request),
        )
        return str(started["executionArn"])

    def ended(self, execution: str) -> dict[str, Any]:
        machine = self.account.client("stepfunctions")

        def closed() -> Any:
            found = machine.describe_execution(executionArn=execution)
            return None if found["status"] == "RUNNING" else found

        found: dict[str, Any] = until(closed)
        return found

    def answer(self, **request: Any) -> dict[str, Any]:
        found = self.ended(self.start(**request))
        assert found["status"] == "SUCCEEDED", found
        response: dict[str, Any] = json.loads(found["output"])
        return response

    def run(self, text: str | bytes, **request: Any) -> dict[str, Any]:
        return self.answer(release=self.upload(text), **request)

    def statuses(self, response: dict[str, Any]) -> list[str]:
        return [each["status"] for each in response["body"]["execution_results"]]


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Releases]:
    with running_account(tmp_path_factory.mktemp("sluice")) as account:
        found = Releases(account)
        for sql in _SETUP:
            found.execute(sql)
        found.by_upload(on=False)
        yield found


def test_the_response_has_every_field_of_the_contract(releases: Releases) -> None:
    text = "\ufeffnote(1)\r\n\r\n-- a comment\r\nCALL public.say(2, 'it''s');\r\n"
    response = releases.run(text)
    body = response["body"]
    assert response["statusCode"] == 200
    assert body["message"] == "Executed 2 stored procedures successfully"
    assert (body["total_procedures"], body["successful_procedures"]) == (2, 2)
    assert body["s3_content"] == text.removeprefix("\ufeff")
    first, second = body["execution_results"]
    assert first.keys() >= {
        "procedure_number", "procedure_name", "query_id", "status", "sql_executed",
    }  # fmt: skip
    assert (first["procedure_number"], first["procedure_name"]) == (1, "note")
    assert (first["status"], first["sql_executed"]) == ("FINISHED", "CALL note(1);")
    assert len(first["query_id"]) == 36
    assert first["duration_ms"] >= 0
    assert second["procedure_name"] == "public.say"
    assert body["release"]["file"].startswith("Redshift/Rel")
    assert releases.account.query("SELECT said FROM noted WHERE n = 2") == [["it's"]]


def test_an_upload_starts_its_release(releases: Releases) -> None:
    releases.by_upload(on=True)
    try:
        releases.upload("note(50)\n")
        until(lambda: releases.account.query("SELECT n FROM noted WHERE n = 50"))
    finally:
        releases.by_upload(on=False)


def test_one_procedure_by_hand(releases: Releases) -> None:
    response = releases.answer(
        stored_procedure_name="say",
        parameters=[3, ""],
        cluster_identifier="sluice-local",
        database="dev",
    )
    assert response["body"]["message"] == "Executed 1 stored procedures successfully"
    assert releases.account.query("SELECT said FROM noted WHERE n = 3") == [[""]]


def test_another_cluster_is_refused_by_name(releases: Releases) -> None:
    response = releases.answer(stored_procedure_name="fails", cluster_identifier="another")
    assert response["statusCode"] == 500
    assert "'another'" in response["body"]["message"]


def test_a_failure_is_told_and_the_rest_goes_on(releases: Releases) -> None:
    response = releases.run("fails\nnote(10)\n")
    assert response["statusCode"] == 200
    assert releases.statuses(response) == ["FAILED", "FINISHED"]
    assert "it does" in response["body"]["execution_results"][0]["error"]
    assert response["body"]["message"] == (
        "Executed 1 of 2 stored procedures successfully: 1 FAILED"
    )


def test_a_failure_stops_the_release_if_that_is_asked(releases: Releases) -> None:
    response = releases.run("fails\nnote(11)\n", on_error="stop")
    assert releases.statuses(response) == ["FAILED", "SKIPPED"]
    key = response["body"]["release"]["file"]
    resumed = releases.answer(release=key, resume=True)
    assert releases.statuses(resumed) == ["FAILED", "FINISHED"]
    assert releases.account.query("SELECT n FROM noted WHERE n = 11") == [[11]]


def test_a_release_runs_once(releases: Releases) -> None:
    first = releases.run("note(12)\n")
    again = releases.answer(release=first["body"]["release"]["file"])
    assert again["body"]["execution_results"] == first["body"]["execution_results"]
    assert "ran before" in again["body"]["message"]
    assert releases.account.query("SELECT n FROM noted WHERE n = 12") == [[12]]


def test_calls_of_a_job_run_once_for_their_identity(releases: Releases) -> None:
    request = {
        "calls": ["say(:rows, :batch_id)"],
        "identity": "batch-1",
        "parameters": {"rows": 13, "batch_id": "batch-1"},
    }
    first = releases.answer(**request)
    assert releases.statuses(first) == ["FINISHED"]
    releases.answer(**request)
    assert releases.account.query("SELECT said FROM noted WHERE n = 13") == [["batch-1"]]


def test_a_call_that_never_ends_is_cancelled_at_its_limit(releases: Releases) -> None:
    response = releases.run("endless\nnote(14)\n", limit_seconds=2)
    first, second = response["body"]["execution_results"]
    assert (first["status"], second["status"]) == ("TIMED_OUT", "FINISHED")
    assert "limit of 2 s" in first["error"]
    cancelled = releases.account.query(
        "SELECT status FROM sys_query_history WHERE query_text LIKE 'CALL%endless%'"
        " ORDER BY start_time DESC LIMIT 1"
    )
    assert cancelled == [["failed"]] or cancelled == [["canceled"]]


def test_a_procedure_that_commits_keeps_what_it_committed(releases: Releases) -> None:
    response = releases.run("commits(15)\n")
    assert releases.statuses(response) == ["FAILED"]
    assert releases.account.query("SELECT n FROM noted WHERE n = 15") == [[15]]


def test_a_procedure_deleted_between_check_and_call_fails_alone(releases: Releases) -> None:
    response = releases.run("drops\ndropped\nnote(16)\n")
    assert releases.statuses(response) == ["FINISHED", "FAILED", "FINISHED"]
    assert "does not exist" in response["body"]["execution_results"][1]["error"]


def test_a_name_in_unicode_is_called(releases: Releases) -> None:
    response = releases.run('"größe"()\n')
    assert releases.statuses(response) == ["FINISHED"]
    assert response["body"]["execution_results"][0]["sql_executed"] == 'CALL "größe"();'


def test_a_release_over_https_is_accepted_and_answered_later(releases: Releases) -> None:
    url = outputs(releases.account)["ReleaseApiUrl"]
    asked = {"stored_procedure_name": "note", "parameters": [60]}
    status, accepted = call(f"{url}/releases", "POST", asked)
    assert status == 202
    found = until(lambda: answered(f"{url}{accepted['location']}"))
    assert found["status"] == "SUCCEEDED"
    assert releases.statuses(found["response"]) == ["FINISHED"]
    assert releases.account.query("SELECT n FROM noted WHERE n = 60") == [[60]]


def answered(url: str) -> Any:
    status, found = call(url, "GET")
    assert status == 200
    return found if found["status"] != "RUNNING" else None


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{not json", "is not JSON"),
        ({"on_eror": "stop"}, "did you mean on_error"),
        ({"stored_procedure_name": "note(1); DROP TABLE noted"}, "stored_procedure_name"),
        ([], "no JSON object"),
    ],
)
def test_a_bad_request_is_told_at_once(releases: Releases, body: Any, told: str) -> None:
    url = outputs(releases.account)["ReleaseApiUrl"]
    status, answer = call(f"{url}/releases", "POST", body)
    assert status == 400
    assert told in answer["message"]


def test_who_does_not_sign_is_turned_away_and_an_unknown_execution_is_404(
    releases: Releases,
) -> None:
    url = outputs(releases.account)["ReleaseApiUrl"]
    assert call(f"{url}/releases", "POST", {}, service=None)[0] == 403
    assert call(f"{url}/releases", "POST", {}, service="s3")[0] == 403
    assert call(f"{url}/releases/nobody", "GET")[0] == 404
    assert call(f"{url}/elsewhere", "GET")[0] == 404


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("-- nothing\n# here\n", "only comments"),
        ("note(1)\nDELETE FROM noted\n", "line 2, column 1"),
        ("note(1); note(2)\n", "line 1"),
        ("say(1, 'x)\n", "line 1"),
        ("note(1); DROP TABLE noted\n", "line 1"),
        (b"note(1)\n\xff\n", "not UTF-8"),
        ("note(1)\nnothere(2)\n", "line 2: there is no procedure nothere"),
        ("note(1, 2)\n", "is called with 2 argument(s) and takes 1"),
        ("closed.hidden()\n", "is not in a schema that may be called"),
    ],
)
def test_a_bad_release_is_refused_before_anything_runs(
    releases: Releases, text: str | bytes, told: str
) -> None:
    before = releases.account.query("SELECT count(*) FROM noted")
    response = releases.run(text)
    assert response["statusCode"] == 500
    assert response["body"]["total_procedures"] == 0
    assert told in response["body"]["message"]
    assert releases.account.query("SELECT count(*) FROM noted") == before


def test_a_refused_release_may_run_once_it_is_mended(releases: Releases) -> None:
    key = releases.upload("later(1)\n")
    assert releases.answer(release=key)["statusCode"] == 500
    releases.execute(
        "CREATE PROCEDURE later(n INT) AS $$ BEGIN INSERT INTO noted VALUES (n); END; $$"
        " LANGUAGE plpgsql SECURITY DEFINER"
    )
    releases.execute(f"GRANT EXECUTE ON PROCEDURE later(INT) TO {_CALLER}")
    assert releases.statuses(releases.answer(release=key)) == ["FINISHED"]


def test_who_calls_may_execute_and_do_nothing_else(releases: Releases) -> None:
    response = releases.run("peeks\n")
    assert releases.statuses(response) == ["FAILED"]
    assert "permission denied" in response["body"]["execution_results"][0]["error"]


def test_newest_is_the_last_that_has_not_run_and_all_goes_on_from_the_oldest(
    releases: Releases,
) -> None:
    releases.answer(release="all")
    releases.number = 97
    for number in (20, 21, 22):
        releases.upload(f"note({number})\n")
    assert releases.answer()["body"]["release"]["file"] == "Redshift/Rel100.txt"
    response = releases.answer(release="all")
    assert [each["file"] for each in response["body"]["releases"]][-2:] == [
        "Redshift/Rel98.txt",
        "Redshift/Rel99.txt",
    ]
    order = releases.account.query("SELECT n FROM noted WHERE n IN (20, 21, 22) ORDER BY n")
    assert order == [[20], [21], [22]]
    assert releases.answer()["body"]["total_procedures"] == 0


def test_people_are_told_of_a_release_and_of_its_failures(releases: Releases) -> None:
    response = releases.run("note(30)\nfails\n")
    told = releases.account.client("s3")  # the response lies where the notice says
    key = f"work/releases/{response['body']['release']['id']}/response.json"
    kept = json.loads(told.get_object(Bucket=releases.account.info.bucket, Key=key)["Body"].read())
    assert kept["body"]["execution_results"] == response["body"]["execution_results"]


def test_ten_thousand_lines_run_and_the_answer_fits(releases: Releases) -> None:
    line = "-- " + "x" * 40 + "\n"
    response = releases.run("note(40)\n" + line * 10_000)
    assert releases.statuses(response) == ["FINISHED"]
    assert response["body"]["s3_content"].startswith("s3://")
