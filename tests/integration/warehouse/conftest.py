"""One warehouse for each test process; its schemas are emptied after each test."""

from collections.abc import Iterator

import psycopg
import pytest

from local.warehouse import Warehouse
from tests.integration.warehouse.client import Bucket, Client


class _Buckets(Bucket):
    """Forwards to the bucket of the test that runs."""

    current = Bucket()

    def get(self, bucket: str, key: str, *, role_arn: str) -> bytes:
        return self.current.get(bucket, key, role_arn=role_arn)

    def list(self, bucket: str, prefix: str, *, role_arn: str) -> list[tuple[str, int]]:
        return self.current.list(bucket, prefix, role_arn=role_arn)


@pytest.fixture(scope="session")
def buckets() -> _Buckets:
    return _Buckets()


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory, buckets: _Buckets) -> Iterator[Warehouse]:
    warehouse = Warehouse(tmp_path_factory.mktemp("warehouse"), object_store=buckets)
    warehouse.start()
    yield warehouse
    warehouse.discard()


_EMPTY = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_|redshift$)'
    LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', name);
    END LOOP;
END $$;
CREATE SCHEMA public;
GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC;
TRUNCATE redshift.load_log, redshift.load_file_log, redshift.load_error_log, redshift.long_names;
"""


@pytest.fixture
def client(warehouse: Warehouse, buckets: _Buckets) -> Iterator[Client]:
    """A role's caller, with an empty database and an empty bucket."""
    buckets.current = Bucket()
    client = Client(warehouse, "dev", buckets.current)
    yield client
    with psycopg.connect(warehouse.dsn, autocommit=True) as connection:
        connection.execute(_EMPTY)


@pytest.fixture
def bucket(client: Client) -> Bucket:
    return client.bucket


@pytest.fixture
def locked(client: Client, warehouse: Warehouse) -> Iterator[str]:
    """A table that nobody can read while the test runs: who reads it, waits."""
    client.done("CREATE TABLE locked (a INT)")
    with psycopg.connect(warehouse.dsn) as connection:
        connection.execute("LOCK TABLE locked")
        yield "locked"
