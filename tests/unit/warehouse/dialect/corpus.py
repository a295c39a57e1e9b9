"""Statements of Redshift's SQL, and the rows they return on the tables of TABLES."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple


class Case(NamedTuple):
    """One statement; `columns` only where the names of the result are the point."""

    sql: str
    rows: list[tuple[Any, ...]]
    columns: list[str] | None = None


def at(text: str) -> datetime:
    """A moment without a time zone, as TIMESTAMP is."""
    return datetime.fromisoformat(text)


TABLES = [
    "CREATE TABLE sales (id INTEGER, shop VARCHAR(20), amount INTEGER, price DECIMAL(8,2),"
    " sold TIMESTAMP) DISTKEY(shop) SORTKEY(sold)",
    """INSERT INTO sales VALUES
       (1, 'north', 10, 1.50, '2024-01-31 23:59:59'), (2, 'north', 20, 2.25, '2024-02-01 00:00:00'),
       (3, 'south', 30, NULL, '2024-03-15 12:30:45'), (4, NULL, NULL, 4.00, NULL)""",
    "CREATE TABLE shops (shop VARCHAR(20), city VARCHAR(20))",
    "INSERT INTO shops VALUES ('north', 'Oslo'), ('east', 'Riga')",
    "CREATE TABLE events (id INTEGER, payload SUPER, items SUPER)",
    r"""INSERT INTO events SELECT 1,
       JSON_PARSE('{"user": {"name": "Ann", "tags": ["a", "b"]}, "size": 3}'),
       JSON_PARSE('[{"sku": "x", "parts": [1, 2]}, {"sku": "y", "parts": [3]}]')""",
    "INSERT INTO events SELECT 2, JSON_PARSE('{\"size\": \"big\"}'), JSON_PARSE('[]')",
    "CREATE TABLE part (quality INTEGER, maker VARCHAR(10), cost DECIMAL(8,2))",
    "INSERT INTO part VALUES (1, 'a', 1.00), (1, 'b', 2.00), (2, 'a', 3.00), (NULL, 'b', 4.00)",
]

DATES = [
    Case("SELECT DATEDIFF(day, '2024-01-01 23:59:00', '2024-01-02 00:01:00')", [(1,)]),
    Case("SELECT DATEDIFF(month, DATE '2024-01-31', DATE '2024-02-01')", [(1,)]),
    Case("SELECT DATEDIFF(year, '2023-12-31', '2024-01-01')", [(1,)]),
    Case("SELECT DATEDIFF(qtr, '2024-03-31', '2024-04-01')", [(1,)]),
    Case("SELECT DATEDIFF(hour, '2024-01-01 00:59:59', '2024-01-01 01:00:00')", [(1,)]),
    Case("SELECT DATEDIFF(minute, TIME '10:00:59', TIME '10:01:00')", [(1,)]),
    Case("SELECT DATEDIFF(s, '2024-01-01', '2024-01-01 00:01:00.9')", [(60,)]),
    Case("SELECT DATEDIFF(week, DATE '2024-01-06', DATE '2024-01-07')", [(1,)]),
    Case("SELECT DATEDIFF(week, DATE '2024-01-07', DATE '2024-01-13')", [(0,)]),
    Case("SELECT DATEDIFF(day, '2024-03-01', '2024-02-28') AS d", [(-2,)], ["d"]),
    Case("SELECT DATEDIFF(day, NULL, sold) FROM sales WHERE id = 1", [(None,)]),
    Case(
        "SELECT DATEADD(day, 7, DATE '2024-01-31'), DATEADD(month, 1, '2024-01-31')",
        [(at("2024-02-07 00:00:00"), at("2024-02-29 00:00:00"))],
        ["date_add", "date_add"],
    ),
    Case(
        "SELECT DATEADD(hour, -amount, sold) FROM sales WHERE id = 2",
        [(at("2024-01-31 04:00:00"),)],
    ),
    Case("SELECT DATEADD(qtr, 1, '2024-01-01')", [(at("2024-04-01 00:00:00"),)]),
    Case("SELECT DATEADD(minute, 90, TIME '23:00:00')", [(time(0, 30),)]),
    Case(
        "SELECT ADD_MONTHS('2024-02-29', 1), ADD_MONTHS(DATE '2024-01-15', -1)",
        [(at("2024-03-31 00:00:00"), at("2023-12-15 00:00:00"))],
    ),
    Case("SELECT DATE_TRUNC('month', DATE '2024-03-15')", [(at("2024-03-01 00:00:00"),)]),
    Case("SELECT DATE_TRUNC('week', sold) FROM sales WHERE id = 3", [(at("2024-03-11 00:00:00"),)]),
    Case(
        "SELECT DATE_PART(dow, DATE '2024-03-17'), DATE_PART('yr', DATE '2024-03-17')",
        [(0.0, 2024.0)],
    ),
    Case("SELECT EXTRACT(year FROM sold) / 10 FROM sales WHERE id = 1", [(202,)]),
    Case("SELECT EXTRACT(epoch FROM TIMESTAMP '1970-01-02 00:00:00')", [(86400,)]),
    Case(
        "SELECT LAST_DAY('2024-02-10'), NEXT_DAY('2024-01-01', 'Mon'), TRUNC(TIMESTAMP"
        " '2024-01-01 10:00')",
        [(date(2024, 2, 29), date(2024, 1, 8), date(2024, 1, 1))],
    ),
    Case(
        "SELECT MONTHS_BETWEEN('2024-03-31', '2024-02-29'), MONTHS_BETWEEN('1969-01-18',"
        " '1969-03-18')",
        [(1.0, -2.0)],
    ),
    Case(
        "SELECT CONVERT_TIMEZONE('UTC', 'America/New_York', TIMESTAMP '2024-07-01 12:00:00')",
        [(at("2024-07-01 08:00:00"),)],
    ),
    Case(
        "SELECT CONVERT_TIMEZONE('America/New_York', '2024-07-01 12:00:00')",
        [(at("2024-07-01 08:00:00"),)],
    ),
    Case("SELECT DATE '2024-01-01' + 1, CURRENT_DATE - CURRENT_DATE", [(date(2024, 1, 2), 0)]),
    Case(
        "SELECT TO_CHAR(sold, 'YYYY-MM-DD'), TO_DATE('20240105', 'YYYYMMDD') FROM sales WHERE"
        " id = 1",
        [("2024-01-31", date(2024, 1, 5))],
    ),
    Case(
        "SELECT sold + INTERVAL '1 day 2 hours' FROM sales WHERE id = 2",
        [(at("2024-02-02 02:00:00"),)],
    ),
    Case("SELECT SYSDATE < DATEADD(day, 1, GETDATE()), SYSDATE > '2020-01-01'", [(True, True)]),
]

CONDITIONS = [
    Case("SELECT NVL(shop, 'none') FROM sales ORDER BY id DESC LIMIT 1", [("none",)], ["coalesce"]),
    Case(
        "SELECT ISNULL(amount, -1), NVL2(amount, 'y', 'n') FROM sales WHERE id = 4",
        [(-1, "n")],
        ["coalesce", "case"],
    ),
    Case(
        "SELECT DECODE(shop, 'north', 'N', 'south', 'S', NULL, '?', '-') FROM sales ORDER BY id",
        [("N",), ("N",), ("S",), ("?",)],
    ),
    Case("SELECT DECODE(id, 1, 'one') FROM sales WHERE id < 3 ORDER BY id", [("one",), (None,)]),
    Case(
        "SELECT COALESCE(NULL, amount), NULLIF(1, 1), GREATEST(1, NULL, 3) FROM sales WHERE id = 1",
        [(10, None, 3)],
    ),
    Case(
        "SELECT CASE WHEN amount IS NULL THEN 'no' ELSE 'yes' END FROM sales WHERE id > 2"
        " ORDER BY id",
        [("yes",), ("no",)],
        ["case"],
    ),
    Case(
        "SELECT id FROM sales WHERE shop ILIKE 'NOR%' AND shop LIKE '_orth' ORDER BY id",
        [(1,), (2,)],
    ),
    Case("SELECT id FROM sales WHERE shop SIMILAR TO '(south|east)'", [(3,)]),
    Case("SELECT id FROM sales WHERE shop ~ '^s' OR shop !~ 'h$'", [(3,)]),
    Case("SELECT id FROM sales WHERE shop NOT LIKE 'n%'", [(3,)]),
    Case("SELECT 'a_b' LIKE 'a\\\\_b', 'axb' LIKE 'a\\\\_b'", [(True, False)]),
    Case("SELECT id FROM sales WHERE id IN (1, 4) AND shop ISNULL", [(4,)]),
    Case("SELECT id FROM sales WHERE amount BETWEEN 10 AND 20 AND NOT id = 2", [(1,)]),
    Case("SELECT id FROM sales WHERE amount > ALL (SELECT 10) ORDER BY 1", [(2,), (3,)]),
    Case(
        "SELECT id FROM sales s WHERE EXISTS (SELECT 1 FROM shops WHERE shops.shop = s.shop)"
        " ORDER BY id",
        [(1,), (2,)],
    ),
]

TEXT = [
    Case("SELECT LEN('añb'), TEXTLEN('ab'), OCTET_LENGTH('añb')", [(3, 2, 4)]),
    Case("SELECT CHARINDEX('b', 'abc'), POSITION('c' IN 'abc'), STRPOS('abc', 'z')", [(2, 3, 0)]),
    Case(
        "SELECT LEFT('hello', 2), RIGHT('hello', 2), LPAD('7', 3, '0'), RPAD('ab', 1)",
        [("he", "lo", "007", "a")],
    ),
    Case(
        "SELECT SUBSTRING('hello', 2, 3), SUBSTRING('hello' FROM 4), TRIM(BOTH 'x' FROM 'xax')",
        [("ell", "lo", "a")],
    ),
    Case("SELECT CONCAT('a', 'b'), CONCAT('a', NULL), 'a' || NULL", [("ab", None, None)]),
    Case(
        "SELECT 'it\\'s', 'a\\\\b', 'tab\\tend', 'quo''te', 'l' 'ong'",
        [("it's", "a\\b", "tab\tend", "quo'te", "long")],
    ),
    Case("SELECT REGEXP_SUBSTR('abc12', '[0-9]+'), REGEXP_SUBSTR('abc', '[0-9]+')", [("12", "")]),
    Case(
        "SELECT REGEXP_REPLACE('a1b2', '[0-9]', '-'), REGEXP_REPLACE('a1b2', '[0-9]')",
        [("a-b-", "ab")],
    ),
    Case(
        "SELECT REGEXP_REPLACE('the Fox', 'fox', 'cat', 1, 'i'), REGEXP_REPLACE('ab',"
        " '(a)(b)', '$2$1')",
        [("the cat", "ba")],
    ),
    Case("SELECT REGEXP_COUNT('a1b2', '[0-9]'), REGEXP_INSTR('ab1', '[0-9]')", [(2, 3)]),
    Case("SELECT STRTOL('ff', 16), STRTOL('-101', 2), STRTOL('0x1f', 16)", [(255, -5, 31)]),
    Case(
        "SELECT SPLIT_PART('a,b', ',', 2), REPLACE('aXa', 'X', '-'), BTRIM(' x '), REVERSE('ab')",
        [("b", "a-a", "x", "ba")],
    ),
    Case(
        "SELECT MD5('x'), SHA2('', 256)",
        [
            (
                "9dd4e461268c8034f5c8564e155c67a6",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            )
        ],
    ),
    Case(
        "SELECT UPPER('ä'), INITCAP('two words'), CHR(65), ASCII('A'), REPEAT('a', 2)",
        [("Ä", "Two Words", "A", 65, "aa")],
    ),
    Case(
        "SELECT 'abcdef'::VARCHAR(3), 'éé'::VARCHAR(3), CAST(12345 AS CHAR(2))",
        [("abc", "é", "12")],
        ["varchar", "varchar", "bpchar"],
    ),
    Case(
        "SELECT shop::VARCHAR(2) FROM sales ORDER BY id",
        [("no",), ("no",), ("so",), (None,)],
        ["shop"],
    ),
    Case(
        "SELECT 'a'::VARCHAR(MAX), 12::TEXT, 'x'::CHAR(3) || '|'",
        [("a", "12", "x|")],
    ),
]

NUMBERS = [
    Case("SELECT 7/2, -7/2, 7 % 3, 7.0/2 = 3.5, 2 ^ 3, |/ 16", [(3, -3, 1, True, 8.0, 4.0)]),
    Case(
        "SELECT 1.5::DECIMAL, 2.567::DECIMAL(5,2), 2.4::NUMERIC(3)",
        [(Decimal(2), Decimal("2.57"), Decimal(2))],
        ["numeric", "numeric", "numeric"],
    ),
    Case(
        "SELECT ROUND(1.235, 2), ROUND(1.25::FLOAT, 1), TRUNC(1.29::FLOAT, 1), TRUNC(-1.9)",
        [(Decimal("1.24"), 1.3, 1.2, Decimal(-1))],
    ),
    Case(
        "SELECT CONVERT(INTEGER, '12'), '3'::INT8, 1::BOOL, 2.5::REAL, ('t')::BOOL, NULL::BOOL",
        [(12, 3, True, 2.5, True, None)],
    ),
    Case(
        "SELECT MOD(7, 4), ABS(-3), SIGN(-2.0), POWER(2, 10), CEILING(1.2), FLOOR(-1.2)",
        [(3, 3, Decimal(-1), 1024.0, Decimal(2), Decimal(-2))],
    ),
]

AGGREGATES = [
    Case(
        "SELECT AVG(amount), AVG(amount::BIGINT), AVG(price), AVG(amount::FLOAT) FROM sales",
        [(20, 20, Decimal("2.58"), 20.0)],
    ),
    Case("SELECT AVG(id) FROM sales WHERE id IN (1, 2)", [(1,)]),
    Case("SELECT AVG(amount) FROM sales WHERE id = 99", [(None,)]),
    Case(
        "SELECT SUM(amount), COUNT(*), COUNT(amount), MIN(price), MAX(shop) FROM sales",
        [(60, 4, 3, Decimal("1.50"), "south")],
        ["sum", "count", "count", "min", "max"],
    ),
    Case("SELECT APPROXIMATE COUNT(DISTINCT shop) FROM sales", [(2,)], ["count"]),
    Case(
        "SELECT LISTAGG(shop, ',') WITHIN GROUP (ORDER BY id DESC) FROM sales",
        [("south,north,north",)],
        ["listagg"],
    ),
    Case(
        "SELECT LISTAGG(DISTINCT shop, '|') WITHIN GROUP (ORDER BY shop) FROM sales",
        [("north|south",)],
    ),
    Case(
        "SELECT LISTAGG(DISTINCT amount, ' ') WITHIN GROUP (ORDER BY amount DESC) FROM sales",
        [("30 20 10",)],
    ),
    Case("SELECT LISTAGG(shop) FROM sales WHERE id = 4", [(None,)]),
    Case(
        "SELECT shop, LISTAGG(id) WITHIN GROUP (ORDER BY id) FROM sales GROUP BY shop ORDER BY"
        " shop",
        [("north", "12"), ("south", "3"), (None, "4")],
    ),
    Case(
        "SELECT MEDIAN(amount), MEDIAN(id) FROM sales",
        [(Decimal("20.0"), Decimal("2.5"))],
        ["median", "median"],
    ),
    Case(
        "SELECT PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY amount) FROM sales",
        [(Decimal("15.00"),)],
    ),
    Case(
        "SELECT PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY amount DESC) FROM sales",
        [(Decimal("25.00"),)],
    ),
    Case("SELECT PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY amount) FROM sales", [(20,)]),
    Case(
        "SELECT APPROXIMATE PERCENTILE_DISC(0.9) WITHIN GROUP (ORDER BY amount) FROM sales", [(30,)]
    ),
    Case(
        "SELECT BOOL_OR(id = 1), BOOL_AND(id > 1), STDDEV(id)::DECIMAL(4,2), ANY_VALUE(1) FROM"
        " sales",
        [(True, False, Decimal("1.29"), 1)],
    ),
    Case(
        "SELECT shop, SUM(amount) FROM sales GROUP BY ROLLUP(shop) ORDER BY 2, 1",
        [("north", 30), ("south", 30), (None, 60), (None, None)],
    ),
    Case("SELECT shop FROM sales GROUP BY shop HAVING COUNT(*) > 1", [("north",)]),
]

WINDOWS = [
    Case(
        "SELECT id, ROW_NUMBER() OVER (PARTITION BY shop ORDER BY id DESC) FROM sales ORDER BY id",
        [(1, 2), (2, 1), (3, 1), (4, 1)],
        ["id", "row_number"],
    ),
    Case(
        "SELECT id, SUM(amount) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) FROM sales ORDER BY id",
        [(1, 10), (2, 30), (3, 60), (4, 60)],
    ),
    Case(
        "SELECT id, AVG(amount) OVER (PARTITION BY shop) FROM sales ORDER BY id",
        [(1, 15), (2, 15), (3, 30), (4, None)],
    ),
    Case(
        "SELECT LAST_VALUE(amount IGNORE NULLS) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING"
        " AND CURRENT ROW) FROM sales ORDER BY id",
        [(10,), (20,), (30,), (30,)],
        ["last_value"],
    ),
    Case(
        "SELECT FIRST_VALUE(price) IGNORE NULLS OVER (ORDER BY id ROWS BETWEEN CURRENT ROW"
        " AND UNBOUNDED FOLLOWING) FROM sales ORDER BY id",
        [(Decimal("1.50"),), (Decimal("2.25"),), (Decimal("4.00"),), (Decimal("4.00"),)],
    ),
    Case(
        "SELECT LAST_VALUE(amount) RESPECT NULLS OVER (ORDER BY id ROWS UNBOUNDED PRECEDING)"
        " FROM sales ORDER BY id",
        [(10,), (20,), (30,), (None,)],
    ),
    Case(
        "SELECT LAG(price) IGNORE NULLS OVER (ORDER BY id) FROM sales ORDER BY id",
        [(None,), (Decimal("1.50"),), (Decimal("2.25"),), (Decimal("2.25"),)],
    ),
    Case(
        "SELECT LEAD(price, 1) IGNORE NULLS OVER (ORDER BY id) FROM sales ORDER BY id",
        [(Decimal("2.25"),), (Decimal("4.00"),), (Decimal("4.00"),), (None,)],
    ),
    Case(
        "SELECT LAG(amount, 2) OVER (ORDER BY id) FROM sales ORDER BY id",
        [(None,), (None,), (10,), (20,)],
    ),
    Case(
        "SELECT id, RATIO_TO_REPORT(amount) OVER (PARTITION BY shop) FROM sales WHERE id < 4"
        " ORDER BY id",
        [(1, 1 / 3), (2, 2 / 3), (3, 1.0)],
        ["id", "ratio_to_report"],
    ),
    Case(
        "SELECT id, LISTAGG(id, '-') WITHIN GROUP (ORDER BY id DESC) OVER (PARTITION BY shop)"
        " FROM sales ORDER BY id",
        [(1, "2-1"), (2, "2-1"), (3, "3"), (4, "4")],
    ),
    Case(
        "SELECT id, MEDIAN(amount) OVER (PARTITION BY shop) FROM sales ORDER BY id",
        [(1, Decimal("15.0")), (2, Decimal("15.0")), (3, Decimal("30.0")), (4, None)],
    ),
    Case(
        "SELECT RANK() OVER (ORDER BY shop), DENSE_RANK() OVER (ORDER BY shop), NTILE(2) OVER"
        " (ORDER BY id)"
        " FROM sales ORDER BY id",
        [(1, 1, 1), (1, 1, 1), (3, 2, 2), (4, 3, 2)],
    ),
]

SELECTS = [
    Case(
        "SELECT id, shop FROM sales QUALIFY ROW_NUMBER() OVER (PARTITION BY shop ORDER BY id"
        " DESC) = 1"
        " ORDER BY id",
        [(2, "north"), (3, "south"), (4, None)],
        ["id", "shop"],
    ),
    Case(
        "SELECT * FROM shops WHERE city > 'A' QUALIFY RANK() OVER (ORDER BY city) = 1",
        [("north", "Oslo")],
        ["shop", "city"],
    ),
    Case(
        "SELECT s.*, h.city, RANK() OVER (ORDER BY s.id) AS r FROM sales s JOIN shops h ON"
        " h.shop = s.shop"
        " QUALIFY r = 2",
        [(2, "north", 20, Decimal("2.25"), at("2024-02-01 00:00:00"), "Oslo", 2)],
        ["id", "shop", "amount", "price", "sold", "city", "r"],
    ),
    Case(
        "SELECT shop, COUNT(*) FROM sales GROUP BY shop QUALIFY RANK() OVER (ORDER BY COUNT(*)"
        " DESC) = 1"
        " ORDER BY MAX(sold)",
        [("north", 2)],
        ["shop", "count"],
    ),
    Case("SELECT TOP 2 id FROM sales ORDER BY id DESC", [(4,), (3,)]),
    Case("SELECT id FROM sales MINUS SELECT amount / 10 FROM sales", [(4,)]),
    Case(
        "SELECT id FROM sales WHERE id < 3 UNION ALL SELECT 9 INTERSECT SELECT 9",
        [(1,), (2,), (9,)],
    ),
    Case("SELECT 1 EXCEPT SELECT 1 UNION SELECT 2", [(2,)]),
    Case(
        "SELECT * EXCLUDE (sold, price) FROM sales WHERE id = 1",
        [(1, "north", 10)],
        ["id", "shop", "amount"],
    ),
    Case(
        "SELECT s.* EXCLUDE (sold, price, amount), h.city FROM sales s JOIN shops h ON s.shop"
        " = h.shop"
        " ORDER BY 1",
        [(1, "north", "Oslo"), (2, "north", "Oslo")],
        ["id", "shop", "city"],
    ),
    Case(
        "SELECT amount * 2 AS twice, twice + 1 AS more FROM sales WHERE id = 1",
        [(20, 21)],
        ["twice", "more"],
    ),
    Case("SELECT -amount AS price, price FROM sales WHERE id = 1", [(-10, Decimal("1.50"))]),
    Case("SELECT UPPER(shop) AS shop, shop || '!' FROM sales WHERE id = 1", [("NORTH", "north!")]),
    Case("SELECT n + 1 AS m, m * 2 AS k FROM (SELECT 3 AS n)", [(4, 8)]),
    Case("WITH t AS (SELECT 3 AS n) SELECT n + 1 AS m, m * 2 AS k FROM t", [(4, 8)]),
    Case(
        "SELECT * FROM (SELECT quality, maker FROM part) PIVOT (COUNT(*) AS count FOR quality"
        " IN (1, 2, NULL))"
        " ORDER BY maker",
        [("a", 1, 1, 0), ("b", 1, 0, 1)],
        ["maker", "1_count", "2_count", "null_count"],
    ),
    Case(
        "SELECT * FROM part PIVOT (AVG(cost) FOR maker IN ('a', 'b' AS other)) ORDER BY quality",
        [
            (1, Decimal("1.00"), Decimal("2.00")),
            (2, Decimal("3.00"), None),
            (None, None, Decimal("4.00")),
        ],
        ["quality", "a", "other"],
    ),
    Case(
        "SELECT maker, one FROM (SELECT maker, quality, cost FROM part) PIVOT (SUM(cost) FOR"
        " quality"
        " IN (1 AS one)) p ORDER BY maker",
        [("a", Decimal("1.00")), ("b", Decimal("2.00"))],
    ),
    Case("SELECT id FROM dev.public.sales WHERE dev.public.sales.id = 1", [(1,)]),
    Case("SELECT public.sales.id, sales.shop FROM public.sales WHERE sales.id = 2", [(2, "north")]),
    Case(
        'SELECT "ID" AS "Answer Id", "S"."Shop" FROM "Public"."SALES" "S" WHERE "s".id = 1',
        [(1, "north")],
        ["answer id", "shop"],
    ),
    Case("SELECT shop FROM sales ORDER BY shop", [("north",), ("north",), ("south",), (None,)]),
    Case("SELECT shop FROM sales ORDER BY shop DESC LIMIT 2", [(None,), ("south",)]),
    Case("SELECT shop FROM sales ORDER BY shop NULLS FIRST, id OFFSET 1 LIMIT 1", [("north",)]),
    Case("SELECT DISTINCT shop FROM sales ORDER BY 1", [("north",), ("south",), (None,)]),
    Case(
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT"
        " SUM(n) FROM r",
        [(6,)],
    ),
    Case(
        "SELECT * FROM sales JOIN shops USING (shop) WHERE id = 1",
        [("north", 1, 10, Decimal("1.50"), at("2024-01-31 23:59:59"), "Oslo")],
    ),
    Case(
        "SELECT h.city, s.id FROM sales s RIGHT JOIN shops h ON s.shop = h.shop AND s.id = 1"
        " ORDER BY 1",
        [("Oslo", 1), ("Riga", None)],
    ),
    Case(
        "SELECT x.id FROM sales x, (SELECT MAX(id) AS top_id FROM sales) m WHERE x.id = m.top_id",
        [(4,)],
    ),
    Case(
        "SELECT (SELECT MAX(city) FROM shops), 1 IN (SELECT id FROM sales), EXISTS (SELECT 1)",
        [("Riga", True, True)],
        ["max", "?column?", "exists"],
    ),
    Case("SELECT 1 AS one, 'x' AS \"Two\"; ", [(1, "x")], ["one", "two"]),
    Case("-- a comment; with a semicolon\nSELECT /* and another */ 1", [(1,)]),
    Case("(SELECT 1) UNION ALL (SELECT 2) ORDER BY 1 DESC", [(2,), (1,)]),
    Case(
        'SELECT id AS "end", amount AS "window" FROM sales WHERE id = 1',
        [(1, 10)],
        ["end", "window"],
    ),
    Case("SELECT VERSION() LIKE '%Redshift%', CURRENT_DATABASE()", [(True, "dev")]),
]

SUPER_VALUES = [
    Case(
        "SELECT payload.user.name, payload.size FROM events ORDER BY id",
        [("Ann", 3), (None, "big")],
        ["name", "size"],
    ),
    Case(
        "SELECT e.payload.user.tags[1], payload.user.tags[9] FROM events e WHERE id = 1",
        [("b", None)],
    ),
    Case(
        "SELECT payload.user.name::VARCHAR || '!', payload.size::INT + 1 FROM events WHERE id = 1",
        [("Ann!", 4)],
    ),
    Case("SELECT id FROM events WHERE payload.user.name = 'Ann'", [(1,)]),
    Case("SELECT id FROM events WHERE payload.size > 2", [(1,)]),
    Case(
        "SELECT payload.size - 1, payload.size || '1', 2 * payload.size FROM events ORDER BY id",
        [(Decimal(2), "31", Decimal(6)), (None, "big1", None)],
    ),
    Case("SELECT id FROM events WHERE NOT payload.size = 4", [(1,)]),
    Case(
        "SELECT e.id, i.sku, p FROM events e, e.items i, i.parts p ORDER BY p",
        [(1, "x", 1), (1, "x", 2), (1, "y", 3)],
        ["id", "sku", "p"],
    ),
    Case("SELECT i.sku, n FROM events AS e, e.items AS i AT n ORDER BY n", [("x", 0), ("y", 1)]),
    Case(
        "SELECT e.id, i.sku FROM events e LEFT JOIN e.items AS i ON TRUE ORDER BY 1, 2",
        [(1, "x"), (1, "y"), (2, None)],
    ),
    Case("SELECT t FROM events e, e.payload.user.tags t ORDER BY 1", [("a",), ("b",)]),
    Case(
        'SELECT JSON_SERIALIZE(JSON_PARSE(\'{"b": [1, {"x": "q\\\\"r"}], "a": null}\'))',
        [('{"a":null,"b":[1,{"x":"q\\"r"}]}',)],
    ),
    Case(
        "SELECT JSON_EXTRACT_PATH_TEXT('{\"a\":{\"b\":\"c\"}}', 'a', 'b'),"
        " JSON_EXTRACT_PATH_TEXT('{\"a\":1}', 'z'), JSON_EXTRACT_PATH_TEXT('no json', 'a', TRUE)",
        [("c", None, None)],
    ),
    Case(
        "SELECT JSON_EXTRACT_ARRAY_ELEMENT_TEXT('[1,\"two\"]', 1), JSON_ARRAY_LENGTH('[1,2,3]')",
        [("two", 3)],
    ),
    Case(
        "SELECT IS_VALID_JSON('{\"a\":1}'), IS_VALID_JSON('{a:1}'), IS_VALID_JSON_ARRAY('[1]')",
        [(True, False, True)],
    ),
    Case(
        "SELECT ARRAY(1, 'a'), OBJECT('k', 2), GET_ARRAY_LENGTH(ARRAY(1, 2)),"
        " SPLIT_TO_ARRAY('a,b')",
        [([1, "a"], {"k": 2}, 2, ["a", "b"])],
    ),
    Case(
        "SELECT '{\"a\":1}'::SUPER, 1::SUPER, JSON_TYPEOF(JSON_PARSE('[1]')), NULL::SUPER",
        [('{"a":1}', 1, "array", None)],
    ),
]

ALL = [
    *DATES,
    *CONDITIONS,
    *TEXT,
    *NUMBERS,
    *AGGREGATES,
    *WINDOWS,
    *SELECTS,
    *SUPER_VALUES,
]
