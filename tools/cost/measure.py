"""What files use of an emulated account, one by one and in a burst."""

import json
import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from local.account import Account
from local.account.assembly import synthesize
from local.account.clients import for_user
from local.account.meter import Reading
from tools.cost.bill import Usage

_ROOT = Path(__file__).parents[2]
_PREFIX = "sluice-local-"
_PATIENCE_SECONDS = 900
_JOB = {
    "job_id": "COST",
    "job_name": "cost",
    "source_file_name": "cost_*.csv",
    "target_table": "cost",
    "upsert_keys": ["id"],
    "is_active": True,
}


class UnfinishedError(Exception):
    """Files had no verdict in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where everything that is counted stood at one moment."""

    reading: Reading
    executions: frozenset[str]
    log_bytes: int
    query: int


class Bench:
    """A running account, its meter, and what its state machine and its warehouse did."""

    def __init__(self, account: Account) -> None:
        self._account = account
        aws = for_user("local", account.endpoint_url)
        self._s3, self._data, self._machines = map(aws, ("s3", "redshift-data", "stepfunctions"))
        events = aws("events")
        self._uploaded = 0
        for rule in events.list_rules()["Rules"]:  # the account's clock runs fifty times as fast
            if "ScheduleExpression" in rule:
                events.disable_rule(Name=rule["Name"])
        self._put("config/config.json", json.dumps([_JOB]))
        self.one_by_one(1)  # the table is made, and every function is warm

    def one_by_one(self, files: int) -> Usage:
        """Upload file after file, each when the load of the one before has ended."""
        before = self._mark()
        for _ in range(files):
            self._upload(1)
        return self._used(before, files)

    def burst(self, files: int) -> Usage:
        """Upload all files at once."""
        before = self._mark()
        self._upload(files)
        return self._used(before, files)

    def _upload(self, files: int) -> None:
        for number in range(self._uploaded, self._uploaded + files):
            self._put(f"data/in/cost_{number}.csv", f"id,name\n{number},name {number}\n")
        self._uploaded += files
        end = time.monotonic() + _PATIENCE_SECONDS
        while self._loaded() < self._uploaded or self._running():
            if time.monotonic() > end:
                raise UnfinishedError(f"{self._loaded()} of {self._uploaded} files were loaded")
            time.sleep(0.2)

    def _put(self, key: str, body: str) -> None:
        self._s3.put_object(Bucket=self._account.info.bucket, Key=key, Body=body.encode())

    def _loaded(self) -> int:
        exists = "SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'cost'"
        if not int(self._rows(exists)[0][0]):
            return 0
        return int(self._rows("SELECT COUNT(*) FROM cost")[0][0])

    def _running(self) -> bool:
        listed = self._machines.list_executions(
            stateMachineArn=self._account.info.state_machine_arn, statusFilter="RUNNING"
        )
        return bool(listed["executions"])

    def _mark(self) -> Mark:
        return Mark(
            reading=self._account.meter.read(),
            executions=frozenset(self._executions()),
            log_bytes=sum(path.stat().st_size for path in self._account.home.logs.glob("*.log")),
            query=int(self._rows("SELECT COALESCE(MAX(query_id), 0) FROM sys_query_history")[0][0]),
        )

    def _executions(self) -> Iterator[str]:
        pages = self._machines.get_paginator("list_executions").paginate(
            stateMachineArn=self._account.info.state_machine_arn
        )
        for page in pages:
            yield from (each["executionArn"] for each in page["executions"])

    def _used(self, before: Mark, files: int) -> Usage:
        now = self._mark()
        used = now.reading.since(before.reading)
        steps = {name: name.removeprefix(_PREFIX).replace("-", "_") for name in used.invocations}
        return Usage(
            files=files,
            requests=used.requests,
            invocations={steps[name]: count for name, count in used.invocations.items()},
            seconds={steps[name]: used.seconds[name] for name in used.invocations},
            transitions=sum(map(self._transitions, now.executions - before.executions)),
            log_bytes=now.log_bytes - before.log_bytes,
            busy_seconds=self._busy(before.query, now.query),
        )

    def _transitions(self, execution: str) -> int:
        pages = self._machines.get_paginator("get_execution_history").paginate(
            executionArn=execution
        )
        kinds = Counter(event["type"] for page in pages for event in page["events"])
        return sum(count for kind, count in kinds.items() if kind.endswith("StateEntered"))

    def _busy(self, after: int, until: int) -> float:
        """Seconds in which at least one statement of the loader ran."""
        found = self._rows(
            "SELECT start_time, end_time FROM sys_query_history"  # noqa: S608 -- two numbers
            f" WHERE query_id > {after} AND query_id <= {until} AND query_text NOT LIKE '%sys_%'"
            " AND query_text NOT LIKE 'SELECT COUNT(*) FROM %' AND end_time IS NOT NULL"
        )
        spans = sorted(
            (datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in found
        )
        seconds, reached = 0.0, None
        for start, end in spans:
            begin = start if reached is None else max(start, reached)
            seconds += max(0.0, (end - begin).total_seconds())
            reached = end if reached is None else max(end, reached)
        return seconds

    def _rows(self, sql: str) -> list[list[Any]]:
        where = {
            "WorkgroupName": self._account.info.workgroup,
            "Database": self._account.info.database,
        }
        asked = self._data.execute_statement(**where, Sql=sql, WaitTimeSeconds=30)["Id"]
        told = self._data.describe_statement(Id=asked, WaitTimeSeconds=30)
        if told["Status"] != "FINISHED":
            raise UnfinishedError(f"{sql}: {told.get('Error', told['Status'])}")
        records = self._data.get_statement_result(Id=asked)["Records"]
        return [[next(iter(field.values())) for field in record] for record in records]


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    """An account in this process, so that its meter can be read."""
    # every IsPresent that finds nothing is an error to moto's interpreter, and none to anybody
    logging.getLogger("moto.stepfunctions.parser.asl.component.eval_component").disabled = True
    assembly = synthesize(_ROOT, "local", cache_dir=folder / "cache")
    with Account(assembly=assembly, state_dir=folder / "home", runner="forked") as account:
        yield Bench(account)
