"""Sample orders that add up, the same bytes for the same arguments."""

import csv
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal, get_args

if __name__ == "__main__":  # `python tools/order_generator.py` knows only its own folder
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pyarrow as pa
import pyarrow.parquet as pq
import typer
from rich.console import Console

from lambdas.shared.domain.errors import FormatError, SluiceError
from tools.orders import (
    FLATTENED_SCHEMA,
    Item,
    Order,
    RecordError,
    RequestError,
    fields_of,
    parse_order,
    read_records,
)

FileFormat = Literal["json", "jsonl", "csv", "parquet"]
SUFFIXES: dict[str, FileFormat] = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
}
CSV_COLUMNS = (
    *("order_id", "customer_name", "product_name", "quantity", "price", "order_date", "status"),
    *("customer_id", "line_number", "sku", "updated_at", "currency", "item_count", "total"),
)
NEXT_STATUS = {
    "pending": "paid",
    "paid": "shipped",
    "shipped": "delivered",
    "delivered": "returned",
    "returned": "refunded",
    "cancelled": "refunded",
    "refunded": "closed",
    "closed": "pending",
}
EXAMPLE = (
    "Example: python tools/order_generator.py --count 1000 --format csv --output orders.csv"
    " --changes 0.1 --new 50"
)

_NEW_STATUSES = ("pending", "paid", "shipped", "delivered", "cancelled")
_CURRENCIES = ("USD", "EUR", "GBP")
_COLOURS = ("Amber", "Blue", "Copper", "Green", "Grey", "Indigo", "Red", "Silver", "White")
_PLACES = ("Bridge", "Canyon", "Delta", "Field", "Forest", "Harbor", "Hill", "Lake", "Meadow")
_TRADES = ("Goods", "Market", "Outlet", "Shop", "Store", "Supply", "Trading")
_KINDS = ("Compact", "Classic", "Folding", "Heavy", "Large", "Light", "Small", "Sturdy")
_THINGS = ("Basket", "Bottle", "Chair", "Desk", "Kettle", "Ladder", "Lamp", "Mug", "Shelf", "Table")
_CUSTOMERS = len(_COLOURS) * len(_PLACES) * len(_TRADES)
_PRODUCTS = len(_KINDS) * len(_THINGS)
# A fixed beginning: a clock would make every run's bytes different.
_BEGIN = datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_SECONDS = 366 * 24 * 3600

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What a valid file holds; `total` sums the orders' totals, whatever their currency."""

    orders: int
    items: int
    total: Decimal

    def to_json(self) -> dict[str, Any]:
        """The validation as JSON values; the total is text, to keep its cents."""
        return {"orders": self.orders, "items": self.items, "total": str(self.total)}


def generate_orders(count: int, *, seed: int = 0, start: int = 1) -> list[Order]:
    """`count` orders numbered from `start`; order n of a seed is the same in every call."""
    if count < 0 or start < 1:
        raise RequestError("--count must be 0 or more, and orders are numbered from 1")
    return [_order(number, seed) for number in range(start, start + count)]


def change_orders(
    orders: Sequence[Order], *, fraction: float, new: int, seed: int = 0
) -> list[Order]:
    """Only what changed: that fraction (0 to 1) of the orders, then `new` further orders.

    A changed order has its next status and an `updated_at` up to three days newer.
    """
    if not 0 <= fraction <= 1:
        raise RequestError("--changes must be a fraction from 0 to 1, such as 0.1")
    if new < 0:
        raise RequestError("--new must be 0 or more")
    rng = Random(f"changes:{seed}")  # noqa: S311 - sample data, repeatable on purpose
    chosen = sorted(rng.sample(range(len(orders)), round(fraction * len(orders))))
    changed = [
        orders[index].model_copy(
            update={
                "status": NEXT_STATUS.get(orders[index].status, "closed"),
                "updated_at": orders[index].updated_at
                + timedelta(seconds=rng.randint(3600, 3 * 24 * 3600)),
            }
        )
        for index in chosen
    ]
    last = max((_number(order.order_id) for order in orders), default=0)
    return changed + generate_orders(new, seed=seed, start=last + 1)


