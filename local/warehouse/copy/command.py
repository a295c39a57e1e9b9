"""One COPY from its text to the rows in the table: parse, find, read, cast, shuffle, write."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql

from local.warehouse.copy.grammar import parse_copy
from local.warehouse.copy.parquet import Reader, read_parquet
from local.warehouse.copy.rejects import Rejects
from local.warehouse.copy.sources import ObjectStore, read_files, source_files
from local.warehouse.copy.stream import shuffled, write
from local.warehouse.copy.target import Target, read_target
from local.warehouse.copy.text import read_csv, read_json
from local.warehouse.errors import CopyError, LoadError

_MANY_ROWS = 1000
_READERS: dict[str, Reader] = {"parquet": read_parquet, "csv": read_csv, "json": read_json}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLoad:
    """What was read of one file: its bytes in S3 and the rows it held."""

    url: str
    size: int
    rows: int


@dataclass(slots=True, kw_only=True)
class CopyReport:
    """What a COPY did, for the system tables; filled while it runs, so that a failure has one too.

    `errors` are the rows that MAXERROR let pass, or those that ended the COPY.
    """

    table: str = ""
    table_id: int = 0
    source: str = ""
    file_format: str = ""
    rows: int = 0
    files: list[FileLoad] = field(default_factory=list)
    errors: tuple[LoadError, ...] = ()


def run_copy(
    connection: psycopg.Connection[Any],
    text: str,
    store: ObjectStore,
    report: CopyReport,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Carry out one COPY inside the connection's transaction and write down what it did.

    `check` is called between pieces of work and may raise, to stop it.
    Raises CopyError or RedshiftError, SqlSyntaxError or UnsupportedSqlError; the transaction is
    then to be undone.
    """
    statement = parse_copy(text)
    report.source, report.file_format = statement.source, statement.format
    target = read_target(connection, statement.table, statement.columns)
    report.table, report.table_id = target.name, target.oid
    files = source_files(statement, store)
    secrets.SystemRandom().shuffle(files)
    bad = Rejects(target.name, statement.max_errors)

    def tables() -> Iterator[pa.Table]:
        for file in read_files(files, statement, store):
            rows = 0
            for table in _READERS[statement.format](file, statement, target, bad):
                check()
                rows += table.num_rows
                yield table
            report.files.append(FileLoad(url=file.url, size=file.size, rows=rows))

    try:
        report.rows = _write(connection, target, tables())
    finally:
        report.errors = tuple(bad.errors)
    if target.is_temporary and report.rows >= _MANY_ROWS:
        _analyze(connection, target)


def _write(connection: psycopg.Connection[Any], target: Target, tables: Iterator[pa.Table]) -> int:
    try:
        return write(connection, target, shuffled(tables))
    except psycopg.errors.CharacterNotInRepertoire as error:
        raise CopyError(
            f"Load into table '{target.name}' failed: String contains invalid or unsupported UTF8"
            " codepoints (1220)"
        ) from error
    except (
        psycopg.errors.InvalidTextRepresentation,
        psycopg.errors.UntranslatableCharacter,
    ) as error:
        raise CopyError(
            f"Load into table '{target.name}' failed: a value for a column of type SUPER is not"
            " valid JSON"
        ) from error


def _analyze(connection: psycopg.Connection[Any], target: Target) -> None:
    """Tell the planner what was copied, as Redshift does of an empty table (STATUPDATE).

    Autovacuum never looks at temporary tables, and joins with one of unknown size sort the whole
    target. A sample this small tells how many rows there are, and costs nothing to speak of.
    """
    connection.execute(
        sql.SQL(
            "SET LOCAL default_statistics_target = 1; ANALYZE {};"
            " SET LOCAL default_statistics_target TO DEFAULT"
        ).format(sql.SQL(target.identifier))
    )
