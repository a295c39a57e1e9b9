"""One execution environment: a process that runs one function's handler, one event at a time."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from local.account.identity import REGION, assume
from local.account.logs import LogStream
from local.account.runtime_api import Invocation, RuntimeApi

# AWS gives a cold start 10 s; seven functions starting at once on two cores need more.
_INIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSpec:
    """All that decides how a function runs; two equal specs may share environments."""

    name: str
    arn: str
    role_arn: str
    handler: str
    runtime: str
    timeout: float
    memory_mb: int
    concurrency: int
    log_group: str
    code: Path
    layers: tuple[Path, ...]
    variables: tuple[tuple[str, str], ...]
    endpoint_url: str

    def environment(self, runtime_api: str) -> dict[str, str]:
        """What Lambda sets, then what the template sets; nothing of the account's own."""
        search = [self.code, *(d for layer in self.layers for d in (layer / "python", layer))]
        return {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "HOME": "/tmp",  # noqa: S108 -- Lambda's only writable folder, there and here
            "PYTHONPATH": os.pathsep.join(map(str, search)),
            "PYTHONUNBUFFERED": "1",
            "_HANDLER": self.handler,
            "_X_AMZN_TRACE_ID": "Root=1-00000000-000000000000000000000000;Sampled=0",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{self.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_mb),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": self.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": "local",
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "LAMBDA_TASK_ROOT": str(self.code),
            **assume(self.role_arn, session=self.name).to_env(),
            **dict(self.variables),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an invocation came to: a JSON payload, and whether it is an error."""

    payload: bytes
    failed: bool = False
    log: str = ""
    seconds: float = 0.0  # from the event to the answer

    @classmethod
    def error(cls, kind: str, message: str) -> "Outcome":
        """An error that Lambda itself reports."""
        payload = {"errorType": kind, "errorMessage": message}
        return cls(payload=json.dumps(payload).encode(), failed=True)


class Process(Protocol):
    """A started runtime."""

    @property
    def output(self) -> IO[bytes]: ...
    def wait(self) -> int: ...
    def kill(self) -> None: ...


Launch = Callable[[str, Path, Mapping[str, str]], Process]  # handler, folder, environment


class Subprocess:
    """A runtime as its own Python: `python -m awslambdaric <handler>`."""

    def __init__(self, handler: str, folder: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 -- the handler string of the template
            [sys.executable, "-m", "awslambdaric", handler],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # ctrl-C is for the account, which then ends its functions
        )

    @property
    def output(self) -> IO[bytes]:
        """Standard output and error."""
        assert self._process.stdout is not None  # noqa: S101 -- opened as a pipe above
        return self._process.stdout

    def wait(self) -> int:
        """The exit status; negative for a signal."""
        return self._process.wait()

    def kill(self) -> None:
        """End it at once, as Lambda does."""
        self._process.kill()


@dataclass(eq=False, slots=True, kw_only=True)
class Environment:
    """A warm or warming runtime; `invoke` may be called again until it reports itself dead."""

    spec: FunctionSpec
    launch: Launch
    logs: Path
    alive: bool = True
    _api: RuntimeApi = field(default_factory=RuntimeApi)
    _current: Invocation | None = None
    _exit_status: int = 0
    _lines: list[str] = field(default_factory=list)
    _process: Process = field(init=False)

    def __post_init__(self) -> None:
        self._process = self.launch(
            self.spec.handler, self.spec.code, self.spec.environment(self._api.address)
        )
        threading.Thread(target=self._follow, name=self.spec.name, daemon=True).start()

    def invoke(self, payload: bytes) -> Outcome:
        """Run the handler on one event; kills the environment at the function's timeout."""
        if not self._api.ready.wait(_INIT_SECONDS):
            self.kill()
            return Outcome.error("Sandbox.Timedout", f"no runtime after {_INIT_SECONDS:.0f} s")
        if self._api.init_error is not None:
            self.kill()
            return Outcome(payload=self._api.init_error, failed=True, log=self._tail())
        invocation = Invocation(
            function_arn=self.spec.arn,
            payload=payload,
            deadline=time.time() + self.spec.timeout,
        )
        self._lines.clear()
        self._current = invocation
        if not self.alive:
            return self._exited(invocation)
        began = time.monotonic()
        self._api.submit(invocation)
        in_time = invocation.answered.wait(self.spec.timeout)
        self._current = None
        if not in_time:
            return self._timed_out(invocation)
        if not invocation.answer:
            return self._exited(invocation)
        return Outcome(
            payload=invocation.answer,
            failed=invocation.failed,
            log=self._tail(),
            seconds=time.monotonic() - began,
        )

    def kill(self) -> None:
        """End the process and free what it holds."""
        self.alive = False
        self._process.kill()
        self._api.close()

    def _timed_out(self, invocation: Invocation) -> Outcome:
        self.kill()
        message = f"Task timed out after {self.spec.timeout:.2f} seconds"
        return Outcome.error(
            "Sandbox.Timedout", f"RequestId: {invocation.request_id} Error: {message}"
        )

    def _exited(self, invocation: Invocation) -> Outcome:
        self.kill()
        how = (
            f"signal: {signal.Signals(-self._exit_status).name}"
            if self._exit_status < 0
            else f"exit status {self._exit_status}"
        )
        return Outcome.error(
            "Runtime.ExitError",
            f"RequestId: {invocation.request_id} Error: Runtime exited with error: {how}",
        )

    def _follow(self) -> None:
        """Copy the output to the log until the process ends, then wake whoever waits for it."""
        log = LogStream(group=self.spec.log_group, function=self.spec.name, folder=self.logs)
        with self._process.output as output:
            for raw in output:
                line = raw.decode("utf-8", "replace").rstrip("\n")
                self._lines.append(line)
                log.write(line)
        self._exit_status = self._process.wait()
        self.alive = False
        self._api.ready.set()
        if invocation := self._current:
            invocation.answered.set()

    def _tail(self) -> str:
        return "\n".join(self._lines)[-4096:]  # what LogType=Tail returns at most
