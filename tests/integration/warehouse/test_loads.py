"""One load as the Data API sees it: a batch that copies from S3, merges, and is all or nothing."""

import io
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local.warehouse import Caller, Warehouse

LOADER = Caller(principal="role/loader")
STRANGER = Caller(principal="role/stranger")
PERSON = Caller(principal="user/local")
ROLE = "arn:aws:iam::123456789012:role/copy"
WHERE = {"WorkgroupName": "sluice-local", "Database": "dev"}
WAIT = 20

SETUP = (
    'CREATE SCHEMA "sluice"',
    'GRANT USAGE, CREATE ON SCHEMA "sluice" TO PUBLIC',
    """CREATE PROCEDURE "sluice"."refuse_findings"() AS $$
    DECLARE found VARCHAR(4096);
    BEGIN
        SELECT INTO found MIN(code) FROM sluice_findings;
        IF found IS NOT NULL THEN
            RAISE EXCEPTION 'SLUICE_REFUSED: %', found;
        END IF;
    END;
    $$ LANGUAGE plpgsql""",
    'GRANT EXECUTE ON PROCEDURE "sluice"."refuse_findings"() TO PUBLIC',
)


class Bucket:
    """S3 in a dictionary."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}

    def get(self, bucket: str, key: str, *, role_arn: str) -> bytes:
        assert role_arn == ROLE
        return self.objects[bucket, key]

    def put(self, bucket: str, key: str, body: bytes, *, role_arn: str) -> None:
        assert role_arn == ROLE
        self.objects[bucket, key] = body

    def list(self, bucket: str, prefix: str, *, role_arn: str) -> list[tuple[str, int]]:
        assert role_arn == ROLE
        return [
            (key, len(body))
            for (place, key), body in sorted(self.objects.items())
            if place == bucket and key.startswith(prefix)
        ]


@pytest.fixture(scope="session")
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory, bucket: Bucket) -> Iterator[Warehouse]:
    found = Warehouse(tmp_path_factory.mktemp("warehouse"), object_store=bucket)
    found.start()
    try:
        for sql in SETUP:
            succeed(found, PERSON, sql)
        yield found
    finally:
        found.discard()


def finish(warehouse: Warehouse, caller: Caller, identifier: str) -> dict[str, Any]:
    return warehouse.handle(
        "DescribeStatement", {"Id": identifier, "WaitTimeSeconds": WAIT}, caller
    )


def execute(warehouse: Warehouse, caller: Caller, sql: str, **more: Any) -> dict[str, Any]:
    accepted = warehouse.handle("ExecuteStatement", {**WHERE, "Sql": sql, **more}, caller)
    return finish(warehouse, caller, accepted["Id"])


def batch(warehouse: Warehouse, caller: Caller, *sqls: str, **more: Any) -> dict[str, Any]:
    accepted = warehouse.handle(
        "BatchExecuteStatement", {**WHERE, "Sqls": list(sqls), **more}, caller
    )
    return finish(warehouse, caller, accepted["Id"])


def succeed(warehouse: Warehouse, caller: Caller, sql: str, **more: Any) -> str:
    done = execute(warehouse, caller, sql, **more)
    assert done["Status"] == "FINISHED", done.get("Error")
    return str(done["Id"])


def rows(warehouse: Warehouse, caller: Caller, sql: str, **more: Any) -> list[list[Any]]:
    identifier = succeed(warehouse, caller, sql, **more)
    found: list[list[Any]] = []
    token: dict[str, str] = {}
    while True:
        page = warehouse.handle("GetStatementResult", {"Id": identifier, **token}, caller)
        found += [
            [None if "isNull" in cell else next(iter(cell.values())) for cell in record]
            for record in page["Records"]
        ]
        if "NextToken" not in page:
            return found
        token = {"NextToken": page["NextToken"]}


@dataclass(kw_only=True)
class Load:
    """A target table of its own, a mutex of its own, and the files of one load."""

    warehouse: Warehouse
    bucket: Bucket
    name: str
    files: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def table(self) -> str:
        return f'"public"."{self.name}"'

    def add(self, name: str, body: bytes) -> str:
        key = f"data/raw/{self.name}/{name}"
        self.bucket.objects["data", key] = body
        self.files.append((key, body))
        return f"s3://data/{key}"

    def manifest(self) -> str:
        key = f"work/{self.name}/rows-1.manifest"
        entries = [
            {
                "url": f"s3://data/{key}",
                "mandatory": True,
                "meta": {"content_length": len(body)},
            }
            for key, body in self.files
        ]
        self.bucket.objects["data", key] = json.dumps({"entries": entries}).encode()
        return f"s3://data/{key}"

    def statements(self, options: str, columns: str = "") -> list[str]:
        staged = f"COPY \"sluice_staging_1\" {columns} FROM '{self.manifest()}' IAM_ROLE '{ROLE}'"
        return [
            f'LOCK "sluice"."mutex_{self.name}"',
            'CREATE TEMP TABLE "sluice_findings" (code VARCHAR(32), detail VARCHAR(4096))',
            'CREATE TEMP TABLE "sluice_staging_1" ("order_id" BIGINT, "name" VARCHAR(65535),'
            ' "amount" DECIMAL(18,2))',
            f"{staged} {options}",
            "INSERT INTO \"sluice_findings\" SELECT 'NULL_KEY', COUNT(*)::VARCHAR"
            ' FROM "sluice_staging_1" WHERE "order_id" IS NULL HAVING COUNT(*) > 0',
            'CALL "sluice"."refuse_findings"()',
            f'DELETE FROM {self.table} USING "sluice_staging_1" s'
            f' WHERE {self.table}."order_id" = s."order_id"',
            f'INSERT INTO {self.table} ("order_id", "name", "amount")'
            ' SELECT "order_id", "name", "amount" FROM "sluice_staging_1" s',
        ]

    def run(self, options: str, columns: str = "") -> dict[str, Any]:
        return batch(self.warehouse, LOADER, *self.statements(options, columns))

    def rows(self) -> list[list[Any]]:
        return rows(self.warehouse, LOADER, f"SELECT * FROM {self.table} ORDER BY order_id")


PARQUET = "FORMAT AS PARQUET MANIFEST"
CSV = "MANIFEST FORMAT AS CSV DELIMITER ',' IGNOREHEADER 1 DATEFORMAT 'auto' TIMEFORMAT 'auto'"
COLUMNS = '("order_id", "name", "amount")'


@pytest.fixture
def load(warehouse: Warehouse, bucket: Bucket) -> Load:
    found = Load(warehouse=warehouse, bucket=bucket, name=f"t_{uuid.uuid4().hex[:16]}")
    succeed(
        warehouse,
        LOADER,
        f'CREATE TABLE IF NOT EXISTS {found.table} ("order_id" BIGINT, "name" VARCHAR(65535),'
        ' "amount" DECIMAL(18,2)) DISTSTYLE AUTO SORTKEY AUTO',
    )
    succeed(warehouse, LOADER, f'CREATE TABLE "sluice"."mutex_{found.name}" ("locked" SMALLINT)')
    succeed(warehouse, LOADER, f"INSERT INTO {found.table} VALUES (1, 'old', 1.5), (9, 'kept', 9)")
    return found


OLD = [[1, "old", "1.50"], [9, "kept", "9.00"]]


def parquet(ids: list[int | None], kind: pa.DataType | None = None) -> bytes:
    table = pa.table(
        {
            "order_id": pa.array(ids, kind or pa.int64()),
            "name": pa.array(["ä" for _ in ids], pa.string()),
            "amount": pa.array([Decimal("2.25") for _ in ids], pa.decimal128(18, 2)),
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def test_a_batch_merges_all_parquet_files_of_a_manifest(load: Load) -> None:
    load.add("a.parquet", parquet([1, 2]))
    load.add("b.parquet", parquet([3]))

    done = load.run(PARQUET)

    assert done["Status"] == "FINISHED", done.get("Error")
    assert load.rows() == [[n, "ä", "2.25"] for n in (1, 2, 3)] + [[9, "kept", "9.00"]]


def test_a_batch_merges_csv_with_quotes_and_nulls(load: Load) -> None:
    load.add("a.csv", b'order_id,name,amount\n1,"a, ""b""",10\n2,plain,\n')

    done = load.run(CSV, COLUMNS)

    assert done["Status"] == "FINISHED", done.get("Error")
    assert load.rows() == [[1, 'a, "b"', "10.00"], [2, "plain", None], [9, "kept", "9.00"]]


