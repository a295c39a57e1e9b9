"""Step Functions: executions that are announced, stopped, waited for and told as by AWS."""

import json
import logging
import threading
import time
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import jsonata
from moto.core.config import default_user_config
from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service,
    state_task_service_aws_sdk,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import (
    WaitFunction,
)
from moto.stepfunctions.parser.asl.jsonata import jsonata as asl_jsonata
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.backend import execution_worker
from moto.stepfunctions.parser.backend.execution import (
    BaseExecutionWorkerCommunication,
    Execution,
)
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from local.account import machine
from local.account.patches.patch import Parts, Replacement, replaces

LOG = logging.getLogger(__name__)


@replaces(
    default_user_config, "stepfunctions", because="by default moto starts executions, not states"
)
def _execute(_original: Any, _account: Parts) -> Replacement:
    return {"execute_state_machine": True}


@replaces(
    StepFunctionsParserBackend,
    "start_execution",
    because="two starts of one name may both succeed, and a nameless one is called None",
)
def _start(original: Any, _account: Parts) -> Replacement:
    lock = threading.Lock()

    def start_execution(
        backend: Any,
        state_machine_arn: str,
        name: str | None = None,
        execution_input: str | None = None,
        trace_header: str | None = None,
    ) -> Any:
        with lock:
            return original(
                backend, state_machine_arn, name or str(uuid4()), execution_input, trace_header
            )

    return start_execution


@replaces(
    Preprocessor,
    "_query_language_per_scope",
    because="definitions that are read at once share what is known of one, and break its execution",
)
def _own_scopes(_original: Any, _account: Parts) -> Replacement:
    return property(lambda reader: reader.__dict__.setdefault("_scopes", []))


@replaces(Execution, "start", because="the start of an execution is not announced, nor logged")
def _announce_start(original: Any, account: Parts) -> Replacement:
    def start(execution: Execution) -> None:
        execution._cloud_watch_logging_session = machine.ExecutionLog.of(execution)
        original(execution)
        account.events.execution_event({**machine.status_detail(execution), "status": "RUNNING"})

    return start


@replaces(
    BaseExecutionWorkerCommunication,
    "terminated",
    because="an execution's end is not announced, and an output that is text is not shown as JSON",
)
def _announce_end(original: Any, account: Parts) -> Replacement:
    def terminated(communication: BaseExecutionWorkerCommunication) -> None:
        execution = communication.execution
        if execution.exec_status is ExecutionStatus.RUNNING:
            original(communication)
            if execution.status == ExecutionStatus.SUCCEEDED.value:
                execution.output = json.dumps(execution.output)  # type: ignore[assignment]  # untyped
            account.events.execution_event(machine.status_detail(execution))

    return terminated


@replaces(
    execution_worker.ExecutionWorker,
    "_execution_logic",
    because="an error of the interpreter itself leaves the execution running for ever",
)
def _fail_loudly(original: Any, account: Parts) -> Replacement:
    def execution_logic(worker: Any) -> None:
        try:
            original(worker)
        except Exception as error:
            LOG.exception("the interpreter of state machines failed")
            execution = worker._execution_communication.execution
            machine.close(execution, ExecutionStatus.FAILED, "States.Runtime", repr(error))
            account.events.execution_event(machine.status_detail(execution))

    return execution_logic


@replaces(Execution, "stop", because="a stopped execution stays RUNNING until its task has ended")
def _stop(original: Any, account: Parts) -> Replacement:
    def stop(execution: Execution, stop_date: Any, error: str | None, cause: str | None) -> None:
        if execution.exec_status is ExecutionStatus.RUNNING:
            machine.await_environment(execution)
            original(execution, stop_date=stop_date, error=error, cause=cause)
            machine.close(execution, ExecutionStatus.ABORTED, error, cause)
            account.events.execution_event(machine.status_detail(execution))

    return stop


@replaces(
    StepFunctionResponse,
    "describe_execution",
    because="it knows the end of an execution at once, which AWS does not, and a timed-out one has"
    " no stop date",
)
def _describe_late(original: Any, _account: Parts) -> Replacement:
    def describe_execution(response: StepFunctionResponse) -> ActionResult:
        result: dict[str, Any] = original(response).result
        execution: Any = response.stepfunction_backend.describe_execution(result["executionArn"])
        return ActionResult(machine.as_described(execution, result))

    return describe_execution


@replaces(WaitFunction, "_wait_interval", because="waits are real time")
def _wait(original: Any, account: Parts) -> Replacement:
    def wait_interval(function: WaitFunction, env: Any, wait_seconds: float) -> None:
        until = time.monotonic() + wait_seconds * account.wait_scale
        while env.is_running() and (left := until - time.monotonic()) > 0:
            env.program_state_event.wait(left)

    return wait_interval


@replaces(retrier_decl, "time", because="intervals of a Retry are real time")
def _retry_wait(_original: Any, account: Parts) -> Replacement:
    return SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * account.wait_scale))


@replaces(
    state_task_service.StateTaskService._SERVICE_NAME_SFN_TO_BOTO_OVERRIDES,
    "redshiftdata",
    because="boto3 calls the service redshift-data",
)
def _redshift_data(_original: Any, _account: Parts) -> Replacement:
    return "redshift-data"


def _error_prefix(service: str, prefix: str) -> None:
    @replaces(
        state_task_service_aws_sdk._SERVICE_ERROR_NAMES,
        service,
        because="errors of an SDK integration carry the service's name as AWS writes it",
    )
    def name(_original: Any, _account: Parts) -> Replacement:
        return prefix


for _service, _prefix in {
    "redshiftdata": "RedshiftData",
    "s3": "S3",
    "sns": "Sns",
    "sqs": "Sqs",
}.items():
    _error_prefix(_service, _prefix)


@replaces(
    state_task_service_aws_sdk.StateTaskServiceAwsSdk,
    "_eval_service_task",
    because="timestamps in an SDK result are not JSON, and end the execution",
)
def _plain_result(original: Any, _account: Parts) -> Replacement:
    def eval_service_task(task: Any, env: Any, **kwargs: Any) -> None:
        original(task, env=env, **kwargs)
        env.stack.append(machine.plain(env.stack.pop()))

    return eval_service_task


@replaces(
    execution_worker,
    "ExecutionData",
    because="$$.Execution.StartTime is a datetime, which no function can be given",
)
def _start_time(original: Any, _account: Parts) -> Replacement:
    return lambda **fields: original(**{**fields, "StartTime": machine.plain(fields["StartTime"])})


@replaces(asl_jsonata, "_eval_jsonata", because="JSONata asks for a Java virtual machine")
def _jsonata(_original: Any, _account: Parts) -> Replacement:
    def evaluate(expression: str) -> Any:
        try:
            return jsonata.Jsonata(expression).evaluate(None)
        except Exception as error:
            raise asl_jsonata.JSONataException("UNKNOWN", str(error)) from error

    return evaluate
