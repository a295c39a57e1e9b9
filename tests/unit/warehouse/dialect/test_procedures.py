"""Procedures: the header in any order, the body translated statement by statement."""

import psycopg
import pytest

from local.warehouse.dialect import UnsupportedSqlError, translate
from tests.unit.warehouse.dialect.conftest import Database

BODY = """
DECLARE
    total INT := 0;
    listed VARCHAR(MAX);
    item RECORD;
    id INT := 2;
BEGIN
    INSERT INTO t (id, v) VALUES (3, 'c');
    GET DIAGNOSTICS total := ROW_COUNT;
    SELECT INTO listed LISTAGG(v, ',') WITHIN GROUP (ORDER BY t.id) FROM t;
    <<counting>>
    FOR i IN 1..3 LOOP
        total := total + i;
        EXIT counting WHEN total > 100;
    END LOOP counting;
    FOR item IN SELECT t.id, CASE WHEN t.id = 1 THEN 'one' ELSE 'more' END AS word FROM t ORDER BY 1
    LOOP
        IF item.id = 1 AND item.word = 'one' THEN
            note := note || DECODE(item.id, 1, 'x', 'y');
        ELSIF item.id = id THEN
            UPDATE t SET v = item.word WHERE t.id = item.id;
        ELSE
            NULL;
        END IF;
    END LOOP;
    WHILE total < 10 LOOP total := total + DATEDIFF(day, '2024-01-01', '2024-01-03'); END LOOP;
    CREATE TEMP TABLE IF NOT EXISTS notes (text VARCHAR(2), payload SUPER) DISTSTYLE AUTO;
    EXECUTE 'DROP TABLE notes';
    DELETE t WHERE id = 3;
    note := note || ' ' || total || ' ' || listed;
EXCEPTION
    WHEN OTHERS THEN
        RAISE EXCEPTION 'failed: %', SQLERRM;
END
"""


@pytest.fixture
def prepared(database: Database) -> Database:
    database.run("CREATE TABLE t (id INT, v VARCHAR(9))")
    database.run("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    return database


@pytest.mark.parametrize(
    "header",
    [
        "CREATE PROCEDURE p(INOUT note VARCHAR(20)) AS $$ {} $$ LANGUAGE plpgsql",
        "CREATE OR REPLACE PROCEDURE public.p(note INOUT VARCHAR) LANGUAGE plpgsql AS $$ {} $$"
        " SECURITY INVOKER",
        'CREATE PROCEDURE "P"(note INOUT VARCHAR) SECURITY DEFINER LANGUAGE plpgsql AS $body$'
        " {} $body$;",
    ],
)
def test_a_procedure_runs_whatever_the_order_of_its_header(prepared: Database, header: str) -> None:
    sql = header.format(BODY)
    prepared.run(sql)

    assert prepared.run("CALL p('got ')") == [("got x 11 a,b,c",)]
    # a name that is a variable and a column is the variable: DELETE t WHERE 2 = 3
    assert prepared.run("SELECT id, v FROM t ORDER BY id") == [(1, "a"), (2, "more"), (3, "c")]
    assert (translate(sql).kind, translate(sql).name) == ("procedure", "CREATE PROCEDURE")


def test_an_error_in_a_procedure_reaches_the_caller(prepared: Database) -> None:
    prepared.run(
        "CREATE PROCEDURE p() AS $$ BEGIN RAISE EXCEPTION '% rows, 100%% wrong', 3; END $$"
        " LANGUAGE plpgsql"
    )

    with pytest.raises(psycopg.errors.RaiseException, match="3 rows, 100% wrong"):
        prepared.run("CALL p()")


def test_a_cursor_and_a_typed_variable_work(prepared: Database) -> None:
    prepared.run(
        """CREATE PROCEDURE p(OUT got INT) AS $$
        DECLARE
            c CURSOR FOR SELECT id FROM t WHERE v = NVL(NULL, 'b');
            one t.id%TYPE;
        BEGIN
            OPEN c;
            FETCH c INTO one;
            CLOSE c;
            PERFORM DATE_TRUNC('day', GETDATE());
            got := one;
        END; $$ LANGUAGE plpgsql"""
    )

    assert prepared.run("CALL p(NULL)") == [(2,)]


def test_a_function_in_sql_works(database: Database) -> None:
    database.run(
        "CREATE OR REPLACE FUNCTION f(FLOAT, DATE) RETURNS FLOAT STABLE"
        " AS $$ SELECT $1 + DATEDIFF(day, $2, DATE '2024-01-03') $$ LANGUAGE sql"
    )

    assert database.run("SELECT f(0.5, '2024-01-01')") == [(2.5,)]


@pytest.mark.parametrize(
    ("body", "construct"),
    [
        ("BEGIN EXECUTE 'DROP TABLE ' || name; END", "EXECUTE of a computed statement"),
        ("BEGIN COPY t FROM 's3://b/k' IAM_ROLE 'r'; END", "COPY in a procedure"),
        ("BEGIN VACUUM t; END", "VACUUM in a procedure"),
        ("BEGIN SELECT SUM(a) OVER (ORDER BY b) INTO x FROM t; END", "without a frame"),
        ("DECLARE x UUID; BEGIN NULL; END", "the type UUID"),
    ],
)
def test_a_body_that_would_mean_something_else_is_refused(body: str, construct: str) -> None:
    with pytest.raises(UnsupportedSqlError, match=construct):
        translate(f"CREATE PROCEDURE p() AS $$ {body} $$ LANGUAGE plpgsql")


@pytest.mark.parametrize(
    ("statement", "construct"),
    [
        ("CREATE PROCEDURE p() NONATOMIC AS $$ BEGIN NULL; END $$ LANGUAGE plpgsql", "NONATOMIC"),
        ("CREATE FUNCTION f(a INT) RETURNS INT STABLE AS $$ return a $$ LANGUAGE plpythonu",
         "plpythonu"),
    ],
)  # fmt: skip
def test_a_header_postgres_cannot_honour_is_refused(statement: str, construct: str) -> None:
    with pytest.raises(UnsupportedSqlError, match=construct):
        translate(statement)
