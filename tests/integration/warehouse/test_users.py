"""Who a caller is in the database, and what grants let them do."""

import pytest

from local.warehouse import DataApiError
from tests.integration.warehouse.client import Client


@pytest.fixture
def admin(client: Client) -> Client:
    return client.as_principal("user/admin")


def test_a_role_is_the_user_iamr_and_keeps_its_case(client: Client) -> None:
    caller = client.as_principal("role/Sluice-Upsert")

    assert caller.done("SELECT 1")["DbUser"] == "IAMR:Sluice-Upsert"
    assert caller.rows("SELECT CURRENT_USER") == [("IAMR:Sluice-Upsert",)]


def test_a_person_is_a_superuser_and_a_role_is_none(client: Client, admin: Client) -> None:
    query = "SELECT usesuper FROM pg_user WHERE usename = CURRENT_USER"

    assert admin.rows(query) == [(True,)]
    assert client.rows(query) == [(False,)]


def test_a_role_reads_what_it_was_granted(client: Client, admin: Client) -> None:
    admin.done("CREATE TABLE t (a INT)")
    client.done("SELECT 1")
    assert "permission denied for" in client.failure("SELECT * FROM t")

    admin.done('GRANT SELECT ON t TO "IAMR:loader"')

    assert client.rows("SELECT COUNT(*) FROM t") == [(0,)]
    assert "permission denied for" in client.failure("DELETE FROM t")
    admin.done('REVOKE SELECT ON t FROM "IAMR:loader"')
    assert "permission denied for" in client.failure("SELECT * FROM t")


def test_a_grant_may_come_before_the_roles_first_call(client: Client, admin: Client) -> None:
    admin.done("CREATE TABLE t (a INT)")
    admin.done('CREATE USER "IAMR:newcomer" PASSWORD DISABLE')
    admin.done('GRANT SELECT ON t TO "IAMR:newcomer"')

    assert client.as_principal("role/newcomer").rows("SELECT COUNT(*) FROM t") == [(0,)]


def test_groups_and_roles_pass_on_what_they_have(client: Client, admin: Client) -> None:
    client.done("SELECT 1")
    admin.done("CREATE TABLE t (a INT)")
    admin.done("CREATE ROLE warehouse_reader")
    try:
        admin.done("GRANT SELECT ON t TO ROLE warehouse_reader")
        admin.done('GRANT ROLE warehouse_reader TO "IAMR:loader"')

        assert client.rows("SELECT COUNT(*) FROM t") == [(0,)]
    finally:
        admin.done("REVOKE SELECT ON t FROM ROLE warehouse_reader")
        admin.done("DROP ROLE warehouse_reader")


def test_only_an_owner_alters_a_table(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")
    client.done("GRANT ALL ON t TO PUBLIC")

    error = client.as_principal("role/other").failure("ALTER TABLE t ADD COLUMN b INT")

    assert "must be owner of" in error


def test_an_unknown_grantee_is_an_error(admin: Client) -> None:
    admin.done("CREATE TABLE t (a INT)")

    assert 'role "nobody_known" does not exist' in admin.failure(
        "GRANT SELECT ON t TO nobody_known"
    )


def test_a_secret_logs_in_as_the_administrator(client: Client) -> None:
    described = client.done(
        "SELECT 1", SecretArn="arn:aws:secretsmanager:us-east-1:123456789012:secret:admin-AbCdEf"
    )

    assert described["DbUser"] == "admin"


def test_the_logs_of_others_are_not_shown(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")
    client.bucket.write("a.csv", "x\n")
    client.copy("t", "s3://b/a.csv", "CSV")

    for view in ("sys_load_error_detail", "sys_load_history"):
        mine = client.rows(f"SELECT COUNT(*) FROM {view}")
        theirs = client.as_principal("role/other").rows(f"SELECT COUNT(*) FROM {view}")
        assert (mine, theirs) == ([(1,)], [(0,)])
        assert client.as_principal("user/admin").rows(f"SELECT COUNT(*) FROM {view}") == [(1,)]


@pytest.mark.parametrize("member", [{"DbUser": "x"}, {"ClusterIdentifier": "c"}])
def test_what_only_clusters_have_is_refused(client: Client, member: dict[str, str]) -> None:
    with pytest.raises(DataApiError) as caught:
        client.submit("SELECT 1", **member)

    assert caught.value.code == "ValidationException"
