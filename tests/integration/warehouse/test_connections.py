"""A statement without a session finds nothing of the statements before it."""

from tests.integration.warehouse.client import ROLE, Client


def _pid(client: Client) -> int:
    found: int = client.done("SELECT 1")["RedshiftPid"]
    return found


def test_a_connection_is_used_again(client: Client) -> None:
    assert _pid(client) == _pid(client)


def test_settings_end_with_their_statement(client: Client) -> None:
    client.done("SET search_path TO pg_catalog")
    client.done("SET statement_timeout TO 5000")

    assert "pg_catalog" not in client.rows("SHOW search_path")[0][0]
    assert client.rows("SHOW statement_timeout") == [("0",)]


def test_temporary_tables_end_with_their_statement(client: Client) -> None:
    client.done("CREATE TEMP TABLE kept (a INT)")

    assert 'relation "kept" does not exist' in client.failure("SELECT * FROM kept")


def test_the_last_copy_is_that_of_the_same_statement(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")
    client.done(f"COPY t FROM '{client.bucket.write('one.csv', '1')}' {ROLE} CSV")

    assert client.rows("SELECT pg_last_copy_count()") == [(0,)]


def test_a_users_next_statement_has_what_the_user_was_given(client: Client) -> None:
    client.done("SELECT 1")
    before = _pid(client)
    client.as_principal("user/admin").done('ALTER USER "IAMR:loader" SET statement_timeout TO 7000')
    try:
        assert client.rows("SHOW statement_timeout") == [("7s",)]
        assert _pid(client) != before
    finally:
        client.as_principal("user/admin").done('ALTER USER "IAMR:loader" RESET statement_timeout')


def test_a_transaction_that_was_left_open_is_nobody_elses(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")
    client.done("BEGIN")
    client.done("INSERT INTO t VALUES (1)")

    assert client.rows("SELECT COUNT(*) FROM t") == [(1,)]
