"""Names of up to 127 bytes survive a server that cuts them at 63."""

import psycopg
import pytest

from local.warehouse.dialect import (
    UnsupportedSqlError,
    logical_name,
    logical_text,
    names,
    physical_name,
    remember,
    translate,
)
from tests.unit.warehouse.dialect.conftest import Database

LONG = "a_rather_long_name_that_goes_on_" + "and_on_" * 12
TWIN = LONG + "x"
WIDE = "é" * 60


@pytest.mark.parametrize("name", [LONG, TWIN, WIDE, "x" * 64, "x" * 127])
def test_a_long_name_has_a_short_form_and_a_way_back(name: str) -> None:
    physical = physical_name(name)

    assert len(physical.encode()) <= 63
    assert logical_name(physical) == name
    assert physical_name(name) == physical


def test_long_names_that_begin_alike_stay_apart() -> None:
    assert physical_name(LONG) != physical_name(TWIN)


@pytest.mark.parametrize("name", ["x", "x" * 63, "É" * 31, "with ~ tilde"])
def test_a_name_that_fits_is_only_folded(name: str) -> None:
    assert physical_name(name.upper()) == name
    assert logical_name(name) == name


def test_a_name_over_127_bytes_is_refused() -> None:
    with pytest.raises(UnsupportedSqlError, match="a name of 128 bytes"):
        physical_name("x" * 128)
    with pytest.raises(UnsupportedSqlError, match="a name of 128 bytes"):
        translate(f'SELECT 1 AS "{"é" * 64}"')


def test_iam_users_keep_their_case() -> None:
    assert physical_name("IAMR:Loader-Dev") == "IAMR:Loader-Dev"
    assert physical_name("iamr:Loader-Dev") == "IAMR:Loader-Dev"
    assert physical_name("Iam:Ann") == "IAM:Ann"


def test_long_names_work_in_every_place(database: Database) -> None:
    schema, table, column = f"s_{LONG}", f"t_{LONG}", f"C_{LONG}"
    database.run(f'CREATE SCHEMA "{schema}"')
    database.run(f'CREATE TABLE "{schema}"."{table}" (id INT, "{column}" VARCHAR(5))')
    database.run(f'INSERT INTO "{schema}"."{table}" (id, "{column}") VALUES (1, \'x\')')
    database.run(f"ALTER TABLE {schema}.{table} ADD COLUMN {TWIN} INT")
    database.run(f"ALTER TABLE {schema}.{table} RENAME COLUMN {TWIN} TO {LONG}")
    database.run(f"ALTER TABLE {schema}.{table} ALTER COLUMN {column} TYPE VARCHAR(9)")

    rows = database.run(f'SELECT t.*, {column} AS "{TWIN}" FROM {schema}.{table} t')

    assert rows == [(1, "x", None, "x")]
    assert database.columns == ["id", column.lower(), LONG, TWIN]


def test_long_names_of_stored_objects_are_in_the_registry(database: Database) -> None:
    database.run(f"CREATE TABLE {LONG} ({TWIN} INT)")
    database.run(f"CREATE TEMP TABLE temporary_one (only_here_{LONG} INT)")

    stored = dict(database.connection.execute("SELECT * FROM redshift.long_names").fetchall())

    assert stored == {physical_name(LONG): LONG, physical_name(TWIN): TWIN}
    found = database.run(
        "SELECT LOGICAL_NAME(attname::TEXT) FROM pg_attribute"
        f" WHERE attrelid = '{physical_name(LONG)}'::REGCLASS AND attnum = 1"
    )
    assert found == [(TWIN,)]


def test_a_registry_read_back_restores_names(monkeypatch: pytest.MonkeyPatch) -> None:
    physical = physical_name(LONG)
    monkeypatch.setattr(names, "_logical_names", {})
    assert logical_name(physical) == physical

    remember([(physical, LONG)])

    assert logical_name(physical) == LONG
    assert logical_text(f'relation "{physical}" does not exist') == (
        f'relation "{LONG}" does not exist'
    )


def test_the_servers_message_about_a_long_name_can_be_restored(database: Database) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable) as caught:
        database.run(f"SELECT * FROM {LONG}")

    assert f'relation "{LONG}" does not exist' in logical_text(str(caught.value))
