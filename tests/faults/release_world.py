"""An account in which releases are run and go wrong: real handlers, the real state machine.

A release is driven as Step Functions would drive it, from `stacks/release.asl.json`. Between each
call to AWS and its effect stands a fault: the function's process may end before the effect, or
after it, before anybody hears of it.
"""

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from unittest import mock

from config.runtime import CloseReleaseSettings, OpenReleaseSettings, RunProceduresSettings
from lambdas.close_release.handler import handler as close_release
from lambdas.open_release.handler import handler as open_release
from lambdas.run_procedures import running
from lambdas.run_procedures.handler import handler as run_procedures
from lambdas.shared.aws import clients
from lambdas.shared.domain.errors import SluiceError
from local.warehouse import Caller, Warehouse
from local.warehouse.errors import DataApiError
from tests.faults.actors import Crash, find_current
from tests.faults.aws import Client, client_error
from tests.faults.services import Topic
from tests.faults.storage import Bucket
from tests.faults.table import LedgerTable

BUCKET = "data"
KEY = "Redshift/Rel1.txt"
_STATES: dict[str, Any] = json.loads(Path("stacks/release.asl.json").read_text())["States"]
_HANDLERS: dict[str, Callable[[dict[str, Any], object], Any]] = {
    "${OpenReleaseFunctionArn}": open_release,
    "${RunProceduresFunctionArn}": run_procedures,
    "${CloseReleaseFunctionArn}": close_release,
}
_MACHINE = "arn:aws:states:us-east-1:123456789012:execution:release"
_MOST_STATES = 100_000

ENVIRONMENT = {
    **OpenReleaseSettings(
        bucket=BUCKET,
        ledger_table="ledger",
        release_prefix="Redshift/Rel",
        workgroup="sluice",
        cluster_id="",
        database="dev",
        limit_seconds=300,
        on_error="continue",
    ).to_env(),
    **RunProceduresSettings(
        bucket=BUCKET,
        ledger_table="ledger",
        workgroup="sluice",
        cluster_id="",
        db_user="",
        procedure_schemas="public",
    ).to_env(),
    **CloseReleaseSettings(
        bucket=BUCKET,
        ledger_table="ledger",
        topic_arn="arn:aws:sns:us-east-1:123456789012:notices",
        log_group="/aws/lambda/run-procedures",
    ).to_env(),
}

Fault = Callable[[str, dict[str, Any]], str | None]
"""Given a call's name and request: None, "before" or "after"."""


def no_fault(_name: str, _request: dict[str, Any]) -> str | None:
    """Nothing goes wrong."""
    return None


class Simulated:
    """The Data API in memory: a statement runs when it is submitted, once for its token."""

    def __init__(self, *, procedures: tuple[str, ...] = ("ran",)) -> None:
        self.ran: list[str] = []
        self.tokens: dict[str, str] = {}
        self.statements: dict[str, dict[str, Any]] = {}
        self.ends_late: set[str] = set()
        self.is_reachable = True
        self._procedures = procedures

    def execute_statement(self, **request: Any) -> Any:
        if not self.is_reachable:
            raise client_error("DatabaseConnectionException", "ExecuteStatement", "no answer")
        token = request["ClientToken"]
        if token not in self.tokens:
            identifier = str(uuid.uuid4())
            self.tokens[token] = identifier
            self.statements[identifier] = request
            if request["Sql"].startswith("CALL"):
                self.ran.append(argument(request))
        return {"Id": self.tokens[token]}

    def describe_statement(self, **request: Any) -> Any:
        if request["Id"] not in self.statements:
            raise client_error("ResourceNotFoundException", "DescribeStatement", "gone")
        is_late = argument(self.statements[request["Id"]]) in self.ends_late
        status = "STARTED" if is_late else "FINISHED"
        return {"Id": request["Id"], "Status": status, "Duration": 1_000_000}

    def get_statement_result(self, **_request: Any) -> Any:
        names = ("schema_name", "procedure_name", "arity")
        return {
            "ColumnMetadata": [{"name": name} for name in names],
            "Records": [
                [{"stringValue": "public"}, {"stringValue": name}, {"longValue": 1}]
                for name in self._procedures
            ],
        }

    def cancel_statement(self, **_request: Any) -> Any:
        return {"Status": True}

    def counts(self) -> Counter[str]:
        """How often each call ran."""
        return Counter(self.ran)


