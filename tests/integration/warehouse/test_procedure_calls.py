"""CALL through the Data API: headers, parameters, results, COPY, cancelling, privileges."""

import time

import pytest

from tests.integration.warehouse.client import ROLE, Bucket, Client

BODY = "BEGIN note := note || 'x'; END"


@pytest.mark.parametrize(
    "header",
    [
        "CREATE PROCEDURE p(INOUT note VARCHAR(20)) AS $$ {} $$ LANGUAGE plpgsql",
        "CREATE OR REPLACE PROCEDURE public.p(note INOUT VARCHAR) LANGUAGE plpgsql AS $$ {} $$"
        " SECURITY INVOKER",
        'CREATE PROCEDURE "P"(note INOUT VARCHAR) SECURITY DEFINER LANGUAGE plpgsql AS $body$'
        " {} $body$;",
        "CREATE PROCEDURE p(note INOUT VARCHAR) NONATOMIC AS ' BEGIN note := note || ''x''; END '"
        " LANGUAGE plpgsql",
    ],
)
def test_a_procedure_runs_whatever_the_order_of_its_header(client: Client, header: str) -> None:
    client.done(header.format(BODY))

    assert client.rows("CALL p('got ')") == [("got x",)]


def test_parameters_of_the_data_api_are_arguments(client: Client) -> None:
    client.done("CREATE TABLE t (a INT, b VARCHAR(20))")
    client.done(
        "CREATE PROCEDURE p(a INT, b VARCHAR(20), INOUT c VARCHAR(40))"
        " AS $$ BEGIN INSERT INTO t VALUES (a, b); c := b || '%' || c; END $$ LANGUAGE plpgsql"
    )
    values = {"a": "7", "b": "it's 5%%(a)s", "c": "x"}

    rows = client.rows(
        "CALL p(:a, :b, :c)",
        Parameters=[{"name": name, "value": value} for name, value in values.items()],
    )

    assert rows == [("it's 5%%(a)s%x",)]
    assert client.rows("SELECT a, b FROM t") == [(7, "it's 5%%(a)s")]


def test_output_arguments_are_one_row_with_names_and_types(client: Client) -> None:
    client.done(
        "CREATE PROCEDURE p(OUT total BIGINT, OUT is_good BOOLEAN, OUT day DATE, OUT nothing INT)"
        " AS $$ BEGIN total := 1; is_good := TRUE; day := '2024-02-29'; END $$ LANGUAGE plpgsql"
    )

    described = client.done("CALL p()")

    assert (described["HasResultSet"], described["ResultRows"]) == (True, 1)
    result = client.call("GetStatementResult", Id=described["Id"])
    assert [column["name"] for column in result["ColumnMetadata"]] == [
        *("total", "is_good", "day", "nothing")
    ]
    assert result["Records"] == [
        [
            {"longValue": 1},
            {"booleanValue": True},
            {"stringValue": "2024-02-29"},
            {"isNull": True},
        ]
    ]


def test_a_procedure_without_outputs_has_no_result(client: Client) -> None:
    client.done("CREATE PROCEDURE p() AS $$ BEGIN NULL; END $$ LANGUAGE plpgsql")

    assert client.done("CALL p()")["HasResultSet"] is False


def test_a_cursor_of_a_procedure_is_fetched_in_its_batch(client: Client) -> None:
    client.done(
        "CREATE PROCEDURE p(INOUT c REFCURSOR)"
        " AS $$ BEGIN OPEN c FOR SELECT 1 AS a UNION ALL SELECT 2 ORDER BY a; END $$"
        " LANGUAGE plpgsql"
    )

    described = client.done(["CALL p('mine')", "FETCH NEXT FROM mine", "FETCH FORWARD 5 FROM mine"])

    pages = [
        client.call("GetStatementResult", Id=f"{described['Id']}:{number}")["Records"]
        for number in (2, 3)
    ]
    assert pages == [[[{"longValue": 1}]], [[{"longValue": 2}]]]


def test_a_procedure_copies_from_s3(client: Client, bucket: Bucket) -> None:
    bucket.write("a.csv", "1\n2\n")
    bucket.write("bad.csv", "1\nx\n")
    client.done("CREATE TABLE t (a INT)")
    client.done(
        f"""CREATE PROCEDURE p(name VARCHAR, OUT loaded INT) AS $$
        BEGIN
            EXECUTE 'COPY t FROM ''s3://b/' || name || ''' {ROLE.replace("'", "''")} CSV';
            GET DIAGNOSTICS loaded := ROW_COUNT;
            COPY t FROM 's3://b/a.csv' {ROLE} CSV;
        END $$ LANGUAGE plpgsql"""
    )

    assert client.rows("CALL p('a.csv')") == [(2,)]
    assert "Load into table 't' failed" in client.failure("CALL p('bad.csv')")

    assert client.rows("SELECT COUNT(*) FROM t") == [(4,)]
    assert client.rows("SELECT status, loaded_rows FROM sys_load_history ORDER BY query_id") == [
        ("completed", 2),
        ("completed", 2),
        ("aborted", 0),
    ]
    assert client.load_errors() == [("s3://b/bad.csv", 2, "a", 1207)]


