"""Step Functions: what moto's interpreter leaves out around the states themselves."""

import base64
import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from botocore.client import BaseClient
from botocore.config import Config
from moto.logs.models import logs_backends
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.eval.event.logging import (
    CloudWatchLoggingConfiguration,
    CloudWatchLoggingSession,
)
from moto.stepfunctions.parser.backend.execution import Execution

from local.account import clients
from local.account.identity import assume

_DESCRIBE_LAG_SECONDS = 0.2
_TASK_SECONDS = 99_999_999  # a task waits as long as its state's TimeoutSeconds says


class ExecutionLog(CloudWatchLoggingSession):
    """Writes an execution's history to its state machine's log group, in the format of AWS."""

    @classmethod
    def of(cls, execution: Execution) -> "ExecutionLog | None":
        """The log of an execution; None if its state machine logs nothing."""
        machine: Any = execution.state_machine  # of moto's own class, not of its annotation's
        configuration = CloudWatchLoggingConfiguration.from_logging_configuration(
            machine.arn, machine.loggingConfiguration
        )
        return cls(execution.exec_arn, configuration) if configuration else None

    def publish_history_log(self, history_log: Any) -> None:
        """Write one event of the history."""
        place = self.configuration
        backend = logs_backends[place.log_account_id][place.log_region]
        backend.ensure_log_group(place.log_group_name)
        backend.ensure_log_stream(place.log_group_name, place.log_stream_name)
        moment = datetime.fromisoformat(history_log["event_timestamp"])
        milliseconds = int(moment.timestamp() * 1000)
        line = {**history_log, "event_timestamp": str(milliseconds)}
        backend.put_log_events(
            place.log_group_name,
            place.log_stream_name,
            [{"timestamp": milliseconds, "message": json.dumps(line, default=str)}],
        )


def status_detail(execution: Execution) -> dict[str, Any]:
    """The `detail` of an execution's status change event."""
    return {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine.arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": _milliseconds(execution.start_date),
        "stopDate": _milliseconds(execution.stop_date),
        "input": execution.execution_input,
        "output": execution.output,
        "inputDetails": {"included": True},
        "outputDetails": {"included": True},
        "error": execution.error,
        "cause": execution.cause,
    }


def await_environment(execution: Execution) -> None:
    """Wait until a just started execution can be stopped."""
    until = time.monotonic() + 1.0
    worker: Any = execution.exec_worker
    while worker.env is None and time.monotonic() < until:
        time.sleep(0.005)


def close(
    execution: Execution, status: ExecutionStatus, error: str | None, cause: str | None
) -> None:
    """Close an execution at once; what it has running goes on, and is not waited for."""
    execution.exec_status = status
    execution.stop_date = datetime.now(UTC)
    execution.error, execution.cause = error or None, cause or None


def as_described(execution: Execution, description: dict[str, Any]) -> dict[str, Any]:
    """DescribeExecution is eventually consistent: for a moment a closed execution still runs."""
    stopped = execution.stop_date
    if stopped is None:
        return description
    if (datetime.now(UTC) - stopped).total_seconds() >= _DESCRIBE_LAG_SECONDS:
        return {**description, "stopDate": stopped}
    ending = {"output", "outputDetails", "error", "cause", "stopDate"}
    known = {name: value for name, value in description.items() if name not in ending}
    return {**known, "status": ExecutionStatus.RUNNING}


def plain(value: Any) -> Any:
    """An SDK result as JSON: timestamps as ISO text, bodies read."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if hasattr(value, "read"):
        return value.read().decode()
    return value


def client_factory(endpoint_url: str) -> Callable[..., BaseClient]:
    """What a task calls AWS with: clients with the credentials of the state machine's role."""
    lock = threading.Lock()

    config = Config(
        parameter_validation=False,
        proxies={},
        retries={"max_attempts": 0},
        read_timeout=_TASK_SECONDS,
        max_pool_connections=50,
    )

    @lru_cache(maxsize=64)
    def of_role(role_arn: str) -> clients.Aws:
        role = clients.session(assume(role_arn, session="states"))
        return clients.cached(role, endpoint_url, config)

    def boto_client_for(region: str, service: str, state_credentials: Any) -> BaseClient:
        with lock:
            aws = of_role(state_credentials.role_arn)
        client: BaseClient = aws(service)
        return client

    return boto_client_for


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def base64_text(text: str) -> str:
    """Text as an HTTP header can carry it."""
    return base64.b64encode(text.encode()).decode()