class Real:
    """The local warehouse; `ran(n)` notes each call in a table."""

    SETUP = (
        "CREATE TABLE noted (n INT)",
        "CREATE PROCEDURE ran(n INT) AS $$ BEGIN INSERT INTO noted VALUES (n); END; $$"
        " LANGUAGE plpgsql",
    )

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._caller = Caller(principal="user/proof")
        for sql in self.SETUP:
            self._run(sql)

    def _run(self, sql: str) -> str:
        request = {"Sql": sql, "WorkgroupName": "sluice", "Database": "dev", "WaitTimeSeconds": 20}
        answer = self._call("ExecuteStatement", request)
        if answer["Status"] != "FINISHED":
            raise AssertionError(self._call("DescribeStatement", {"Id": answer["Id"]}).get("Error"))
        return str(answer["Id"])

    def _call(self, operation: str, request: dict[str, Any]) -> Any:
        try:
            return self._warehouse.handle(operation, request, self._caller)
        except DataApiError as error:
            raise client_error(error.code, operation, error.message) from error

    def execute_statement(self, **request: Any) -> Any:
        return self._call("ExecuteStatement", request)

    def describe_statement(self, **request: Any) -> Any:
        return self._call("DescribeStatement", request)

    def get_statement_result(self, **request: Any) -> Any:
        return self._call("GetStatementResult", request)

    def cancel_statement(self, **request: Any) -> Any:
        return self._call("CancelStatement", request)

    def counts(self) -> Counter[str]:
        """How often each call ran."""
        found = self._run("SELECT CAST(n AS VARCHAR), count(*) FROM noted GROUP BY n")
        counted: Counter[str] = Counter()
        request: dict[str, Any] = {"Id": found}
        while True:
            page = self._call("GetStatementResult", request)
            for name, count in page["Records"]:
                counted[name["stringValue"]] = count["longValue"]
            if "NextToken" not in page:
                return counted
            request["NextToken"] = page["NextToken"]


def argument(request: dict[str, Any]) -> str:
    """The first argument of a call."""
    parameters = request.get("Parameters", [])
    return str(parameters[0]["value"]) if parameters else ""


