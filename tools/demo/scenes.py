"""What the demo shows and claims, scene by scene."""

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.table import Table

from tools.demo.account import VERDICTS, Account, wait_for
from tools.demo.claims import Claims
from tools.demo.release import release
from tools.json_to_parquet import convert
from tools.order_generator import change_orders, generate_orders, write_orders

_ORDERS = 10_000
_NEW, _CHANGED = 500, 1_000


def play(claims: Claims, folder: Path) -> None:
    """All scenes, in order."""
    orders = generate_orders(_ORDERS, seed=1)
    first_load(claims, folder, orders)
    changed_set(claims, folder, orders)
    odd_files(claims)
    exactly_once(claims)
    release(claims)
    what_people_were_told(claims.account)
    closing_table(claims.account)


def first_load(claims: Claims, folder: Path, orders: Any) -> None:
    """10,000 orders as three Parquet files, and a CSV."""
    account = claims.account
    account.console.rule("Three Parquet files and a CSV")
    write_orders(orders, folder / "orders.json", "json")
    first = convert(folder / "orders.json", folder / "first", date="20251113")
    files = {path.name: path.read_bytes() for path in first.files}
    files["customers.csv"] = b"customer_id,name\n1,Ann\n2,Bob\n3,Cleo\n"
    claims.figures["first_load_s"] = upload_and_follow(account, files)
    counted = account.query("SELECT COUNT(*) FROM order_summary")
    claims.claim(f"{_ORDERS:,} orders are in order_summary", counted == [[_ORDERS]])
    counted = account.query("SELECT COUNT(*) FROM order_items")
    claims.claim(f"{first.items:,} items are in order_items", counted == [[first.items]])
    counted = account.query("SELECT COUNT(*) FROM customers")
    claims.claim("3 customers are in customers", counted == [[3]])
    cleared = wait_for(lambda: account.keys("data/in/") == [])
    claims.claim("data/in/ is empty again", cleared)
    copies = sorted(account.read(key) for key in account.keys("data/raw/"))
    claims.claim("exact copies lie in data/raw/", copies == sorted(files.values()))
    show_loads(account, settled_loads(account, after=0, count=len(files)))


def changed_set(claims: Claims, folder: Path, orders: Any) -> None:
    """A tenth of the orders change and some are new; the old ones stay."""
    account = claims.account
    account.console.rule(f"{_CHANGED:,} orders changed, {_NEW} new")
    changes = change_orders(orders, fraction=_CHANGED / _ORDERS, new=_NEW, seed=2)
    write_orders(changes, folder / "changes.json", "json")
    second = convert(folder / "changes.json", folder / "second", date="20251114")
    before = len(account.loads())
    files = {path.name: path.read_bytes() for path in second.files}
    claims.figures["changed_set_s"] = upload_and_follow(account, files)
    loads = settled_loads(account, after=before, count=len(files))
    show_loads(account, loads)
    counted = account.query("SELECT COUNT(*), COUNT(DISTINCT order_id) FROM order_summary")
    total = _ORDERS + _NEW
    claims.claim(f"order_summary has {total:,} orders, each once", counted == [[total, total]])
    counts = [
        {name: int(load[name]) for name in ("inserted", "updated")}
        for load in loads
        if load["table"] == "public.order_summary"
    ]
    claims.figures["order_summary"] = counts
    exact = counts == [{"inserted": _NEW, "updated": _CHANGED}]
    claims.claim(f"{_NEW} orders were inserted and {_CHANGED:,} updated", exact)
    words = f"{_NEW} inserted, {_CHANGED} updated"
    told = wait_for(lambda: any(words in str(notice) for notice in account.notices()))
    claims.claim(f"the notice says {words}", told)


