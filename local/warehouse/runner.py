"""Runs statements: each on a connection of its own, a batch in one transaction."""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus

from local.warehouse import dialect, guards, procedures
from local.warehouse.connections import Connections
from local.warehouse.copy.command import CopyReport, run_copy
from local.warehouse.copy.sources import ObjectStore
from local.warehouse.dialect import Translated, UnsupportedSqlError
from local.warehouse.errors import CopyError, RedshiftError
from local.warehouse.results import read_result
from local.warehouse.sessions import Session, Sessions
from local.warehouse.sql_errors import redshift_message
from local.warehouse.statements import Statement, SubStatement
from local.warehouse.system_log import Run, SystemLog
from local.warehouse.users import DatabaseUsers

# what a transaction of several Postgres statements cannot hold
_ALONE = ("CREATE DATABASE", "DROP DATABASE", "VACUUM")
# the last word of what only a user's next connection notices
_NOTICED_BY_NEW_CONNECTIONS = ("USER", "GROUP", "ROLE", "DATABASE")
_AFTER_FAILURE = "Connection or an prior query failed."


class CancelledError(RedshiftError):
    """CancelStatement was called."""

    def __init__(self) -> None:
        super().__init__("Query cancelled on user's request")


class Runner:
    """A bounded number of threads that carry statements out."""

    def __init__(
        self,
        connections: Connections,
        *,
        object_store: ObjectStore,
        users: DatabaseUsers,
        sessions: Sessions,
        log: SystemLog,
        first_query_id: int,
        threads: int,
    ) -> None:
        self.connections = connections
        self._store = object_store
        self._users = users
        self._sessions = sessions
        self._log = log
        self._query_ids = itertools.count(first_query_id)
        self._pool = ThreadPoolExecutor(threads, "statement")

    def next_query_id(self) -> int:
        """An identifier for one SQL text."""
        return next(self._query_ids)

    def submit(self, statement: Statement, session: Session | None) -> None:
        """Carry a statement out as soon as a thread is free."""
        self._pool.submit(self._run, statement, session)

    def cancel(self, statement: Statement) -> None:
        """Ask a statement to stop; one that has not begun never will."""
        statement.cancelled = True
        connection = statement.connection
        if connection is not None:
            connection.cancel_safe(timeout=5)

    def close(self) -> None:
        """Wait for what is running; the callers have cancelled it."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.connections.expire()

    # --- one statement ----------------------------------------------------------------------------

    def _run(self, statement: Statement, session: Session | None) -> None:
        started = time.perf_counter_ns()
        error: str | None
        try:
            error = self._run_connected(statement, session)
        except psycopg.Error as failure:
            error = _error_text(failure)
        except Exception as failure:  # noqa: BLE001 (a statement that never ends would hang its caller)
            error = f"ERROR: internal error of the local warehouse: {failure!r}"
        statement.duration = time.perf_counter_ns() - started
        for sub in statement.subs:
            if sub.status not in ("FINISHED", "FAILED", "ABORTED"):
                sub.close("ABORTED", _AFTER_FAILURE)
        if session is not None:
            self._sessions.release(session)
        if error is None:
            statement.close("FINISHED")
        else:
            statement.close("ABORTED" if statement.cancelled else "FAILED", error)

    def _run_connected(self, statement: Statement, session: Session | None) -> str | None:
        statement.advance("PICKED")
        if statement.cancelled:
            return CancelledError().message
        with self._connection(statement, session) as connection:
            statement.connection = connection
            statement.pid = connection.info.backend_pid
            statement.advance("STARTED")
            try:
                return self._run_texts(statement, connection)
            finally:
                statement.connection = None
                if statement.cancelled and session is None:
                    connection.close()  # or the cancellation may reach the next statement

    @contextlib.contextmanager
    def _connection(
        self, statement: Statement, session: Session | None
    ) -> Iterator[psycopg.Connection[Any]]:
        """The session's connection, or one for this statement."""
        database, user = statement.database, statement.database_user
        if session is None:
            with self.connections.lent(database, user) as connection:
                yield connection
            return
        if session.connection is None:
            session.connection = self.connections.open(database, user)
        yield session.connection

    def _run_texts(self, statement: Statement, connection: psycopg.Connection[Any]) -> str | None:
        runs: list[Run] = []
        first_error: str | None = None
        if statement.is_transaction:
            connection.execute("BEGIN")
        for number, sub in enumerate(statement.subs, start=1):
            error = self._run_text(statement, sub, connection, runs)
            if error is not None and first_error is None:
                first_error = (
                    f"Query #{number} failed with {error}" if statement.is_batch else error
                )
            if error is not None and (statement.is_transaction or statement.cancelled):
                break
        if statement.is_transaction:
            first_error = _end_transaction(connection, first_error)
        if any(run.kind.endswith(_NOTICED_BY_NEW_CONNECTIONS) for run in runs):
            self.connections.expire()
        self._log.write_query(runs)
        return first_error

    def _run_text(
        self,
        statement: Statement,
        sub: SubStatement,
        connection: psycopg.Connection[Any],
        runs: list[Run],
    ) -> str | None:
        """Run one SQL text; returns its error, if it has one."""
        sub.status = "STARTED"
        sub.updated_at = started = time.time()
        clock = time.perf_counter_ns()
        report = CopyReport()
        kind, error = "OTHER", None
        try:
            if statement.cancelled:
                raise CancelledError
            translated = _translate(sub.sql, statement, connection)
            kind = translated.name
            self._execute(translated, statement, sub, connection, report)
        except (RedshiftError, UnsupportedSqlError, psycopg.Error) as failure:
            error = _error_text(failure)
            if isinstance(failure, CopyError) and failure.errors:
                report.errors = failure.errors
            _fail_transaction(connection)
        sub.duration = time.perf_counter_ns() - clock
        run = Run(
            query_id=sub.query_id,
            database=statement.database,
            database_user=statement.database_user,
            session=statement.pid,
            transaction=statement.subs[0].query_id,
            kind=kind,
            sql=sub.sql,
            started=started,
            ended=time.time(),
            rows=max(sub.rows, 0) if sub.result is not None else 0,
            size=max(sub.size, 0),
            label=statement.request.get("StatementName", "default"),
            error=error,
        )
        runs.append(run)
        if kind == "COPY":
            self._log.write_load(run, report)
        if error is None:
            sub.close("FINISHED")
        else:
            sub.close("ABORTED" if statement.cancelled else "FAILED", error)
        return error

    def _execute(
        self,
        translated: Translated,
        statement: Statement,
        sub: SubStatement,
        connection: psycopg.Connection[Any],
        report: CopyReport,
    ) -> None:
        if statement.is_transaction:
            guards.in_batch(translated)
        elif connection.info.transaction_status is not TransactionStatus.IDLE:
            guards.in_transaction(translated)
        if translated.kind == "unload":
            raise UnsupportedSqlError("UNLOAD")
        if translated.name == "DROP DATABASE":  # an idle connection would keep it
            self._log.close()
            self.connections.expire()

        def check() -> None:
            if statement.cancelled:
                raise CancelledError

        if translated.kind == "call":
            self._call(translated, statement, sub, connection, check)
        elif translated.kind == "copy":
            _atomically(connection, lambda: self._copy(sub, connection, report, check), alone=False)
        else:
            alone = len(translated.statements) == 1 or translated.name in _ALONE
            _atomically(
                connection, lambda: _run_sql(translated, statement, sub, connection), alone=alone
            )

    def _call(
        self,
        translated: Translated,
        statement: Statement,
        sub: SubStatement,
        connection: psycopg.Connection[Any],
        check: Callable[[], None],
    ) -> None:
        database = _ProcedureDatabase(self, statement, connection, check)
        query = procedures.call(connection, translated, statement.parameters, database)
        sub.rows, sub.size = 0, 0
        if query is not None:
            _keep_rows(connection.execute(query), sub, connection)

    def copy_in_call(
        self,
        sql: str,
        statement: Statement,
        connection: psycopg.Connection[Any],
        check: Callable[[], None],
    ) -> int:
        """A COPY of a procedure, with a query id of its own; the number of rows."""
        report, query_id, started = CopyReport(), self.next_query_id(), time.time()
        error: str | None = None
        try:
            run_copy(connection, sql, self._store, report, check)
        except (RedshiftError, UnsupportedSqlError, psycopg.Error) as failure:
            error = _error_text(failure)
            if isinstance(failure, CopyError) and failure.errors:
                report.errors = failure.errors
            raise
        finally:
            run = Run(
                query_id=query_id,
                database=statement.database,
                database_user=statement.database_user,
                session=statement.pid,
                transaction=statement.subs[0].query_id,
                kind="COPY",
                sql=sql,
                started=started,
                ended=time.time(),
                rows=0,
                size=0,
                label=statement.request.get("StatementName", "default"),
                error=error,
            )
            self._log.write_query([run])
            self._log.write_load(run, report)
        return report.rows

    def lend(self, owner: str, user: str) -> None:
        """Let a user's connections become the owner of a SECURITY DEFINER procedure."""
        self._users.lend(owner, user)

    def _copy(
        self,
        sub: SubStatement,
        connection: psycopg.Connection[Any],
        report: CopyReport,
        check: Callable[[], None],
    ) -> None:
        run_copy(connection, sub.sql, self._store, report, check)
        sub.rows, sub.size = 0, 0  # as AWS reports a COPY: its rows are in the system views
        connection.execute(
            "SELECT set_config('redshift.last_copy_id', %s, false),"
            " set_config('redshift.last_copy_count', %s, false)",
            (str(sub.query_id), str(report.rows)),
        )


