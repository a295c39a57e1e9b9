"""A Redshift Serverless workgroup on an embedded Postgres: the parts, put together."""

from pathlib import Path
from typing import Any

from local.warehouse import catalog
from local.warehouse.connections import Connections
from local.warehouse.copy.sources import ObjectStore
from local.warehouse.data_api import DataApi
from local.warehouse.engine import SUPERUSER, Engine
from local.warehouse.errors import DataApiError
from local.warehouse.runner import Runner
from local.warehouse.sessions import Sessions
from local.warehouse.statements import Statements
from local.warehouse.system_log import SystemLog
from local.warehouse.users import Caller, DatabaseUsers

_THREADS = 64


class Warehouse:
    """Starts and stops the engine, and answers Data API calls in between.

    `max_active_statements` is the account's quota: 500 of them may be under way, and beyond the
    threads here they wait as SUBMITTED. Requests and answers are held against the service's model
    unless whoever calls does that: it takes as long as many a statement.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        object_store: ObjectStore,
        database: str = "dev",
        max_active_statements: int = 500,
        max_sessions: int = 500,
        max_waiting_requests: int = 50,
        checks_shapes: bool = True,
    ) -> None:
        self._engine = Engine(data_dir)
        self._store = object_store
        self._database = database
        self._statements = Statements(
            max_active=max_active_statements, max_waiting=max_waiting_requests
        )
        self._sessions = Sessions(max_open=max_sessions)
        self._checks_shapes = checks_shapes
        self._log: SystemLog | None = None
        self._runner: Runner | None = None
        self._api: DataApi | None = None

    @property
    def dsn(self) -> str:
        """A connection string of the superuser, for tools that look behind the API."""
        return f"{self._engine.dsn} user={SUPERUSER} dbname={self._database}"

    def start(self) -> None:
        """Start Postgres, making the database if there is none; raises EngineError."""
        fresh = self._engine.start()
        try:
            if fresh:
                catalog.prepare_server(self._engine.dsn, self._database)
            self._open(fresh=fresh)
        except BaseException:
            self._engine.stop()
            raise

    def _open(self, *, fresh: bool) -> None:
        dsn = f"{self._engine.dsn} user={SUPERUSER}"
        if not fresh:
            catalog.prepare_database(self._engine.dsn, self._database)
        self._log = SystemLog(dsn)
        users = DatabaseUsers(f"{dsn} dbname=postgres")
        self._runner = Runner(
            Connections(self._engine.dsn, users),
            object_store=self._store,
            users=users,
            sessions=self._sessions,
            log=self._log,
            first_query_id=self._log.last_query_id(self._database) + 1,
            threads=_THREADS,
        )
        self._api = DataApi(
            self._runner, self._statements, self._sessions, checks_shapes=self._checks_shapes
        )

    def stop(self) -> None:
        """Cancel what runs, close all connections, stop Postgres; the data stays."""
        if self._runner is not None:
            for statement in self._statements.active():
                self._runner.cancel(statement)
            self._runner.close()
        self._sessions.close()
        if self._log is not None:
            self._log.close()
        self._api = self._runner = self._log = None
        self._engine.stop()

    def discard(self) -> None:
        """Stop, and delete the data."""
        self.stop()
        self._engine.discard()

    def handle(self, operation: str, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """One Data API call; request and response are JSON in the shapes of botocore's model.

        Times are numbers of seconds. Raises DataApiError.
        """
        if self._api is None:
            raise DataApiError("InternalServerException", "the local warehouse is not started", 500)
        return self._api.handle(operation, request, caller)
