"""What people read of the load history: the views of the migrations, on the local warehouse."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.runtime import MigrateSettings
from lambdas.migrate.migrations import prepared
from tests.integration.warehouse.client import Client

SETTINGS = MigrateSettings(
    workgroup="sluice",
    database="dev",
    admin_secret_arn="secret",
    loader_role_name="loader",
    caller_role_name="caller",
    procedure_schemas="public",
)


@pytest.fixture
def admin(client: Client) -> Iterator[Client]:
    """The admin of a migrated database."""
    admin = client.as_principal("user/admin")
    client.done("SELECT 1")  # makes the loader's user
    for path in sorted(Path("lambdas/sql/migrations").glob("*.sql")):
        admin.done(prepared(path, SETTINGS))
    yield admin
    admin.done("DROP SCHEMA sluice CASCADE")
    admin.done('REVOKE ALL ON SCHEMA public FROM "IAMR:loader"')
    admin.done('REVOKE ALL ON DATABASE dev FROM "IAMR:loader"')
    admin.done("DROP ROLE sluice_reader")


def record(admin: Client, key: str, version: int, verdict: str, **more: Any) -> None:
    """A row of the history: version `version` of a key, arrived and settled at minutes of a day."""
    row = {
        "file_id": f"{key}{version}".ljust(32, "0"),
        "replay": 0,
        "object_id": key.ljust(16, "0"),
        "sequence": f"{version:016}",
        "job_id": "JOB001",
        "target_table": "orders",
        "object_key": f"data/in/{key}",
        "version_id": f"v{version}",
        "size": 100,
        "verdict": verdict,
        "rows": 10 if verdict == "LOADED" else None,
        "error_type": "RowError" if verdict == "REJECTED" else None,
        "error_message": "line 2, column total" if verdict == "REJECTED" else None,
        "batch_id": "run-1-0",
        "execution": "run-1",
        "arrived_at": f"2025-11-13 10:{version:02}:00",
        "settled_at": f"2025-11-13 11:{version:02}:00",
    } | more
    values = ", ".join(
        "NULL" if value is None else f"'{value}'" if isinstance(value, str) else str(value)
        for value in row.values()
    )
    admin.done(f"INSERT INTO sluice.load_history ({', '.join(row)}) VALUES ({values})")


def test_loads_has_a_row_for_each_batch(admin: Client) -> None:
    record(admin, "a", 1, "LOADED")
    record(admin, "b", 2, "LOADED", rows=None)  # a text file too large to be counted beforehand
    record(admin, "c", 3, "REJECTED")
    record(admin, "d", 4, "SUPERSEDED")
    record(admin, "e", 5, "LOADED", batch_id="run-1-1")
    assert admin.rows(
        "SELECT batch_id, target_table, files_loaded, files_rejected, files_passed_over,"
        " rows_loaded, bytes_loaded, longest_wait_seconds FROM sluice.loads ORDER BY settled_at"
    ) == [
        ("run-1-0", "orders", 2, 1, 1, 10, 200, 3780),
        ("run-1-1", "orders", 1, 0, 0, 10, 100, 3600),
    ]


def test_a_failure_says_what_and_where_and_whether_it_was_mended(admin: Client) -> None:
    record(admin, "a", 1, "REJECTED")
    record(admin, "b", 2, "REJECTED")
    record(admin, "b", 3, "LOADED")
    record(admin, "b", 4, "LOADED")
    record(admin, "c", 5, "REJECTED")
    record(admin, "c", 5, "LOADED", replay=1, settled_at="2025-11-13 12:00:00")
    record(admin, "d", 6, "LOADED")
    record(admin, "d", 7, "MISSING")
    assert admin.rows(
        "SELECT object_key, verdict, error_type, error_message, mended_at"
        " FROM sluice.failures ORDER BY failed_at"
    ) == [
        ("data/in/a", "REJECTED", "RowError", "line 2, column total", None),
        ("data/in/b", "REJECTED", "RowError", "line 2, column total", "2025-11-13 11:03:00"),
        ("data/in/c", "REJECTED", "RowError", "line 2, column total", "2025-11-13 12:00:00"),
        ("data/in/d", "MISSING", None, None, None),
    ]


def test_a_version_loaded_before_mends_nothing(admin: Client) -> None:
    record(admin, "a", 1, "LOADED")
    record(admin, "a", 2, "REJECTED")
    assert admin.rows("SELECT mended_at FROM sluice.failures") == [(None,)]


def test_freshness_has_a_row_for_each_table_whatever_became_of_its_files(admin: Client) -> None:
    record(admin, "a", 1, "LOADED")
    record(admin, "a", 2, "LOADED")
    record(admin, "b", 3, "REJECTED")
    record(admin, "b", 4, "LOADED", target_table="items")
    record(admin, "c", 5, "REJECTED", target_table="never")
    assert admin.rows(
        "SELECT target_table, last_loaded_at, newest_arrival_at, files_loaded, rows_loaded,"
        " last_rejected_at, failures_not_mended FROM sluice.freshness ORDER BY target_table"
    ) == [
        ("items", "2025-11-13 11:04:00", "2025-11-13 10:04:00", 1, 10, None, 0),
        ("never", None, None, 0, None, "2025-11-13 11:05:00", 1),
        ("orders", "2025-11-13 11:02:00", "2025-11-13 10:02:00", 2, 20, "2025-11-13 11:03:00", 1),
    ]


def test_freshness_counts_on_while_nothing_loads(admin: Client) -> None:
    record(admin, "a", 1, "LOADED")
    (asked,) = admin.rows(
        "SELECT seconds_since_load - DATEDIFF(second, '2025-11-13 11:01:00'::TIMESTAMP, GETDATE())"
        " FROM sluice.freshness"
    )
    assert abs(asked[0]) <= 1


def test_a_reader_sees_the_views_and_nothing_else_of_the_schema(
    client: Client, admin: Client
) -> None:
    reader = client.as_principal("role/analyst")
    reader.done("SELECT 1")
    assert "permission denied" in reader.failure("SELECT * FROM sluice.loads")
    admin.done('GRANT ROLE sluice_reader TO "IAMR:analyst"')
    for view in ("loads", "failures", "freshness"):
        assert reader.rows(f"SELECT COUNT(*) FROM sluice.{view}") == [(0,)]
    assert "permission denied" in reader.failure("SELECT * FROM sluice.load_history")


def test_the_page_names_every_column_and_its_examples_run(admin: Client) -> None:
    page = Path("docs/observability.md").read_text().split("\n## Views in the warehouse\n")[1]
    columns = dict(re.findall(r"^\| `sluice\.(\w+)` \|[^|]*\|([^|]*)\|$", page, re.M))
    for view, listed in columns.items():
        found = admin.rows(
            "SELECT column_name FROM svv_columns WHERE table_schema = 'sluice'"
            f" AND table_name = '{view}' ORDER BY ordinal_position"
        )
        assert re.findall(r"`(\w+)`", listed) == [name for (name,) in found]
    assert set(columns) == {"loads", "failures", "freshness"}
    (examples,) = re.findall(r"```sql\n(.*?)```", page, re.S)
    for statement in examples.strip().rstrip(";").split(";\n"):
        assert admin.rows(statement) == []