def test_a_procedure_that_never_ends_is_cancelled(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")
    client.done(
        "CREATE PROCEDURE p() AS $$ BEGIN INSERT INTO t VALUES (1); LOOP NULL; END LOOP;"
        " EXCEPTION WHEN OTHERS THEN INSERT INTO t VALUES (2); END $$ LANGUAGE plpgsql"
    )
    identifier = client.submit("CALL p()")["Id"]
    while client.call("DescribeStatement", Id=identifier)["Status"] != "STARTED":
        time.sleep(0.01)

    client.call("CancelStatement", Id=identifier)

    described = client.call("DescribeStatement", Id=identifier, WaitTimeSeconds=30)
    assert described["Status"] == "ABORTED"
    assert client.rows("SELECT COUNT(*) FROM t") == [(0,)]


def test_a_procedure_is_its_owners_until_it_is_granted(client: Client) -> None:
    client.done("CREATE PROCEDURE p(a INT) AS $$ BEGIN NULL; END $$ LANGUAGE plpgsql")
    other = client.as_principal("role/other")
    other.done("SELECT 1")

    assert "permission denied for procedure p" in other.failure("CALL p(1)")
    client.done('GRANT EXECUTE ON PROCEDURE p(INT) TO "IAMR:other"')
    other.done("CALL p(1)")


def test_a_definers_rights_end_with_its_procedure(client: Client) -> None:
    client.done("CREATE TABLE mine (a INT)")
    client.done(
        "CREATE PROCEDURE p(fails BOOLEAN) SECURITY DEFINER AS $$ BEGIN"
        " INSERT INTO mine VALUES (1); COMMIT; INSERT INTO mine VALUES (2);"
        " IF fails THEN RAISE EXCEPTION 'no'; END IF; END $$ LANGUAGE plpgsql"
    )
    client.done("GRANT EXECUTE ON PROCEDURE p(BOOLEAN) TO PUBLIC")
    other = client.as_principal("role/other")
    session = other.submit("SELECT 1", SessionKeepAliveSeconds=60, WaitTimeSeconds=30)["SessionId"]

    for fails in ("FALSE", "TRUE"):
        other.run(f"CALL p({fails})", SessionId=session)
        assert other.rows("SELECT CURRENT_USER", SessionId=session) == [("IAMR:other",)]
        assert "permission denied" in other.failure("SELECT * FROM mine", SessionId=session)
    assert "syntax error" in other.failure("SET ROLE x", SessionId=session)
    assert client.rows("SELECT a FROM mine ORDER BY a") == [(1,), (1,), (2,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT SET_CONFIG('role', 'IAM:admin', FALSE)",
        "SELECT pg_catalog.set_config('role', 'IAM:admin', FALSE)",
        "SET role TO 'IAM:admin'",
        "ALTER USER \"IAMR:loader\" SET role TO 'IAM:admin'",
    ],
)
def test_nobody_becomes_the_owner_of_a_procedure_by_asking(client: Client, sql: str) -> None:
    assert "is not supported by the local warehouse" in client.failure(sql)


def test_a_handled_error_of_a_definer_leaves_its_callers_rights(client: Client) -> None:
    client.done("CREATE TABLE mine (a INT)")
    client.done(
        "CREATE PROCEDURE fails() SECURITY DEFINER AS $$ BEGIN INSERT INTO mine VALUES (1);"
        " RAISE EXCEPTION 'no'; END $$ LANGUAGE plpgsql"
    )
    client.done("GRANT EXECUTE ON PROCEDURE fails() TO PUBLIC")
    other = client.as_principal("role/other")
    other.done(
        "CREATE PROCEDURE goes_on(OUT who VARCHAR(64)) NONATOMIC AS $$ BEGIN"
        " BEGIN CALL fails(); EXCEPTION WHEN OTHERS THEN who := SQLERRM; END;"
        " SELECT who || ' ' || CURRENT_USER INTO who; END $$ LANGUAGE plpgsql"
    )

    assert other.rows("CALL goes_on()") == [("no IAMR:other",)]


@pytest.mark.parametrize("sql", ["CALL fails()", "TRUNCATE t", "SELECT * FROM nowhere"])
def test_after_an_error_a_sessions_transaction_is_over(client: Client, sql: str) -> None:
    client.done("CREATE TABLE t (a INT)")
    client.done(
        "CREATE PROCEDURE fails() AS $$ BEGIN RAISE EXCEPTION 'no'; END $$ LANGUAGE plpgsql"
    )
    session = client.submit("BEGIN", SessionKeepAliveSeconds=60, WaitTimeSeconds=30)["SessionId"]
    client.done("INSERT INTO t VALUES (1)", SessionId=session)
    client.failure(sql, SessionId=session)

    assert "current transaction is aborted" in client.failure("SELECT 1", SessionId=session)
    client.done("COMMIT", SessionId=session)

    assert client.rows("SELECT COUNT(*) FROM t") == [(0,)]


def test_an_error_in_a_batch_undoes_the_batch_and_keeps_the_handlers_row(client: Client) -> None:
    client.done("CREATE TABLE t (a VARCHAR(20))")
    client.done(
        "CREATE PROCEDURE p() AS $$ BEGIN INSERT INTO t SELECT 1 / 0;"
        " EXCEPTION WHEN OTHERS THEN INSERT INTO t VALUES ('handled'); END $$ LANGUAGE plpgsql"
    )

    assert "division by zero" in client.failure(["INSERT INTO t VALUES ('batch')", "CALL p()"])

    assert client.rows("SELECT a FROM t") == [("handled",)]


def test_an_unknown_procedure_is_an_error(client: Client) -> None:
    assert "procedure nowhere.p with 1 arguments does not exist" in client.failure(
        "CALL nowhere.p(1)"
    )
