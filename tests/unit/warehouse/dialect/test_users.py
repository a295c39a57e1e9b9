"""Users, groups, roles and grants."""

import psycopg
import pytest

from local.warehouse.dialect import UnsupportedSqlError, translate
from tests.unit.warehouse.dialect.conftest import Database

UPSERT = "IAMR:sluice-local-upsert"


@pytest.fixture
def populated(database: Database) -> Database:
    database.run(f'CREATE USER "{UPSERT}" PASSWORD DISABLE')
    database.run("CREATE USER bob PASSWORD 'Secret1' NOCREATEDB CONNECTION LIMIT UNLIMITED")
    database.run("CREATE GROUP readers WITH USER bob")
    database.run("CREATE ROLE analyst")
    database.run("CREATE TABLE t (a INT, b INT)")
    return database


def can(database: Database, user: str, privilege: str) -> bool:
    row = database.connection.execute(
        "SELECT has_table_privilege(%s, 't', %s)", (user, privilege)
    ).fetchone()
    assert row is not None
    return bool(row[0])


@pytest.mark.parametrize(
    ("grant", "user"),
    [
        (f'GRANT SELECT, INSERT ON TABLE public.t TO "{UPSERT}"', UPSERT),
        ("GRANT SELECT ON t TO ROLE analyst WITH GRANT OPTION", "analyst"),
        ("GRANT ALL PRIVILEGES ON TABLE t TO GROUP readers", "bob"),
        ("GRANT SELECT ON ALL TABLES IN SCHEMA public TO bob, ROLE analyst", "bob"),
        ("GRANT ALL ON t TO PUBLIC", "bob"),
    ],
)
def test_a_grant_reaches_users_groups_and_roles(populated: Database, grant: str, user: str) -> None:
    assert not can(populated, user, "SELECT")

    populated.run(grant)

    assert can(populated, user, "SELECT")


def test_roles_are_granted_and_privileges_revoked(populated: Database) -> None:
    populated.run("GRANT SELECT ON t TO ROLE analyst")
    populated.run(f'GRANT ROLE analyst TO "{UPSERT}"')
    assert can(populated, UPSERT, "SELECT")

    populated.run("REVOKE SELECT ON TABLE t FROM ROLE analyst")

    assert not can(populated, UPSERT, "SELECT")


@pytest.mark.parametrize(
    "statement",
    [
        f'GRANT USAGE, CREATE ON SCHEMA public TO "{UPSERT}"',
        "GRANT TEMP ON DATABASE dev TO bob",
        "GRANT EXECUTE ON PROCEDURE p(INTEGER, VARCHAR(20)) TO bob",
        "GRANT SELECT (a) ON t TO bob",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO GROUP readers",
        "ALTER GROUP readers DROP USER bob",
        "ALTER GROUP readers ADD USER bob",
        "ALTER USER bob PASSWORD 'Other2' CREATEDB",
        "ALTER TABLE t OWNER TO bob",
        "REVOKE GRANT OPTION FOR SELECT ON t FROM bob CASCADE",
        "DROP GROUP readers",
        "DROP ROLE analyst",
        "DROP USER IF EXISTS bob",
    ],
)
def test_a_statement_about_users_runs(populated: Database, statement: str) -> None:
    populated.run(
        "CREATE PROCEDURE p(a INTEGER, b VARCHAR(20)) AS $$ BEGIN NULL; END $$ LANGUAGE plpgsql"
    )

    populated.run(statement)

    assert translate(statement).kind == "ddl"


@pytest.mark.parametrize(
    ("statement", "construct"),
    [
        ("GRANT DROP ON t TO bob", "the privilege DROP"),
        ("GRANT USAGE ON DATASHARE d TO NAMESPACE 'x'", "a privilege on DATASHARE"),
        ("GRANT CREATE USER TO ROLE analyst", "CREATE USER"),
        ("CREATE USER x PASSWORD DISABLE SYSLOG ACCESS UNRESTRICTED", "SYSLOG of a user"),
    ],
)
def test_what_postgres_cannot_grant_is_refused(statement: str, construct: str) -> None:
    with pytest.raises(UnsupportedSqlError, match=construct):
        translate(statement)


def test_a_user_without_a_grant_is_turned_away(populated: Database) -> None:
    populated.run("SET SESSION AUTHORIZATION 'bob'")

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        populated.run("SELECT * FROM t")
