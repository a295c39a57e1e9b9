"""The running account: every part of it, up and down in order."""

import contextlib
import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from moto.awslambda.models import lambda_backends
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.sns.models import sns_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.stepfunctions.parser.utils import TMP_THREADS

from local.account import clients, cloudformation, deployer, patches, state
from local.account.custom_resources import CustomResources
from local.account.deployer import Deployed, Deployer
from local.account.environments import Launch, Subprocess
from local.account.events import Events
from local.account.faults import Faults
from local.account.forks import Forks
from local.account.functions import Functions
from local.account.gateway import Gateway, resource_types
from local.account.home import WAIT_SCALE, AccountInfo, Home, NoAccountError
from local.account.identity import ACCOUNT_ID, REGION
from local.account.meter import Meter
from local.account.permissions import Notes, Permissions
from local.account.queues import Queues
from local.account.schedules import Schedules
from local.account.server import DataApiFailure, Front, Server
from local.account.storage import ObjectStore
from local.account.usage_limits import UsageLimits

LOG = logging.getLogger(__name__)

Runner = Literal["subprocess", "forked"]

# Outputs of the stacks by the field of account.json they fill.
_OUTPUTS = {
    "bucket": "Bucket",
    "database": "Database",
    "workgroup": "Workgroup",
    "state_machine_arn": "StateMachineArn",
    "topic_arn": "TopicArn",
    "dead_letter_queue_url": "DeadLetterQueueUrl",
    "ledger_table": "LedgerTable",
}
_INTERPRETER_SECONDS = 3.0
_running = threading.Lock()  # moto is one world a process


class AccountAlreadyRunningError(Exception):
    """This process, or this folder, has a running account."""


class Warehouse(Protocol):
    """What the account asks of a warehouse."""

    def start(self) -> None:
        """Be ready for calls."""

    def stop(self) -> None:
        """End what was started."""

    def handle(self, operation: str, request: dict[str, Any], caller: Any) -> dict[str, Any]:
        """Answer one Data API call."""


