"""The clients people have, on an emulated account: the AWS CLI, boto3, awswrangler."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import awswrangler as wr
import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError, ParamValidationError

from local.account.assembly import synthesize
from local.account.home import AccountInfo, Home
from local.account.process import start_detached

pytestmark = pytest.mark.emulated
ROOT = Path(__file__).parents[3]
_PATIENCE_SECONDS = 90


def until(found: Callable[[], Any]) -> Any:
    """What `found` returns once it returns something."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        if answer := found():
            return answer
        time.sleep(0.1)
    raise AssertionError("nothing came of it in time")


def boto(account: AccountInfo, service: str) -> Any:
    """A client of boto3, as anybody would make one."""
    return boto3.client(
        service,
        endpoint_url=account.endpoint_url,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        region_name=account.region,
    )


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AccountInfo]:
    home = Home(folder=tmp_path_factory.mktemp("sluice"))
    info = start_detached(assembly=synthesize(ROOT, "local", cache_dir=home.cache), home=home)
    try:
        yield info
    finally:
        home.stop()


@pytest.fixture(scope="module")
def orders(account: AccountInfo) -> str:
    """A table that the pipeline loaded from an upload."""
    body = io.BytesIO()
    table = pa.table(
        {
            "order_id": ["A1", "A2", "A3"],
            "updated_at": pa.array([1, 2, 3]).cast(pa.timestamp("s")),
            "total": pa.array([1.5, None, 3.25]),
            "quantity": pa.array([1, 2, None], pa.int32()),
            "gift": [True, False, None],
            "day": pa.array([19_000, 19_001, None], pa.date32()),
        }
    )
    pq.write_table(table, body)
    boto(account, "s3").put_object(
        Bucket=account.bucket, Key="data/in/order_summary_clients.parquet", Body=body.getvalue()
    )
    data = boto(account, "redshift-data")

    def loaded() -> bool:
        answer = data.execute_statement(
            WorkgroupName=account.workgroup,
            Database=account.database,
            Sql="SELECT 1 FROM sluice.load_history WHERE verdict = 'LOADED'"
            " AND object_key = 'data/in/order_summary_clients.parquet'",
            WaitTimeSeconds=10,
        )
        described = data.describe_statement(Id=answer["Id"])
        return bool(described["Status"] == "FINISHED" and described["ResultRows"])

    until(loaded)
    return "order_summary"


@pytest.fixture
def aws(account: AccountInfo) -> Callable[..., Any]:
    """Run the AWS CLI and return what it prints; `here` adds workgroup and database."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env |= account.to_env()

    def run(operation: str, *arguments: str, here: bool = False) -> Any:
        place = ("--workgroup-name", account.workgroup, "--database", account.database)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "awscli", "redshift-data", operation, "--output", "json"),
                *(place if here else ()),
                *arguments,
            ],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def finished(aws: Callable[..., Any], identifier: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        described: dict[str, Any] = aws("describe-statement", "--id", identifier)
        return described if described["Status"] in ("FINISHED", "FAILED", "ABORTED") else None

    found: dict[str, Any] = until(ended)
    assert found["Status"] == "FINISHED", found.get("Error")
    return found


def test_the_aws_cli_executes_describes_and_reads(aws: Callable[..., Any], orders: str) -> None:
    sql = f"SELECT order_id, quantity FROM {orders} WHERE total > :least ORDER BY 1"
    parameters = '[{"name": "least", "value": "1"}]'
    identifier = aws("execute-statement", "--sql", sql, "--parameters", parameters, here=True)["Id"]

    described = finished(aws, identifier)
    result = aws("get-statement-result", "--id", identifier)

    assert (described["HasResultSet"], described["ResultRows"]) == (True, 2)
    assert result["TotalNumRows"] == 2
    assert result["Records"] == [
        [{"stringValue": "A1"}, {"longValue": 1}],
        [{"stringValue": "A3"}, {"isNull": True}],
    ]


def test_the_aws_cli_runs_a_batch(aws: Callable[..., Any]) -> None:
    sqls = ["CREATE TABLE cli_batch (a INT)", "INSERT INTO cli_batch VALUES (1)", "SELECT 7"]
    identifier = aws("batch-execute-statement", "--sqls", *sqls, here=True)["Id"]

    described = finished(aws, identifier)

    assert [sub["Id"] for sub in described["SubStatements"]] == [
        f"{identifier}:{number}" for number in (1, 2, 3)
    ]
    result = aws("get-statement-result", "--id", f"{identifier}:3")
    assert result["Records"] == [[{"longValue": 7}]]
    assert identifier in [each["Id"] for each in aws("list-statements")["Statements"]]


def test_the_aws_cli_lists_and_describes_tables(aws: Callable[..., Any], orders: str) -> None:
    tables = aws("list-tables", "--schema-pattern", "public", here=True)["Tables"]
    described = aws("describe-table", "--schema", "public", "--table", orders, here=True)

    assert {"name": orders, "schema": "public", "type": "TABLE"} in tables
    types = {column["name"]: column["typeName"] for column in described["ColumnList"]}
    assert types == {
        "order_id": "varchar",
        "updated_at": "timestamp",
        "total": "float8",
        "quantity": "int4",
        "gift": "bool",
        "day": "date",
    }
    assert "public" in aws("list-schemas", here=True)["Schemas"]


def test_awswrangler_reads_what_was_uploaded_with_its_types(
    account: AccountInfo, orders: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in account.to_env().items():
        monkeypatch.setenv(name, value)
    connection = wr.data_api.redshift.connect(
        workgroup_name=account.workgroup,
        database=account.database,
        boto3_session=boto3.Session(region_name=account.region),
    )

    frame = wr.data_api.redshift.read_sql_query(
        f"SELECT * FROM {orders} ORDER BY order_id", con=connection
    )

    assert frame["order_id"].tolist() == ["A1", "A2", "A3"]
    assert frame["total"].dropna().tolist() == [1.5, 3.25]
    assert frame["quantity"].dropna().tolist() == [1, 2]
    assert frame["gift"].dropna().tolist() == [True, False]
    whole = wr.data_api.redshift.read_sql_query(
        f"SELECT * FROM {orders} WHERE order_id = 'A1'", con=connection
    )
    # dates and moments travel as text, and this client leaves them so
    assert {name: str(kind) for name, kind in whole.dtypes.items()} == {
        "order_id": "str",
        "updated_at": "str",
        "total": "float64",
        "quantity": "int64",
        "gift": "bool",
        "day": "str",
    }
    assert whole.to_dict("records")[0]["updated_at"] == "1970-01-01 00:00:01"


def test_errors_are_the_exceptions_of_the_service(account: AccountInfo) -> None:
    data = boto(account, "redshift-data")
    place = {"WorkgroupName": account.workgroup, "Database": account.database}
    unknown = "00000000-0000-4000-8000-000000000000"

    with pytest.raises(data.exceptions.ResourceNotFoundException) as missing:
        data.describe_statement(Id=unknown)
    with pytest.raises(data.exceptions.ValidationException) as invalid:
        data.batch_execute_statement(Sqls=["SELECT 1"] * 41, **place)
    with pytest.raises(data.exceptions.DatabaseConnectionException):
        data.list_tables(**place | {"Database": "nowhere"})
    with pytest.raises(ParamValidationError):
        data.batch_execute_statement(Sqls=[], **place)

    assert missing.value.response["ResourceId"] == unknown
    for caught in (missing, invalid):
        assert isinstance(caught.value, ClientError)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        assert caught.value.response["Error"]["Message"]
