"""Runtimes forked from one process that has their libraries loaded: cold starts in 50 ms.

The fast choice for tests. The runtime client is the real one all the same, and each environment
is a process with its own variables; only the imports are shared.
"""

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import IO, Any


class Forks:
    """The fork server's client; call it to launch a runtime."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        program = str(Path(__file__).with_name("fork_server.py"))
        self._process = subprocess.Popen(  # noqa: S603 -- ourselves
            [sys.executable, "-I", program, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self._ids = itertools.count()
        self._started: dict[int, Future[int]] = {}
        self._ended: dict[int, Future[int]] = {}
        self._lock = threading.Lock()
        self._is_closed = False
        threading.Thread(target=self._listen, name="forks", daemon=True).start()

    def __call__(self, handler: str, folder: Path, environment: Mapping[str, str]) -> "Fork":
        """Fork a runtime."""
        reading, writing = os.pipe()
        started: Future[int] = Future()
        number = next(self._ids)
        request = {
            "id": number,
            "handler": handler,
            "folder": str(folder),
            "environment": dict(environment),
        }
        with self._lock:
            self._started[number] = started
            socket.send_fds(self._socket, [json.dumps(request).encode()], [writing])
        os.close(writing)
        pid = started.result()
        return Fork(pid, os.fdopen(reading, "rb"), self._end_of(pid))

    def close(self) -> None:
        """End the server; runtimes are ended by whoever launched them."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._process.wait()
        self._socket.close()

    def _listen(self) -> None:
        while message := self._receive():
            if "status" in message:
                self._end_of(message["pid"]).set_result(message["status"])
            else:
                with self._lock:
                    started = self._started.pop(message["id"])
                started.set_result(message["pid"])
        with self._lock:
            self._is_closed = True
            left = [ended for ended in self._ended.values() if not ended.done()]
        for ended in left:  # the server is gone, and its runtimes are killed with it
            ended.set_result(-signal.SIGKILL)

    def _receive(self) -> dict[str, Any] | None:
        try:
            received = self._socket.recv(65536)
        except OSError:
            return None
        message: dict[str, Any] | None = json.loads(received) if received else None
        return message

    def _end_of(self, pid: int) -> "Future[int]":
        with self._lock:
            ended = self._ended.setdefault(pid, Future())
            if self._is_closed and not ended.done():
                ended.set_result(-signal.SIGKILL)
            return ended


class Fork:
    """One forked runtime."""

    def __init__(self, pid: int, output: IO[bytes], ended: "Future[int]") -> None:
        self._pid = pid
        self._output = output
        self._ended = ended

    @property
    def output(self) -> IO[bytes]:
        """Standard output and error."""
        return self._output

    def wait(self) -> int:
        """The exit status; negative for a signal."""
        return self._ended.result()

    def kill(self) -> None:
        """End it at once, as Lambda does."""
        if not self._ended.done():
            with contextlib.suppress(ProcessLookupError):  # it may just have ended by itself
                os.kill(self._pid, signal.SIGKILL)
