"""Differences from Redshift that are known and left open, so that nobody finds them by accident.

When one of these fails, a difference was closed: move its row in `docs/local-warehouse.md`.
"""

from pathlib import Path

import pytest

from local.warehouse import DataApiError, Warehouse
from tests.integration.warehouse.client import Bucket, Client


def test_two_transactions_may_write_to_one_table_at_once(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")
    session = client.submit("BEGIN", SessionKeepAliveSeconds=30, WaitTimeSeconds=30)["SessionId"]
    client.done("INSERT INTO t VALUES (1)", SessionId=session)

    client.done("INSERT INTO t VALUES (2)")  # Redshift would wait for the session

    client.done("COMMIT", SessionId=session)
    assert client.rows("SELECT COUNT(*) FROM t") == [(2,)]


def test_writers_of_different_rows_never_conflict(client: Client) -> None:
    client.done("CREATE TABLE t (a INT, b INT)")
    client.done("INSERT INTO t VALUES (1, 0), (2, 0)")
    session = client.submit("BEGIN", SessionKeepAliveSeconds=30, WaitTimeSeconds=30)["SessionId"]
    client.done("UPDATE t SET b = 1 WHERE a = 1", SessionId=session)

    client.done("UPDATE t SET b = 1 WHERE a = 2")

    client.done("COMMIT", SessionId=session)
    assert client.rows("SELECT SUM(b) FROM t") == [(2,)]


def test_a_late_binding_view_binds_at_once(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")
    client.done("CREATE VIEW v AS SELECT a FROM public.t WITH NO SCHEMA BINDING")

    assert "cannot drop table t because other objects depend on it" in client.failure(
        "DROP TABLE t"
    )


def test_users_groups_and_roles_share_their_names(client: Client) -> None:
    admin = client.as_principal("user/admin")
    admin.done("CREATE USER shared_name PASSWORD DISABLE")
    try:
        assert "already exists" in admin.failure("CREATE GROUP shared_name")
    finally:
        admin.done("DROP USER shared_name")


def test_physical_design_is_checked_and_forgotten(client: Client) -> None:
    client.done("CREATE TABLE t (a INT ENCODE az64, b INT) DISTSTYLE KEY DISTKEY (a) SORTKEY (b)")
    client.done("INSERT INTO t VALUES (1, 1)")

    assert client.rows("SELECT diststyle, sortkey1 FROM svv_table_info") == [
        ("AUTO(ALL)", "AUTO(SORTKEY)")
    ]


def test_postgres_own_catalog_can_be_seen(client: Client) -> None:
    assert client.rows("SELECT COUNT(*) > 0 FROM pg_stat_activity") == [(True,)]


def test_statements_and_results_are_gone_after_a_restart(tmp_path: Path) -> None:
    first = Warehouse(tmp_path, object_store=Bucket())
    first.start()
    identifier = Client(first, "dev", Bucket()).done("SELECT 1")["Id"]
    first.stop()

    second = Warehouse(tmp_path, object_store=Bucket())
    second.start()
    try:
        with pytest.raises(DataApiError, match="Query does not exist"):
            Client(second, "dev", Bucket()).call("DescribeStatement", Id=identifier)
    finally:
        second.discard()
