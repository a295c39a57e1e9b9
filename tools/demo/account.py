"""The running account as the demo sees it: uploads, queries, states, notices."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from local.account.clients import Aws
from local.account.home import NOTIFICATIONS_PATH, AccountInfo, get

_PATIENCE_SECONDS = 120
VERDICTS = ("LOADED", "REJECTED", "SUPERSEDED", "MISSING")
_COLORS = {"LOADED": "green", "REJECTED": "red", "POOLED": "yellow", "WAITING": "yellow"}


@dataclass(frozen=True, slots=True)
class Account:
    """A running account, and where the demo writes."""

    info: AccountInfo
    client: Aws
    console: Console

    def upload(self, name: str, body: bytes) -> None:
        """Put a file into data/in/."""
        self.client("s3").put_object(Bucket=self.info.bucket, Key=f"data/in/{name}", Body=body)
        self.console.print(f"uploaded data/in/{name} ({len(body):,} bytes)")

    def put(self, key: str, body: bytes) -> None:
        """Put an object anywhere in the bucket."""
        self.client("s3").put_object(Bucket=self.info.bucket, Key=key, Body=body)
        self.console.print(f"uploaded {key}")

    def query(self, sql: str) -> list[list[Any]]:
        """Rows of a query through the Data API; raises RuntimeError."""
        statement_id = self.execute(sql)
        records = self.client("redshift-data").get_statement_result(Id=statement_id)["Records"]
        return [
            [None if field.get("isNull") else next(iter(field.values())) for field in record]
            for record in records
        ]

    def execute(self, sql: str) -> str:
        """Run a statement through the Data API; its id. Raises RuntimeError."""
        data = self.client("redshift-data")
        asked = data.execute_statement(
            WorkgroupName=self.info.workgroup,
            Database=self.info.database,
            Sql=sql,
            WaitTimeSeconds=30,
        )
        answer = data.describe_statement(Id=asked["Id"], WaitTimeSeconds=30)
        if answer["Status"] != "FINISHED":
            raise RuntimeError(answer.get("Error", answer["Status"]))
        return str(asked["Id"])

    def run_release(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start the release machine and wait for its answer."""
        machines = self.client("stepfunctions")
        (arn,) = [
            each["stateMachineArn"]
            for each in machines.list_state_machines()["stateMachines"]
            if each["name"].endswith("-release")
        ]
        started = machines.start_execution(stateMachineArn=arn, input=json.dumps(request))
        ended: dict[str, Any] = {}

        def has_ended() -> bool:
            ended.update(machines.describe_execution(executionArn=started["executionArn"]))
            return bool(ended["status"] != "RUNNING")

        wait_for(has_ended)
        answer: dict[str, Any] = json.loads(ended.get("output", "{}"))
        return answer

    def keys(self, prefix: str) -> list[str]:
        """The keys below a prefix."""
        listed = self.client("s3").list_objects_v2(Bucket=self.info.bucket, Prefix=prefix)
        return [each["Key"] for each in listed.get("Contents", [])]

    def read(self, key: str) -> bytes:
        """An object's content."""
        body: bytes = self.client("s3").get_object(Bucket=self.info.bucket, Key=key)["Body"].read()
        return body

    def files(self) -> dict[str, dict[str, Any]]:
        """What the ledger says of each key."""
        return {item["key"]: item for item in self._ledger() if item["pk"].startswith("FILE#")}

    def loads(self) -> list[dict[str, Any]]:
        """What the ledger says of each batch, in their order."""
        found = [item for item in self._ledger() if item["sk"].startswith("LOAD#")]
        return sorted(found, key=lambda load: str(load["at"]))

    def _ledger(self) -> list[dict[str, Any]]:
        answer = self.client("dynamodb").scan(TableName=self.info.ledger_table)
        plain = TypeDeserializer().deserialize
        return [{name: plain(value) for name, value in i.items()} for i in answer["Items"]]

    def executions(self) -> dict[str, str]:
        """The status of each execution of the load state machine."""
        listed = self.client("stepfunctions").list_executions(
            stateMachineArn=self.info.state_machine_arn
        )
        return {each["name"]: each["status"] for each in listed["executions"]}

    def notices(self) -> list[dict[str, Any]]:
        """What was published to the topic."""
        found: list[dict[str, Any]] = get(self.info, NOTIFICATIONS_PATH)
        return found

    def follow(self, names: Iterable[str]) -> float:
        """Show how the files are routed, batched and loaded; the seconds until all are settled."""
        keys = [f"data/in/{name}" for name in names]
        began = time.monotonic()
        with Live(console=self.console, refresh_per_second=8) as live:

            def settled() -> bool:
                found = self.files()
                live.update(self._progress(keys, found, time.monotonic() - began))
                states = [found.get(key, {}).get("state") for key in keys]
                return all(state in VERDICTS for state in states)

            wait_for(settled)
        if not self.console.is_terminal:
            self.console.print()  # Live leaves its last line open
        return time.monotonic() - began

    def _progress(self, keys: list[str], found: dict[str, Any], seconds: float) -> Table:
        running = [name for name, status in self.executions().items() if status == "RUNNING"]
        loading = f"loading: {', '.join(running)}" if running else "no load is running"
        table = Table("file", "state", "batch", "rows", caption=f"{seconds:.1f} s, {loading}")
        for key in keys:
            file = found.get(key, {})
            state = str(file.get("state", "uploaded"))
            shown = f"[{_COLORS.get(state, 'dim')}]{state}[/]"
            rows = file.get("rows")
            batch = str(file.get("batch_id") or "")
            table.add_row(
                key.removeprefix("data/in/"), shown, batch, "" if rows is None else f"{int(rows):,}"
            )
        return table


def wait_for(done: Callable[[], bool]) -> bool:
    """Whether `done` came true in time."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        if done():
            return True
        time.sleep(0.1)
    return False
