"""Lambda: runs the deployed functions in execution environments of their own."""

import hashlib
import io
import json
import logging
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from moto.awslambda.models import LambdaFunction, lambda_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from local.account import arns
from local.account.environments import Environment, FunctionSpec, Launch, Outcome, Subprocess
from local.account.faults import Faults
from local.account.identity import ACCOUNT_ID, REGION
from local.account.meter import Meter
from local.account.permissions import Permissions
from local.account.policies import Call

LOG = logging.getLogger(__name__)

# A person's machine, not a region: enough that two invocations of one function overlap.
_ENVIRONMENTS_PER_FUNCTION = 4
_ASYNC_RETRY_SECONDS = (60, 120)  # how long Lambda waits before it retries an asynchronous event

_LOG_ACTIONS = ("CreateLogStream", "PutLogEvents")


class Functions:
    """The account's functions; keeps environments warm, several per function when busy."""

    def __init__(
        self,
        *,
        code_cache: Path,
        logs: Path,
        endpoint_url: str,
        wait_scale: float,
        permissions: Permissions,
        meter: Meter,
        faults: Faults,
        launch: Launch = Subprocess,
    ) -> None:
        self._code_cache = code_cache
        self._logs = logs
        self._endpoint_url = endpoint_url
        self._wait_scale = wait_scale
        self._permissions = permissions
        self._meter = meter
        self._faults = faults
        self._launch = launch
        self._pools: dict[str, _Pool] = {}
        self._lock = threading.Lock()
        self._background = ThreadPoolExecutor(max_workers=16, thread_name_prefix="lambda-async")
        self._closed = threading.Event()

    def invoke(self, function: LambdaFunction, event: bytes) -> Outcome:
        """Run a function and wait for its answer; a raised or killed handler is an Outcome too."""
        if self._closed.is_set():
            return Outcome.error("ServiceException", "the account is closing")
        pool = self._pool(function)
        for call in _logging(pool.spec):  # Lambda keeps the log even of what it did not run
            self._permissions.allowed(pool.spec.role_arn, call)
        outcome = pool.invoke(event)
        self._meter.ran(pool.spec.name, outcome.seconds)
        return outcome

    def invoke_async(self, function: LambdaFunction, event: bytes) -> None:
        """Queue an event; two retries, then the function's failure destination."""
        if not self._closed.is_set():
            self._background.submit(self._deliver, function, event)

    def warm(self, function: LambdaFunction) -> None:
        """Start one environment before the first event needs it."""
        self._pool(function).warm()

    def close(self) -> None:
        """Kill every environment."""
        self._closed.set()
        self._background.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            pool.close()

    def _pool(self, function: LambdaFunction) -> "_Pool":
        spec = self._spec(function)
        with self._lock:
            pool = self._pools.get(spec.arn)
            if pool is None or pool.spec != spec:
                if pool is not None:
                    pool.close_idle()  # deployed anew: running invocations finish on the old code
                pool = _Pool(spec, launch=self._launch, logs=self._logs, faults=self._faults)
                self._pools[spec.arn] = pool
            return pool

    def _spec(self, function: LambdaFunction) -> FunctionSpec:
        return FunctionSpec(
            name=function.function_name,
            arn=function.function_arn,
            role_arn=function.role,
            handler=str(function.handler),
            runtime=str(function.run_time),
            timeout=float(function.timeout),
            memory_mb=int(function.memory_size),
            concurrency=min(
                int(function.reserved_concurrency or _ENVIRONMENTS_PER_FUNCTION),
                _ENVIRONMENTS_PER_FUNCTION,
            ),
            log_group=function.logs_group_name,
            code=self._unzip(function.code_bytes),
            layers=tuple(self._unzip(_layer(layer["Arn"])) for layer in function.layers),
            variables=tuple(sorted((k, str(v)) for k, v in function.environment_vars.items())),
            endpoint_url=self._endpoint_url,
        )

    def _unzip(self, archive: bytes) -> Path:
        folder = self._code_cache / hashlib.sha256(archive).hexdigest()[:32]
        if not folder.is_dir():
            partial = folder.with_name(f"{folder.name}.{threading.get_ident()}.partial")
            with zipfile.ZipFile(io.BytesIO(archive)) as content:
                content.extractall(partial)
            try:
                partial.rename(folder)
            except OSError:  # another thread was first, with the same content
                LOG.debug("code %s is already there", folder.name)
        return folder

    def _deliver(self, function: LambdaFunction, event: bytes) -> None:
        outcome = self.invoke(function, event)
        for seconds in _ASYNC_RETRY_SECONDS[: _retries(function)]:
            if not outcome.failed or self._closed.wait(seconds * self._wait_scale):
                return
            outcome = self.invoke(function, event)
        if outcome.failed:
            _give_up(function, event, outcome)


