"""What the system views tell of statements and loads, written apart from their transactions."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from local.warehouse import dialect
from local.warehouse.copy.command import CopyReport

_QUERY = """INSERT INTO redshift.query_log VALUES
(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"""
_LOAD = """INSERT INTO redshift.load_log VALUES
(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
_FILE = "INSERT INTO redshift.load_file_log VALUES (%s, %s, %s, %s, %s, %s)"
_ERROR = """INSERT INTO redshift.load_error_log VALUES
(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One SQL text as it ran; times are seconds since the epoch."""

    query_id: int
    database: str
    database_user: str
    session: int
    transaction: int
    kind: str
    sql: str
    started: float
    ended: float
    rows: int
    size: int
    label: str
    error: str | None = None


class SystemLog:
    """Writes to the logs below the system views, as nobody's transaction."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._lock = threading.Lock()
        self._connections: dict[str, psycopg.Connection[Any]] = {}

    def last_query_id(self, database: str) -> int:
        """The highest query id ever given in a database; 0 in a new one."""
        with self._lock:
            query = "SELECT coalesce(max(query_id), 0) FROM redshift.query_log"
            found = self._connection(database).execute(query).fetchone()
            return int(found[0]) if found else 0

    def write_query(self, runs: list[Run]) -> None:
        """Note SQL texts that have ended."""
        if not runs:
            return
        with self._lock, self._connection(runs[0].database).cursor() as cursor:
            cursor.executemany(_QUERY, [_query_row(run) for run in runs])

    def write_load(self, run: Run, report: CopyReport) -> None:
        """Note a COPY that has ended, with its files and the rows it refused."""
        user = dialect.physical_name(run.database_user)
        started, ended = _moment(run.started), _moment(run.ended)
        place = (run.transaction, run.session, run.database)
        size = sum(file.size for file in report.files)
        with self._lock:
            connection = self._connection(run.database)
            with connection.transaction(), connection.cursor() as cursor:
                status = "aborted" if run.error else "completed"
                loaded = 0 if run.error else report.rows
                cursor.execute(
                    _LOAD,
                    (
                        *(run.query_id, user, *place, status, report.table, report.table_id),
                        *(started, ended, report.source, report.file_format, loaded, size),
                        *(len(report.files), len(report.errors)),
                    ),
                )
                cursor.executemany(
                    _FILE,
                    [(run.query_id, user, f.url, f.size, f.rows, ended) for f in report.files],
                )
                cursor.executemany(
                    _ERROR,
                    [
                        (
                            *(run.query_id, user, *place, report.table_id, ended, e.file_name),
                            *(e.line_number, e.column_name, e.column_type, e.column_length),
                            *(e.position, e.code, e.message),
                        )
                        for e in report.errors
                    ],
                )

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()

    def _connection(self, database: str) -> psycopg.Connection[Any]:
        connection = self._connections.get(database)
        if connection is None or connection.closed:
            name = dialect.physical_name(database)
            connection = psycopg.connect(f"{self._dsn} dbname={name}", autocommit=True)
            self._connections[database] = connection
        return connection


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def _query_row(run: Run) -> tuple[object, ...]:
    return (
        *(run.query_id, dialect.physical_name(run.database_user), run.transaction, run.session),
        *(run.database, run.kind, "failed" if run.error else "success"),
        *(_moment(run.started), _moment(run.ended), int((run.ended - run.started) * 1_000_000)),
        *((run.error or "")[:512], run.rows, run.size, run.sql, run.label),
    )
