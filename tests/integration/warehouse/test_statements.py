"""Execute, Batch, Describe, cancel and lists: as the Data API reference has them."""

import threading
import time
from pathlib import Path

import psycopg
import pytest

from local.warehouse import DataApiError, Warehouse
from tests.integration.warehouse.client import Bucket, Client, refusal


def test_a_query_is_described_with_its_rows_and_its_user(client: Client) -> None:
    described = client.done("SELECT 1 AS one UNION ALL SELECT 2")

    assert described["HasResultSet"] is True
    assert described["ResultRows"] == 2
    assert described["DbUser"] == "IAMR:loader"
    assert described["QueryString"] == "SELECT 1 AS one UNION ALL SELECT 2"
    assert described["Duration"] > 1000
    assert described["RedshiftPid"] > 0
    assert "Error" not in described


def test_rows_changed_are_counted(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")

    assert client.done("INSERT INTO t VALUES (1), (2), (3)")["ResultRows"] == 3
    assert client.done("DELETE FROM t WHERE a > 1")["ResultRows"] == 2


def test_a_failed_statement_says_what_redshift_would(client: Client) -> None:
    described = client.run("SELECT * FROM nowhere")

    assert described["Status"] == "FAILED"
    assert described["Error"] == 'ERROR: relation "nowhere" does not exist'
    assert described["HasResultSet"] is False
    assert refusal(client, "GetStatementResult", Id=described["Id"]).code == (
        "ResourceNotFoundException"
    )


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("CAST(word AS BOOLEAN)", "cannot cast type character varying to boolean"),
        ("(word || 'x')::BOOL", "to boolean"),
        ("CAST(CASE WHEN word = '' THEN NULL ELSE word END AS BOOLEAN)", "to boolean"),
        ("CAST(flag AS VARCHAR(5))", "cannot cast type boolean to character varying"),
        ("(flag AND TRUE)::TEXT", "cannot cast type boolean to character varying"),
        ("CAST(flag AS CHAR(1))", "cannot cast type boolean"),
    ],
)
def test_text_is_cast_to_no_boolean_nor_back(client: Client, expression: str, message: str) -> None:
    """Whether or not there is a row."""
    client.done("CREATE TABLE t (word VARCHAR(9), flag BOOLEAN)")
    assert message in client.failure(f"SELECT {expression} FROM t")


def test_sql_that_is_not_supported_is_named(client: Client) -> None:
    assert "UNLOAD is not supported" in client.failure(
        "UNLOAD ('SELECT 1') TO 's3://b/x' IAM_ROLE 'r'"
    )


def test_an_unknown_database_fails_the_statement(client: Client) -> None:
    described = client.call(
        "ExecuteStatement",
        Sql="SELECT 1",
        Database="nowhere",
        WorkgroupName="sluice-test",
        WaitTimeSeconds=30,
    )
    assert described["Status"] == "FAILED"
    assert (
        'database "nowhere" does not exist'
        in client.call("DescribeStatement", Id=described["Id"])["Error"]
    )


