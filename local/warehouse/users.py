"""Who a caller is inside the database.

A role of IAM is the database user `IAMR:<role>` and has what PUBLIC has until it is granted more;
a person of the local account, and whoever brings a secret, is a superuser.
"""

import threading
from dataclasses import dataclass

import psycopg
from psycopg import sql

from local.warehouse import dialect
from local.warehouse.errors import validation_error

ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a call: `role/<role name>` or `user/<name>`."""

    principal: str

    def __post_init__(self) -> None:
        kind, _, name = self.principal.partition("/")
        if kind not in ("role", "user") or not name:
            raise ValueError(f"{self.principal!r} is neither role/<name> nor user/<name>")

    def database_user(self, *, has_secret: bool) -> str:
        """The database user of this caller, as Redshift names it."""
        if has_secret:
            return ADMIN
        kind, _, name = self.principal.partition("/")
        return f"IAMR:{name}" if kind == "role" else f"IAM:{name}"


class DatabaseUsers:
    """Makes database users at their first use."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def ensure(self, user: str) -> str:
        """The Postgres role of a database user, created if it does not exist."""
        role = dialect.physical_name(user)
        with self._lock:
            if role not in self._known:
                self._create(role, superuser=not user.startswith("IAMR:"))
                self._known.add(role)
        return role

    def lend(self, owner: str, user: str) -> None:
        """Let a user's connections become another role; the dialect has no way to ask for it."""
        role = self.ensure(user)
        if role == owner:
            return
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute(
                sql.SQL("GRANT {} TO {} WITH INHERIT FALSE, SET TRUE").format(
                    sql.Identifier(owner), sql.Identifier(role)
                )
            )

    def _create(self, role: str, *, superuser: bool) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            found = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,))
            if found.fetchone() is None:
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN {}").format(
                        sql.Identifier(role), sql.SQL("SUPERUSER" if superuser else "NOSUPERUSER")
                    )
                )


def refuse_provisioned(request: dict[str, object]) -> None:
    """Raise DataApiError for what only provisioned clusters have."""
    if "ClusterIdentifier" in request:
        raise validation_error(
            "Redshift endpoint doesn't exist in this region: the local warehouse is a Serverless"
            " workgroup, call it with WorkgroupName"
        )
    if "DbUser" in request:
        raise validation_error("DbUser is for provisioned clusters; it cannot be used here")
