"""Settings, transactions, maintenance, EXPLAIN and SHOW."""

import pytest

from local.warehouse.dialect import UnsupportedSqlError, translate
from tests.unit.warehouse.dialect.conftest import Database


@pytest.mark.parametrize(
    ("sql", "kind", "name", "statement"),
    [
        ("BEGIN", "control", "BEGIN", "BEGIN"),
        ("start transaction isolation level serializable", "control", "BEGIN",
         "BEGIN isolation level serializable"),
        ("COMMIT WORK;", "control", "COMMIT", "COMMIT"),
        ("END", "control", "COMMIT", "COMMIT"),
        ("ROLLBACK", "control", "ROLLBACK", "ROLLBACK"),
        ("ABORT TRANSACTION", "control", "ROLLBACK", "ROLLBACK"),
        ("VACUUM", "utility", "VACUUM", "VACUUM"),
        ("VACUUM FULL sales TO 99 PERCENT BOOST", "utility", "VACUUM", 'VACUUM "sales"'),
        ("VACUUM DELETE ONLY s.t", "utility", "VACUUM", 'VACUUM "s"."t"'),
        ("ANALYZE sales PREDICATE COLUMNS", "utility", "ANALYZE", 'ANALYZE "sales"'),
        ("ANALYZE VERBOSE sales (A, b)", "utility", "ANALYZE", 'ANALYZE "sales" ("a", "b")'),
        ("TRUNCATE sales", "ddl", "TRUNCATE", 'TRUNCATE TABLE "sales"'),
        ("CREATE DATABASE other", "ddl", "CREATE DATABASE", 'CREATE DATABASE "other"'),
        ("DROP DATABASE other", "ddl", "DROP DATABASE", 'DROP DATABASE "other"'),
        ("LOCK TABLE a, s.b", "lock", "LOCK", 'LOCK TABLE "a", "s"."b" IN ACCESS EXCLUSIVE MODE'),
        ("CALL s.p(1, 'x', DATEADD(day, 1, :d))", "call", "CALL", "CALL \"s\".\"p\"(1, 'x',"
         " redshift.dateadd(INTERVAL '1 day', 1, CAST(%(d)s AS timestamp)))"),
    ],
)  # fmt: skip
def test_a_statement_is_classified_for_the_guards(
    sql: str, kind: str, name: str, statement: str
) -> None:
    translated = translate(sql, parameters=frozenset({"d"}))

    assert (translated.kind, translated.name) == (kind, name)
    assert translated.statements == (statement,)


def test_a_query_group_is_set_shown_and_reset(database: Database) -> None:
    assert database.run("SHOW query_group") == [("",)]
    database.run("SET query_group TO 'nightly'")
    assert database.run("SHOW query_group") == [("nightly",)]
    database.run("RESET query_group")
    assert database.run("SHOW query_group") == [("",)]
    assert database.columns == ["query_group"]


def test_the_search_path_never_loses_the_compatibility_schema(database: Database) -> None:
    database.run("CREATE SCHEMA area")
    database.run("CREATE TABLE area.t (a INT)")
    database.run("SET search_path TO '$user', Area, public")

    assert database.run("SELECT COUNT(*), GETDATE() > '2020-01-01' FROM t") == [(0, True)]
    assert database.run("SHOW search_path") == [('"$user", area, public',)]


@pytest.mark.parametrize(
    "statement",
    [
        "SET timezone = 'America/New_York'",
        "SET statement_timeout TO 60000",
        "SET enable_result_cache_for_session TO off",
        "SET enable_case_sensitive_identifier TO false",
        "RESET ALL",
    ],
)
def test_a_setting_without_effect_on_meaning_is_accepted(
    database: Database, statement: str
) -> None:
    database.run(statement)

    assert database.run("SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    "statement", ["SET enable_case_sensitive_identifier TO true", "SET work_mem TO '1GB'"]
)
def test_a_setting_that_would_change_meaning_is_refused(statement: str) -> None:
    with pytest.raises(UnsupportedSqlError):
        translate(statement)


def test_explain_shows_a_plan(database: Database) -> None:
    database.run("CREATE TABLE t (a INT)")

    plan = database.run("EXPLAIN SELECT * FROM t WHERE a = 1")

    assert "Seq Scan on t" in plan[0][0]
    assert translate("EXPLAIN DELETE t").statements == ('EXPLAIN DELETE FROM "t"',)


def test_show_lists_schemas_tables_and_columns(database: Database) -> None:
    database.run("CREATE SCHEMA area")
    database.run("CREATE TABLE area.t (a VARCHAR(9), b SUPER NOT NULL)")
    database.run("CREATE VIEW area.v AS SELECT a FROM area.t")

    assert ("dev", "area") in [row[:2] for row in database.run("SHOW SCHEMAS FROM DATABASE dev")]
    tables = database.run("SHOW TABLES FROM SCHEMA dev.area LIKE '%' LIMIT 10")
    assert [row[:4] for row in tables] == [
        ("dev", "area", "t", "TABLE"),
        ("dev", "area", "v", "VIEW"),
    ]
    columns = database.run("SHOW COLUMNS FROM TABLE dev.area.t")
    assert [(row[3], row[6], row[7], row[8]) for row in columns] == [
        ("a", "YES", "character varying", 9),
        ("b", "NO", "super", None),
    ]