class _ProcedureDatabase:
    """What the procedures of one CALL need beside their connection."""

    def __init__(
        self,
        runner: Runner,
        statement: Statement,
        connection: psycopg.Connection[Any],
        check: Callable[[], None],
    ) -> None:
        self._runner = runner
        self._statement = statement
        self._connection = connection
        self.check = check

    def copy(self, sql: str) -> int:
        return self._runner.copy_in_call(sql, self._statement, self._connection, self.check)

    def lend(self, owner: str) -> None:
        self._runner.lend(owner, self._statement.database_user)


def _translate(sql: str, statement: Statement, connection: psycopg.Connection[Any]) -> Translated:
    def columns_of(table: str) -> list[str]:
        return [name for (name,) in connection.execute(dialect.COLUMNS_SQL, (table,))]

    return dialect.translate(sql, parameters=frozenset(statement.parameters), columns_of=columns_of)


def _run_sql(
    translated: Translated,
    statement: Statement,
    sub: SubStatement,
    connection: psycopg.Connection[Any],
) -> None:
    cursor: psycopg.Cursor[Any] | None = None
    for text in translated.statements:
        cursor = connection.execute(text, statement.parameters or None)
    if cursor is not None:
        _keep_rows(cursor, sub, connection)


def _keep_rows(
    cursor: psycopg.Cursor[Any], sub: SubStatement, connection: psycopg.Connection[Any]
) -> None:
    result = cursor.pgresult
    if result is None:
        return
    if result.status == ExecStatus.TUPLES_OK:
        sub.result = read_result(connection, result)
        sub.rows, sub.size = sub.result.rows, sub.result.size
    else:
        sub.rows, sub.size = max(cursor.rowcount, 0), 0


