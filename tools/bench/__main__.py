"""`make bench`: the same files by hand, by Sluice and by dlt, in one run; figures as JSON."""

import json
import logging
import platform
import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from local.warehouse import Warehouse
from tools.bench.contenders import ByDlt, ByHand, BySluice, Contender
from tools.bench.data import Dataset, datasets
from tools.bench.journey import items, journey
from tools.bench.product import Bucket, Product, in_process

_RESULT = Path("build/bench.json")
_DATA = Path("build/bench")
_GOAL = 1.3


def main(
    scale: Annotated[float, typer.Option(help="TPC-H scale; 0.1 is 600,000 lineitems.")] = 0.1,
    repeat: Annotated[int, typer.Option(help="Runs; the figures are medians.")] = 3,
    with_account: Annotated[bool, typer.Option(help="Also the way through the account.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Time a first load and a delta of TPC-H tables, beside the least it could cost and a peer.

    Example: python -m tools.bench --scale 0.01 --repeat 1
    """
    console = Console(stderr=True)
    for name in ("dlt", "sluice"):
        logging.getLogger(name).setLevel(logging.ERROR)
    result = run(scale, repeat, console)
    if with_account:
        console.print("the whole way, through the emulated account")
        way = journey(console)
        alone = result["latency"]["transaction_s"]
        way["latency"] |= {
            "transaction_s": alone,
            "orchestration_s": round(way["latency"]["upload_to_committed_s"] - alone, 2),
        }
        result |= way
    _RESULT.parent.mkdir(exist_ok=True)
    _RESULT.write_text(json.dumps(result, indent=2) + "\n")
    if as_json:
        typer.echo(json.dumps(result))
    else:
        _print(result)


def run(scale: float, repeat: int, console: Console) -> dict[str, Any]:
    """Load both tables `repeat` times; medians in seconds, ratios, and what inference read."""
    tables = datasets(scale, _DATA)
    times: dict[tuple[str, str, str], list[float]] = {}
    inference: dict[str, dict[str, int]] = {}
    alone: list[float] = []
    for number in range(repeat):
        with tempfile.TemporaryDirectory() as folder:
            bucket = Bucket()
            warehouse = Warehouse(Path(folder) / "warehouse", object_store=bucket)
            warehouse.start()
            try:
                with in_process(warehouse, bucket) as product:
                    contenders: list[Contender] = [
                        ByHand(warehouse.dsn),
                        BySluice(product),
                        ByDlt(_url(warehouse), Path(folder) / "dlt"),
                    ]
                    turn = contenders[number % 3 :] + contenders[: number % 3]
                    for data in tables:
                        _race(data, turn, warehouse.dsn, times, console)
                    inference |= product.inference
                    alone.append(_alone(product, Path(folder)))
            finally:
                warehouse.discard()
    return {
        **_figures(tables, times),
        "inference": inference["lineitem"],
        "latency": {"transaction_s": round(statistics.median(alone), 3)},
        "run": {
            "scale": scale,
            "repeat": repeat,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": platform.python_version(),
            "machine": platform.machine(),
        },
    }


def _alone(product: Product, folder: Path) -> float:
    """Seconds of the transaction for a file like those of the journey, into a table that exists."""
    seconds = []
    for number in range(4):
        path = folder / f"items-{number}.parquet"
        path.write_bytes(items(number))
        data = Dataset(name="items", keys=("order_id", "line_number"), first=path, delta=path)
        seconds.append(BySluice(product).ready(data, path)())
    return statistics.median(seconds[1:])


def _race(
    data: Dataset,
    contenders: list[Contender],
    dsn: str,
    times: dict[tuple[str, str, str], list[float]],
    console: Console,
) -> None:
    for stage, path in (("first", data.first), ("delta", data.delta)):
        for contender in contenders:
            seconds = contender.ready(data, path)()
            times.setdefault((data.name, stage, contender.name), []).append(seconds)
            console.print(f"{data.name} {stage} {contender.name}: {seconds:.2f} s")
        found = {each.name: _checksum(dsn, each.table(data), data) for each in contenders}
        if len(set(found.values())) != 1:
            raise RuntimeError(f"{data.name} {stage}: the tables differ: {found}")


def _checksum(dsn: str, table: str, data: Dataset) -> tuple[Any, ...]:
    """Rows, the sum of the first key, and all comments: whether two tables hold the same."""
    query = (
        f"SELECT COUNT(*), SUM({data.keys[0]}), SUM(hashtext({data.comment})::bigint) FROM {table}"  # noqa: S608 - names of ours
    )
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query).fetchone()
    return row or ()


def _url(warehouse: Warehouse) -> str:
    """The connection string as a URL, which is what dlt takes."""
    parts = psycopg.conninfo.conninfo_to_dict(warehouse.dsn)
    host = str(parts["host"]).replace("/", "%2F")
    return f"postgresql://{parts['user']}:none@{host}:{parts.get('port', 5432)}/{parts['dbname']}"


def _figures(
    tables: list[Dataset], times: dict[tuple[str, str, str], list[float]]
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    ratios: dict[str, Any] = {}
    for data in tables:
        for stage in ("first", "delta"):
            median = {
                name: statistics.median(times[data.name, stage, name])
                for name in ("raw", "sluice", "dlt")
            }
            result.setdefault(data.name, {})[stage] = {
                f"{name}_s": round(seconds, 3) for name, seconds in median.items()
            }
            ratios.setdefault(data.name, {})[stage] = {
                "to_raw": round(median["sluice"] / median["raw"], 2),
                "to_dlt": round(median["sluice"] / median["dlt"], 2),
            }
    return {**result, "ratios": ratios}


def _print(result: dict[str, Any]) -> None:
    table = Table("load", "raw s", "sluice s", "dlt s", "to raw", "to dlt")
    for name in ("orders", "lineitem"):
        for stage in ("first", "delta"):
            seconds, ratios = result[name][stage], result["ratios"][name][stage]
            shown = [*seconds.values(), ratios["to_raw"], ratios["to_dlt"]]
            table.add_row(f"{name} {stage}", *map(str, shown))
    console = Console()
    console.print(table)
    console.print(f"goal: at most {_GOAL} times raw, and ahead of dlt")
    for name in ("inference", "latency", "start"):
        if name in result:
            console.print(name, result[name])


if __name__ == "__main__":
    typer.run(main)
