"""Sessions: connections that stay open between statements, one statement at a time."""

import threading
import time
from dataclasses import dataclass
from typing import Any, Literal

import psycopg

from local.warehouse.errors import DataApiError, not_found, validation_error

MAX_SECONDS = 24 * 3600


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """One open connection and who may use it; times are seconds since the epoch."""

    id: str
    principal: str
    database: str
    database_user: str
    workgroup: str | None
    created_at: float
    updated_at: float
    keep_alive: int
    connection: psycopg.Connection[Any] | None = None
    statement_id: str | None = None
    closed: bool = False

    @property
    def status(self) -> Literal["AVAILABLE", "BUSY", "CLOSED"]:
        """As ListSessions reports it."""
        if self.closed:
            return "CLOSED"
        return "BUSY" if self.statement_id else "AVAILABLE"

    @property
    def ends_at(self) -> float:
        """When it is closed if nothing else is run in it."""
        return min(self.updated_at + self.keep_alive, self.created_at + MAX_SECONDS)

    def close(self) -> None:
        """Close its connection: temporary tables and open transactions are gone."""
        self.closed = True
        self.updated_at = time.time()
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Sessions:
    """The sessions of all callers."""

    def __init__(self, *, max_open: int) -> None:
        self._max_open = max_open
        self._lock = threading.Lock()
        self._all: dict[str, Session] = {}

    def add(self, session: Session) -> None:
        """Open a session; raises DataApiError if there are too many."""
        with self._lock:
            self._expire()
            if sum(not each.closed for each in self._all.values()) >= self._max_open:
                raise DataApiError(
                    "ActiveSessionsExceededException",
                    f"the number of active sessions exceeds the limit of {self._max_open}",
                )
            self._all[session.id] = session

    def find(self, identifier: str, principal: str) -> Session:
        """A session of this caller; raises DataApiError for any other."""
        with self._lock:
            self._expire()
            session = self._all.get(identifier)
        if session is None or session.principal != principal:
            raise not_found("Session does not exist.", identifier)
        return session

    def occupy(self, session: Session, statement_id: str, keep_alive: int | None) -> None:
        """Let a statement run in it; raises DataApiError if it is closed or another one does."""
        with self._lock:
            if session.closed:
                raise validation_error(f"Session {session.id} is closed")
            if session.statement_id is not None:
                raise validation_error(
                    f"Session {session.id} is busy: its statements run one after the other"
                )
            session.statement_id = statement_id
            if keep_alive is not None:
                session.keep_alive = keep_alive

    def release(self, session: Session) -> None:
        """The statement in it has ended: its time to live starts again."""
        with self._lock:
            session.statement_id = None
            session.updated_at = time.time()
            if session.keep_alive == 0:
                session.close()

    def of(self, principal: str) -> list[Session]:
        """The caller's sessions, the newest first."""
        with self._lock:
            self._expire()
            own = [each for each in self._all.values() if each.principal == principal]
        return own[::-1]

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            for session in self._all.values():
                session.close()

    def _expire(self) -> None:
        now = time.time()
        for identifier, session in list(self._all.items()):
            if not session.closed and session.statement_id is None and session.ends_at < now:
                session.close()
            elif session.closed and session.updated_at < now - MAX_SECONDS:
                del self._all[identifier]