class _Pool:
    """The environments of one function as deployed."""

    def __init__(self, spec: FunctionSpec, *, launch: Launch, logs: Path, faults: Faults) -> None:
        self.spec = spec
        self._faults = faults
        self._start: Callable[[], Environment] = lambda: Environment(
            spec=spec, launch=launch, logs=logs
        )
        self._slots = threading.BoundedSemaphore(spec.concurrency)
        self._lock = threading.Lock()
        self._idle: list[Environment] = []
        self._busy: set[Environment] = set()
        self._retired = False

    def invoke(self, event: bytes) -> Outcome:
        with self._slots:
            environment = self._take()
            try:
                with self._faults.on(environment):
                    return environment.invoke(event)
            finally:
                self._give_back(environment)

    def warm(self) -> None:
        with self._lock:
            if not self._idle and not self._busy:
                self._idle.append(self._start())

    def close(self) -> None:
        self.close_idle()
        with self._lock:
            busy = list(self._busy)
        for environment in busy:
            environment.kill()

    def close_idle(self) -> None:
        with self._lock:
            self._retired = True
            idle, self._idle = self._idle, []
        for environment in idle:
            environment.kill()

    def _take(self) -> Environment:
        with self._lock:
            self._idle = [environment for environment in self._idle if environment.alive]
            environment = self._idle.pop() if self._idle else self._start()
            self._busy.add(environment)
            return environment

    def _give_back(self, environment: Environment) -> None:
        with self._lock:
            self._busy.discard(environment)
            keep = environment.alive and not self._retired
            if keep:
                self._idle.append(environment)
        if not keep:
            environment.kill()


def _logging(spec: FunctionSpec) -> list[Call]:
    group = arns.arn("logs", f"log-group:{spec.log_group}:log-stream:local")
    return [Call(action=f"logs:{name}", resource=group) for name in _LOG_ACTIONS]


def _layer(arn: str) -> bytes:
    layer = lambda_backends[ACCOUNT_ID][REGION].layers_versions_by_arn(arn)
    if layer is None:
        raise KeyError(f"layer {arn} is not in the account")
    return layer.code_bytes


def _retries(function: LambdaFunction) -> int:
    for settings in function.event_invoke_config:
        if "MaximumRetryAttempts" in settings.config:
            return int(settings.config["MaximumRetryAttempts"])
    return len(_ASYNC_RETRY_SECONDS)


def _give_up(function: LambdaFunction, event: bytes, outcome: Outcome) -> None:
    target = _failure_destination(function)
    if target is None:
        LOG.error(
            "%s failed an asynchronous event for good and has no dead-letter queue: %s",
            function.function_name,
            outcome.payload.decode("utf-8", "replace"),
        )
        return
    message = json.dumps(
        {
            "version": "1.0",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "requestContext": {
                "functionArn": function.function_arn,
                "condition": "RetriesExhausted",
                "approximateInvokeCount": _retries(function) + 1,
            },
            "requestPayload": json.loads(event),
            "responsePayload": json.loads(outcome.payload),
        }
    )
    service, name = target.split(":")[2], target.rsplit(":", 1)[-1]
    if service == "sqs":
        sqs_backends[ACCOUNT_ID][REGION].send_message(name, message)
    elif service == "sns":
        sns_backends[ACCOUNT_ID][REGION].publish(message, arn=target)
    else:
        LOG.error("%s: destinations of %s are not supported", function.function_name, service)


def _failure_destination(function: LambdaFunction) -> str | None:
    for settings in function.event_invoke_config:
        destination = settings.config.get("DestinationConfig", {}).get("OnFailure", {})
        if "Destination" in destination:
            return str(destination["Destination"])
    return None