@dataclass
class World:
    """One account; `fault` decides what becomes of each call to AWS."""

    warehouse: Any
    fault: Fault = no_fault
    bucket: Bucket = field(default_factory=lambda: Bucket(BUCKET))
    table: LedgerTable = field(default_factory=LedgerTable)
    topic: Topic = field(default_factory=Topic)
    executions: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    crashes: int = 0
    seconds: float = 0

    @contextmanager
    def entered(self) -> Iterator["World"]:
        """The handlers call this account while the block lasts."""
        services: dict[str, tuple[str, Any]] = {
            "s3": ("s3", self.bucket),
            "dynamodb": ("dynamodb", self.table),
            "stepfunctions": ("stepfunctions", self),
            "redshift_data": ("redshift-data", self.warehouse),
            "sns": ("sns", self.topic),
        }
        with ExitStack() as stack:
            stack.enter_context(mock.patch.dict("os.environ", ENVIRONMENT))
            stack.enter_context(mock.patch.object(clients, "be_brief"))
            stack.enter_context(mock.patch.object(running, "time", Turns()))
            stack.enter_context(mock.patch.object(running, "datetime", self._calendar()))
            for name, (service_name, service) in services.items():
                client = Client(service_name, service, self._gate)
                stack.enter_context(mock.patch.object(clients, name, lambda made=client: made))
            yield self

    def _calendar(self) -> type[datetime]:
        """A clock that the machine's waits put forward."""
        world = self

        class Calendar(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> "Calendar":
                moved = datetime.now(tz) + timedelta(seconds=world.seconds)
                return cls.fromisoformat(moved.isoformat())

        return Calendar

    def _gate(self, name: str, request: dict[str, Any], perform: Callable[..., Any]) -> Any:
        if actor := find_current():
            actor.pause()
            return perform()
        kind = self.fault(name, request)
        self.calls.append(name)
        if kind == "before":
            self.crashes += 1
            raise Crash
        answer = perform()
        if kind == "after":
            self.crashes += 1
            raise Crash
        return answer

    def describe_execution(self, **request: Any) -> Any:
        """Step Functions' answer about an execution."""
        status = self.executions.get(request["executionArn"])
        if status is None:
            raise client_error("ExecutionDoesNotExist", "DescribeExecution")
        return {"status": status}

    # --- the machine ----------------------------------------------------------------------------

    def execute(self, name: str, *, most_crashes: int | None = None, **request: Any) -> Any:
        """Run an execution to its end; its output, or None if it failed or was stopped.

        A crashed task is tried again as often as the machine says. After `most_crashes` of them
        somebody stops the execution.
        """
        execution = f"{_MACHINE}:{name}"
        self.executions[execution] = "RUNNING"
        data: Any = self._begun(execution, name, request)
        at, crashes = "Open", Crashes(most=most_crashes)
        for _ in range(_MOST_STATES):
            state = _STATES[at]
            if state["Type"] == "Task":
                at = self._performed(at, state, data, crashes)
                if crashes.is_too_many:
                    self.executions[execution] = "ABORTED"
                if self.executions[execution] != "RUNNING":
                    return None  # somebody stopped it; its function went on by itself
            elif state["Type"] == "Choice":
                at = _chosen(state, data)
            elif state["Type"] == "Wait":
                self.seconds += data["release"]["wait_seconds"]
                at = state["Next"]
            else:
                is_failed = state["Type"] == "Fail"
                self.executions[execution] = "FAILED" if is_failed else "SUCCEEDED"
                return None if is_failed else data["release"]["response"]
        raise AssertionError("the execution does not end")

    def _performed(self, at: str, state: dict[str, Any], data: Any, crashes: "Crashes") -> str:
        """Invoke a task's function; the state that follows, this one if it is tried again."""
        try:
            answer = _HANDLERS[state["Resource"]](json.loads(json.dumps(data)), None)
        except (Crash, SluiceError) as error:
            name = "Runtime.ExitError" if isinstance(error, Crash) else type(error).__name__
            retry = [each for each in state["Retry"] if name in each["ErrorEquals"]]
            if retry and crashes.may_try_again(at, retry[0]["MaxAttempts"]):
                return at
            data["failure"] = {"Error": name, "Cause": json.dumps({"errorMessage": str(error)})}
            return str(state["Catch"][0]["Next"])
        data["release"] = json.loads(json.dumps(answer))
        return str(state["Next"])

    def _begun(self, execution: str, name: str, request: dict[str, Any]) -> dict[str, Any]:
        known = {"id": execution, "name": name, "started_at": "2026-01-01T00:00:00Z"}
        return {"request": request, "execution": known, "release": {"status": "NEW"}}

    def upload(self, calls: int, *, key: str = KEY, first: int = 1) -> str:
        """Put a release of so many calls of `ran(n)`; its key."""
        lines = "".join(f"ran('{number}')\n" for number in range(first, first + calls))
        self.bucket.write(key, lines.encode())
        return key

    def states(self) -> Counter[str]:
        """How many calls are in each state, by the ledger."""
        return Counter(
            item["state"]["S"] for (_, sk), item in self.table.items.items() if "CALL#" in sk
        )


@dataclass
class Crashes:
    """How often one execution's functions crashed; without a `most`, they are always retried."""

    most: int | None
    total: int = 0
    tries: Counter[str] = field(default_factory=Counter)

    def may_try_again(self, state: str, attempts: int) -> bool:
        """Count a crash; whether the machine tries the state again."""
        self.total += 1
        self.tries[state] += 1
        return self.most is None or self.tries[state] <= attempts

    @property
    def is_too_many(self) -> bool:
        """Whether somebody stops the execution."""
        return self.most is not None and self.total > self.most


class Turns:
    """A clock that goes on by 20 seconds each time it is read, so that rounds stay short."""

    def __init__(self) -> None:
        self._now = 0

    def monotonic(self) -> float:
        """Seconds."""
        self._now += 20
        return float(self._now)


def _chosen(state: dict[str, Any], data: dict[str, Any]) -> str:
    for rule in state["Choices"]:
        if data["release"]["status"] == rule["StringEquals"]:
            return str(rule["Next"])
    return str(state["Default"])
