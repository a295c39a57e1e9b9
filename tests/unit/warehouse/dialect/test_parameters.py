"""Parameters of the Data API, and percent signs beside them."""

import pytest

from local.warehouse.dialect import SqlSyntaxError, placeholders, translate
from tests.unit.warehouse.dialect.conftest import Database


def test_a_parameter_is_bound_by_name(database: Database) -> None:
    rows = database.run(
        "SELECT :who || '%' AS text, 7 % 4, 'a:b', 10::INT WHERE 5 > :low", who="50%", low="4"
    )

    assert rows == [("50%%", 3, "a:b", 10)]


def test_percent_signs_are_left_alone_without_parameters() -> None:
    assert translate("SELECT 1 WHERE 'a' LIKE '%'").statements == (
        "SELECT 1 AS \"?column?\" WHERE 'a' LIKE '%'",
    )


def test_percent_signs_are_doubled_beside_parameters() -> None:
    translated = translate("SELECT id FROM t WHERE v LIKE '%' || :v", parameters=frozenset({"v"}))

    assert translated.statements == ("""SELECT "id" FROM "t" WHERE "v" LIKE '%%' || %(v)s""",)


def test_dates_and_procedures_take_parameters(database: Database) -> None:
    database.run("CREATE PROCEDURE p(INOUT a INT) AS $$ BEGIN a := a + 1; END $$ LANGUAGE plpgsql")

    assert database.run("CALL p(:a)", a="41") == [(42,)]
    assert database.run("SELECT DATEDIFF(day, :start, '2024-01-03')", start="2024-01-01") == [(2,)]


def test_a_parameter_without_a_value_is_an_error() -> None:
    with pytest.raises(SqlSyntaxError, match="the parameter :v has no value"):
        translate("SELECT :id, :v", parameters=frozenset({"id"}))


def test_the_parameters_of_a_statement_can_be_listed() -> None:
    assert placeholders("SELECT :a, ':b', c::int, \":d\" -- :e\n WHERE x = :f") == {"a", "f"}