def write_orders(orders: Sequence[Order], path: Path, file_format: FileFormat) -> None:
    """Write nested orders (json, jsonl) or one row an item (csv, parquet); UTF-8, LF.

    The orders replace the file; its folder is made. OSError if that cannot be.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _WRITERS[file_format](orders, path)


def validate(path: Path) -> Validation:
    """Check every order of a file in any of the formats, by its suffix.

    Raises RequestError (no such file or format), RecordError (an order is wrong or repeated),
    FormatError or EncodingError (the file is).
    """
    if path.suffix.lower() not in SUFFIXES:
        raise RequestError(f"{path}: unknown format; name it {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise RequestError(f"{path}: no such file; write one with --output", source=str(path))
    seen: set[str] = set()
    items = 0
    total = Decimal("0.00")
    for number, order in enumerate(_read(path), 1):
        if order.order_id in seen:
            raise RecordError(
                f"order {number}: field order_id: an earlier order has the same; keep one",
                record=number,
                field="order_id",
            )
        seen.add(order.order_id)
        items += len(order.items)
        total += order.total
    if not seen:
        raise FormatError(f"{path.name}: no orders in it; write at least one", source=path.name)
    return Validation(orders=len(seen), items=items, total=total)


def _order(number: int, seed: int) -> Order:
    # Its own generator for each order, so that order n does not depend on where a file starts.
    rng = Random(f"{seed}:{number}")  # noqa: S311 - sample data, repeatable on purpose
    customer = rng.randrange(_CUSTOMERS)
    ordered_at = _BEGIN + timedelta(seconds=rng.randrange(_SECONDS))
    items = [
        _item(line, product, rng.randint(1, 9))
        for line, product in enumerate(rng.sample(range(_PRODUCTS), rng.randint(1, 5)), 1)
    ]
    return Order(
        order_id=f"ORD-{number:08d}",
        customer_id=f"CUST-{customer + 1:05d}",
        customer_name=_customer_name(customer),
        order_date=ordered_at.date(),
        status=rng.choice(_NEW_STATUSES),
        updated_at=ordered_at + timedelta(seconds=rng.randrange(24 * 3600)),
        currency=_CURRENCIES[customer % len(_CURRENCIES)],
        items=items,
        total=sum((item.quantity * item.price for item in items), Decimal("0.00")),
    )


def _item(line: int, product: int, quantity: int) -> Item:
    kind, thing = divmod(product, len(_THINGS))
    return Item(
        line_number=line,
        sku=f"SKU-{product + 1:04d}",
        product_name=f"{_KINDS[kind]} {_THINGS[thing]}",
        quantity=quantity,
        price=Decimal(199 + product * 7919 % 20_000).scaleb(-2),
    )


def _customer_name(customer: int) -> str:
    rest, colour = divmod(customer, len(_COLOURS))
    trade, place = divmod(rest, len(_PLACES))
    return f"{_COLOURS[colour]} {_PLACES[place]} {_TRADES[trade]}"


def _number(order_id: str) -> int:
    digits = re.search(r"[0-9]+\Z", order_id)
    return int(digits.group()) if digits else 0


def _nested(order: Order) -> str:
    # Cents are exact as the shortest float's digits: far fewer than the 15 a float keeps.
    return json.dumps(_plain(order.model_dump()), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return float(value)
    return value if isinstance(value, str | int) else value.isoformat()


def _write_json(orders: Iterable[Order], path: Path) -> None:
    text = ",\n".join(_nested(order) for order in orders)
    path.write_text(f"[\n{text}\n]\n", encoding="utf-8", newline="\n")


def _write_jsonl(orders: Iterable[Order], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{_nested(order)}\n" for order in orders)


def _write_csv(orders: Iterable[Order], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, CSV_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(row for order in orders for row in order.flattened_rows())


def _write_parquet(orders: Iterable[Order], path: Path) -> None:
    rows = [row for order in orders for row in order.flattened_rows()]
    pq.write_table(pa.Table.from_pylist(rows, schema=FLATTENED_SCHEMA), path, compression="snappy")


_WRITERS: dict[str, Callable[[Sequence[Order], Path], None]] = {
    "json": _write_json,
    "jsonl": _write_jsonl,
    "csv": _write_csv,
    "parquet": _write_parquet,
}


def _read(path: Path) -> Iterator[Order]:
    file_format = SUFFIXES[path.suffix.lower()]
    if file_format in ("csv", "parquet"):
        rows = _csv_rows(path) if file_format == "csv" else _parquet_rows(path)
        yield from _grouped(rows)
        return
    for record in read_records(path):
        if record.problem:
            raise record.problem
        yield parse_order(record.value, record=record.number, line=record.line)


def _csv_rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            _has_columns(reader.fieldnames or [], path)
            for row in reader:
                for name in ("line_number", "quantity", "item_count"):
                    row[name] = _whole(row[name], name, reader.line_num)
                yield row
        except (UnicodeDecodeError, csv.Error) as error:
            raise FormatError(
                f"{path.name}: near line {reader.line_num}: {type(error).__name__};"
                " save the file as UTF-8 with well-formed quotes",
                source=path.name,
            ) from None


def _whole(text: Any, name: str, line: int) -> Any:
    if isinstance(text, str) and re.fullmatch(r"[0-9]{1,10}", text):
        return int(text)
    raise RecordError(
        f"line {line}: field {name}: not a whole number; correct the line", line=line, field=name
    )


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        table = pq.read_table(path, partitioning=None)
    except (pa.ArrowException, OSError):
        raise FormatError(
            f"{path.name}: not a readable parquet file; write it again", source=path.name
        ) from None
    _has_columns(table.column_names, path)
    for batch in table.to_batches():
        yield from batch.to_pylist()


def _has_columns(names: Iterable[str], path: Path) -> None:
    missing = [name for name in CSV_COLUMNS if name not in set(names)]
    if missing:
        raise FormatError(
            f"{path.name}: columns missing: {', '.join(missing)}; add them", source=path.name
        )


def _grouped(rows: Iterable[dict[str, Any]]) -> Iterator[Order]:
    """Orders out of rows of items; an order's rows may stand anywhere in the file."""
    orders: dict[Any, dict[str, Any]] = {}
    item_fields = set(Item.model_fields)
    for number, row in enumerate(rows, 1):
        head = {name: value for name, value in row.items() if name not in item_fields}
        known = orders.setdefault(row["order_id"], {"head": head, "items": []})
        if known["head"] != head:
            raise RecordError(
                f"row {number}: the order's columns differ between its rows; make them equal",
                record=number,
            )
        known["items"].append({name: row[name] for name in item_fields})
    for number, known in enumerate(orders.values(), 1):
        if known["head"]["item_count"] != len(known["items"]):
            raise RecordError(
                f"order {number}: field item_count: not the number of its rows; add the others",
                record=number,
                field="item_count",
            )
        yield parse_order({**known["head"], "items": known["items"]}, record=number)


