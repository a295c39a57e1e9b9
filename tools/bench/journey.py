"""The whole way of a file through the emulated account: start, upload, commit, settled."""

import io
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from local.account.assembly import synthesize
from local.account.home import AccountInfo, Home
from local.account.process import start_detached

ROWS = 10_000
_FILES = 7
_PATIENCE_SECONDS = 60


def journey(console: Console) -> dict[str, dict[str, float]]:
    """Start an account twice, the second time with its synthesis cached; load file after file.

    Seconds; the latency is the median of all files but the first.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Home(folder=Path(folder))
        cold = _started(home)
        home.stop()
        warm = _started(home)
        try:
            seconds = [_loaded(home.info(), number) for number in range(_FILES)]
        finally:
            home.stop()
    console.print(f"start {warm:.1f} s, loads {[round(each, 2) for each in seconds]}")
    return {
        "start": {"cold_s": round(cold, 2), "warm_s": round(warm, 2)},
        "latency": {
            "rows": ROWS,
            "first_file_s": round(seconds[0], 2),
            "upload_to_committed_s": round(statistics.median(seconds[1:]), 2),
        },
    }


def _started(home: Home) -> float:
    started = time.perf_counter()
    assembly = synthesize(Path.cwd(), "local", cache_dir=home.cache)
    start_detached(assembly=assembly, home=home)
    return time.perf_counter() - started


def _loaded(info: AccountInfo, number: int) -> float:
    """Seconds from the upload of a file to the commit that records it."""
    make: Any = boto3.client  # the stubs know literal names only
    options = {
        "endpoint_url": info.endpoint_url,
        "aws_access_key_id": "local",
        "aws_secret_access_key": "local",
        "region_name": info.region,
    }
    s3, data = make("s3", **options), make("redshift-data", **options)
    key, body = f"data/in/order_items_{number}.parquet", items(number)
    started = time.perf_counter()
    s3.put_object(Bucket=info.bucket, Key=key, Body=body)
    while time.perf_counter() < started + _PATIENCE_SECONDS:
        asked = data.execute_statement(
            WorkgroupName=info.workgroup,
            Database=info.database,
            Sql="SELECT verdict FROM sluice.load_history WHERE object_key = :key",
            Parameters=[{"name": "key", "value": key}],
            WaitTimeSeconds=10,
        )
        records = data.get_statement_result(Id=asked["Id"])["Records"]
        if records:
            if records[0][0]["stringValue"] != "LOADED":
                raise RuntimeError(f"{key}: {records[0][0]}")
            return time.perf_counter() - started
        time.sleep(0.05)
    raise TimeoutError(f"{key} was not loaded in {_PATIENCE_SECONDS} s")


def items(number: int) -> bytes:
    """One file of order items as Parquet."""
    rows = range(number * ROWS, (number + 1) * ROWS)
    table = pa.table(
        {
            "order_id": [f"O{row:08}" for row in rows],
            "line_number": [row % 7 for row in rows],
            "sku": [f"SKU-{row % 500}" for row in rows],
            "price": [row / 100 for row in rows],
        }
    )
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()
