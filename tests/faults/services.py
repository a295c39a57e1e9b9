"""The other services as the functions use them: queue, topic, state machine, Data API."""

import itertools
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from local.warehouse import Caller, Warehouse
from local.warehouse.errors import DataApiError
from tests.faults.aws import client_error
from tests.faults.machine import Execution, Invoke

MOST_RECEIVES = 5
_LOADER = Caller(principal="role/loader")


@dataclass
class Message:
    """A message of the arrivals queue."""

    message_id: str
    body: str
    receives: int = 0


@dataclass
class Queue:
    """The arrivals queue and its dead letters."""

    visible: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    _numbers: Any = field(default_factory=itertools.count)

    def add(self, document: Any) -> None:
        """A message that is visible at once; delays are not kept."""
        self.visible.append(self._new(document))

    def _new(self, document: Any) -> Message:
        return Message(f"m{next(self._numbers)}", json.dumps(document))

    def give_back(self, message: Message) -> None:
        """Its visibility timeout ended without an acknowledgement."""
        message.receives += 1
        (self.dead if message.receives >= MOST_RECEIVES else self.visible).append(message)

    def send_message(self, **request: Any) -> Any:
        document = json.loads(request["MessageBody"])
        if request["QueueUrl"] == "dead-letters":
            self.dead.append(self._new(document))
        else:
            self.add(document)
        return {}

    def send_message_batch(self, **request: Any) -> Any:
        for entry in request["Entries"]:
            self.send_message(QueueUrl=request["QueueUrl"], MessageBody=entry["MessageBody"])
        return {"Successful": [], "Failed": []}


@dataclass
class Topic:
    """The notifications that went out."""

    published: list[dict[str, Any]] = field(default_factory=list)

    def publish(self, **request: Any) -> Any:
        self.published.append(request)
        return {}


@dataclass
class Workflows:
    """The load state machine's executions; of the release machine's only their input."""

    invoke: Invoke
    executions: dict[str, Execution] = field(default_factory=dict)
    releases: dict[str, dict[str, Any]] = field(default_factory=dict)

    def start_execution(self, **request: Any) -> Any:
        name, text = request["name"], request["input"]
        if request["stateMachineArn"].endswith(":release"):
            if name in self.releases:
                raise client_error("ExecutionAlreadyExists", "StartExecution")
            self.releases[name] = json.loads(text)
            return {"executionArn": name}
        arn = f"{request['stateMachineArn'].replace(':stateMachine:', ':execution:')}:{name}"
        known = self.executions.get(arn)
        if known is None:
            self.executions[arn] = Execution(arn=arn, name=name, input=text, invoke=self.invoke)
        elif not (known.is_open and known.input == text):
            raise client_error("ExecutionAlreadyExists", "StartExecution")
        return {"executionArn": arn}

    def describe_execution(self, **request: Any) -> Any:
        known = self.executions.get(request["executionArn"])
        if known is None:
            raise client_error("ExecutionDoesNotExist", "DescribeExecution")
        return {"status": known.status}


@dataclass
class Pending:
    """A transaction that was submitted; the schedule says when it runs."""

    statement_id: str
    request: dict[str, Any]
    real_id: str | None = None
    failure: str | None = None
    is_forgotten: bool = False


@dataclass
class DataApi:
    """The local warehouse's Data API; transactions run when the schedule says so.

    Other statements run at once. What a client token stands for is remembered here too, as the
    transaction that it stands for may not have begun.
    """

    warehouse: Warehouse
    is_nameless: bool = False
    transactions: dict[str, Pending] = field(default_factory=dict)
    begun: int = 0
    next_failure: str | None = None
    _failed: dict[str, str] = field(default_factory=dict)

    @property
    def waiting(self) -> list[Pending]:
        """Transactions that have not begun."""
        return [
            each
            for each in self.transactions.values()
            if each.real_id is None and each.failure is None
        ]

    def batch_execute_statement(self, **request: Any) -> Any:
        token = request["ClientToken"]
        if token not in self.transactions:
            self.transactions[token] = Pending(f"pending-{token[:8]}", request)
        return {"Id": self.transactions[token].statement_id}

    def execute_statement(self, **request: Any) -> Any:
        if self.next_failure is not None:
            statement_id = f"failed-{len(self._failed)}"
            self._failed[statement_id], self.next_failure = self.next_failure, None
            return {"Id": statement_id}
        answer = self._call("ExecuteStatement", request)
        self.close(answer["Id"])
        return answer

    def describe_statement(self, **request: Any) -> Any:
        for pending in self.transactions.values():
            if pending.statement_id == request["Id"]:
                return self._described(pending)
        if request["Id"] in self._failed:
            error = self._failed[request["Id"]]
            return {"Id": request["Id"], "Status": "FAILED", "Error": error}
        return self._call("DescribeStatement", request)

    def _described(self, pending: Pending) -> Any:
        if pending.is_forgotten:
            raise client_error("ResourceNotFoundException", "DescribeStatement", "query not found")
        if pending.failure is not None:
            status = "ABORTED" if pending.failure == "ABORTED" else "FAILED"
            return {"Id": pending.statement_id, "Status": status, "Error": pending.failure}
        if pending.real_id is None:
            return {"Id": pending.statement_id, "Status": "SUBMITTED"}
        answer = self._call("DescribeStatement", {"Id": pending.real_id})
        if self.is_nameless and "Scan Error" in answer.get("Error", ""):
            answer = {**answer, "Error": "ERROR: Spectrum Scan Error", "SubStatements": []}
        return answer

    def get_statement_result(self, **request: Any) -> Any:
        return self._call("GetStatementResult", request)

    def begin(self, pending: Pending) -> None:
        """Run a transaction; it goes on by itself."""
        self.begun += 1
        # the warehouse outlives this account, and its tokens with it
        request = pending.request | {"ClientToken": uuid.uuid4().hex}
        pending.real_id = self._call("BatchExecuteStatement", request)["Id"]

    def close(self, real_id: str) -> dict[str, Any]:
        """Wait for a statement's end."""
        for _ in range(4):
            found = self._call("DescribeStatement", {"Id": real_id, "WaitTimeSeconds": 30})
            if found["Status"] in ("FINISHED", "FAILED", "ABORTED"):
                return found
        raise TimeoutError(f"{real_id} is still {found['Status']}")

    def _call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return self.warehouse.handle(operation, request, _LOADER)
        except DataApiError as error:
            raise client_error(error.code, operation, error.message) from error
