"""Requests: parameters, client tokens, limits and shapes."""

import pytest

from local.warehouse import Caller, DataApiError
from tests.integration.warehouse.client import Client, refusal


def test_forty_statements_and_no_more(client: Client) -> None:
    client.done(["SELECT 1"] * 40)

    with pytest.raises(DataApiError, match="at most 40"):
        client.submit(["SELECT 1"] * 41)


def test_a_text_over_100_kb_is_refused(client: Client) -> None:
    client.done(f"SELECT LEN('{'x' * (100 * 1024 - 20)}')")

    with pytest.raises(DataApiError, match="larger than 100kB"):
        client.submit(f"SELECT '{'é' * (51 * 1024)}' AS a")


def test_parameters_are_typed_by_where_they_stand(client: Client) -> None:
    client.done("CREATE TABLE t (a INT, b VARCHAR(20), d DATE)")
    client.done(
        "INSERT INTO t VALUES (:a, :b, :d)",
        Parameters=[
            {"name": "a", "value": "7"},
            {"name": "b", "value": "it's 50% :x"},
            {"name": "d", "value": "2024-01-02"},
        ],
    )

    assert client.rows(
        "SELECT * FROM t WHERE a = :key", Parameters=[{"name": "key", "value": "7"}]
    ) == [(7, "it's 50% :x", "2024-01-02")]


@pytest.mark.parametrize(
    ("sql", "parameters", "message"),
    [
        ("SELECT :a", [{"name": "a", "value": ""}], "valid min length: 1"),
        ("SELECT :a", [{"name": "a", "value": None}], "Invalid type"),
        ("SELECT :a", [], "valid min length: 1"),
        ("SELECT :a", [{"name": "b", "value": "1"}], "unused parameters"),
        ("SELECT :a, :b", [{"name": "a", "value": "1"}], "Cannot find parameter: b"),
        ("SELECT :a", [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}], "more than once"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(
    client: Client, sql: str, parameters: list[dict[str, str]], message: str
) -> None:
    with pytest.raises(DataApiError, match=message) as caught:
        client.submit(sql, Parameters=parameters)

    assert caught.value.code == "ValidationException"


def test_a_parameter_is_no_identifier(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")

    client.failure("SELECT * FROM :t", Parameters=[{"name": "t", "value": "t"}])


def test_the_same_token_is_the_same_statement(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")

    first, again = (client.submit("INSERT INTO t VALUES (1)", ClientToken="t") for _ in range(2))

    assert first["Id"] == again["Id"]
    client.call("DescribeStatement", Id=first["Id"], WaitTimeSeconds=30)
    assert client.rows("SELECT COUNT(*) FROM t") == [(1,)]


def test_a_token_for_another_request_is_refused(client: Client) -> None:
    client.submit("SELECT 1", ClientToken="same")

    with pytest.raises(DataApiError, match="different parameters"):
        client.submit("SELECT 2", ClientToken="same")
    assert client.as_principal("role/other").submit("SELECT 2", ClientToken="same")["Id"]


def test_a_failed_statement_keeps_its_token(client: Client) -> None:
    failed = client.submit("SELECT 1/0", ClientToken="attempt-1")

    assert client.submit("SELECT 1/0", ClientToken="attempt-1")["Id"] == failed["Id"]
    assert client.submit("SELECT 1/0", ClientToken="attempt-2")["Id"] != failed["Id"]


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("ExecuteStatement", {"Sql": "SELECT 1", "Database": "dev"}),
        ("ExecuteStatement", {"Sql": "SELECT 1", "WorkgroupName": "wg1"}),
        ("ExecuteStatement", {"WorkgroupName": "wg1", "Database": "dev"}),
        ("ExecuteStatement", {"Sql": " ", "WorkgroupName": "wg1", "Database": "dev"}),
        ("ExecuteStatement", {"Sql": "SELECT 1", "ClusterIdentifier": "c", "Database": "dev"}),
        ("ExecuteStatement", {"Sql": "SELECT 1", "WorkgroupName": "A_", "Database": "dev"}),
        (
            "ExecuteStatement",
            {"Sql": "SELECT 1", "WorkgroupName": "wg1", "Database": "dev", "DbUser": "u"},
        ),
        (
            "ExecuteStatement",
            {"Sql": "SELECT 1", "WorkgroupName": "wg1", "Database": "dev", "WaitTimeSeconds": 31},
        ),
        (
            "ExecuteStatement",
            {"Sql": "SELECT 1", "WorkgroupName": "wg1", "Database": "dev", "Unknown": 1},
        ),
        ("BatchExecuteStatement", {"Sqls": [], "WorkgroupName": "wg1", "Database": "dev"}),
        ("DescribeStatement", {"Id": "no-such-id"}),
        ("DescribeStatement", {}),
    ],
)
def test_a_request_of_another_shape_is_a_validation_error(
    client: Client, operation: str, request_: dict[str, object]
) -> None:
    assert refusal(client, operation, **request_).code == "ValidationException"


def test_an_operation_that_does_not_exist_is_refused(client: Client) -> None:
    assert refusal(client, "DropEverything").code == "UnknownOperationException"


def test_an_unknown_identifier_is_not_found(client: Client) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"

    assert refusal(client, "DescribeStatement", Id=unknown).code == "ResourceNotFoundException"
    known = client.done("SELECT 1")["Id"]
    assert refusal(client, "DescribeStatement", Id=f"{known}:1").code == (
        "ResourceNotFoundException"
    )


def test_callers_are_roles_or_users() -> None:
    for principal in ("loader", "role/", "group/x"):
        with pytest.raises(ValueError, match="neither"):
            Caller(principal=principal)
