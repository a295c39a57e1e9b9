"""Text is measured in bytes."""

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.warehouse.dialect import BYTES_CONSTRAINT_PREFIX, too_long_message
from tests.unit.warehouse.dialect.conftest import Database


@pytest.mark.parametrize("kind", ["VARCHAR(3)", "CHAR(3)", "VARBYTE(3)"])
def test_a_column_refuses_what_has_too_many_bytes(database: Database, kind: str) -> None:
    database.run(f"CREATE TABLE t (a {kind})")
    value = "'éé'::VARBYTE" if kind.startswith("VARBYTE") else "'éé'"

    with pytest.raises(psycopg.errors.CheckViolation) as caught:
        database.run(f"INSERT INTO t VALUES ({value})")

    constraint = caught.value.diag.constraint_name or ""
    assert constraint.startswith(BYTES_CONSTRAINT_PREFIX)
    assert too_long_message(constraint) == "value too long for type character varying(3)"


def test_an_update_is_held_to_the_same_limit(database: Database) -> None:
    database.run("CREATE TABLE t (a VARCHAR(3))")
    database.run("INSERT INTO t VALUES ('abc'), (NULL), ('')")

    with pytest.raises(psycopg.errors.CheckViolation):
        database.run("UPDATE t SET a = 'éé'")


def test_a_value_of_exactly_the_width_fits(database: Database) -> None:
    database.run("CREATE TABLE t (a VARCHAR(4), b CHAR(2))")
    database.run("INSERT INTO t VALUES ('éé', 'xy')")

    assert database.run("SELECT a, LEN(a), OCTET_LENGTH(a) FROM t") == [("éé", 2, 4)]


def test_another_constraint_has_no_message_of_this_kind() -> None:
    assert too_long_message("orders_pkey") is None


@given(
    text=st.text(st.characters(exclude_characters="\0", codec="utf-8")), width=st.integers(1, 12)
)
def test_a_cast_cuts_at_whole_characters(dev_database: str, text: str, width: int) -> None:
    with psycopg.connect(dev_database) as connection:
        row = connection.execute("SELECT redshift.fit(%s, %s)", (text, width)).fetchone()

    assert row is not None
    kept = row[0].encode()
    assert text.startswith(row[0])
    assert len(kept) <= width
    following = text[len(row[0]) : len(row[0]) + 1].encode()
    assert not following or len(kept + following) > width
