"""A deployment that meets a database without snapshots stops before it changes anything."""

from pathlib import Path
from typing import Any, cast

import pytest

from config.runtime import MigrateSettings
from lambdas.migrate.migrations import migrate
from lambdas.shared.aws.warehouse import Warehouse
from lambdas.shared.domain.errors import DeploymentError


class Serializable:
    """A warehouse that may only be asked, and says so of its database."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def run(self, sql: str, **_options: Any) -> str:
        assert sql.startswith("SELECT "), sql
        self.statements.append(sql)
        return sql

    def rows(self, _statement_id: str) -> list[dict[str, Any]]:
        return [{"database_isolation_level": "Serializable"}]


def test_a_serializable_database_stops_the_deployment_and_is_told_the_way_out(
    tmp_path: Path,
) -> None:
    settings = MigrateSettings(
        workgroup="test",
        database="dev",
        admin_secret_arn="secret",
        loader_role_name="sluice-test-upsert",
        caller_role_name="sluice-test-run-procedures",
        procedure_schemas="public",
    )
    warehouse = Serializable()
    with pytest.raises(DeploymentError, match="ALTER DATABASE dev ISOLATION LEVEL SNAPSHOT"):
        migrate(cast(Warehouse, warehouse), tmp_path, settings, request_id="1")
    assert len(warehouse.statements) == 1
