"""Sample orders: the same bytes, totals that add up, and a check that notices."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lambdas.shared.domain.errors import FormatError
from tools.order_generator import (
    FileFormat,
    app,
    change_orders,
    generate_orders,
    validate,
    write_orders,
)
from tools.orders import RecordError, RequestError

FORMATS: tuple[FileFormat, ...] = ("json", "jsonl", "csv", "parquet")


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_same_arguments_give_the_same_bytes(tmp_path: Path, file_format: FileFormat) -> None:
    for name in ("one", "two"):
        write_orders(generate_orders(50, seed=3), tmp_path / name, file_format)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_another_seed_gives_other_orders() -> None:
    assert generate_orders(5, seed=1) != generate_orders(5, seed=2)


def test_an_order_does_not_depend_on_where_its_file_starts() -> None:
    assert generate_orders(10, seed=4)[6:] == generate_orders(4, seed=4, start=7)


def test_totals_are_the_sums_of_their_lines_in_whole_cents() -> None:
    for order in generate_orders(200):
        assert order.total == sum(item.quantity * item.price for item in order.items)
        assert order.total.as_tuple().exponent == -2


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_format_holds_the_same_sums(tmp_path: Path, file_format: FileFormat) -> None:
    orders = generate_orders(60)
    path = tmp_path / f"orders.{file_format}"
    write_orders(orders, path, file_format)
    held = validate(path)
    assert held.orders == 60
    assert held.items == sum(len(order.items) for order in orders)
    assert held.total == sum((order.total for order in orders), Decimal(0))


def test_changed_orders_are_newer_with_another_status_and_new_ones_follow() -> None:
    orders = generate_orders(40)
    before = {order.order_id: order for order in orders}
    changed = change_orders(orders, fraction=0.25, new=3, seed=1)
    known = [order for order in changed if order.order_id in before]
    assert (len(known), len(changed)) == (10, 13)
    for order in known:
        assert order.updated_at > before[order.order_id].updated_at
        assert order.status != before[order.order_id].status
    assert changed == change_orders(orders, fraction=0.25, new=3, seed=1)


def test_a_total_that_does_not_add_up_is_found(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    write_orders(generate_orders(2), path, "jsonl")
    lines = path.read_text().splitlines()
    lines[1] = json.dumps({**json.loads(lines[1]), "total": 0.01})
    path.write_text("\n".join(lines))
    with pytest.raises(RecordError, match=r"line 2.*total is not the sum"):
        validate(path)


def test_a_csv_without_a_column_is_refused_by_the_columns_name(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("order_id,price\n1,2\n")
    with pytest.raises(FormatError, match="customer_name"):
        validate(path)


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_an_impossible_fraction_is_refused(fraction: float) -> None:
    with pytest.raises(RequestError, match="fraction"):
        change_orders([], fraction=fraction, new=0)


def test_the_help_has_an_example() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert "Example: python tools/order_generator.py" in result.stdout


def test_the_command_writes_both_files(tmp_path: Path) -> None:
    output = tmp_path / "orders.csv"
    arguments = ["--count", "20", "--format", "csv", "--output", str(output)]
    result = CliRunner().invoke(app, [*arguments, "--changes", "0.5", "--new", "2", "--json"])
    assert result.exit_code == 0
    files = json.loads(result.stdout)["files"]
    assert [held["orders"] for held in files] == [20, 12]
    assert validate(tmp_path / "orders_changes.csv").orders == 12


@pytest.mark.parametrize("arguments", [["--format", "xml"], ["--count", "-1"]])
def test_an_impossible_request_is_exit_code_2_with_a_json_error(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["type"] == "RequestError"


def test_a_wrong_file_is_exit_code_1(tmp_path: Path) -> None:
    path = tmp_path / "orders.json"
    path.write_text("[]")
    assert CliRunner().invoke(app, ["--validate", str(path)]).exit_code == 1
