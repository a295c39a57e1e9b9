"""`make bench-burst`: how long a burst of files takes from arrival to commit, in how many loads."""

import json
import os
import platform
import re
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from lambdas.shared.domain.names import TableName
from local.account import Account
from local.account.home import WAIT_SCALE
from tools.bench import bursts
from tools.bench.bursts import Arrival, Burst
from tools.bench.client import Client, running_account

_RESULT = Path("build/bench-burst.json")
_PATIENCE_SECONDS = 900
_UPLOADS_AT_ONCE = 8
_WAIT_SCALE = 0.3
"""Of AWS's waits. Much less, and executions that wait ask so often that no function is left."""
_MOST = {"executions": 15, "transactions": 15}
"""Of a burst into one table, however many files it has."""
_BATCH = re.compile(r"'(run-[^']*-\d+-\d+)'")


class Bench:
    """A running account, and what its users and its warehouse see of a burst."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._client = Client(account)
        self._machines = self._client.of("stepfunctions")
        self.rows = self._client.rows

    def play(self, burst: Burst) -> dict[str, Any]:
        """Upload a burst and wait for its verdicts; raises RuntimeError if a table is not right.

        Counts, and seconds from a file's arrival to its commit.
        """
        self._put("config/config.json", json.dumps(burst.jobs).encode())
        if burst.first:
            self._upload(burst.first)
            self._await(burst, len(burst.first))
        floor = int(self.rows("SELECT COALESCE(MAX(query_id), 0) FROM sys_query_history")[0][0])
        known = set(self._executions())
        self._account.faults.throttled = {"dynamodb": burst.throttled}
        started = time.time()
        with self._blocked(burst):
            arrived = self._upload(burst.arrivals)
            if burst.is_blocked:
                self._await(burst, len(burst.first) + len(burst.measured))
        self._await(burst, len(burst.first) + len(burst.arrivals))
        self._account.faults.calm()
        committed = self._commits(floor)
        self._check(burst)
        seconds = sorted(committed[each.name] - arrived[each.name] for each in burst.measured)
        mutexes = self.rows(
            f"SELECT COUNT(*) FROM sys_query_history WHERE query_id > {floor}"
            " AND query_text LIKE 'LOCK %'"
        )
        return {
            "files": len(burst.arrivals),
            "tables": len(burst.tables),
            "executions": len(set(self._executions()) - known),
            "transactions": int(mutexes[0][0]) - int(burst.is_blocked),
            "committed": self._count_committed(floor),
            "p50_s": round(statistics.median(seconds), 2),
            "p95_s": round(seconds[int(len(seconds) * 0.95)], 2),
            "upload_s": round(max(arrived.values()) - started, 2),
            "all_s": round(max(committed.values()) - started, 2),
        }

    def _upload(self, arrivals: Sequence[Arrival]) -> dict[str, float]:
        """When each file arrived."""
        bodies = [(arrival, arrival.body) for arrival in arrivals]

        def put(item: tuple[Arrival, bytes]) -> tuple[str, float]:
            self._put(f"data/in/{item[0].name}", item[1])
            return item[0].name, time.time()

        with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool:
            return dict(pool.map(put, bodies))

    def _put(self, key: str, body: bytes) -> None:
        self._client.of("s3").put_object(Bucket=self._account.info.bucket, Key=key, Body=body)

    def _await(self, burst: Burst, count: int) -> None:
        """Until so many files of the burst have a verdict, and if it is all, nothing runs."""
        jobs = ", ".join(f"'{job['job_id']}'" for job in burst.jobs)
        asked = f"SELECT COUNT(*) FROM sluice.load_history WHERE job_id IN ({jobs})"
        everything = len(burst.first) + len(burst.arrivals)
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            if int(self.rows(asked)[0][0]) >= count and (
                count < everything or "RUNNING" not in self._executions().values()
            ):
                return
            time.sleep(0.5)
        raise TimeoutError(f"{burst.name}: not loaded in {_PATIENCE_SECONDS} s")

    def _executions(self) -> dict[str, str]:
        pages = self._machines.get_paginator("list_executions").paginate(
            stateMachineArn=self._account.info.state_machine_arn
        )
        return {each["name"]: each["status"] for page in pages for each in page["executions"]}

    def _commits(self, floor: int) -> dict[str, float]:
        """When the transaction of each file had ended, by the warehouse."""
        ended = {}
        for text, moment in self.rows(
            f"SELECT query_text, end_time FROM sys_query_history WHERE query_id > {floor}"
            """ AND query_text LIKE 'INSERT INTO "sluice"."load_history"%' AND status = 'success'"""
        ):
            ended[_batch(text)] = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
        files = self.rows("SELECT object_key, batch_id FROM sluice.load_history")
        return {key.rpartition("/")[2]: ended[batch] for key, batch in files if batch in ended}

    def _count_committed(self, floor: int) -> int:
        found = self.rows(
            f"SELECT COUNT(DISTINCT transaction_id) FROM sys_query_history WHERE query_id > {floor}"
            """ AND query_text LIKE 'INSERT INTO "sluice"."load_history"%' AND status = 'success'"""
        )
        return int(found[0][0])

    def _check(self, burst: Burst) -> None:
        """Each file once, each table as it must be."""
        listed = ", ".join(f"'public.{table}'" for table in burst.tables)
        history = self.rows(
            "SELECT object_key, verdict FROM sluice.load_history"
            f" WHERE target_table IN ({listed}) ORDER BY settled_at, sequence"
        )
        expected = [(f"data/in/{each.name}", "LOADED") for each in (*burst.first, *burst.arrivals)]
        if sorted(tuple(each) for each in history) != sorted(expected):
            raise RuntimeError(f"{burst.name}: not every file was loaded once")
        order = {key.rpartition("/")[2]: place for place, (key, _) in enumerate(history)}
        for table in burst.tables:
            held = [tuple(row) for row in self.rows(f"SELECT id, at, tag FROM {table}")]
            if len(held) != len(set(held)) or set(held) != burst.expected(table, order):
                raise RuntimeError(f"{burst.name}: {table} does not hold what was uploaded")

    @contextmanager
    def _blocked(self, burst: Burst) -> Iterator[None]:
        """Another session holds the lock that the loads of a table wait for."""
        if burst.aside is None or not burst.is_blocked:
            yield
            return
        mutex = TableName.parse(burst.aside).mutex.sql
        opened = self._client.run("BEGIN", SessionKeepAliveSeconds=600)
        data = self._client.of("redshift-data")
        session = {"SessionId": data.describe_statement(Id=opened)["SessionId"]}
        self._client.run(f"LOCK {mutex}", **session)
        yield
        self._client.run("ROLLBACK", **session)


def _batch(record: str) -> str:
    """The batch that a statement records; its execution's name comes after it."""
    found = _BATCH.search(record)
    if found is None:
        raise RuntimeError(f"no batch in {record}")
    return found[1]


