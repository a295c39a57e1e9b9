"""What a deployment lets the caller of procedures do, and takes back."""

from pathlib import Path
from typing import Any, cast

from config.runtime import MigrateSettings
from lambdas.migrate.migrations import migrate
from lambdas.shared.aws.warehouse import Statement, Warehouse

_CALLER = '"IAMR:sluice-test-run-procedures"'


class Recording:
    """A warehouse that notes its statements; `applied` is what its table of migrations holds."""

    def __init__(self, *applied: str) -> None:
        self.applied = applied
        self.statements: list[str] = []

    def run(self, sql: str, **_options: Any) -> str:
        self.statements.append(sql)
        return sql

    def rows(self, statement_id: str) -> list[dict[str, Any]]:
        if "sluice_migrations" in statement_id:
            return [{"name": name} for name in self.applied]
        return []

    def submit_batch(self, sqls: list[str], **_options: Any) -> str:
        self.statements += sqls
        return "batch"

    def wait(self, statement_id: str, **_options: Any) -> Statement:
        return Statement(statement_id=statement_id, status="FINISHED", error=None, parts=())


def migrated(tmp_path: Path, schemas: str, *applied: str) -> list[str]:
    settings = MigrateSettings(
        workgroup="test",
        database="dev",
        admin_secret_arn="secret",
        loader_role_name="sluice-test-upsert",
        caller_role_name="sluice-test-run-procedures",
        procedure_schemas=schemas,
    )
    warehouse = Recording(*applied)
    migrate(cast(Warehouse, warehouse), tmp_path, settings, request_id="1")
    return warehouse.statements


def test_the_caller_may_execute_the_procedures_of_listed_schemas_and_nothing_else(
    tmp_path: Path,
) -> None:
    about = [each for each in migrated(tmp_path, "public,sales") if _CALLER in each]
    assert about == [
        f"CREATE USER {_CALLER} PASSWORD DISABLE",
        *(
            statement
            for schema in ("public", "sales")
            for statement in (
                f'GRANT USAGE ON SCHEMA "{schema}" TO {_CALLER}',
                f'GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA "{schema}" TO {_CALLER}',
                f'ALTER DEFAULT PRIVILEGES IN SCHEMA "{schema}" GRANT EXECUTE ON PROCEDURES'
                f" TO {_CALLER}",
            )
        ),
    ]


def test_a_schema_that_is_no_longer_listed_is_taken_back(tmp_path: Path) -> None:
    statements = migrated(tmp_path, "public", "procedures of schema sales")
    assert f'REVOKE EXECUTE ON ALL PROCEDURES IN SCHEMA "sales" FROM {_CALLER}' in statements
    assert f'REVOKE USAGE ON SCHEMA "sales" FROM {_CALLER}' in statements
    assert (
        "DELETE FROM public.sluice_migrations WHERE name = 'procedures of schema sales'"
        in statements
    )
    assert not [each for each in statements if each.startswith("GRANT") and "sales" in each]