def test_a_batch_is_one_transaction(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")

    described = client.run(["INSERT INTO t VALUES (1)", "SELECT 1/0", "INSERT INTO t VALUES (2)"])

    assert described["Status"] == "FAILED"
    assert described["Error"].startswith("Query #2 failed with ERROR: division by zero")
    assert [sub["Status"] for sub in described["SubStatements"]] == [
        "FINISHED",
        "FAILED",
        "ABORTED",
    ]
    assert "division by zero" in described["SubStatements"][1]["Error"]
    assert client.rows("SELECT COUNT(*) FROM t") == [(0,)]


def test_each_part_of_a_batch_has_its_own_result(client: Client) -> None:
    described = client.done(["SELECT 1 AS a", "CREATE TABLE t (a INT)", "SELECT 'two' AS b"])

    first, second, third = described["SubStatements"]
    assert [sub["HasResultSet"] for sub in (first, second, third)] == [True, False, True]
    assert first["Id"] == f"{described['Id']}:1"
    assert described["HasResultSet"] is True
    assert (described["ResultRows"], described["ResultSize"]) == (-1, -1)
    assert client.call("GetStatementResult", Id=first["Id"])["Records"] == [[{"longValue": 1}]]
    assert client.call("DescribeStatement", Id=third["Id"])["QueryString"] == "SELECT 'two' AS b"
    assert refusal(client, "GetStatementResult", Id=second["Id"]).code == (
        "ResourceNotFoundException"
    )


def test_auto_commit_keeps_what_worked_and_goes_on(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")

    described = client.run(
        ["INSERT INTO t VALUES (1)", "SELECT 1/0", "INSERT INTO t VALUES (2)"],
        ExecutionMode="AUTO_COMMIT",
    )

    assert described["Status"] == "FAILED"
    assert [sub["Status"] for sub in described["SubStatements"]] == [
        "FINISHED",
        "FAILED",
        "FINISHED",
    ]
    assert client.rows("SELECT a FROM t ORDER BY a") == [(1,), (2,)]


def test_temporary_tables_die_with_their_statement(client: Client) -> None:
    client.done(["CREATE TEMP TABLE t (a INT)", "INSERT INTO t VALUES (1)"])

    assert 'relation "t" does not exist' in client.failure("SELECT * FROM t")


@pytest.mark.parametrize(
    "operation", ["DescribeStatement", "GetStatementResult", "CancelStatement"]
)
def test_another_callers_statement_does_not_exist(client: Client, operation: str) -> None:
    identifier = client.done("SELECT 1")["Id"]

    for other in ("role/other", "user/loader"):
        error = refusal(client.as_principal(other), operation, Id=identifier)
        assert error.code == "ResourceNotFoundException"
        assert error.members == {"ResourceId": identifier}


def test_waiting_returns_as_soon_as_it_is_over(client: Client) -> None:
    begun = time.monotonic()

    answer = client.submit("SELECT 1", WaitTimeSeconds=30)

    assert (answer["Status"], answer["HasResultSet"]) == ("FINISHED", True)
    assert time.monotonic() - begun < 25


def test_waiting_ends_when_the_time_is_over(client: Client, locked: str) -> None:
    answer = client.submit(f"SELECT * FROM {locked}", WaitTimeSeconds=1)

    assert answer["Status"] == "STARTED"
    client.call("CancelStatement", Id=answer["Id"])


def test_a_running_statement_is_cancelled_and_undone(client: Client, locked: str) -> None:
    client.done("CREATE TABLE t (a INT)")
    identifier = client.submit(["INSERT INTO t VALUES (1)", f"SELECT * FROM {locked}"])["Id"]
    while client.call("DescribeStatement", Id=identifier)["Status"] != "STARTED":
        time.sleep(0.01)

    assert client.call("CancelStatement", Id=identifier) == {"Status": True}

    described = client.call("DescribeStatement", Id=identifier, WaitTimeSeconds=30)
    assert described["Status"] == "ABORTED"
    assert "cancelled on user's request" in described["Error"]
    assert described["Duration"] < 10 * 10**9
    assert client.rows("SELECT COUNT(*) FROM t") == [(0,)]


def test_a_finished_statement_cannot_be_cancelled(client: Client) -> None:
    identifier = client.done("SELECT 1")["Id"]

    assert "already in FINISHED state" in refusal(client, "CancelStatement", Id=identifier).message


def test_too_many_statements_at_once_are_refused(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path, object_store=Bucket(), max_active_statements=1)
    warehouse.start()
    try:
        client = Client(warehouse, "dev", Bucket())
        client.done("CREATE TABLE locked (a INT)")
        holder = psycopg.connect(warehouse.dsn)
        holder.execute("LOCK TABLE locked")
        running = client.submit("SELECT * FROM locked")["Id"]

        with pytest.raises(DataApiError) as caught:
            client.submit("SELECT 1")

        assert caught.value.code == "ActiveStatementsExceededException"
        client.call("CancelStatement", Id=running)
        holder.close()
    finally:
        warehouse.discard()


def test_statements_are_listed_for_their_caller(client: Client) -> None:
    caller = client.as_principal("role/lister")
    caller.done("SELECT 1", StatementName="load-1")
    caller.done(["SELECT 1", "SELECT 2"], StatementName="load-2")
    caller.run("SELECT 1/0", StatementName="load-3")

    finished = caller.call("ListStatements", StatementName="load")["Statements"]
    assert [each["StatementName"] for each in finished] == ["load-2", "load-1"]
    assert finished[0]["QueryStrings"] == ["SELECT 1", "SELECT 2"]
    everything = caller.call("ListStatements", Status="ALL", MaxResults=2)
    assert len(everything["Statements"]) == 2
    rest = caller.call(
        "ListStatements", Status="ALL", MaxResults=2, NextToken=everything["NextToken"]
    )
    assert [each["Status"] for each in rest["Statements"]] == ["FINISHED"]


def test_many_statements_at_once_all_end(client: Client) -> None:
    identifiers = [client.submit(f"SELECT {number}")["Id"] for number in range(40)]

    statuses = {
        client.call("DescribeStatement", Id=identifier, WaitTimeSeconds=30)["Status"]
        for identifier in identifiers
    }

    assert statuses == {"FINISHED"}


def test_calls_are_answered_while_a_statement_runs(client: Client, locked: str) -> None:
    slow = client.submit(f"SELECT * FROM {locked}")["Id"]
    answered = threading.Event()

    def ask() -> None:
        client.done("SELECT 1")
        answered.set()

    threading.Thread(target=ask, daemon=True).start()
    assert answered.wait(10)
    client.call("CancelStatement", Id=slow)