@app.command(epilog=EXAMPLE)
def main(
    count: Annotated[int, typer.Option(help="How many orders.")] = 100,
    seed: Annotated[int, typer.Option(help="Other numbers give other orders.")] = 0,
    file_format: Annotated[
        str, typer.Option("--format", help="json (array), jsonl, csv or parquet.")
    ] = "json",
    output: Annotated[Path | None, typer.Option(help="The file; orders.<format>.")] = None,
    changes: Annotated[
        float, typer.Option(help="Fraction of the orders that a second file changes.")
    ] = 0.0,
    new: Annotated[int, typer.Option(help="Further orders in the second file.")] = 0,
    validate_path: Annotated[
        Path | None, typer.Option("--validate", help="Only check this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write sample orders, or check a file of them.

    With --changes or --new, <output>_changes holds the changed and the new orders.
    Exit codes: 0 done, 1 the checked file is not right, 2 the command cannot run as given.
    """
    out, err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)
    try:
        if validate_path:
            files = {validate_path: validate(validate_path)}
        else:
            files = _write_all(count, seed, file_format, output, changes, new)
    except SluiceError as error:
        if as_json:
            out.print_json(data=fields_of(error))
        else:
            err.print(error.message, style="red", markup=False, highlight=False)
        raise typer.Exit(2 if isinstance(error, RequestError) else 1) from None
    if as_json:
        listed = [{"file": str(path), **held.to_json()} for path, held in files.items()]
        out.print_json(data={"ok": True, "files": listed})
        return
    for path, held in files.items():
        text = f"{path}: {held.orders} orders, {held.items} items, total {held.total}"
        out.print(text, markup=False, highlight=False)


def _write_all(
    count: int, seed: int, file_format: str, output: Path | None, changes: float, new: int
) -> dict[Path, Validation]:
    known: FileFormat | None = next((f for f in get_args(FileFormat) if f == file_format), None)
    if known is None:
        raise RequestError("--format: unknown; choose json, jsonl, csv or parquet")
    path = output or Path(f"orders.{known}")
    orders = generate_orders(count, seed=seed)
    written = {path: orders}
    if changes or new:
        changed = change_orders(orders, fraction=changes, new=new, seed=seed)
        written[path.with_name(f"{path.stem}_changes{path.suffix}")] = changed
    for target, content in written.items():
        try:
            write_orders(content, target, known)
        except OSError as error:
            raise RequestError(
                f"{target}: {error.strerror}; give an --output that can be written"
            ) from None
    return {target: _held(content) for target, content in written.items()}


def _held(orders: Sequence[Order]) -> Validation:
    return Validation(
        orders=len(orders),
        items=sum(len(order.items) for order in orders),
        total=sum((order.total for order in orders), Decimal("0.00")),
    )


if __name__ == "__main__":
    app()
