"""What a load makes of a staged value, and which values it refuses, on the engine."""

import pytest

from lambdas.shared.domain import conversion_sql
from lambdas.shared.domain.types import Kind, RedshiftType
from tests.integration.warehouse.client import Client

_LONG = "VARCHAR(65535)"
_CASES: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    # staged as, target, values that stay, values that would be lost
    (_LONG, "BOOLEAN", ("true", "F", "Yes", "n", "1", "0", "NA", ""), ("2", "on", "maybe", " t")),
    ("BIGINT", "BOOLEAN", ("0", "1"), ("2", "-1")),
    (_LONG, "DECIMAL(38,10)", ("1.1234567891", "-.5", "+7", "1.12345678910"), ("1.12345678919",)),
    (_LONG, "DECIMAL(5,2)", ("123.45", "0123.4500", "NA"), ("123.456", "1234", "1e2", "1,5")),
    ("DECIMAL(20,6)", "DECIMAL(18,2)", ("1.99", "99999999999999.990000"), ("1.999999",)),
    ("DECIMAL(20,2)", "DECIMAL(5,2)", ("999.99", "-999.99"), ("1000.00", "-1000")),
    ("DECIMAL(38,2)", "DECIMAL(38,10)", ("1.25",), ("9" * 30,)),
    ("DECIMAL(20,6)", "INTEGER", ("7.000000", "-2147483648"), ("7.5", "2147483648")),
    ("DECIMAL(38,0)", "BIGINT", (str(2**63 - 1), str(-(2**63))), (str(2**63), str(-(2**63) - 1))),
    ("DECIMAL(18,4)", "DOUBLE PRECISION", ("99999999999.9999",), ("99999999999999.9999",)),
    ("BIGINT", "SMALLINT", ("32767", "-32768"), ("32768", "-32769")),
    ("BIGINT", "DECIMAL(18,2)", ("9999999999999999",), ("10000000000000000", str(-(2**63)))),
    ("BIGINT", "DOUBLE PRECISION", (str(2**53),), (str(2**53 + 1),)),
    ("INTEGER", "REAL", (str(2**24),), (str(2**24 + 1),)),
    ("DOUBLE PRECISION", "BIGINT", ("3", "-2"), ("1.7", "9.3e18", "1e300", "NaN", "Infinity")),
    ("DOUBLE PRECISION", "SMALLINT", ("32767", "-32767"), ("32768", "0.5")),
    (
        "DOUBLE PRECISION",
        "DECIMAL(18,2)",
        ("0.29", "19.99", "-1.1"),
        ("1.005", "1e16", "-Infinity"),
    ),
    ("DOUBLE PRECISION", "DECIMAL(38,0)", ("1e20",), ("1e38", "1e39")),
    ("DOUBLE PRECISION", "REAL", ("0.5", "16777216"), ("0.1", "1e39")),
    ("REAL", "DECIMAL(9,4)", ("0.5",), ("0.00001", "1e30")),
    ("TIMESTAMP", "DATE", ("2024-01-31",), ("2024-01-31 10:00",)),
    ("BIGINT", "VARCHAR(3)", ("123", "-12"), ("1234",)),
    ("DATE", "VARCHAR(10)", ("2024-01-31",), ()),
    ("DATE", "CHAR(4)", (), ("2024-01-31",)),
)


@pytest.mark.parametrize(("staged", "target", "held", "lost"), _CASES)
def test_a_value_is_held_whole_or_refused(
    client: Client, staged: str, target: str, held: tuple[str, ...], lost: tuple[str, ...]
) -> None:
    kinds = RedshiftType.parse(staged), RedshiftType.parse(target)
    words = ("NA",) if kinds[0].kind is Kind.VARCHAR else ()
    conditions = conversion_sql.losses('"v"', *kinds, words)
    value = conversion_sql.value('"v"', *kinds, words)
    assert conversion_sql.is_possible(*kinds)
    client.done(f"CREATE TABLE staged (v {staged})")
    client.done(f"CREATE TABLE target (v {target})")
    cases = " ".join(f"WHEN {each} THEN 1" for each in conditions) or "WHEN 1 = 0 THEN 1"
    for text in (*held, *lost):
        client.done("TRUNCATE staged")
        client.done(f"INSERT INTO staged VALUES ('{text}'), (NULL)")
        ((counted,),) = client.rows(f"SELECT SUM(CASE {cases} ELSE 0 END) FROM staged")
        assert counted == int(text in lost), text
        if text in held:
            client.done(f"INSERT INTO target SELECT {value} FROM staged")


def test_words_are_null_and_the_words_of_copy_are_booleans(client: Client) -> None:
    client.done("CREATE TABLE staged (v VARCHAR(9))")
    client.done("INSERT INTO staged VALUES ('NA'), (''), ('Yes'), ('0')")
    value = conversion_sql.value(
        '"v"', RedshiftType.parse("VARCHAR(9)"), RedshiftType.parse("BOOLEAN"), ("NA",)
    )
    rows = client.rows(f"SELECT v, {value} FROM staged")
    assert sorted(rows) == [("", None), ("0", False), ("NA", None), ("Yes", True)]


_KINDS = (
    *("BIGINT", "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIME", "VARCHAR(9)", "SUPER"),
    *("VARBYTE(8)", "DECIMAL(9,2)", "DOUBLE PRECISION", "CHAR(3)"),
)


@pytest.mark.parametrize("kind", _KINDS)
def test_nothing_is_null_of_any_type(client: Client, kind: str) -> None:
    client.done("CREATE TABLE staged (v INTEGER)")
    client.done(f"CREATE TABLE target (v {kind})")
    client.done("INSERT INTO staged VALUES (NULL)")
    null = conversion_sql.null('"v"', RedshiftType.parse(kind))
    client.done(f"INSERT INTO target SELECT {null} FROM staged")
    assert client.rows("SELECT COUNT(*) FROM target WHERE v IS NULL") == [(1,)]
