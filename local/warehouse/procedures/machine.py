"""One connection under a running procedure: its transactions, roles, cursors and rows.

Sources: Managing transactions; Trapping errors; Limits and differences for stored procedure
support, Redshift developer guide.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus

from local.warehouse import dialect
from local.warehouse.dialect import names
from local.warehouse.errors import RedshiftError
from local.warehouse.procedures.routines import Routine
from local.warehouse.procedures.variables import TYPES, Column, Value


class Database(Protocol):
    """What a procedure needs beside its connection."""

    def copy(self, sql: str) -> int:
        """Run a COPY inside the connection's transaction; the number of rows."""

    def lend(self, owner: str) -> None:
        """Let the connection's user become the owner of a SECURITY DEFINER procedure."""

    def check(self) -> None:
        """Raise if the statement was cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What a query returned."""

    columns: list[Column]
    rows: list[list[Value]]


class Machine:
    """What all procedures of one call share; `owns_transaction` unless the caller has one open."""

    def __init__(
        self, connection: psycopg.Connection[Any], database: Database, *, owns_transaction: bool
    ) -> None:
        self.connection = connection
        self.database = database
        self.owns_transaction = owns_transaction
        self.roles: list[str] = []
        self.role_was_set = False
        self.cursors: set[str] = set()
        self.depth = 0
        self.serial = 0
        self.row_count = 0

    # --- transactions -----------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        return self.connection.info.transaction_status is TransactionStatus.IDLE

    def begin_unless(self, is_nonatomic: bool) -> None:
        if self.is_idle and not is_nonatomic:
            self.connection.execute("BEGIN")
            self.restore_role()

    def finish(self) -> None:
        """The end of a procedure that worked."""
        if self.owns_transaction and not self.is_idle:
            self.connection.execute("COMMIT")
        self.restore_role()

    def abandon(self) -> None:
        """The end of one that failed."""
        if self.connection.closed or not (self.owns_transaction or self.is_idle):
            return  # the caller's transaction fails, and a role set in it is set no more
        if not self.is_idle:
            self.connection.execute("ROLLBACK")
        self.roles.clear()
        self.restore_role()

    def control(self, verb: str, is_nonatomic: bool) -> None:
        """COMMIT, ROLLBACK or START TRANSACTION."""
        if not self.owns_transaction:
            raise RedshiftError(
                f"{verb} cannot be invoked from a procedure that is executing in an atomic context."
            )
        if verb == "BEGIN":
            if not is_nonatomic:
                raise RedshiftError("START TRANSACTION is for NONATOMIC procedures")
            if not self.is_idle:
                raise RedshiftError("there is already a transaction in progress")
            self.connection.execute("BEGIN")
        else:
            if not self.is_idle:
                self.connection.execute(verb)
            self.begin_unless(is_nonatomic)
        self.cursors.clear()
        self.restore_role()

    def undo(self, is_nonatomic: bool) -> None:
        """Before a handler: the transaction is rolled back and another one begins."""
        if not self.is_idle:
            self.connection.execute("ROLLBACK")
        self.cursors.clear()
        self.begin_unless(is_nonatomic)
        self.restore_role()

    # --- roles ------------------------------------------------------------------------------------

    def restore_role(self) -> None:
        """Be who the innermost SECURITY DEFINER procedure belongs to; a rollback forgets it."""
        if self.roles:
            self.connection.execute(f"SET ROLE {names.quoted(self.roles[-1])}")
            self.role_was_set = True
        elif self.role_was_set:
            self.connection.execute("RESET ROLE")
            self.role_was_set = False

    @contextmanager
    def security_of(self, routine: Routine) -> Iterator[None]:
        if not routine.is_definer:
            yield
            return
        self.database.lend(routine.owner)
        self.roles.append(routine.owner)
        self.restore_role()
        try:
            yield
        finally:
            self.roles.pop()
        # after an error a statement may be impossible: `undo` or `abandon` restores the role
        self.restore_role()

    # --- calls ------------------------------------------------------------------------------------

    def evaluate_plain(self, arguments: list[str]) -> list[Value]:
        if not arguments:
            return []
        return self.rows(f"SELECT {', '.join(arguments)}").rows[0]

    # --- SQL --------------------------------------------------------------------------------------

    def rows(self, sql: str) -> Rows:
        """The rows of a query in Postgres SQL."""
        self.database.check()
        result = self.connection.execute(sql).pgresult
        if result is None or result.status != ExecStatus.TUPLES_OK:
            raise RedshiftError("query has no result data")
        columns = [
            Column(
                name=dialect.logical_name((result.fname(place) or b"").decode()),
                type=TYPES.get(result.ftype(place), "text"),
            )
            for place in range(result.nfields)
        ]
        values = [
            [
                None if (raw := result.get_value(row, place)) is None else raw.decode()
                for place in range(result.nfields)
            ]
            for row in range(result.ntuples)
        ]
        return Rows(columns=columns, rows=values)

    def columns_of(self, table: str) -> list[str]:
        return [name for (name,) in self.connection.execute(dialect.COLUMNS_SQL, (table,))]

    def open(self, name: str) -> None:
        """Note an open cursor, the only one there may be."""
        if self.cursors:
            raise RedshiftError(
                f'cursor "{name}" cannot be opened: another one is open, and Redshift has no nested'
                " cursors (a FOR loop over a query is one)"
            )
        self.cursors.add(name)

    def unnamed(self) -> str:
        self.serial += 1
        return f"<unnamed portal {self.serial}>"
