"""The compatibility schema and the translation agree on what it holds."""

from local.warehouse.dialect import SETUP_SQL
from local.warehouse.dialect.functions import COMPAT
from tests.unit.warehouse.dialect.conftest import Database

# what the translation itself calls, under names no user writes
INTERNAL = {
    "dateadd", "datediff", "elements", "first_not_null", "fit", "last_not_null",
    "limit_bytes", "no_boolean", "no_text", "percentile_cont", "require_table", "resize_column",
    "super_compare", "super_number", "varbyte",
}  # fmt: skip


def test_every_function_the_translation_names_exists(database: Database) -> None:
    rows = database.connection.execute(
        "SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'redshift'::regnamespace"
    ).fetchall()

    assert (COMPAT | INTERNAL).issubset(name for (name,) in rows)


def test_the_schema_can_be_set_up_again(database: Database) -> None:
    database.run("CREATE VIEW v AS SELECT DATEDIFF(day, '2024-01-01', '2024-01-02') AS d")

    database.connection.execute(SETUP_SQL)

    assert database.run("SELECT d FROM v") == [(1,)]
