"""The main job, shown: files are uploaded to an emulated account and every claim is checked."""

import io
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from local.account.assembly import synthesize
from local.account.home import NOTIFICATIONS_PATH, AccountInfo, Home, get
from local.account.process import start_detached
from tools.json_to_parquet import convert
from tools.order_generator import change_orders, generate_orders, write_orders

ROOT = Path(__file__).parents[1]
_PATIENCE_SECONDS = 120
_ORDERS = 10_000


class Demo:
    """One run: what was claimed, and whether it held."""

    def __init__(self, info: AccountInfo, console: Console) -> None:
        self.info = info
        self.console = console
        self.claims: list[dict[str, Any]] = []

    def client(self, service: str) -> Any:
        """A client of the emulated account."""
        make: Any = boto3.client  # the stubs know literal names only
        return make(
            service,
            endpoint_url=self.info.endpoint_url,
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 - the emulated account takes any
            region_name=self.info.region,
        )

    def claim(self, text: str, holds: bool) -> None:
        """Note and print one claim."""
        self.claims.append({"claim": text, "holds": holds})
        self.console.print(("[green]holds[/] " if holds else "[red]FAILS[/] ") + text)

    def upload(self, name: str, body: bytes) -> None:
        """Put a file into data/in/."""
        self.client("s3").put_object(Bucket=self.info.bucket, Key=f"data/in/{name}", Body=body)
        self.console.print(f"  uploaded data/in/{name} ({len(body):,} bytes)")

    def query(self, sql: str) -> list[list[Any]]:
        """Rows of a query through the Data API."""
        data = self.client("redshift-data")
        statement = data.execute_statement(
            WorkgroupName=self.info.workgroup, Database=self.info.database, Sql=sql
        )["Id"]
        while (answer := data.describe_statement(Id=statement))["Status"] not in _CLOSED:
            time.sleep(0.02)
        if answer["Status"] != "FINISHED":
            raise RuntimeError(answer.get("Error", answer["Status"]))
        records = data.get_statement_result(Id=statement)["Records"]
        return [
            [None if field.get("isNull") else next(iter(field.values())) for field in record]
            for record in records
        ]

    def keys(self, prefix: str) -> list[str]:
        """The keys below a prefix."""
        listed = self.client("s3").list_objects_v2(Bucket=self.info.bucket, Prefix=prefix)
        return [each["Key"] for each in listed.get("Contents", [])]

    def settled(self, *names: str) -> float:
        """Wait until each file has a verdict; the seconds that took."""
        began = time.monotonic()
        waiting = {f"data/in/{name}" for name in names}

        def done() -> bool:
            found = self.query("SELECT DISTINCT object_key FROM sluice.load_history")
            return waiting <= {key for (key,) in found}

        wait_for(done)
        return time.monotonic() - began

    def notices(self) -> list[dict[str, Any]]:
        """What was published to the topic."""
        found: list[dict[str, Any]] = get(self.info, NOTIFICATIONS_PATH)
        return found


_CLOSED = ("FINISHED", "FAILED", "ABORTED")