def test_a_batch_describes_each_of_its_statements(load: Load) -> None:
    load.add("a.parquet", parquet([2, 3]))

    done = load.run(PARQUET)

    subs = done["SubStatements"]
    assert [sub["Id"] for sub in subs] == [f"{done['Id']}:{n}" for n in range(1, len(subs) + 1)]
    assert {sub["Status"] for sub in subs} == {"FINISHED"}
    assert subs[-1]["ResultRows"] == 2
    query_ids = [sub["RedshiftQueryId"] for sub in subs]
    assert query_ids == sorted(set(query_ids))
    assert done["HasResultSet"] is False


def test_a_bad_csv_leaves_nothing_and_is_named_by_file_line_and_column(load: Load) -> None:
    url = load.add("bad.csv", b"order_id,name,amount\n1,new,1\nsecret,new,2\n")

    done = load.run(CSV, COLUMNS)

    assert done["Status"] == "FAILED"
    assert "sys_load_error_detail" in done["Error"]
    assert "secret" not in done["Error"]
    assert load.rows() == OLD
    copy = done["SubStatements"][3]
    assert copy["Status"] == "FAILED"
    found = rows(
        load.warehouse,
        PERSON,
        "SELECT TRIM(file_name), line_number, TRIM(column_name), error_code, error_message"
        " FROM sys_load_error_detail WHERE query_id = :id",
        Parameters=[{"name": "id", "value": str(copy["RedshiftQueryId"])}],
    )
    assert [row[:4] for row in found] == [[url, 3, "order_id", 1207]]
    assert "secret" not in found[0][4]


