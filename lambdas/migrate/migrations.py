"""Versioned SQL: each file one statement, run once, in the order of the names."""

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
_ISOLATION = "SELECT isolation_level FROM stv_db_isolation_level WHERE db_name = :database"


def migrate(
    warehouse: Warehouse, folder: Path, settings: MigrateSettings, *, request_id: str
) -> None:
    """Create the loader's user and run what is pending; raises WarehouseError."""

    def token(step: str) -> str:
        return short_hash(request_id, step, length=64)

    loader = _loader(settings)
    _assert_snapshot(warehouse, settings.database, token("isolation"))
    try:
        warehouse.run(f"CREATE USER {loader} PASSWORD DISABLE", token=token("user"))
    except WarehouseError as error:
        if "already exists" not in error.message:
            raise
    warehouse.run(_DONE, token=token("table"))
    found = warehouse.run("SELECT name FROM public.sluice_migrations", token=token("list"))
    applied = {row["name"] for row in warehouse.rows(found)}
    for path in sorted(folder.glob("*.sql")):
        if path.name in applied:
            continue
        _apply(warehouse, path.name, prepared(path, settings), token(path.name))


def prepared(path: Path, settings: MigrateSettings) -> str:
    """A migration as it runs, with the names of this environment."""
    sql = path.read_text().replace("${LOADER}", _loader(settings))
    return sql.replace("${DATABASE}", Identifier(settings.database).sql)


def _loader(settings: MigrateSettings) -> str:
    # IAM names keep their case, and a database user is named after its role
    return '"IAMR:' + settings.loader_role_name.replace('"', '""') + '"'


def _apply(warehouse: Warehouse, name: str, sql: str, token: str) -> None:
    record = f"INSERT INTO public.sluice_migrations VALUES ({literal(name)}, GETDATE())"  # noqa: S608 - a literal
    statement = warehouse.wait(warehouse.submit_batch([sql, record], token=token), seconds=60)
    if not statement.is_closed:
        raise WarehouseBusyError(f"migration {name} still runs: {statement.statement_id}")
    if statement.status != "FINISHED":
        raise WarehouseError(f"migration {name}: {statement.error}")
    logger().info("migration applied", migration=name)


def _assert_snapshot(warehouse: Warehouse, database: str, token: str) -> None:
    """The mutex orders loads only if a snapshot follows it (Redshift, isolation levels)."""
    found = warehouse.run(_ISOLATION, token=token, parameters={"database": database})
    levels = [str(row["isolation_level"]) for row in warehouse.rows(found)]
    if levels and not any("snapshot" in level.lower() for level in levels):
        raise DeploymentError(
            f"database {database} has isolation {levels[0]}; run"
            f" ALTER DATABASE {database} ISOLATION LEVEL SNAPSHOT, then deploy again"
        )