def wait_for(done: Callable[[], bool]) -> bool:
    """Whether `done` came true in time."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        if done():
            return True
        time.sleep(0.1)
    return False


def run(demo: Demo, folder: Path) -> None:
    """All scenes, in order."""
    orders = generate_orders(_ORDERS, seed=1)
    write_orders(orders, folder / "orders.json", "json")
    first = convert(folder / "orders.json", folder / "first", date="20251113")
    demo.console.rule("Three Parquet files and a CSV")
    for path in first.files:
        demo.upload(path.name, path.read_bytes())
    demo.upload("customers.csv", b"customer_id,name\n1,Ann\n2,Bob\n3,Cleo\n")
    names = [path.name for path in first.files]
    seconds = demo.settled(*names, "customers.csv")
    demo.console.print(f"  all settled {seconds:.1f} s after the last upload")
    counted = demo.query("SELECT COUNT(*) FROM order_summary")[0][0]
    demo.claim(f"{_ORDERS:,} orders are in order_summary", counted == _ORDERS)
    counted = demo.query("SELECT COUNT(*) FROM order_items")[0][0]
    demo.claim(f"{first.items:,} items are in order_items", counted == first.items)
    demo.claim("3 customers are there", demo.query("SELECT COUNT(*) FROM customers") == [[3]])
    changed_set(demo, folder, orders)
    odd_files(demo)


def changed_set(demo: Demo, folder: Path, orders: Any) -> None:
    """A tenth of the orders change and some are new; the old ones stay."""
    demo.console.rule("A changed set")
    write_orders(
        change_orders(orders, fraction=0.1, new=500, seed=2), folder / "changes.json", "json"
    )
    second = convert(folder / "changes.json", folder / "second", date="20251114")
    for path in second.files:
        demo.upload(path.name, path.read_bytes())
    demo.settled(*(path.name for path in second.files))
    counted = demo.query("SELECT COUNT(*) FROM order_summary")[0][0]
    demo.claim(f"order_summary has {_ORDERS + 500:,} orders", counted == _ORDERS + 500)
    distinct = demo.query("SELECT COUNT(DISTINCT order_id) FROM order_summary")[0][0]
    demo.claim("no order is there twice", distinct == _ORDERS + 500)
    told = wait_for(
        lambda: any("500 inserted, 1000 updated" in str(notice) for notice in demo.notices())
    )
    demo.claim("the notice says 500 inserted, 1000 updated", told)


def odd_files(demo: Demo) -> None:
    """An unknown file, one of an inactive job, and bad files beside a good one."""
    demo.console.rule("Files that are not as they should be")
    demo.upload("mystery_file.csv", b"a,b\n1,2\n")
    demo.upload("products.csv", b"product_id,name\n1,Pen\n")
    demo.upload("order_items_20251115_001.parquet", b"PAR1 this was cut off")
    demo.upload("order_items_20251115_002.parquet", _items([None]))
    demo.upload("order_items_20251115_003.parquet", _items(["ORD-DEMO"]))
    demo.settled(*(f"order_items_20251115_00{n}.parquet" for n in (1, 2, 3)))
    moved = wait_for(lambda: demo.keys("data/new_files/") == ["data/new_files/mystery_file.csv"])
    demo.claim("the unknown file lies in data/new_files/", moved)
    told = wait_for(lambda: any("Inactive Job" in str(notice) for notice in demo.notices()))
    demo.claim("the inactive job was reported", told)
    demo.claim("its file stays", demo.keys("data/in/products") == ["data/in/products.csv"])
    verdicts = demo.query(
        "SELECT object_key, verdict FROM sluice.load_history"
        " WHERE object_key LIKE 'data/in/order_items_20251115%' ORDER BY object_key"
    )
    expected = ["REJECTED", "REJECTED", "LOADED"]
    demo.claim(
        "the corrupt file and the NULL key are rejected, their neighbour loads",
        [verdict for _, verdict in verdicts] == expected,
    )
    errors = wait_for(
        lambda: sum(key.endswith(".error.json") for key in demo.keys("data/rejected/")) == 2
    )
    demo.claim("each rejected file has its error JSON beside it", errors)


def _items(order_ids: list[str | None]) -> bytes:
    known = {
        "order_id": pa.array(order_ids, pa.string()),
        "line_number": pa.array([1] * len(order_ids), pa.int32()),
    }
    out = io.BytesIO()
    pq.write_table(pa.table(known), out)
    return out.getvalue()


def closing(demo: Demo) -> None:
    """The load history as a table, the notices' subjects, and how to go on."""
    table = Table("file", "verdict", "rows", "table", title="sluice.load_history")
    for row in demo.query(
        "SELECT object_key, verdict, rows, target_table FROM sluice.load_history"
        " ORDER BY settled_at, object_key"
    ):
        table.add_row(*("" if value is None else str(value) for value in row))
    demo.console.print(table)
    demo.console.print(f"{len(demo.notices())} notices were published")
    demo.console.print("Go on: ./sluice local up --detach, then eval the output of", end=" ")
    demo.console.print("./sluice local env, and use the aws command line", highlight=False)


def main() -> int:
    """Start the account, run all scenes, write build/demo.json; 1 if a claim fails."""
    console = Console(soft_wrap=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sluice-demo-") as temporary:
        home = Home(folder=Path(temporary) / "home")
        console.print("synthesizing and starting the emulated account ...")
        assembly = synthesize(ROOT, "local", cache_dir=Home.below(ROOT).cache)
        info = start_detached(assembly=assembly, home=home)
        scale = f"waits run at {info.wait_scale:g} of their time"
        console.print(f"ready at {info.endpoint_url}; {scale}")
        demo = Demo(info, console)
        try:
            run(demo, Path(temporary))
            closing(demo)
        finally:
            home.stop()
    holds = all(claim["holds"] for claim in demo.claims)
    seconds = round(time.monotonic() - began, 1)
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    document = {"claims": demo.claims, "holds": holds, "seconds": seconds}
    (build / "demo.json").write_text(json.dumps(document, indent=2) + "\n")
    console.print(
        f"{len(demo.claims)} claims, {'all hold' if holds else 'NOT ALL HOLD'}; {seconds} s"
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
