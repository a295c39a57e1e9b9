"""A file dropped in the bucket is in the warehouse, on the template that would be deployed."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local.account.assembly import synthesize
from local.account.home import AccountInfo, Home
from local.account.process import start_detached

pytestmark = pytest.mark.emulated
ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 90


class Account:
    """A running account as a person has it: an endpoint, a bucket, a workgroup."""

    def __init__(self, info: AccountInfo) -> None:
        self.info = info
        self.env = {
            name: value for name, value in os.environ.items() if not name.startswith("AWS_")
        } | info.to_env()

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.info.endpoint_url,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            region_name=self.info.region,
        )

    def aws(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "awscli", *arguments]
        return subprocess.run(
            command, env=self.env, capture_output=True, text=True, check=True
        ).stdout

    def upload(self, name: str, body: bytes) -> None:
        self.client("s3").put_object(Bucket=self.info.bucket, Key=f"data/in/{name}", Body=body)

    def query(self, sql: str) -> list[list[Any]]:
        data = self.client("redshift-data")
        statement = data.execute_statement(
            WorkgroupName=self.info.workgroup, Database=self.info.database, Sql=sql
        )["Id"]
        status = until(lambda: _closed(data.describe_statement(Id=statement)))
        assert status["Status"] == "FINISHED", status.get("Error")
        records = data.get_statement_result(Id=statement)["Records"]
        return [[_value(field) for field in record] for record in records]

    def verdict(self, key: str) -> list[Any] | None:
        """Verdict, rows and error type the history has of a key."""
        found = self.query(
            "SELECT verdict, rows, error_type FROM sluice.load_history"
            f" WHERE object_key = 'data/in/{key}'"
        )
        return found[0] if found else None

    def keys(self, prefix: str) -> list[str]:
        listed = self.client("s3").list_objects_v2(Bucket=self.info.bucket, Prefix=prefix)
        return [each["Key"] for each in listed.get("Contents", [])]


def until(found: Callable[[], Any]) -> Any:
    """What `found` returns once it returns something."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        answer = found()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError("nothing came of it in time")


def _closed(answer: dict[str, Any]) -> dict[str, Any] | None:
    return answer if answer["Status"] in ("FINISHED", "FAILED", "ABORTED") else None


def _value(field: dict[str, Any]) -> Any:
    return None if field.get("isNull") else next(iter(field.values()))


def parquet(**columns: list[Any]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    home = Home(folder=tmp_path_factory.mktemp("sluice"))
    assembly = synthesize(ROOT, "local", cache_dir=home.cache)
    info = start_detached(assembly=assembly, home=home)
    try:
        yield Account(info)
    finally:
        home.stop()


def test_a_csv_copied_with_the_aws_cli_is_in_its_table(account: Account, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("customer_id,name\n1,Ann\n2,Bob\n")
    account.aws("s3", "cp", str(path), f"s3://{account.info.bucket}/data/in/customers.csv")
    until(lambda: account.verdict("customers.csv"))
    where = ["--workgroup-name", account.info.workgroup, "--database", account.info.database]
    sql = "SELECT customer_id, name FROM customers ORDER BY customer_id"
    statement = json.loads(
        account.aws("redshift-data", "execute-statement", *where, "--sql", sql, "--output", "json")
    )["Id"]
    until(lambda: _closed(account.client("redshift-data").describe_statement(Id=statement)))
    answer = json.loads(
        account.aws("redshift-data", "get-statement-result", "--id", statement, "--output", "json")
    )
    assert [[_value(field) for field in row] for row in answer["Records"]] == [
        [1, "Ann"],
        [2, "Bob"],
    ]
    until(lambda: account.keys("data/in/customers.csv") == [])


def test_bad_files_are_put_aside_and_their_neighbour_loads(account: Account) -> None:
    account.upload("order_items_a.parquet", parquet(order_id=["1"], line_number=[1], sku=["x"]))
    account.upload("order_items_b.parquet", b"PAR1 truncated")
    account.upload("order_items_c.parquet", parquet(order_id=[None], line_number=[1], sku=["x"]))
    verdicts = {
        name: until(lambda name=name: account.verdict(f"order_items_{name}.parquet"))
        for name in "abc"
    }
    assert verdicts["a"] == ["LOADED", 1, None]
    assert verdicts["b"][0] == "REJECTED"
    assert verdicts["b"][2] == "FormatError"
    assert verdicts["c"][0] == "REJECTED"
    assert account.query("SELECT order_id, sku FROM order_items") == [["1", "x"]]
    until(lambda: len(account.keys("data/rejected/")) == 4)
    (error,) = [
        key for key in account.keys("data/rejected/") if key.endswith("b.parquet.error.json")
    ]
    body = account.client("s3").get_object(Bucket=account.info.bucket, Key=error)["Body"].read()
    assert json.loads(body)["error"]["type"] == "FormatError"


def test_an_unknown_file_is_moved_aside(account: Account) -> None:
    account.upload("mystery + 100%.csv", b"a\n1\n")
    until(lambda: account.keys("data/new_files/") == ["data/new_files/mystery + 100%.csv"])
    until(lambda: account.keys("data/in/mystery") == [])


def test_a_changed_file_replaces_rows_and_adds_new_ones(account: Account) -> None:
    first = parquet(order_id=["1", "2"], updated_at=[1, 1], total=[10, 20])
    account.upload("order_summary_1.parquet", first)
    until(lambda: account.verdict("order_summary_1.parquet"))
    account.upload(
        "order_summary_2.parquet", parquet(order_id=["2", "3"], updated_at=[2, 2], total=[21, 30])
    )
    until(lambda: account.verdict("order_summary_2.parquet"))
    rows = account.query("SELECT order_id, total FROM order_summary ORDER BY order_id")
    assert rows == [["1", 10], ["2", 21], ["3", 30]]