@contextmanager
def running(folder: Path, *, seed: int = 0, wait_scale: float = WAIT_SCALE) -> Iterator[Bench]:
    """An account in this process, its functions forked from one that has their libraries."""
    with running_account(folder, seed=seed, wait_scale=wait_scale) as account:
        # a sweep may find a job at the very end of its execution, and start another to be sure
        Client(account).of("events").disable_rule(Name="sluice-local-sweep")
        yield Bench(account)


def main(
    files: Annotated[int, typer.Option(help="Files of a burst into one table.")] = 1000,
    tables: Annotated[int, typer.Option(help="Tables that are loaded at once.")] = 50,
    sample: Annotated[int, typer.Option(help="Files of the bursts that are slow.")] = 20,
    only: Annotated[str, typer.Option(help="Only scenarios whose name holds this.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Time bursts of small files through the emulated account, and one load for each file.

    Example: python -m tools.bench.burst --files 100 --tables 5
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    scenarios = [
        bursts.distinct_keys(files),
        bursts.overlapping_keys(files),
        bursts.without_order(sample),
        bursts.one_by_one(sample),
        bursts.together(sample),
        bursts.execution_per_file(sample),
        bursts.many_tables(tables, max(1, files // tables)),
        bursts.beside_another(sample, blocked=False),
        bursts.beside_another(sample, blocked=True),
    ]
    found = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "home", wait_scale=_WAIT_SCALE) as bench,
    ):
        for burst in scenarios:
            if only in burst.name:
                found[burst.name] = bench.play(burst)
                console.print(f"{burst.name}: {found[burst.name]}")
    result = {
        **found.get("distinct", {}),
        "per_file_baseline": found.get("each"),
        "scenarios": found,
        "machine": {
            "cpus": os.cpu_count(),
            "load_average": [round(each, 1) for each in os.getloadavg()],
            "python": platform.python_version(),
        },
    }
    _RESULT.parent.mkdir(exist_ok=True)
    _RESULT.write_text(json.dumps(result, indent=2) + "\n")
    typer.echo(json.dumps(result) if as_json else "\n".join(f"{k}: {v}" for k, v in found.items()))
    grouped = [found[name] for name in ("distinct", "overlapping") if name in found]
    if any(figures[name] > most for figures in grouped for name, most in _MOST.items()):
        console.print(f"a burst took more than {_MOST}")
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
