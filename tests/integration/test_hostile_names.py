"""Loads with names of any kind on a real engine: each statement runs, and means its columns."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings

from config.folding import folded
from local.warehouse import dialect
from local.warehouse.dialect.statement import COLUMNS_SQL
from tests.unit.upsert.named_loads import COLUMNS, Shape, hostile_names, shapes, statements
from tests.unit.warehouse.dialect.postgres import running_postgres

MIGRATIONS = sorted(Path("lambdas/sql/migrations").glob("*.sql"))[:3]
KEYS = (7, 8, 9)  # as many as the files of named_loads say they hold
VALUES = ("'seven'", "DATE '2025-01-31'", "'eight'", "JSON_PARSE('[7]')")


@pytest.fixture(scope="module")
def connection() -> Iterator[psycopg.Connection[Any]]:
    with running_postgres() as dsn:
        with psycopg.connect(dsn, autocommit=True) as setup:
            setup.execute(dialect.SETUP_SQL)
            setup.execute("ALTER DATABASE postgres SET search_path = public, redshift")
        with psycopg.connect(dsn) as found:
            for path in MIGRATIONS:
                _run(found, path.read_text())
            found.commit()
            yield found


def _run(connection: psycopg.Connection[Any], sql: str) -> list[tuple[Any, ...]]:
    def columns_of(table: str) -> list[str]:
        return [name for (name,) in connection.execute(COLUMNS_SQL, (table,))]

    cursor = None
    for statement in dialect.translate(sql, columns_of=columns_of).statements:
        cursor = connection.execute(statement)
    return cursor.fetchall() if cursor is not None and cursor.description else []


@settings(max_examples=max(settings().max_examples // 4, 1))
@given(shapes, hostile_names())
def test_rows_arrive_whatever_their_columns_are_called(
    connection: psycopg.Connection[Any], shape: Shape, names: dict[str, str]
) -> None:
    shape = replace(shape, target="none", words=False, layouts=shape.layouts[:1])
    try:
        written = [sql for sql in statements(shape, names) if not sql.startswith("LOCK")]
        for sql in written:
            if sql.startswith("COPY"):
                _stage(connection, sql)
            else:
                found = _run(connection, sql)
        assert found == []  # the history knows no file of that name
        schema = folded(names["zqschemaz"]) if shape.has_schema else "public"
        table = ".".join('"' + part.replace('"', '""') + '"' for part in (schema, _table(names)))
        assert sorted(row[0] for row in _run(connection, f"SELECT * FROM {table}")) == list(KEYS)
    finally:
        connection.rollback()


def _table(names: dict[str, str]) -> str:
    return folded(names["zqtablez"])


def _stage(connection: psycopg.Connection[Any], copy: str) -> None:
    """Rows in place of a COPY of rows; the batch's list stays empty."""
    # COPY itself is compared word by word in test_injection
    table = copy.removeprefix("COPY ").split(" ", 1)[0]
    if table != '"sluice_batch"':
        assert len(VALUES) + 1 == COLUMNS
        for key in KEYS:
            _run(connection, f"INSERT INTO {table} VALUES ({', '.join((str(key), *VALUES))})")
