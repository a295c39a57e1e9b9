"""`make bench`: the same files by hand, by Sluice and by dlt, in one run; figures as JSON."""

import json
import logging
import os
import platform
import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from local.warehouse import Warehouse
from tools.bench.contenders import ByDlt, ByHand, BySluice, Contender
from tools.bench.data import Dataset, datasets
from tools.bench.journey import items, journey
from tools.bench.product import Bucket, Product, in_process
from tools.bench.race import STAGES, Times, figures, race, settings, warm_up

_RESULT = Path("build/bench.json")
_DATA = Path("build/bench")
_GOAL = 1.3


def main(
    scale: Annotated[float, typer.Option(help="TPC-H scale; 0.1 is 600,000 lineitems.")] = 0.1,
    repeat: Annotated[int, typer.Option(help="Runs; the figures are medians.")] = 5,
    with_account: Annotated[bool, typer.Option(help="Also the way through the account.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Time a first load and a delta of TPC-H tables, beside the least it could cost and a peer.

    Example: python -m tools.bench --scale 0.01 --repeat 1 --no-with-account
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    result = run(scale, repeat, console)
    if with_account:
        console.print("the whole way, through the emulated account")
        result |= journey(console, starts=min(repeat, 3))
    _RESULT.parent.mkdir(exist_ok=True)
    _RESULT.write_text(json.dumps(result, indent=2) + "\n")
    if as_json:
        typer.echo(json.dumps(result))
    else:
        _print(result)


def run(scale: float, repeat: int, console: Console) -> dict[str, Any]:
    """Load both tables `repeat` times; medians in seconds, ratios, and what inference read."""
    logging.getLogger("dlt").setLevel(logging.ERROR)
    tables = datasets(scale, _DATA)
    times: Times = {}
    alone: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(repeat):
            console.print(f"run {number + 1} of {repeat}")
            place = Path(folder) / str(number)
            inference, set_to = _one_run(number, tables, place, times, alone, console)
    return {
        **figures(tables, times),
        "inference": {**inference["lineitem"], "by_table": inference},
        "small": {"rows": 10_000, "transaction_s": round(statistics.median(alone), 3)},
        "run": {
            "scale": scale,
            "repeat": repeat,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": platform.python_version(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "load_average": [round(each, 1) for each in os.getloadavg()],
            "postgres": set_to,
        },
    }


def _one_run(
    number: int,
    tables: list[Dataset],
    folder: Path,
    times: Times,
    alone: list[float],
    console: Console,
) -> tuple[dict[str, dict[str, int]], dict[str, str]]:
    """Everybody's loads on a fresh warehouse, in an order of this run's own."""
    bucket = Bucket()
    warehouse = Warehouse(folder / "warehouse", object_store=bucket)
    warehouse.start()
    try:
        with in_process(warehouse, bucket) as product:
            contenders: list[Contender] = [
                ByHand(warehouse.dsn, name="raw", like=product),
                BySluice(product),
                ByDlt(warehouse.dsn, folder / "dlt"),
                ByHand(warehouse.dsn, name="bare"),
            ]
            turn = number % len(contenders)
            warm_up(tables[0], contenders)
            for data in tables:
                race(data, contenders[turn:] + contenders[:turn], warehouse.dsn, times, console)
            inference = {data.name: product.inference[data.name] for data in tables}
            alone.append(_alone(product, folder))
            return inference, settings(warehouse.dsn)
    finally:
        warehouse.discard()


def _alone(product: Product, folder: Path) -> float:
    """Seconds of the transaction for a file like those of the journey, into a table that exists."""
    seconds = []
    for number in range(4):
        path = folder / f"items-{number}.parquet"
        path.write_bytes(items(number))
        data = Dataset(name="items", keys=("order_id", "line_number"), first=path, delta=path)
        seconds.append(BySluice(product).ready(data, path)())
    return statistics.median(seconds[1:])


def _print(result: dict[str, Any]) -> None:
    names = ("raw", "sluice", "dlt", "bare")
    table = Table("load", *(f"{name} s" for name in names), "to raw", "to dlt", "to bare")
    for name in ("orders", "lineitem"):
        for stage in STAGES:
            seconds, ratios = result[name][stage], result["ratios"][name][stage]
            shown = [seconds[f"{each}_s"] for each in names]
            shown += [ratios["to_raw"], ratios["to_dlt"], ratios["to_bare"]]
            table.add_row(f"{name} {stage}", *map(str, shown))
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    console.print(f"goal: at most {_GOAL} times raw, and ahead of dlt; equal rows after each load")
    console.print("raw: into the table Sluice makes; bare: into one that takes any text and number")
    for name in ("inference", "small", "overhead", "latency", "start", "run"):
        if name in result:
            console.print(f"{name}: {json.dumps(result[name])}", markup=False)


if __name__ == "__main__":
    typer.run(main)