class Account:
    """An AWS account on this machine, with one cloud assembly deployed in it."""

    def __init__(
        self,
        *,
        assembly: Path,
        state_dir: Path,
        port: int = 0,
        runner: Runner = "subprocess",
        wait_scale: float = WAIT_SCALE,
        warehouse: Warehouse | None = None,
        keep: bool = False,
        report: Callable[[str], None] | None = None,
        faults: Faults | None = None,
    ) -> None:
        self._assembly = assembly
        self.home = Home(folder=state_dir)
        self._port = port
        self._runner = runner
        self._wait_scale = wait_scale
        self._warehouse = warehouse
        self._keep = keep
        self._report = report or LOG.info
        self.faults = faults or Faults()
        self._notes = Notes.asked_for(os.environ)
        self._permissions = Permissions(self._notes)
        self.meter = Meter()
        self._undo: list[tuple[str, Callable[[], Any]]] = []
        self._info: AccountInfo | None = None
        self._starting: Future[None] | None = None

    @property
    def info(self) -> AccountInfo:
        """How to reach the account."""
        if self._info is None:
            raise RuntimeError("the account is not up")
        return self._info

    @property
    def endpoint_url(self) -> str:
        """Where clients reach the account."""
        return self.info.endpoint_url

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()

    def up(self) -> AccountInfo:
        """Start the account and deploy the assembly; on failure everything is down again."""
        if not _running.acquire(blocking=False):
            raise AccountAlreadyRunningError("this process runs an account; use another process")
        self._undo.append(("the claim on this process", _running.release))
        try:
            self._info = self._up()
        except BaseException:
            self.down()
            raise
        return self._info

    def down(self) -> None:
        """Stop everything, in reverse; keeps the state if asked to. Safe to call again."""
        while self._undo:
            what, undo = self._undo.pop()
            try:
                undo()
            except Exception:
                LOG.exception("could not stop %s", what)
        self._info = None

    def notifications(self) -> list[dict[str, Any]]:
        """What was published to every topic, oldest first within a topic."""
        return [
            {
                "topic_arn": topic.arn,
                "message_id": message_id,
                "subject": subject,
                "message": message,
                "attributes": attributes or {},
            }
            for topic in list(sns_backends[ACCOUNT_ID][REGION].topics.values())
            for message_id, message, subject, attributes, _group in list(topic.sent_notifications)
        ]

    def _up(self) -> AccountInfo:
        home = self.home
        self._prepare(home)
        _reset_moto()
        self._undo.append(("moto", _reset_moto))
        server = Server(self._port)
        self._undo.append(("the server", server.stop))
        self._undo.append(("keeping the state", self._save))
        self._open_warehouse()
        functions, queues, custom_resources = self._start_services(server)
        aws = clients.for_user("cloudformation", server.endpoint_url)
        gateway = Gateway(functions, self._permissions)
        types = resource_types(gateway, server.endpoint_url)
        forget = cloudformation.install(aws, custom_resources, types)
        self._undo.append(("the resource types", forget))
        server.serve(
            Front(
                permissions=self._permissions,
                meter=self.meter,
                faults=self.faults,
                data_api=self._data_api,
                usage_limits=UsageLimits(),
                notifications=self.notifications,
                health=lambda: {"status": "up" if self._info else "starting", "pid": os.getpid()},
                custom_resource=custom_resources.respond,
                http_api=gateway.answer,
            )
        )
        deployed = Deployer(aws, report=self._report).deploy(self._assembly)
        if self._notes is not None:
            self._notes.grants()
        for function in lambda_backends[ACCOUNT_ID][REGION].list_functions():
            functions.warm(function)
        if self._starting is not None:
            self._starting.result()
        if self._keep:
            state.restore(home.state)
        self._undo.append(("the executions", _stop_executions))
        queues.open()
        self._undo.append(("the pollers", queues.close))
        info = self._describe(server, deployed)
        home.publish(info)
        self._undo.append(("the announcement", home.withdraw))
        return info

    def _prepare(self, home: Home) -> None:
        try:
            other = home.info()
        except NoAccountError:
            home.withdraw()
        else:
            raise AccountAlreadyRunningError(
                f"{home.folder} is the folder of a running account at {other.endpoint_url};"
                " end it with `sluice local down`, or set SLUICE_HOME to another folder"
            )
        home.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(home.logs, ignore_errors=True)
        if not self._keep:
            shutil.rmtree(home.warehouse, ignore_errors=True)
            shutil.rmtree(home.state, ignore_errors=True)

    def _start_services(self, server: Server) -> tuple[Functions, Queues, CustomResources]:
        launch: Launch = Subprocess
        if self._runner == "forked":
            forks = Forks()
            launch = forks
            self._undo.append(("the fork server", forks.close))
        functions = Functions(
            code_cache=self.home.cache / "code",
            logs=self.home.logs,
            endpoint_url=server.endpoint_url,
            wait_scale=self._wait_scale,
            permissions=self._permissions,
            meter=self.meter,
            faults=self.faults,
            launch=launch,
        )
        events = Events(functions, self.faults, self._permissions)
        queues = Queues(functions, wait_scale=self._wait_scale)
        schedules = Schedules(events, wait_scale=self._wait_scale)
        parts = patches.Parts(
            functions=functions,
            events=events,
            queues=queues,
            permissions=self._permissions,
            endpoint_url=server.endpoint_url,
            wait_scale=self._wait_scale,
        )
        self._undo += [
            ("the patches", patches.install(parts)),
            ("the interpreter", _await_executions),
            ("the functions", functions.close),
            ("the events", events.close),
            ("the schedules", schedules.close),
        ]
        return functions, queues, CustomResources(functions, endpoint_url=server.endpoint_url)

    def _open_warehouse(self) -> None:
        """Start the warehouse beside the deployment; its first call waits for it."""
        if not deployer.mentions(self._assembly, "AWS::RedshiftServerless::Workgroup"):
            return
        if self._warehouse is None:
            from local.warehouse import Warehouse  # heavy, and tests of the account need none

            self._warehouse = Warehouse(
                self.home.warehouse, object_store=ObjectStore(self._permissions, self.meter)
            )
        self._starting = ThreadPoolExecutor(1, "warehouse").submit(self._warehouse.start)
        self._undo.append(("the warehouse", self._close_warehouse))

    def _close_warehouse(self) -> None:
        if self._warehouse is not None and self._starting is not None:
            self._starting.exception()
            self._warehouse.stop()

    def _data_api(self, operation: str, request: dict[str, Any], principal: str) -> dict[str, Any]:
        from local.warehouse import Caller, DataApiError

        if self._warehouse is None or self._starting is None:
            raise DataApiFailure("ResourceNotFoundException", "no workgroup is deployed", 400)
        self._starting.result()
        caller = Caller(principal=principal)
        try:
            if principal.startswith("role/"):
                return self._data_api_of_roles(self._warehouse, operation, request, caller)
            return self._warehouse.handle(operation, request, caller)
        except DataApiError as error:
            raise DataApiFailure(
                error.code, error.message, error.http_status, **error.members
            ) from error

    def _data_api_of_roles(
        self, warehouse: Warehouse, operation: str, request: dict[str, Any], caller: Any
    ) -> dict[str, Any]:
        """The same, with what goes wrong with statements."""
        from local.warehouse import DataApiError

        def cancel() -> None:
            with contextlib.suppress(DataApiError):  # it has ended
                warehouse.handle("CancelStatement", {"Id": answer["Id"]}, caller)

        if operation == "DescribeStatement" and self.faults.forgets():
            request = {**request, "Id": str(uuid.uuid4())}
        answer = warehouse.handle(operation, request, caller)
        if operation == "BatchExecuteStatement":
            self.faults.on_batch(cancel)
        return answer

    def _save(self) -> None:
        if self._keep and self._info is not None:  # a failed start must not replace the state
            state.save(self.home.state)

    def _describe(self, server: Server, deployed: Sequence[Deployed]) -> AccountInfo:
        outputs = {name: value for stack in deployed for name, value in stack.outputs.items()}
        return AccountInfo(
            endpoint_url=server.endpoint_url,
            region=REGION,
            pid=os.getpid(),
            wait_scale=self._wait_scale,
            **{field: outputs.get(output, "") for field, output in _OUTPUTS.items()},
        )


def _reset_moto() -> None:
    BackendDict.reset()
    reset_model_data()


def _stop_executions() -> None:
    for machine in stepfunctions_parser_backends[ACCOUNT_ID][REGION].state_machines:
        for execution in machine.executions:
            execution.stop(stop_date=datetime.now(UTC), error=None, cause=None)


def _await_executions() -> None:
    """Let the interpreter's threads end: they must not outlive what they call."""
    until = time.monotonic() + _INTERPRETER_SECONDS
    for thread in TMP_THREADS:
        thread.join(timeout=max(until - time.monotonic(), 0))
    TMP_THREADS.clear()
