"""Nested JSON orders as the three parquet files that the sample jobs load."""

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

if __name__ == "__main__":  # `python tools/json_to_parquet.py` knows only its own folder
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pyarrow.parquet as pq
import typer
from pyarrow import RecordBatch
from rich.console import Console
from rich.progress import Progress

from lambdas.shared.domain.errors import FormatError, SluiceError
from tools.orders import (
    FLATTENED_SCHEMA,
    ITEMS_SCHEMA,
    SUMMARY_SCHEMA,
    Order,
    RecordError,
    RequestError,
    fields_of,
    parse_order,
    read_records,
)

TABLES: dict[str, tuple[Any, Callable[[Order], list[dict[str, Any]]]]] = {
    "order_summary": (SUMMARY_SCHEMA, lambda order: [order.summary_row()]),
    "order_items": (ITEMS_SCHEMA, Order.item_rows),
    "order_flattened": (FLATTENED_SCHEMA, Order.flattened_rows),
}
BATCH_ORDERS = 5_000  # held in memory at once; each is one row group
KEPT_PROBLEMS = 20
EXAMPLE = "Example: python tools/json_to_parquet.py orders.json --into out --date 20240131"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What was written; `problems` are the first 20 of the `skipped` records' errors."""

    files: tuple[Path, ...]
    orders: int
    items: int
    total: Decimal
    skipped: int
    problems: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The conversion as JSON values; the total is text, to keep its cents."""
        return {
            "ok": True,
            "files": [str(path) for path in self.files],
            "orders": self.orders,
            "items": self.items,
            "total": str(self.total),
            "skipped": self.skipped,
            "problems": list(self.problems),
        }


class _Reader:
    """Valid orders out of a file, and the count of those that are not."""

    def __init__(self, source: Path, skip_bad: bool, on_share: Callable[[float], None]) -> None:
        self._source = source
        self._skip_bad = skip_bad
        self._on_share = on_share
        self._seen: set[str] = set()
        self.skipped = 0
        self.problems: list[str] = []

    def __iter__(self) -> Iterator[Order]:
        for record in read_records(self._source):
            self._on_share(record.share)
            try:
                if record.problem:
                    raise record.problem
                order = parse_order(record.value, record=record.number, line=record.line)
                self._once(order, record.number, record.line)
            except RecordError as error:
                if not self._skip_bad:
                    raise
                self.skipped += 1
                if len(self.problems) < KEPT_PROBLEMS:
                    self.problems.append(error.message)
            else:
                yield order

    def _once(self, order: Order, number: int, line: int | None) -> None:
        if order.order_id in self._seen:
            where = f"record {number}" if line is None else f"line {line} (record {number})"
            raise RecordError(
                f"{where}: field order_id: an earlier record has the same; keep one of them",
                record=number,
                line=line,
                field="order_id",
            )
        self._seen.add(order.order_id)


def convert(
    source: Path,
    into: Path,
    *,
    date: str | None = None,
    skip_bad: bool = False,
    on_share: Callable[[float], None] = lambda share: None,
) -> Conversion:
    """Write `order_{summary,items,flattened}_<date>_001.parquet` into the folder `into`.

    `date` is yyyymmdd, today in UTC by default; `on_share` hears how much is read, 0 to 1.
    The three files appear together at the end, or none does. Raises RequestError for arguments,
    RecordError for an order (unless `skip_bad`), FormatError or EncodingError for the file.
    """
    day = _day(date)
    if not source.is_file():
        raise RequestError(
            f"{source}: no such file; give a JSON file of orders", source=str(source)
        )
    try:
        into.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f"{into}: {error.strerror}; give a folder to write to") from None
    reader = _Reader(source, skip_bad, on_share)
    orders = items = 0
    total = Decimal("0.00")
    with _files(into, day) as (paths, write):
        for batch in _batches(reader, BATCH_ORDERS):
            write(batch)
            orders += len(batch)
            items += sum(len(order.items) for order in batch)
            total += sum((order.total for order in batch), Decimal(0))
        if not orders:
            raise FormatError(
                f"{source.name}: no valid order in it ({reader.skipped} skipped);"
                " give a JSON array or JSON lines with at least one",
                source=source.name,
            )
    return Conversion(
        files=paths,
        orders=orders,
        items=items,
        total=total,
        skipped=reader.skipped,
        problems=tuple(reader.problems),
    )


@contextmanager
def _files(
    into: Path, day: str
) -> Iterator[tuple[tuple[Path, ...], Callable[[list[Order]], None]]]:
    """The final paths and a writer to partial files that get those names if all goes well."""
    paths = {table: into / f"{table}_{day}_001.parquet" for table in TABLES}
    # A name no job's pattern matches, so that nothing picks up half a file.
    partial = {table: into / f".{path.name}.partial" for table, path in paths.items()}
    try:
        with ExitStack() as stack:
            writers = {
                table: stack.enter_context(
                    pq.ParquetWriter(partial[table], schema, compression="snappy")
                )
                for table, (schema, _) in TABLES.items()
            }

            def write(batch: list[Order]) -> None:
                for table, (schema, rows_of) in TABLES.items():
                    rows = [row for order in batch for row in rows_of(order)]
                    writers[table].write_batch(RecordBatch.from_pylist(rows, schema=schema))

            yield tuple(paths.values()), write
        for table, path in paths.items():
            partial[table].replace(path)
    finally:
        for path in partial.values():
            path.unlink(missing_ok=True)


def _batches(orders: Iterable[Order], size: int) -> Iterator[list[Order]]:
    batch: list[Order] = []
    for order in orders:
        batch.append(order)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _unusable(error: OSError) -> RequestError:
    what = error.strerror or type(error).__name__
    return RequestError(f"{error.filename or 'the files'}: {what}; check space and permissions")


def _day(date: str | None) -> str:
    if date is None:
        return datetime.now(UTC).strftime("%Y%m%d")
    try:
        if not re.fullmatch(r"[0-9]{8}", date):
            raise ValueError
        datetime.strptime(date, "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        raise RequestError("--date: not a day; write it as yyyymmdd, such as 20240131") from None
    return date


@app.command(epilog=EXAMPLE)
def main(
    source: Annotated[Path, typer.Argument(help="Orders: a JSON array, or JSON lines.")],
    into: Annotated[Path, typer.Option(help="The folder to write to.")] = Path(),
    date: Annotated[str | None, typer.Option(help="yyyymmdd in the names; today (UTC).")] = None,
    skip_bad: Annotated[bool, typer.Option(help="Leave out orders that are not valid.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Convert nested JSON orders to three parquet files.

    Exit codes: 0 done, 1 the file is not right, 2 the command cannot run as given.
    """
    out, err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)
    try:
        with Progress(console=err, disable=not err.is_terminal, transient=True) as progress:
            task = progress.add_task("Converting", total=1.0)
            done = convert(
                source,
                into,
                date=date,
                skip_bad=skip_bad,
                on_share=lambda share: progress.update(task, completed=share),
            )
    except (SluiceError, OSError) as caught:
        error = caught if isinstance(caught, SluiceError) else _unusable(caught)
        if as_json:
            out.print_json(data=fields_of(error))
        else:
            err.print(error.message, style="red", markup=False, highlight=False)
        raise typer.Exit(2 if isinstance(error, RequestError) else 1) from None
    if as_json:
        out.print_json(data=done.to_json())
        return
    for path in done.files:
        out.print(str(path), markup=False, highlight=False)
    out.print(f"{done.orders} orders, {done.items} items, total {done.total}", highlight=False)
    for problem in done.problems:
        err.print(f"skipped: {problem}", style="yellow", markup=False, highlight=False)


if __name__ == "__main__":
    app()
