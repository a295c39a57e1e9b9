"""Versioned SQL: each file one statement, run once, in the order of the names."""

from collections.abc import Callable, Sequence, Set
from pathlib import Path

from config.runtime import MigrateSettings
from lambdas.shared.aws.log import logger
from lambdas.shared.aws.warehouse import Warehouse
from lambdas.shared.domain.errors import DeploymentError, WarehouseBusyError, WarehouseError
from lambdas.shared.domain.names import Identifier, literal, short_hash

_DONE = (
    "CREATE TABLE IF NOT EXISTS public.sluice_migrations"
    " (name VARCHAR(256) NOT NULL, applied_at TIMESTAMP NOT NULL)"
)
_GRANTED = "procedures of schema "
# STV_DB_ISOLATION_LEVEL says the same of clusters; Serverless shows nobody its STV tables.
_ISOLATION = (
    "SELECT database_isolation_level FROM svv_redshift_databases WHERE database_name = :database"
)


def migrate(
    warehouse: Warehouse, folder: Path, settings: MigrateSettings, *, request_id: str
) -> None:
    """Create the functions' users, run what is pending, grant procedures; raises WarehouseError."""

    def token(step: str) -> str:
        return short_hash(request_id, step, length=64)

    loader, caller = _user(settings.loader_role_name), _user(settings.caller_role_name)
    _assert_snapshot(warehouse, settings.database, token("isolation"))
    for user in (loader, caller):
        try:
            warehouse.run(f"CREATE USER {user} PASSWORD DISABLE", token=token(user))
        except WarehouseError as error:
            if "already exists" not in error.message:
                raise
    warehouse.run(_DONE, token=token("table"))
    found = warehouse.run("SELECT name FROM public.sluice_migrations", token=token("list"))
    applied = {row["name"] for row in warehouse.rows(found)}
    for path in sorted(folder.glob("*.sql")):
        if path.name in applied:
            continue
        sql = prepared(path, settings)
        _apply(warehouse, path.name, [sql, _recorded(path.name)], token(path.name))
    _grant(warehouse, caller, settings.procedure_schemas.split(","), applied, token)


def prepared(path: Path, settings: MigrateSettings) -> str:
    """A migration as it runs, with the names of this environment."""
    sql = path.read_text().replace("${LOADER}", _user(settings.loader_role_name))
    return sql.replace("${DATABASE}", Identifier(settings.database).sql)


def _user(role_name: str) -> str:
    """A role's database user, quoted: IAM names keep their case."""
    return '"IAMR:' + role_name.replace('"', '""') + '"'


def _grant(
    warehouse: Warehouse,
    caller: str,
    schemas: Sequence[str],
    applied: Set[str],
    token: Callable[[str], str],
) -> None:
    """Let the caller EXECUTE the procedures of exactly these schemas, now and as they come.

    What was granted is recorded, so that a schema that is no longer listed is taken back.
    """
    granted = {name.removeprefix(_GRANTED) for name in applied if name.startswith(_GRANTED)}
    for schema in sorted(granted - {*schemas}):
        name, quoted = _GRANTED + schema, Identifier(schema).sql
        _apply(
            warehouse,
            name,
            [
                f"ALTER DEFAULT PRIVILEGES IN SCHEMA {quoted} REVOKE EXECUTE ON PROCEDURES"
                f" FROM {caller}",
                f"REVOKE EXECUTE ON ALL PROCEDURES IN SCHEMA {quoted} FROM {caller}",
                f"REVOKE USAGE ON SCHEMA {quoted} FROM {caller}",
                f"DELETE FROM public.sluice_migrations WHERE name = {literal(name)}",  # noqa: S608 - a literal
            ],
            token(f"revoke {schema}"),
        )
    for schema in schemas:
        name, quoted = _GRANTED + schema, Identifier(schema).sql
        _apply(
            warehouse,
            name,
            [
                f"GRANT USAGE ON SCHEMA {quoted} TO {caller}",
                f"GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA {quoted} TO {caller}",
                f"ALTER DEFAULT PRIVILEGES IN SCHEMA {quoted} GRANT EXECUTE ON PROCEDURES"
                f" TO {caller}",
                *([] if schema in granted else [_recorded(name)]),
            ],
            token(f"grant {schema}"),
        )


def _recorded(name: str) -> str:
    return f"INSERT INTO public.sluice_migrations VALUES ({literal(name)}, GETDATE())"  # noqa: S608 - a literal


def _apply(warehouse: Warehouse, name: str, statements: list[str], token: str) -> None:
    statement = warehouse.wait(warehouse.submit_batch(statements, token=token), seconds=60)
    if not statement.is_closed:
        raise WarehouseBusyError(f"migration {name} still runs: {statement.statement_id}")
    if statement.status != "FINISHED":
        raise WarehouseError(f"migration {name}: {statement.error}")
    logger().info("migration applied", migration=name)


def _assert_snapshot(warehouse: Warehouse, database: str, token: str) -> None:
    """The mutex orders loads only if a snapshot follows it (Redshift, isolation levels)."""
    found = warehouse.run(_ISOLATION, token=token, parameters={"database": database})
    levels = [str(row["database_isolation_level"]) for row in warehouse.rows(found)]
    if levels and not any("snapshot" in level.lower() for level in levels):
        raise DeploymentError(
            f"database {database} has isolation {levels[0]}; run"
            f" ALTER DATABASE {database} ISOLATION LEVEL SNAPSHOT, then deploy again"
        )
