"""The whole way of a file through the emulated account: start, upload, commit."""

import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from local.account.home import AccountInfo, Home

ROWS = 10_000
_FILES = 8
_PATIENCE_SECONDS = 60
_VERDICT = "SELECT verdict FROM sluice.load_history WHERE object_key = :key"
_TRANSACTIONS = (
    "SELECT SUM(elapsed_time) FROM sys_query_history WHERE transaction_id IN"
    " (SELECT transaction_id FROM sys_query_history"
    """ WHERE query_text LIKE 'INSERT INTO "sluice"."load_history"%')"""
    " GROUP BY transaction_id ORDER BY transaction_id"
)


def journey(console: Console, *, starts: int) -> dict[str, dict[str, float]]:
    """Start an account again and again, all but once with its synthesis cached; load files.

    Seconds, medians. The first file finds the functions as `up` left them; the others find them
    warm. The overhead is what the way costs beyond its transaction.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Home(folder=Path(folder))
        cold = _started(home)
        warm = []
        for _ in range(starts):
            home.stop()
            warm.append(_started(home))
        try:
            account = _Account(home.info())
            seconds = [account.loaded(number) for number in range(_FILES)]
            transactions = account.transactions()
        finally:
            home.stop()
    console.print(
        f"start {statistics.median(warm):.1f} s; from upload to committed: first file"
        f" {seconds[0]:.2f} s, then {', '.join(f'{each:.2f}' for each in seconds[1:])} s"
    )
    latency = statistics.median(seconds[1:])
    transaction = statistics.median(transactions[1:])
    return {
        "start": {"cold_s": round(cold, 2), "warm_s": round(statistics.median(warm), 2)},
        "latency": {
            "rows": ROWS,
            "first_file_s": round(seconds[0], 2),
            "upload_to_committed_s": round(latency, 2),
        },
        "overhead": {
            "upload_to_committed_s": round(latency, 3),
            "transaction_s": round(transaction, 3),
            "orchestration_s": round(latency - transaction, 3),
        },
    }


def _started(home: Home) -> float:
    """Seconds of `sluice local up --detach`."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "cli", "local", "up", "--detach"],
        env={**os.environ, "SLUICE_HOME": str(home.folder)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - started


class _Account:
    """A running account as a person has it."""

    def __init__(self, info: AccountInfo) -> None:
        make: Any = boto3.client  # the stubs know literal names only
        options = {
            "endpoint_url": info.endpoint_url,
            "aws_access_key_id": "local",
            "aws_secret_access_key": "local",
            "region_name": info.region,
        }
        self._bucket = info.bucket
        self._where = {"WorkgroupName": info.workgroup, "Database": info.database}
        self._s3, self._data = make("s3", **options), make("redshift-data", **options)

    def loaded(self, number: int) -> float:
        """Seconds from the upload of a file until its commit can be seen."""
        key, body = f"data/in/order_items_{number}.parquet", items(number)
        parameters = [{"name": "key", "value": key}]
        started = time.perf_counter()
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)
        while time.perf_counter() < started + _PATIENCE_SECONDS:
            found = self._query(_VERDICT, Parameters=parameters)
            if found:
                if found[0]["stringValue"] != "LOADED":
                    raise RuntimeError(f"{key}: {found[0]}")
                return time.perf_counter() - started
            time.sleep(0.05)
        raise TimeoutError(f"{key} was not loaded in {_PATIENCE_SECONDS} s")

    def transactions(self) -> list[float]:
        """Seconds of each file's transaction, all its statements together, in their order."""
        found = self._query(_TRANSACTIONS)
        return [int(next(iter(field.values()))) / 1e6 for field in found]

    def _query(self, sql: str, **more: Any) -> list[Any]:
        """The first column."""
        asked = self._data.execute_statement(Sql=sql, WaitTimeSeconds=10, **self._where, **more)
        records = self._data.get_statement_result(Id=asked["Id"])["Records"]
        return [record[0] for record in records]


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
