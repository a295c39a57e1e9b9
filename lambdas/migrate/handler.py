"""At deployment: run the migrations that have not run yet."""

import os
from pathlib import Path
from typing import Any

from config.runtime import MigrateSettings
from lambdas.migrate.migrations import migrate
from lambdas.shared.aws.custom_resource import answered
from lambdas.shared.aws.warehouse import Warehouse

_MIGRATIONS = Path(__file__).parents[1] / "sql" / "migrations"


def handler(event: dict[str, Any], _context: object) -> None:
    """Answer CloudFormation's request for `Custom::Migration`."""
    settings = MigrateSettings.from_env(os.environ)
    warehouse = Warehouse(settings.workgroup, settings.database, secret=settings.admin_secret_arn)
    answered(
        event,
        lambda: migrate(warehouse, _MIGRATIONS, settings, request_id=event["RequestId"]),
        name=f"{settings.workgroup}-migrations",
    )
