"""Sessions: a connection that stays open between statements."""

import time

import pytest

from local.warehouse import DataApiError
from tests.integration.warehouse.client import Client


def open_session(client: Client, sql: str = "SELECT 1", seconds: int = 60) -> str:
    answer = client.submit(sql, SessionKeepAliveSeconds=seconds, WaitTimeSeconds=30)
    assert answer["Status"] == "FINISHED"
    return str(answer["SessionId"])


def refusal(client: Client, sql: str, **request: object) -> DataApiError:
    with pytest.raises(DataApiError) as caught:
        client.submit(sql, **request)
    return caught.value


def test_temporary_tables_live_as_long_as_their_session(client: Client) -> None:
    session = open_session(client, "CREATE TEMP TABLE t (a INT)")

    client.done("INSERT INTO t VALUES (1)", SessionId=session)

    assert client.rows("SELECT a FROM t", SessionId=session) == [(1,)]
    assert 'relation "t" does not exist' in client.failure("SELECT a FROM t")


def test_a_transaction_spans_the_statements_of_a_session(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")
    session = open_session(client, "BEGIN")
    client.done("INSERT INTO t VALUES (1)", SessionId=session)
    assert client.rows("SELECT COUNT(*) FROM t") == [(0,)]

    client.done("COMMIT", SessionId=session)

    assert client.rows("SELECT COUNT(*) FROM t") == [(1,)]


def test_a_session_runs_one_statement_at_a_time(client: Client, locked: str) -> None:
    session = open_session(client)
    slow = client.submit(f"SELECT * FROM {locked}", SessionId=session)["Id"]

    error = refusal(client, "SELECT 1", SessionId=session)

    assert error.code == "ValidationException"
    assert "is busy" in error.message
    client.call("CancelStatement", Id=slow)


def test_a_session_belongs_to_its_caller(client: Client) -> None:
    session = open_session(client)

    error = refusal(client.as_principal("role/other"), "SELECT 1", SessionId=session)

    assert error.code == "ResourceNotFoundException"


def test_a_session_ends_when_its_time_is_over(client: Client) -> None:
    session = open_session(client, seconds=1)
    time.sleep(1.2)

    assert "is closed" in refusal(client, "SELECT 1", SessionId=session).message
    listed = client.call("ListSessions", SessionId=session)["Sessions"]
    assert [each["Status"] for each in listed] == ["CLOSED"]


def test_a_session_is_closed_by_a_keep_alive_of_none(client: Client) -> None:
    session = open_session(client)
    client.done("SELECT 1", SessionId=session, SessionKeepAliveSeconds=0)

    assert "is closed" in refusal(client, "SELECT 1", SessionId=session).message


def test_sessions_are_listed_for_their_caller(client: Client) -> None:
    caller = client.as_principal("role/session-lister")
    sessions = {open_session(caller) for _ in range(2)}

    listed = caller.call("ListSessions")["Sessions"]

    assert {each["SessionId"] for each in listed} == sessions
    assert {each["DbUser"] for each in listed} == {"IAMR:session-lister"}
    assert {each["Status"] for each in listed} == {"AVAILABLE"}
    assert client.as_principal("role/without-any").call("ListSessions")["Sessions"] == []


@pytest.mark.parametrize("request_", [{"Database": "dev"}, {"WorkgroupName": "sluice-test"}])
def test_where_a_session_runs_is_not_given_twice(client: Client, request_: dict[str, str]) -> None:
    session = open_session(client)

    with pytest.raises(DataApiError, match="cannot be given with SessionId"):
        client.call("ExecuteStatement", Sql="SELECT 1", SessionId=session, **request_)
