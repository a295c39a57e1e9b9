"""A file dropped in the bucket is in the warehouse, on the template that would be deployed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.running import (
    Account,
    closed,
    parquet,
    running_account,
    until,
    value,
)

pytestmark = pytest.mark.emulated


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with running_account(tmp_path_factory.mktemp("sluice")) as running:
        yield running


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
    until(lambda: closed(account.client("redshift-data").describe_statement(Id=statement)))
    answer = json.loads(
        account.aws("redshift-data", "get-statement-result", "--id", statement, "--output", "json")
    )
    assert [[value(field) for field in row] for row in answer["Records"]] == [
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
    assert json.loads(account.read(error))["error"]["type"] == "FormatError"


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
