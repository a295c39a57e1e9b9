"""What cannot be translated is refused, and the refusal names it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from local.warehouse.dialect import SqlSyntaxError, UnsupportedSqlError, translate

REFUSED = {
    "SELECT 1; SELECT 2": "more than one statement",
    "SELECT SUM(a) OVER (ORDER BY b) FROM t": r"SUM\(\) OVER \(ORDER BY ...\) without a frame",
    "SELECT NTH_VALUE(a, 2) IGNORE NULLS OVER (ORDER BY b ROWS UNBOUNDED PRECEDING) FROM t":
        "IGNORE NULLS of NTH_VALUE",
    "SELECT LAG(a, 2) IGNORE NULLS OVER (ORDER BY b) FROM t": "IGNORE NULLS of LAG",
    "SELECT LISTAGG(DISTINCT a) OVER () FROM t": r"LISTAGG\(DISTINCT",
    "SELECT PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY a) OVER () FROM t": "PERCENTILE_DISC",
    "SELECT SUM(a) FILTER (WHERE b) FROM t": "FILTER",
    "SELECT DISTINCT ON (a) a FROM t": "DISTINCT ON",
    "SELECT * FROM t TABLESAMPLE BERNOULLI (10)": "TABLESAMPLE",
    "SELECT ARRAY[1, 2]": r"ARRAY\[",
    "SELECT a -> 'b' FROM t": "the operator ->",
    "SELECT a IS DISTINCT FROM b FROM t": "IS DISTINCT FROM",
    "SELECT STRING_AGG(a, ',') FROM t": "the function STRING_AGG",
    "SELECT GENERATE_SERIES(1, 3)": "the function GENERATE_SERIES",
    "SELECT jsonb_set(a, b, c) FROM t": "the function JSONB_SET",
    "SELECT * FROM (VALUES (1)) AS t(a)": "VALUES as a table",
    "SELECT * FROM t, LATERAL (SELECT t.a) x": "LATERAL",
    "SELECT * FROM t FOR UPDATE": "FOR UPDATE",
    "SELECT a.x FROM a, b WHERE a.x = b.y(+)": r"the join operator \(\+\)",
    "SELECT 1 FROM t START WITH a CONNECT BY PRIOR b = c": "CONNECT BY",
    "SELECT FIRST_VALUE(a) OVER w FROM t WINDOW w AS (ORDER BY b)": "the WINDOW clause",
    "SELECT * FROM t UNPIVOT (n FOR color IN (red, green))": "UNPIVOT",
    "SELECT v, k FROM t s, UNPIVOT s.payload AS v AT k": "UNPIVOT",
    "SELECT * FROM t PIVOT (COUNT(*) FOR a IN (1))": "PIVOT of a source whose columns",
    "SELECT * EXCLUDE (a) FROM t": "EXCLUDE from a source whose columns",
    "SELECT a + 1 AS b, b * 2 FROM t": "the alias b",
    "SELECT a::UUID FROM t": "the type UUID",
    "SELECT a::DECIMAL(39,0) FROM t": r"the type DECIMAL\(39,0\)",
    "SELECT TRY_CAST(a AS INT) FROM t": "TRY_CAST",
    "SELECT DATEADD(fortnight, 1, a) FROM t": "the date part fortnight",
    "SELECT CONCAT(a, b, c) FROM t": "CONCAT with 3 arguments",
    "INSERT INTO t VALUES (1) RETURNING a": "RETURNING",
    "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING": "ON CONFLICT",
    "CREATE TABLE t (a UUID)": "the type UUID",
    "CREATE TABLE t (a INT[])": r'near "\['
    ,
    "CREATE TABLE t (a INT CHECK (a > 0))": "CHECK of a column",
    "CREATE TABLE t (a VARCHAR(9) COLLATE CASE_INSENSITIVE)": "COLLATE CASE_INSENSITIVE",
    "CREATE TABLE t (a VARCHAR(65536))": "at most 65535",
    "CREATE TABLE t (a CHAR(5000))": "at most 4096",
    "CREATE TABLE IF NOT EXISTS t AS SELECT 1": "CREATE TABLE IF NOT EXISTS",
    "CREATE INDEX i ON t (a)": "CREATE INDEX",
    "CREATE EXTERNAL TABLE s.t (a INT)": "CREATE EXTERNAL",
    "CREATE MATERIALIZED VIEW v AUTO REFRESH YES AS SELECT 1": "AUTO REFRESH YES",
    "CREATE DATASHARE d": "CREATE DATASHARE",
    "CREATE RLS POLICY p USING (a = 1)": "CREATE RLS",
    "ATTACH RLS POLICY p ON t TO PUBLIC": "ATTACH",
    "ALTER TABLE t APPEND FROM s": "ALTER TABLE APPEND",
    "ALTER TABLE t ALTER COLUMN a TYPE BIGINT": "ALTER COLUMN TYPE BIGINT",
    "ALTER TABLE t ROW LEVEL SECURITY ON": "ALTER TABLE ROW LEVEL",
    "ANALYZE COMPRESSION t": "ANALYZE COMPRESSION",
    "SHOW DATASHARES": "datashares",
    "DECLARE c CURSOR FOR SELECT 1": "DECLARE",
    "PREPARE p AS SELECT 1": "PREPARE",
}  # fmt: skip


@pytest.mark.parametrize("sql", REFUSED)
def test_a_construct_is_refused_by_name(sql: str) -> None:
    with pytest.raises(UnsupportedSqlError, match=REFUSED[sql]) as caught:
        translate(sql)

    assert caught.value.construct


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", 'syntax error at or near "SELEC"'),
        ("SELECT FROM WHERE", 'syntax error at or near "WHERE"'),
        ("DROP TABLE", "unexpected end of SQL"),
        ("LOCK 'orders'", "syntax error at or near \"'orders'\""),
        ("", "the statement is empty"),
        (" ;; -- nothing", "the statement is empty"),
        ("SELECT 'abc", "unterminated"),
        ("SELECT \0", "control character"),
    ],
)
def test_text_that_is_no_sql_is_a_syntax_error(sql: str, message: str) -> None:
    with pytest.raises(SqlSyntaxError) as caught:
        translate(sql)

    assert message in str(caught.value)


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    depth = 3000
    with pytest.raises(UnsupportedSqlError, match="nested this deep"):
        translate("SELECT " + "(" * depth + "1" + ")" * depth)


def test_threads_do_not_disturb_each_other() -> None:
    statements = [
        f"SELECT {number} AS n FROM t{number} WHERE a = 'x{number}'" for number in range(80)
    ]

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(translate, statements))

    assert [item.touches for item in together] == [{f"t{number}"} for number in range(80)]


def test_ten_thousand_conditions_translate() -> None:
    conditions = " OR ".join(f"a = {number}" for number in range(10_000))

    (statement,) = translate(f"SELECT 1 FROM t WHERE {conditions}").statements

    assert statement.count(" OR ") == 9_999
