"""The warehouse's databases: made as Redshift's are, with its functions and system views."""

from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from local.warehouse import dialect
from local.warehouse.engine import SUPERUSER

CATALOG_SQL: Final = Path(__file__).with_name("catalog.sql").read_text(encoding="utf-8")
"""The system views and what they show; run after `dialect.SETUP_SQL`."""

INTERNAL_DATABASES = ("postgres", "template0", "template1")


def prepare_server(dsn: str, database: str) -> None:
    """Make the first database; what the template has, every later CREATE DATABASE has too."""
    with _admin(dsn, "template1") as connection:
        _install(connection)
    with _admin(dsn, "postgres") as connection:
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", (database,))
        if found.fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))


def prepare_database(dsn: str, database: str) -> None:
    """Bring an existing database's functions and views up to date, and learn its long names."""
    with _admin(dsn, database) as connection:
        _install(connection)
        names = connection.execute("SELECT physical, logical FROM redshift.long_names").fetchall()
        dialect.remember(names)


def databases(connection: psycopg.Connection[Any]) -> list[str]:
    """The databases a user may see."""
    found = connection.execute(
        "SELECT datname FROM pg_database WHERE datname <> ALL (%s) ORDER BY datname",
        (list(INTERNAL_DATABASES),),
    )
    return [dialect.logical_name(name) for (name,) in found]


def _admin(dsn: str, database: str) -> psycopg.Connection[Any]:
    return psycopg.connect(f"{dsn} user={SUPERUSER} dbname={database}", autocommit=True)


def _install(connection: psycopg.Connection[Any]) -> None:
    with connection.transaction():
        connection.execute(dialect.SETUP_SQL)
        connection.execute(CATALOG_SQL)
        # Redshift lets everybody create tables in public (Default privileges, developer guide)
        connection.execute("GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC")