def _atomically(
    connection: psycopg.Connection[Any], work: Callable[[], None], *, alone: bool
) -> None:
    """Do the work in a transaction of its own unless one is open or it needs none."""
    if alone or connection.info.transaction_status is not TransactionStatus.IDLE:
        work()
        return
    with connection.transaction():
        work()


def _fail_transaction(connection: psycopg.Connection[Any]) -> None:
    """After an error nothing but ROLLBACK is left, be it one that Postgres never saw."""
    if connection.info.transaction_status is TransactionStatus.INTRANS:
        with contextlib.suppress(psycopg.errors.InvalidSavepointSpecification):
            connection.execute("ROLLBACK TO SAVEPOINT none_was_set")


def _end_transaction(connection: psycopg.Connection[Any], error: str | None) -> str | None:
    """Commit, or undo everything if there was an error; returns what went wrong."""
    if error is None:
        try:
            connection.execute("COMMIT")
        except psycopg.Error as failure:
            return _error_text(failure)
    elif not connection.closed:
        connection.execute("ROLLBACK")
    return error


def _error_text(failure: Exception) -> str:
    if isinstance(failure, psycopg.errors.QueryCanceled):
        return CancelledError().message
    if isinstance(failure, psycopg.Error):
        return f"ERROR: {redshift_message(failure)}"
    return str(failure) if isinstance(failure, CancelledError) else f"ERROR: {failure}"
