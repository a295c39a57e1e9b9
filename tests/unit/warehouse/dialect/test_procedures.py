"""Procedures and functions as they are created: what is read, and what is refused by name.

How they run is in tests/integration/warehouse/procedures.
"""

import pytest

from local.warehouse.dialect import UnsupportedSqlError, translate
from local.warehouse.dialect.bodies import Choice, ForQuery, ForRange, Loop
from local.warehouse.dialect.body_parser import parse_body
from tests.unit.warehouse.dialect.conftest import Database


def test_a_body_is_kept_as_it_is_written() -> None:
    body = "BEGIN INSERT INTO t VALUES (NVL(a, 'it''s')); END"

    translated = translate(f"CREATE PROCEDURE p(a INT) AS $$ {body} $$ LANGUAGE plpgsql")

    assert (translated.kind, translated.name) == ("procedure", "CREATE PROCEDURE")
    assert body.replace("'", "''") in translated.statements[1]


def test_a_call_tells_its_name_and_arguments() -> None:
    translated = translate('CALL s."P"(1 + 1, GETDATE())')

    assert translated.procedure == ("s", "p")
    assert len(translated.arguments) == 2


def test_a_body_is_read_by_its_own_grammar() -> None:
    block = parse_body(
        """<<main>>
        DECLARE
            a INT := CASE WHEN 1 = 1 THEN 2 END;
            c CURSOR (x INT) FOR SELECT 1;
        BEGIN
            <<l>> FOR i IN REVERSE 10..a LOOP NULL; END LOOP l;
            FOR r IN EXECUTE 'SELECT ' || a LOOP NULL; END LOOP;
            WHILE a > 1 LOOP a = a - 1; END LOOP;
            CASE a WHEN 1, 2 THEN NULL; ELSE a := 3; END CASE;
        EXCEPTION WHEN OTHERS THEN
            RAISE INFO 'x %', SQLERRM;
        END main"""
    )

    assert block.label == "main"
    assert [item.name for item in block.declarations] == ["a", "c"]
    backwards, rows, loop, choice = block.body
    assert isinstance(backwards, ForRange)
    assert (backwards.label, backwards.low, backwards.high) == ("l", "10", "a")
    assert isinstance(rows, ForQuery)
    assert rows.command == "'SELECT ' || a"
    assert isinstance(loop, Loop)
    assert loop.condition == "a > 1"
    assert isinstance(choice, Choice)
    assert choice.branches[0].conditions == ("1", "2")
    assert block.handler is not None


def test_a_function_in_sql_works(database: Database) -> None:
    database.run(
        "CREATE OR REPLACE FUNCTION f(FLOAT, DATE) RETURNS FLOAT STABLE"
        " AS $$ SELECT $1 + DATEDIFF(day, $2, DATE '2024-01-03') $$ LANGUAGE sql"
    )

    assert database.run("SELECT f(0.5, '2024-01-01')") == [(2.5,)]


@pytest.mark.parametrize(
    ("body", "construct"),
    [
        ("BEGIN VACUUM t; END", "VACUUM in a procedure"),
        ("BEGIN CREATE DATABASE d; END", "CREATE DATABASE in a procedure"),
        ("BEGIN UNLOAD ('SELECT 1') TO 's3://b/x' IAM_ROLE 'r'; END", "UNLOAD in a procedure"),
        ("BEGIN SET LOCAL query_group TO 'x'; END", "SET LOCAL in a procedure"),
        ("BEGIN SELECT SUM(a) OVER (ORDER BY b) INTO x FROM t; END", "without a frame"),
        ("DECLARE x UUID; BEGIN NULL; END", "the type UUID"),
        ("BEGIN x := GENERATE_SERIES(1, 2); END", "the function GENERATE_SERIES"),
        ("BEGIN IF a IS DISTINCT FROM b THEN NULL; END IF; END", "IS DISTINCT FROM"),
        ("BEGIN NULL; EXCEPTION WHEN unique_violation THEN NULL; END", "unique_violation"),
        ("BEGIN EXECUTE 'SELECT 1' USING a; END", "EXECUTE ... USING"),
        ("BEGIN SELECT 1 INTO STRICT a; END", "INTO STRICT"),
        ("BEGIN GET DIAGNOSTICS a = RESULT_OID; END", "GET DIAGNOSTICS RESULT_OID"),
        ("BEGIN ALTER TABLE t APPEND FROM s; END", "ALTER TABLE APPEND"),
        ("BEGIN PREPARE p AS SELECT 1; END", "PREPARE"),
        ("BEGIN SELECT 1; END", "query has no destination for result data"),
        ("BEGIN RAISE INFO '% and %', a; END", "RAISE has 1 values"),
        ("BEGIN RETURN 1; END", 'syntax error at or near "1"'),
        ("SELECT 1", 'syntax error at or near "SELECT"'),
        ("BEGIN IF a THEN NULL; END;", "syntax error|unexpected end"),
        ("BEGIN NULL;", "unexpected end of SQL"),
    ],
)
def test_a_body_that_redshift_or_nothing_here_runs_is_refused(body: str, construct: str) -> None:
    with pytest.raises(UnsupportedSqlError, match=construct):
        translate(f"CREATE PROCEDURE p(a INT) AS $$ {body} $$ LANGUAGE plpgsql")


@pytest.mark.parametrize(
    ("statement", "construct"),
    [
        ("CREATE FUNCTION f(a INT) RETURNS INT STABLE AS $$ return a $$ LANGUAGE plpythonu",
         "plpythonu"),
        ("CREATE PROCEDURE p() AS $$ BEGIN NULL; END $$ LANGUAGE sql", "a procedure in sql"),
        ("CREATE PROCEDURE p() AS $$ BEGIN NULL; END $$ LANGUAGE plpgsql SET a TO b", "SET of a"),
    ],
)  # fmt: skip
def test_a_header_that_cannot_be_honoured_is_refused(statement: str, construct: str) -> None:
    with pytest.raises(UnsupportedSqlError, match=construct):
        translate(statement)
