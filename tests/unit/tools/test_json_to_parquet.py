"""Nested orders become three parquet files with the same sums, or an error that names the place."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from lambdas.shared.domain.errors import EncodingError, FormatError
from tools.json_to_parquet import app, convert
from tools.order_generator import generate_orders, write_orders
from tools.orders import FLATTENED_SCHEMA, ITEMS_SCHEMA, SUMMARY_SCHEMA, RecordError, RequestError

ORDER: dict[str, Any] = {
    "order_id": "A1",
    "customer_id": "C1",
    "customer_name": "Blue Lake Store",
    "order_date": "2024-01-31",
    "status": "paid",
    "updated_at": "2024-01-31T12:00:00",
    "currency": "EUR",
    "items": [{"line_number": 1, "sku": "S", "product_name": "Mug", "quantity": 3, "price": 0.1}],
    "total": 0.3,
}


def lines(path: Path, *orders: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(order) + "\n" for order in orders))
    return path


@pytest.mark.parametrize("file_format", ["json", "jsonl"])
def test_the_sums_survive_the_conversion(tmp_path: Path, file_format: Any) -> None:
    orders = generate_orders(80)
    source = tmp_path / "orders.json"
    write_orders(orders, source, file_format)
    done = convert(source, tmp_path / "out", date="20240131")
    total = sum((order.total for order in orders), Decimal(0))
    summary, items, flattened = (pq.read_table(path) for path in done.files)
    assert [path.name for path in done.files] == [
        "order_summary_20240131_001.parquet",
        "order_items_20240131_001.parquet",
        "order_flattened_20240131_001.parquet",
    ]
    assert (summary.schema, items.schema) == (SUMMARY_SCHEMA, ITEMS_SCHEMA)
    assert flattened.schema == FLATTENED_SCHEMA
    assert sum(summary["total"].to_pylist()) == done.total == total
    for table in (items, flattened):
        assert sum(row["quantity"] * row["price"] for row in table.to_pylist()) == total


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"total": 0.31}, "total is not the sum"),
        ({"order_id": None}, "field order_id"),
        ({"order_date": 20240131}, "field order_date.*ISO 8601"),
        ({"updated_at": "0001-01-01T00:00:00+05:00"}, "field updated_at.*years"),
        ({"currency": "euro"}, "field currency"),
        ({"items": [{**ORDER["items"][0], "quantity": "3"}]}, r"field items\.0\.quantity"),
        ({"items": ORDER["items"] * 2}, "line_number is repeated"),
        ({}, "field order_id: an earlier record"),
    ],
)
def test_a_bad_order_is_named_by_line_and_field(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    source = lines(tmp_path / "orders.jsonl", ORDER, {**ORDER, **change})
    with pytest.raises(RecordError, match=f"line 2.*{message}"):
        convert(source, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", FormatError),
        (b"[]", FormatError),
        (b'[{"a": 1}', FormatError),
        (b"[NaN]", FormatError),
        (b'["\xff"]', EncodingError),
        (b"\xff\n", RecordError),
        (b"{\n}", RecordError),
        (b"[1]", RecordError),
    ],
)
def test_a_file_that_is_no_json_of_orders_is_refused(
    tmp_path: Path, content: bytes, error: type[Exception]
) -> None:
    source = tmp_path / "orders.json"
    source.write_bytes(content)
    with pytest.raises(error):
        convert(source, tmp_path / "out")


def test_bad_orders_are_skipped_and_counted_if_asked(tmp_path: Path) -> None:
    source = lines(tmp_path / "orders.jsonl", ORDER, {**ORDER, "order_id": "A2", "total": 1})
    done = convert(source, tmp_path / "out", skip_bad=True)
    assert (done.orders, done.skipped, len(done.problems)) == (1, 1, 1)


def test_an_order_without_items_is_in_the_summary_only(tmp_path: Path) -> None:
    source = lines(tmp_path / "orders.jsonl", {**ORDER, "items": [], "total": 0})
    done = convert(source, tmp_path / "out")
    assert [pq.read_table(path).num_rows for path in done.files] == [1, 0, 0]


def test_a_time_with_an_offset_is_stored_in_utc(tmp_path: Path) -> None:
    source = lines(tmp_path / "orders.jsonl", {**ORDER, "updated_at": "2024-01-31T12:00:00+02:00"})
    stored = pq.read_table(convert(source, tmp_path / "out").files[0])["updated_at"][0].as_py()
    assert stored.isoformat() == "2024-01-31T10:00:00"


@pytest.mark.parametrize("date", ["2024-01-31", "20240230", ""])
def test_an_impossible_date_is_refused(tmp_path: Path, date: str) -> None:
    with pytest.raises(RequestError, match="yyyymmdd"):
        convert(lines(tmp_path / "orders.jsonl", ORDER), tmp_path / "out", date=date)


def test_the_help_has_an_example() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert "Example: python tools/json_to_parquet.py" in result.stdout


def test_a_missing_file_is_exit_code_2_with_a_json_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path / "none.json"), "--json"])
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["type"] == "RequestError"


def test_a_bad_order_is_exit_code_1(tmp_path: Path) -> None:
    source = lines(tmp_path / "orders.jsonl", {**ORDER, "total": 9})
    result = CliRunner().invoke(app, [str(source), "--into", str(tmp_path / "out"), "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["line"] == 1
