"""What the Data API remembers of a statement, from its submission until a day after."""

import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Literal, TypeVar

import psycopg

from local.warehouse.errors import DataApiError, not_found, validation_error
from local.warehouse.results import ResultSet

Status = Literal["SUBMITTED", "PICKED", "STARTED", "FINISHED", "FAILED", "ABORTED"]
CLOSED: tuple[Status, ...] = ("FINISHED", "FAILED", "ABORTED")

_Key = TypeVar("_Key")
RETENTION_SECONDS = 24 * 3600
TOKEN_SECONDS = 8 * 3600


@dataclass(slots=True, kw_only=True)
class SubStatement:
    """One SQL text of a statement; times are seconds, `duration` is nanoseconds."""

    id: str
    sql: str
    created_at: float
    updated_at: float
    query_id: int
    status: Status = "SUBMITTED"
    duration: int = 0
    rows: int = -1
    size: int = -1
    result: ResultSet | None = None
    error: str | None = None

    def close(self, status: Status, error: str | None = None) -> None:
        """The end of it."""
        self.status, self.error = status, error
        self.updated_at = time.time()


@dataclass(slots=True, kw_only=True, eq=False)
class Statement:
    """One ExecuteStatement or BatchExecuteStatement."""

    id: str
    principal: str
    request: dict[str, Any]
    is_batch: bool
    database: str
    database_user: str
    subs: list[SubStatement]
    created_at: float
    updated_at: float
    session_id: str | None = None
    status: Status = "SUBMITTED"
    error: str | None = None
    duration: int = 0
    pid: int = 0
    cancelled: bool = False
    connection: psycopg.Connection[Any] | None = None
    closed: threading.Event = field(default_factory=threading.Event)
    waiting: int = 0

    @property
    def is_transaction(self) -> bool:
        """Whether its SQL texts are committed together."""
        return self.is_batch and self.request.get("ExecutionMode") != "AUTO_COMMIT"

    @property
    def parameters(self) -> dict[str, str]:
        """The values of its `:name` parameters."""
        return {item["name"]: item["value"] for item in self.request.get("Parameters", [])}

    @property
    def has_result(self) -> bool:
        """Whether any of its SQL texts returned rows, be they none."""
        return any(sub.result is not None for sub in self.subs)

    def advance(self, status: Status) -> None:
        """On the way to its end."""
        self.status = status
        self.updated_at = time.time()

    def close(self, status: Status, error: str | None = None) -> None:
        """The end of it; whoever waits is woken."""
        self.error = error
        self.connection = None
        self.advance(status)
        self.closed.set()


class Statements:
    """All statements of the last day, and the client tokens that stand for them."""

    def __init__(self, *, max_active: int, max_waiting: int) -> None:
        self._max_active = max_active
        self._max_waiting = max_waiting
        self._lock = threading.Lock()
        self._all: dict[str, Statement] = {}
        self._tokens: dict[tuple[str, str], Statement] = {}
        self._active: list[Statement] = []

    def submit(self, statement: Statement) -> Statement:
        """Remember a statement; returns the earlier one if its client token was used before.

        Raises DataApiError if the token stands for another request, or if too many are active.
        """
        token = statement.request.get("ClientToken")
        key = (statement.principal, token or statement.id)
        with self._lock:
            self._forget()
            earlier = self._tokens.get(key)
            if earlier is not None:
                if earlier.request != statement.request or earlier.is_batch != statement.is_batch:
                    raise validation_error(
                        f"ClientToken {token} was used before with different parameters"
                    )
                return earlier
            self._active = [each for each in self._active if each.status not in CLOSED]
            if len(self._active) >= self._max_active:
                raise DataApiError(
                    "ActiveStatementsExceededException",
                    f"the number of active statements exceeds the limit of {self._max_active}",
                )
            self._all[statement.id] = statement
            self._tokens[key] = statement
            self._active.append(statement)
        return statement

    def forget(self, statement: Statement) -> None:
        """Take back a statement that was never started."""
        with self._lock:
            self._all.pop(statement.id, None)
            self._active.remove(statement)
            for key in [key for key, each in self._tokens.items() if each is statement]:
                del self._tokens[key]

    def _forget(self) -> None:
        for key in _outlived(self._tokens, TOKEN_SECONDS):
            del self._tokens[key]
        for identifier in _outlived(self._all, RETENTION_SECONDS):
            del self._all[identifier]

    def find(self, identifier: str, principal: str) -> tuple[Statement, SubStatement | None]:
        """A statement of this caller, and the part of it that a suffix names.

        Another caller's statement does not exist: DataApiError (ResourceNotFoundException).
        """
        whole, _, number = identifier.partition(":")
        with self._lock:
            statement = self._all.get(whole)
        if statement is None or statement.principal != principal:
            raise not_found("Query does not exist.", identifier)
        if not number:
            return statement, None
        if not 1 <= int(number) <= len(statement.subs) or not statement.is_batch:
            raise not_found("Query does not exist.", identifier)
        return statement, statement.subs[int(number) - 1]

    def of(self, principal: str) -> list[Statement]:
        """The caller's statements, the newest first."""
        with self._lock:
            own = [each for each in self._all.values() if each.principal == principal]
        return own[::-1]

    def active(self) -> list[Statement]:
        """All that have not ended."""
        with self._lock:
            return [each for each in self._active if each.status not in CLOSED]

    def wait(self, statement: Statement, seconds: int | None) -> None:
        """Return when the statement has ended or the time is over.

        Raises DataApiError if too many wait for the same statement.
        """
        if not seconds or statement.closed.is_set():
            return
        with self._lock:
            if statement.waiting >= self._max_waiting:
                raise DataApiError(
                    "ActiveWaitingRequestsExceededException",
                    f"more than {self._max_waiting} requests wait for {statement.id}",
                )
            statement.waiting += 1
        try:
            statement.closed.wait(seconds)
        finally:
            with self._lock:
                statement.waiting -= 1


def _outlived(statements: Mapping[_Key, Statement], seconds: float) -> list[_Key]:
    """Those that began so long ago and have ended. The oldest come first; no others are met."""
    since = time.time() - seconds
    old = takewhile(lambda item: item[1].created_at < since, statements.items())
    return [key for key, each in old if each.status in CLOSED]


def new_id() -> str:
    """An identifier of a statement or a session."""
    return str(uuid.uuid4())
