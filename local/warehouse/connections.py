"""Connections for statements that bring no session: used again, and as new each time.

Most of what a short statement cost was a new Postgres process that knows no table yet.
"""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from local.warehouse import dialect
from local.warehouse.users import DatabaseUsers

_OPTIONS = (
    "-c default_transaction_isolation=repeatable\\ read"
    ' -c search_path="$user",public,redshift -c client_min_messages=error'
)
_MOST_IDLE = 8  # of a user in a database


class Connections:
    """Opens connections as database users; each commits its statements one by one."""

    def __init__(self, dsn: str, users: DatabaseUsers) -> None:
        self._dsn = dsn
        self._users = users
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, str], list[psycopg.Connection[Any]]] = defaultdict(list)
        self._generation = 0

    def open(self, database: str, user: str) -> psycopg.Connection[Any]:
        """A new connection as a database user, made if need be.

        Raises psycopg.OperationalError for a database that does not exist.
        """
        return psycopg.connect(
            self._dsn,
            dbname=dialect.physical_name(database),
            user=self._users.ensure(user),
            options=_OPTIONS,
            autocommit=True,
            prepare_threshold=None,
        )

    @contextlib.contextmanager
    def lent(self, database: str, user: str) -> Iterator[psycopg.Connection[Any]]:
        """A connection without a past; raises as `open` does."""
        with self._lock:
            generation, idle = self._generation, self._idle[database, user]
            connection = idle.pop() if idle else None
        if connection is None:
            connection = self.open(database, user)
        try:
            yield connection
        finally:
            is_kept = _is_as_new(connection)
            with self._lock:
                is_kept = is_kept and generation == self._generation and len(idle) < _MOST_IDLE
                if is_kept:
                    idle.append(connection)
            if not is_kept:
                connection.close()

    def expire(self) -> None:
        """Use no connection again that was opened before: users or databases have changed."""
        with self._lock:
            self._generation += 1
            for idle in self._idle.values():
                while idle:
                    idle.pop().close()


def _is_as_new(connection: psycopg.Connection[Any]) -> bool:
    """Take its settings, temporary tables and locks from a connection."""
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        return False
    try:
        connection.execute("DISCARD ALL")
    except psycopg.Error:
        return False
    return True
