"""The Lambda Runtime API: hands one execution environment its events and takes its answers.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import queue
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from local.account.identity import ACCOUNT_ID

_CLOSE = None


@dataclass(slots=True, kw_only=True)
class Invocation:
    """One event on its way through an execution environment."""

    function_arn: str
    payload: bytes
    deadline: float
    request_id: str = field(default_factory=lambda: str(uuid4()))
    answered: threading.Event = field(default_factory=threading.Event)
    answer: bytes = b""
    failed: bool = False

    def headers(self) -> dict[str, str]:
        """What the runtime reads the invocation's context from."""
        trace = f"Root=1-{int(time.time()):08x}-{uuid4().hex[:24]};Parent={uuid4().hex[:16]}"
        return {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": self.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(self.deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self.function_arn,
            "Lambda-Runtime-Trace-Id": f"{trace};Sampled=0",
            "X-Amz-Account-Id": ACCOUNT_ID,
        }


class RuntimeApi:
    """The endpoint of one execution environment; it serves one invocation at a time."""

    def __init__(self) -> None:
        self.ready = threading.Event()  # the runtime has imported the handler and asks for work
        self.init_error: bytes | None = None
        self._inbox: queue.Queue[Invocation | None] = queue.Queue()
        self._current: dict[str, Invocation] = {}
        self._server = _Server(("127.0.0.1", 0), self)
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 1}, daemon=True
        ).start()

    @property
    def address(self) -> str:
        """`host:port`, for AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_port}"

    def submit(self, invocation: Invocation) -> None:
        """Give the environment its next event."""
        self._current[invocation.request_id] = invocation
        self._inbox.put(invocation)

    def close(self) -> None:
        """Let go of the runtime, which then exits, and free the port."""
        self._inbox.put(_CLOSE)
        threading.Thread(target=self._server.stop, daemon=True).start()

    def next(self) -> Invocation | None:
        """Wait for the next event; None once the environment is closed."""
        self.ready.set()
        return self._inbox.get()

    def finish(self, request_id: str, answer: bytes, *, failed: bool) -> None:
        """Take a handler's result; an answer to a forgotten event is dropped, as in AWS."""
        if invocation := self._current.pop(request_id, None):
            invocation.answer, invocation.failed = answer, failed
            invocation.answered.set()

    def fail_init(self, error: bytes) -> None:
        """Take the error that kept the runtime from starting."""
        self.init_error = error
        self.ready.set()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], api: RuntimeApi) -> None:
        self.api = api
        super().__init__(address, _Handler)

    def stop(self) -> None:
        """Stop serving and free the port; takes up to one poll interval."""
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a killed runtime breaks its connection, which is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # unbuffered writes of header and body cost a delayed ACK: 45 ms a call
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """`invocation/next`: block until there is work."""
        invocation = self.server.api.next()
        if invocation is _CLOSE:
            self.close_connection = True
            return
        self._respond(200, invocation.payload, invocation.headers())

    def do_POST(self) -> None:
        """`invocation/<id>/response|error` and `init/error`."""
        body = self._body()
        *_, request_id, outcome = self.path.split("/")
        if request_id == "init":
            self.server.api.fail_init(body)
        else:
            self.server.api.finish(request_id, body, failed=outcome == "error")
        self._respond(202, json.dumps({"status": "OK"}).encode(), {})

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _respond(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the function's own log tells what ran."""
