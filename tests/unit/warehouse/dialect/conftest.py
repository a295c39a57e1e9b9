"""A database with the compatibility schema, rolled back after every test."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from local.warehouse import dialect
from tests.unit.warehouse.dialect.postgres import running_postgres


class Database:
    """Runs Redshift SQL by translating it, in one transaction that never commits."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.columns: list[str] = []

    def run(self, sql: str, **parameters: str) -> list[tuple[Any, ...]]:
        """The rows of one statement; [] for one that returns none."""
        translated = dialect.translate(
            sql, parameters=frozenset(parameters), columns_of=self.columns_of
        )
        for statement in translated.statements:
            cursor = self.connection.execute(statement, parameters or None)
        self.columns = [dialect.logical_name(item.name) for item in cursor.description or ()]
        return cursor.fetchall() if cursor.description else []

    def columns_of(self, table: str) -> list[str]:
        return [name for (name,) in self.connection.execute(dialect.COLUMNS_SQL, (table,))]


@pytest.fixture(scope="session")
def dev_database() -> Iterator[str]:
    with running_postgres() as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("CREATE DATABASE dev")
        dev = dsn.replace("dbname=postgres", "dbname=dev")
        with psycopg.connect(dev, autocommit=True) as connection:
            connection.execute(dialect.SETUP_SQL)
            connection.execute("ALTER DATABASE dev SET search_path = public, redshift")
        yield dev


@pytest.fixture
def database(dev_database: str) -> Iterator[Database]:
    with psycopg.connect(dev_database) as connection:
        yield Database(connection)
        connection.rollback()