def test_a_finding_refuses_the_whole_batch(load: Load) -> None:
    load.add("a.parquet", parquet([1, None]))

    done = load.run(PARQUET)

    assert done["Status"] == "FAILED"
    assert "SLUICE_REFUSED: NULL_KEY" in done["Error"]
    assert load.rows() == OLD


def test_parquet_of_another_type_is_refused_by_file_and_column(load: Load) -> None:
    url = load.add("a.parquet", parquet([1], pa.int32()))

    done = load.run(PARQUET)

    assert done["Status"] == "FAILED"
    assert "incompatible Parquet schema" in done["Error"]
    assert url in done["Error"]
    assert "order_id" in done["Error"]
    assert load.rows() == OLD


def test_parquet_that_is_corrupt_is_refused_by_file(load: Load) -> None:
    url = load.add("a.parquet", b"PAR1 and nothing else")

    done = load.run(PARQUET)

    assert done["Status"] == "FAILED"
    assert url in done["Error"]
    assert load.rows() == OLD


def test_parquet_of_another_size_than_its_manifest_says_is_refused(load: Load) -> None:
    url = load.add("a.parquet", parquet([1]))
    sqls = load.statements(PARQUET)
    load.bucket.objects["data", url.removeprefix("s3://data/")] = parquet([1, 2])

    done = batch(load.warehouse, LOADER, *sqls)

    assert done["Status"] == "FAILED"
    assert url in done["Error"]
    assert load.rows() == OLD


def test_a_missing_mandatory_file_is_refused_by_name(load: Load) -> None:
    url = load.add("a.parquet", parquet([1]))
    sqls = load.statements(PARQUET)
    del load.bucket.objects["data", url.removeprefix("s3://data/")]

    done = batch(load.warehouse, LOADER, *sqls)

    assert done["Status"] == "FAILED"
    assert url in done["Error"]


def test_a_role_may_not_read_the_table_of_another(load: Load) -> None:
    done = execute(load.warehouse, STRANGER, f"SELECT * FROM {load.table}")

    assert done["Status"] == "FAILED"
    assert "permission denied" in done["Error"]


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("TRUNCATE {table}", "TRUNCATE commits"),
        ("COMMIT", "COMMIT"),
        ("ROLLBACK", "ROLLBACK"),
        ("BEGIN", "BEGIN"),
        ("VACUUM {table}", "VACUUM"),
        ('ALTER TABLE {table} ALTER COLUMN "name" TYPE VARCHAR(65535)', "ALTER COLUMN"),
        ('CREATE DATABASE "another"', "CREATE DATABASE"),
        ('DROP DATABASE "another"', "DROP DATABASE"),
    ],
)
def test_what_redshift_commits_or_refuses_in_a_transaction_is_refused_in_a_batch(
    load: Load, sql: str, named: str
) -> None:
    text = sql.format(table=load.table)

    done = batch(load.warehouse, LOADER, f"DELETE FROM {load.table}", text)

    assert done["Status"] == "FAILED"
    assert named in done["Error"]
    assert load.rows() == OLD


def test_loads_of_one_table_at_the_same_time_fail_or_follow_one_another(load: Load) -> None:
    load.add("a.parquet", parquet([1, 2, 3]))
    request = {**WHERE, "Sqls": load.statements(PARQUET)}
    ids = [load.warehouse.handle("BatchExecuteStatement", request, LOADER)["Id"] for _ in range(4)]

    ended = [finish(load.warehouse, LOADER, identifier) for identifier in ids]

    assert any(each["Status"] == "FINISHED" for each in ended)
    assert all("1023" in each["Error"] for each in ended if each["Status"] != "FINISHED")
    assert [row[0] for row in load.rows()] == [1, 2, 3, 9]


def test_the_rows_survive_a_restart(
    tmp_path_factory: pytest.TempPathFactory, bucket: Bucket
) -> None:
    found = Warehouse(tmp_path_factory.mktemp("kept"), object_store=bucket)
    found.start()
    try:
        succeed(found, LOADER, 'CREATE TABLE "kept" AS SELECT 7 AS n')
        found.stop()
        found.start()
        assert rows(found, LOADER, 'SELECT n FROM "kept"') == [[7]]
    finally:
        found.discard()