def odd_files(claims: Claims) -> None:
    """An unknown file, one of an inactive job, and bad files beside a good one."""
    account = claims.account
    account.console.rule("Files that are not as they should be")
    account.upload("mystery_file.csv", b"a,b\n1,2\n")
    account.upload("products.csv", b"product_id,name\n1,Pen\n")
    names = [f"order_items_20251115_00{number}.parquet" for number in (1, 2, 3)]
    good = _items(["ORD-DEMO"])
    bodies = [good[:-20], _items([None]), good]
    files = dict(zip(names, bodies, strict=True))
    claims.figures["odd_files_s"] = upload_and_follow(account, files)
    moved = wait_for(lambda: account.keys("data/new_files/") == ["data/new_files/mystery_file.csv"])
    claims.claim("the unknown file lies in data/new_files/", moved)
    told = wait_for(lambda: any("Inactive Job" in str(notice) for notice in account.notices()))
    claims.claim("the inactive job was reported", told)
    stays = account.keys("data/in/products") == ["data/in/products.csv"]
    claims.claim("its file stays in data/in/", stays)
    states = {key: file["state"] for key, file in account.files().items()}
    found = [states.get(f"data/in/{name}") for name in names]
    claims.claim(
        "the corrupt file and the one with a NULL key are rejected, their neighbour loads",
        found == ["REJECTED", "REJECTED", "LOADED"],
    )
    aside = account.keys("data/rejected/")
    errors = [key for key in aside if key.endswith(".error.json")]
    beside = sorted(account.read(key.removesuffix(".error.json")) for key in errors)
    claims.claim("each lies in data/rejected/ beside its error JSON", beside == sorted(bodies[:2]))
    for key in errors:
        account.console.print(key, style="dim")
        account.console.print_json(account.read(key).decode())


def upload_and_follow(account: Account, files: dict[str, bytes]) -> float:
    """Upload all, watch them; the seconds from the last upload until all are settled."""
    for name, body in files.items():
        account.upload(name, body)
    return round(account.follow(files), 1)


def settled_loads(account: Account, *, after: int, count: int) -> list[dict[str, Any]]:
    """The next loads, once they are written down: a moment after their files' verdicts."""
    wait_for(lambda: len(account.loads()) >= after + count)
    return account.loads()[after:]


def show_loads(account: Account, loads: list[dict[str, Any]]) -> None:
    """What each batch did to its table."""
    table = Table("table", "files", "rows", "inserted", "updated", "seconds since its start")
    for load in loads:
        files = sum(int(count) for count in load["files"].values())
        counts = (load["rows"], load["inserted"] or 0, load["updated"] or 0)
        table.add_row(
            load["table"], str(files), *(f"{int(n):,}" for n in counts), str(load["seconds"])
        )
    account.console.print(table)


def _items(order_ids: list[str | None]) -> bytes:
    known = {
        "order_id": pa.array(order_ids, pa.string()),
        "line_number": pa.array([1] * len(order_ids), pa.int32()),
    }
    out = io.BytesIO()
    pq.write_table(pa.table(known), out)
    return out.getvalue()


def exactly_once(claims: Claims) -> None:
    """The history has one verdict for each version that a job took."""
    counted = claims.account.query(
        "SELECT COUNT(*), COUNT(DISTINCT file_id) FROM sluice.load_history"
    )
    taken = [file for file in claims.account.files().values() if file["state"] in VERDICTS]
    claims.figures["files"] = len(taken)
    claims.claim(
        f"{len(taken)} files have one verdict each in sluice.load_history",
        counted == [[len(taken), len(taken)]],
    )


def what_people_were_told(account: Account) -> None:
    """Every notice's subject, and one of them whole."""
    account.console.rule("What people were told")
    notices = account.notices()
    for notice in notices:
        account.console.print(f"  {notice['subject']}", highlight=False)
    loaded = [notice for notice in notices if str(notice["subject"]).startswith("Loaded")]
    for notice in loaded[-1:]:
        account.console.print(notice["message"], style="dim", highlight=False)


def closing_table(account: Account) -> None:
    """The load history."""
    table = Table("file", "verdict", "rows", "table", "error", title="sluice.load_history")
    for row in account.query(
        "SELECT object_key, verdict, rows, target_table, error_type FROM sluice.load_history"
        " ORDER BY settled_at, object_key"
    ):
        shown = ["" if value is None else str(value).removeprefix("data/in/") for value in row]
        table.add_row(*shown)
    account.console.print(table)
