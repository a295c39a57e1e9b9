"""Runs beside the account: has the functions' libraries loaded, and forks a runtime on demand.

Started as `python -I fork_server.py <socket>`. Speaks packets of JSON: takes `{id, handler, folder,
environment}` with a pipe for the output, answers `{id, pid}` and, later, `{pid, status}`.
"""

import json
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from importlib import import_module
from typing import Any

# Not awslambdaric: its C client reads the endpoint when it is imported.
_PRELOADED = ("boto3", "pydantic", "pyarrow", "aws_lambda_powertools")
_REQUEST_LIMIT = 256 * 1024


def main() -> None:
    """Serve until the account closes its end."""
    account = socket.socket(fileno=int(sys.argv[1]))
    for name in _PRELOADED:
        with suppress(ImportError):
            import_module(name)
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is for the account, which then ends us
    while True:
        ready, _, _ = select.select([account, woken], [], [])
        if woken in ready:
            woken.recv(4096)
            _report_ended(account)
        if account in ready:
            request, pipes, _, _ = socket.recv_fds(account, _REQUEST_LIMIT, 1)
            if not request:
                signal.set_wakeup_fd(-1)
                return
            _start(account, json.loads(request), pipes[0])


def _start(account: socket.socket, request: dict[str, Any], output: int) -> None:
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        account.close()
        _become(request, output)
    os.close(output)
    _say(account, {"id": request["id"], "pid": pid})


def _report_ended(account: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _say(account, {"pid": pid, "status": os.waitstatus_to_exitcode(status)})


def _become(request: dict[str, Any], output: int) -> None:
    """Turn this copy into the function's runtime; never returns."""
    os.setsid()
    for number in (signal.SIGCHLD, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.close(output)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    sys.path[:0] = request["environment"]["PYTHONPATH"].split(os.pathsep)
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8")
    status = 1
    try:
        from awslambdaric.__main__ import main as run

        run(["awslambdaric", request["handler"]])
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _say(account: socket.socket, message: dict[str, Any]) -> None:
    with suppress(OSError):  # the account is gone; the next read will tell
        account.send(json.dumps(message).encode())


if __name__ == "__main__":
    main()
