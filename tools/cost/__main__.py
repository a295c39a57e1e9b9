"""`make cost`: the price of 1,000 files, next to designs that were measured: build/cost.json."""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from config.deployment import Deployment
from tools.cost.bill import (
    PRICES,
    Size,
    Usage,
    load_prices,
    plumbing,
    quantities,
    standing,
    warehouse,
)
from tools.cost.measure import bench
from tools.template_diff import ENVIRONMENTS, synthesize

ROOT = Path(__file__).parents[2]
_RESULT = ROOT / "build" / "cost.json"

# https://aws.amazon.com/redshift/pricing/ and the prices of this table, worked out by hand for
# designs this one was chosen among: 1,000 files of 10 MB, 8 RPU.
DESIGNS: Mapping[str, Mapping[str, float]] = {
    "execution per file, Wait 5 s loop": {"orchestration": 0.40},
    "execution per file, long polling": {"orchestration": 0.30},
    "group commit, a manifest of 100": {"orchestration": 0.004, "plumbing": 0.010},
    "Glue Spark per file": {"orchestration": 14.79},
    "one function waiting 300 s per file": {"orchestration": 1.00},
}
ORCHESTRATION = ("state_transition", "lambda_request", "lambda_gb_second")


def size_of(environment: str, templates: Sequence[Mapping[str, Any]]) -> Size:
    """What the templates of an environment say of its functions and its workgroup."""
    prefix = f"sluice-{environment}-"
    functions = [
        body["Properties"]
        for template in templates
        for body in template["Resources"].values()
        if body["Type"] == "AWS::Lambda::Function"
    ]
    (compute,) = (
        body["Properties"]
        for template in templates
        for body in template["Resources"].values()
        if body["Type"] == "AWS::RedshiftServerless::Workgroup"
    )
    (architecture,) = {each.get("Architectures", ["x86_64"])[0] for each in functions}
    return Size(
        memory_mb={
            each["FunctionName"].removeprefix(prefix).replace("-", "_"): int(each["MemorySize"])
            for each in functions
        },
        architecture=architecture,
        base_rpu=int(compute["BaseCapacity"]),
    )


def priced(usage: Mapping[str, Usage], size: Size, prices: Mapping[str, float]) -> dict[str, Any]:
    """USD of 1,000 files in each way they may come."""
    single, burst = usage["one by one"], usage["burst"]
    lines = {way: plumbing(used, size, prices) for way, used in usage.items()}
    busy = single.busy_seconds / single.files * 1000
    cost = {
        "one by one, each waking the warehouse": (
            lines["one by one"],
            warehouse(busy, size, prices, wakings=1000),
        ),
        "one by one, within one hour": (
            lines["one by one"],
            warehouse(max(busy, 3600), size, prices, wakings=1),
        ),
        "burst": (
            lines["burst"],
            warehouse(burst.busy_seconds / burst.files * 1000, size, prices, wakings=1),
        ),
    }
    return {
        way: {
            "orchestration": sum(v for k, v in line.items() if k.startswith(ORCHESTRATION)),
            "plumbing": sum(v for k, v in line.items() if not k.startswith(ORCHESTRATION)),
            "warehouse": rpu,
            "total": sum(line.values()) + rpu,
            "lines": line,
        }
        for way, (line, rpu) in cost.items()
    }


def document(usage: Mapping[str, Usage], folder: Path) -> dict[str, Any]:
    """All that build/cost.json holds."""
    prices = load_prices()
    environments = {}
    for name in ENVIRONMENTS:
        output = synthesize(ROOT, name, folder / name)
        templates = [json.loads(p.read_text()) for p in sorted(output.glob("*.template.json"))]
        size = size_of(name, templates)
        months = standing(templates, prices)
        environments[name] = {
            "region": Deployment.load(name).region,
            "base_rpu": size.base_rpu,
            "architecture": size.architecture,
            "usd_per_1000_files": priced(usage, size, prices),
            "usd_per_month_standing": {**months, "total": sum(months.values())},
            "quantities": {way: quantities(used, size) for way, used in usage.items()},
        }
    return {
        "prices": json.loads(PRICES.read_text()),
        "used": {
            way: asdict(used)
            | {"requests": {f"{s}:{operation}": n for (s, operation), n in used.requests.items()}}
            for way, used in usage.items()
        },
        "environments": environments,
        "designs": DESIGNS,
    }


def show(found: Mapping[str, Any], console: Console) -> None:
    """Print the table."""
    table = Table(title=f"USD for 1,000 files, {found['prices']['region']}, list prices")
    for heading in ("environment", "how they come", "orchestration", "plumbing", "warehouse"):
        table.add_column(heading)
    for name, environment in found["environments"].items():
        for way, cost in environment["usd_per_1000_files"].items():
            amounts = (f"{cost[part]:.4f}" for part in ("orchestration", "plumbing", "warehouse"))
            table.add_row(f"{name} ({environment['base_rpu']} RPU)", way, *amounts)
    for design, cost in found["designs"].items():
        plumbing_cost = f"{cost['plumbing']:.4f}" if "plumbing" in cost else ""
        table.add_row("another design", design, f"{cost['orchestration']:.4f}", plumbing_cost, "")
    console.print(table)
    for name, environment in found["environments"].items():
        months = environment["usd_per_month_standing"]
        parts = ", ".join(f"{noun} {usd:.2f}" for noun, usd in months.items() if usd)
        console.print(f"{name}, a month without a file: {parts}", highlight=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Count what files use, and price it."""
    parser = argparse.ArgumentParser(prog="tools.cost", description=main.__doc__)
    parser.add_argument("--one-by-one", type=int, default=10, help="files, one after another")
    parser.add_argument("--burst", type=int, default=1000, help="files at once")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="sluice-cost-") as temporary:
        folder = Path(temporary)
        with bench(folder) as running:
            usage = {
                "one by one": running.one_by_one(options.one_by_one),
                "burst": running.burst(options.burst),
            }
        found = document(usage, folder)
    _RESULT.parent.mkdir(exist_ok=True)
    _RESULT.write_text(json.dumps(found, indent=2) + "\n")
    console = Console(soft_wrap=True)
    console.width = max(console.width, 120)
    show(found, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
