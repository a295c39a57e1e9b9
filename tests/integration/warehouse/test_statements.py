"""Execute, Batch, Describe, results, cancel, lists: as the Data API reference has them."""

import threading
import time
from pathlib import Path

import psycopg
import pytest

from local.warehouse import Caller, DataApiError, Warehouse
from tests.integration.warehouse.client import Bucket, Client


def refusal(client: Client, operation: str, **request: object) -> DataApiError:
    with pytest.raises(DataApiError) as caught:
        client.call(operation, **request)
    return caught.value


def test_a_query_is_described_with_its_rows_and_its_user(client: Client) -> None:
    described = client.done("SELECT 1 AS one UNION ALL SELECT 2")

    assert described["HasResultSet"] is True
    assert described["ResultRows"] == 2
    assert described["DbUser"] == "IAMR:loader"
    assert described["QueryString"] == "SELECT 1 AS one UNION ALL SELECT 2"
    assert described["Duration"] > 1000
    assert described["RedshiftPid"] > 0
    assert "Error" not in described


def test_every_type_is_a_field_of_its_own_kind(client: Client) -> None:
    identifier = client.done(
        "SELECT 1::SMALLINT AS s, 2::INT AS i, 3::BIGINT AS b, 1.5::FLOAT8 AS f, 1.25::DECIMAL(9,3)"
        " AS d, TRUE AS t, 'x'::VARCHAR(7) AS v, DATE '2024-02-29' AS day, NULL::INT AS n,"
        " TIMESTAMP '2024-01-02 03:04:05' AS at, JSON_PARSE('{\"a\": [1, 2, \": ,\"]}') AS super"
    )["Id"]

    result = client.call("GetStatementResult", Id=identifier)

    assert result["Records"] == [
        [
            {"longValue": 1},
            {"longValue": 2},
            {"longValue": 3},
            {"doubleValue": 1.5},
            {"stringValue": "1.250"},
            {"booleanValue": True},
            {"stringValue": "x"},
            {"stringValue": "2024-02-29"},
            {"isNull": True},
            {"stringValue": "2024-01-02 03:04:05"},
            {"stringValue": '{"a":[1,2,": ,"]}'},
        ]
    ]
    assert [column["typeName"] for column in result["ColumnMetadata"]] == [
        *("int2", "int4", "int8", "float8", "numeric", "bool", "varchar", "date", "int4"),
        *("timestamp", "super"),
    ]
    decimal = result["ColumnMetadata"][4]
    assert (decimal["name"], decimal["precision"], decimal["scale"]) == ("d", 9, 3)


def test_a_column_of_a_table_says_which(client: Client) -> None:
    client.done("CREATE TABLE orders (id BIGINT NOT NULL, name VARCHAR(20))")

    identifier = client.done("SELECT id, name, 1 AS one FROM orders")["Id"]

    columns = client.call("GetStatementResult", Id=identifier)["ColumnMetadata"]
    assert [(c["schemaName"], c["tableName"], c["nullable"]) for c in columns] == [
        ("public", "orders", 0),
        ("public", "orders", 1),
        ("", "", 1),
    ]
    assert columns[1]["precision"] == 20


def test_an_empty_result_is_a_result_and_ddl_has_none(client: Client) -> None:
    assert client.done("SELECT 1 WHERE FALSE")["HasResultSet"] is True
    assert client.done("CREATE TABLE t (a INT)")["HasResultSet"] is False


def test_rows_changed_are_counted(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")

    assert client.done("INSERT INTO t VALUES (1), (2), (3)")["ResultRows"] == 3
    assert client.done("DELETE FROM t WHERE a > 1")["ResultRows"] == 2


def test_a_long_result_comes_in_pages(client: Client) -> None:
    query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)"

    rows = client.rows(f"{query} SELECT i FROM n")

    assert sorted(row[0] for row in rows) == list(range(1, 2501))


def test_a_token_of_another_result_is_refused(client: Client) -> None:
    query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)"
    first, second = (client.done(f"{query} SELECT i FROM n")["Id"] for _ in range(2))
    token = client.call("GetStatementResult", Id=first)["NextToken"]

    assert refusal(client, "GetStatementResult", Id=second, NextToken=token).code == (
        "ValidationException"
    )
    assert refusal(client, "GetStatementResult", Id=first, NextToken="x").code == (
        "ValidationException"
    )


def test_csv_results_are_for_the_second_version(client: Client) -> None:
    identifier = client.done("SELECT 1 AS a, 'x,y' AS b, NULL AS c", ResultFormat="CSV")["Id"]

    result = client.call("GetStatementResultV2", Id=identifier)

    assert result["Records"] == [{"CSVRecords": 'a,b,c\r\n1,"x,y",\r\n'}]
    assert result["ResultFormat"] == "CSV"
    assert refusal(client, "GetStatementResult", Id=identifier).code == "ValidationException"


def test_a_failed_statement_says_what_redshift_would(client: Client) -> None:
    described = client.run("SELECT * FROM nowhere")

    assert described["Status"] == "FAILED"
    assert described["Error"] == 'ERROR: relation "nowhere" does not exist'
    assert described["HasResultSet"] is False
    assert refusal(client, "GetStatementResult", Id=described["Id"]).code == (
        "ResourceNotFoundException"
    )


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


# --- batches --------------------------------------------------------------------------------------


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


def test_forty_statements_and_no_more(client: Client) -> None:
    client.done(["SELECT 1"] * 40)

    with pytest.raises(DataApiError, match="at most 40"):
        client.submit(["SELECT 1"] * 41)


def test_a_text_over_100_kb_is_refused(client: Client) -> None:
    client.done(f"SELECT LEN('{'x' * (100 * 1024 - 20)}')")

    with pytest.raises(DataApiError, match="larger than 100kB"):
        client.submit(f"SELECT '{'é' * (51 * 1024)}' AS a")


# --- parameters -----------------------------------------------------------------------------------


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


# --- tokens, owners, waiting ----------------------------------------------------------------------


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
    assert time.monotonic() - begun < 5


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


# --- requests -------------------------------------------------------------------------------------


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


def test_calls_are_answered_while_a_statement_runs(client: Client, locked: str) -> None:
    slow = client.submit(f"SELECT * FROM {locked}")["Id"]
    answered = threading.Event()

    def ask() -> None:
        client.done("SELECT 1")
        answered.set()

    threading.Thread(target=ask, daemon=True).start()
    assert answered.wait(10)
    client.call("CancelStatement", Id=slow)
