"""The account's one HTTP port: moto's services, Redshift's APIs, and a few paths of our own."""

import io
import json
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol
from xml.sax.saxutils import escape

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server

from local.account import storage
from local.account.calls import Request, billed, calls_of, is_object_read, listing
from local.account.custom_resources import RESPONSE_PATH
from local.account.faults import Faults
from local.account.gateway import PATH as APIS_PATH
from local.account.gateway import HttpRequest
from local.account.home import HEALTH_PATH, NOTIFICATIONS_PATH
from local.account.identity import access_key_of, principal_of
from local.account.meter import Meter
from local.account.permissions import AccessDeniedError, Permissions
from local.account.usage_limits import UsageLimitError, UsageLimits

LOG = logging.getLogger(__name__)

_DATA_API = "RedshiftData."
_SERVERLESS = "RedshiftServerless."

Environ = dict[str, Any]
Start = Callable[..., Any]
Answer = tuple[int, bytes]


class PortInUseError(Exception):
    """Another program listens on the wanted port."""


class DataApi(Protocol):
    """Redshift's Data API: one call, made by a principal; raises DataApiFailure."""

    def __call__(self, operation: str, request: dict[str, Any], principal: str) -> dict[str, Any]:
        """Answer one call."""


class DataApiFailure(Exception):  # noqa: N818 -- it is an answer of the API, not a fault of ours
    """An error the Data API answers with; `members` are what its shape has beside the message."""

    def __init__(self, code: str, message: str, status: int, **members: Any) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.members = members


class Front:
    """The WSGI application: sends each request to whom it concerns."""

    def __init__(
        self,
        *,
        permissions: Permissions,
        meter: Meter,
        faults: Faults,
        data_api: DataApi,
        usage_limits: UsageLimits,
        notifications: Callable[[], list[dict[str, Any]]],
        health: Callable[[], dict[str, Any]],
        custom_resource: Callable[[str, bytes], bool],
        http_api: Callable[[HttpRequest], tuple[int, bytes]],
    ) -> None:
        self._permissions = permissions
        self._meter = meter
        self._faults = faults
        self._data_api = data_api
        self._usage_limits = usage_limits
        self._notifications = notifications
        self._health = health
        self._custom_resource = custom_resource
        self._http_api = http_api
        self._moto = DomainDispatcherApplication(create_backend_app)
        # moto checks a condition and then writes, without a lock: one caller at a time here
        self._locks = {"s3": storage.LOCK, "dynamodb": threading.RLock()}

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answer one request."""
        path: str = environ.get("PATH_INFO", "")
        if path == HEALTH_PATH:
            return _json(start, 200, self._health())
        if path == NOTIFICATIONS_PATH:
            return _json(start, 200, self._notifications())
        if path.startswith(RESPONSE_PATH):
            known = self._custom_resource(path.removeprefix(RESPONSE_PATH), _body(environ))
            return _json(start, 200 if known else 404, {})
        principal = principal_of(access_key_of(environ.get("HTTP_AUTHORIZATION", "")))
        if path.startswith(APIS_PATH):
            return self._answer_http_api(principal, environ, start)
        if principal.startswith("role/"):
            return self._answer_role(principal, environ, start)
        return self._answer(principal, environ, start)

    def _answer_role(self, principal: str, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answer a role, as far as its policies let it ask."""
        request = Request.of(environ, service=_service(environ), body=_kept_body(environ))
        try:
            self._permissions.demand(principal, calls_of(request))
            self._meter.counted(request.service, *billed(request))
            if self._faults.throttles(request.service):
                return _refused(request, _Error("ThrottlingException", "SlowDown"), start)
            if self._faults.leaves_unanswered(request.service):
                list(self._answer(principal, environ, _Answer().begin))
                return _refused(request, _Error("InternalServerError", "InternalError", 500), start)
            if not is_object_read(request):
                return self._answer(principal, environ, start)
            answer = _Answer()
            body = self._answer(principal, environ, answer.begin)
            if answer.status == 404:
                self._permissions.demand(principal, [listing(request)])
            start(*answer.given)
        except AccessDeniedError as error:
            return _denied(request, error, start)
        return body

    def _answer_http_api(self, principal: str, environ: Environ, start: Start) -> Iterable[bytes]:
        request = HttpRequest(
            method=environ["REQUEST_METHOD"],
            path=environ["PATH_INFO"],
            query=environ.get("QUERY_STRING", ""),
            body=_body(environ),
            principal=principal,
            signed_for=_service(environ),
        )
        status, body = self._http_api(request)
        length = ("Content-Length", str(len(body)))
        start(
            f"{status} {HTTPStatus(status).phrase}", [("Content-Type", "application/json"), length]
        )
        return [body]

    def _answer(self, principal: str, environ: Environ, start: Start) -> Iterable[bytes]:
        target: str = environ.get("HTTP_X_AMZ_TARGET", "")
        if target.startswith(_DATA_API):
            operation = target.removeprefix(_DATA_API)
            return self._answer_data_api(operation, principal, environ, start)
        if target.startswith(_SERVERLESS):
            return self._answer_serverless(target.removeprefix(_SERVERLESS), environ, start)
        return self._answer_moto(environ, start)

    def _answer_data_api(
        self, operation: str, principal: str, environ: Environ, start: Start
    ) -> Iterable[bytes]:
        try:
            request = json.loads(_body(environ) or b"{}")
            return _json(start, 200, self._data_api(operation, request, principal))
        except DataApiFailure as failure:
            text = str(failure)
            error = {"__type": failure.code, "message": text, "Message": text, **failure.members}
            return _json(start, failure.status, error)

    def _answer_serverless(self, operation: str, environ: Environ, start: Start) -> Iterable[bytes]:
        try:
            request = json.loads(_body(environ) or b"{}")
            return _json(start, 200, self._usage_limits.answer(operation, request))
        except UsageLimitError as error:
            return _json(start, 400, {"__type": error.code, "message": str(error)})

    def _answer_moto(self, environ: Environ, start: Start) -> Iterable[bytes]:
        service = _service(environ)
        lock = self._locks.get(service)
        if lock is None:
            return self._moto(environ, start)  # type: ignore[no-any-return]
        _kept_body(environ)  # a slow client must not hold the lock
        with lock:
            return self._moto(environ, start)  # type: ignore[no-any-return]


class Server:
    """The listening socket and its threads."""

    def __init__(self, port: int) -> None:
        self._app: Front | None = None
        try:
            self._server: BaseWSGIServer = make_server(
                "127.0.0.1", port, self._dispatch, threaded=True, request_handler=_Handler
            )
        except (OSError, SystemExit) as error:  # werkzeug exits when a port is taken
            raise PortInUseError(
                f"port {port} is in use; choose another with --port, or 0 for any"
            ) from error
        self.port: int = self._server.server_port

    @property
    def endpoint_url(self) -> str:
        """Where clients reach the account; moto would read 127.0.0.1 as a bucket's host."""
        return f"http://localhost:{self.port}"

    def serve(self, app: Front) -> None:
        """Answer requests from now on."""
        self._app = app
        threading.Thread(target=self._server.serve_forever, name="http", daemon=True).start()

    def stop(self) -> None:
        """Answer no more and free the port."""
        if self._app is not None:
            self._server.shutdown()
        self._server.server_close()

    def _dispatch(self, environ: Environ, start: Start) -> Iterable[bytes]:
        assert self._app is not None  # noqa: S101 -- `serve` sets it before it listens
        return self._app(environ, start)


class _Handler(MotoRequestHandler):
    disable_nagle_algorithm = True

    def log(self, type: str, message: str, *args: Any) -> None:
        """Requests are no news."""
        LOG.debug(message, *args)


def _service(environ: Environ) -> str:
    """The service a request is signed for; unsigned ones are S3's, as in moto."""
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split(",")[0]
    parts = scope.split("/")
    return parts[-2] if len(parts) >= 5 else "s3"


def _body(environ: Environ) -> bytes:
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return body


def _kept_body(environ: Environ) -> bytes:
    """The body, which can be read again afterwards."""
    if not environ.get("CONTENT_LENGTH"):
        return b""  # none, or one in chunks, which only moto reads
    if isinstance(environ["wsgi.input"], io.BytesIO):
        return environ["wsgi.input"].getvalue()
    body = _body(environ)
    environ["wsgi.input"] = io.BytesIO(body)
    return body


class _Answer:
    """What was answered, before the client is told."""

    def __init__(self) -> None:
        self.given: tuple[str, list[tuple[str, str]]] = ("", [])

    def begin(self, status: str, headers: list[tuple[str, str]], *_error: Any) -> None:
        """WSGI's start_response."""
        self.given = (status, headers)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self.given[0].split(" ", 1)[0])


@dataclass(frozen=True, slots=True)
class _Error:
    """An error as services name it: most of them, and S3; its status, and what it says."""

    code: str
    s3_code: str
    status: int = 0
    text: str = "asked for"

    def status_for(self, request: Request) -> int:
        """S3 says with the status what others say with the code alone."""
        if self.status:
            return self.status
        return 503 if request.service == "s3" else 400


def _denied(request: Request, error: AccessDeniedError, start: Start) -> Iterable[bytes]:
    LOG.warning("%s", error)
    code = "AuthorizationError" if request.service == "sns" else "AccessDeniedException"
    is_json = request.service not in _XML and request.operation
    status = 400 if is_json else 403
    return _refused(request, _Error(code, "AccessDenied", status, str(error)), start)


def _refused(request: Request, error: _Error, start: Start) -> Iterable[bytes]:
    """A refusal as the service words it: XML from S3 and SNS, JSON from the others."""
    status = error.status_for(request)
    if request.service not in _XML:
        content = {"__type": error.code, "message": error.text, "Message": error.text}
        return _json(start, status, content)
    code = error.code if request.service == "sns" else error.s3_code
    text = f"<Code>{code}</Code><Message>{escape(error.text)}</Message>"
    wrapped = f"<Error>{text}</Error>"
    if request.service != "s3":
        wrapped = f"<ErrorResponse>{wrapped}</ErrorResponse>"
    body = b"" if request.method == "HEAD" else wrapped.encode()
    headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
    start(f"{status} {_reason(status)}", headers)
    return [body]


_XML = ("s3", "sns", "sts")


def _json(start: Start, status: int, value: Any) -> Iterable[bytes]:
    body = json.dumps(value, default=str).encode()
    start(
        f"{status} {_reason(status)}",
        [
            ("Content-Type", "application/x-amz-json-1.1"),
            ("Content-Length", str(len(body))),
        ],
    )
    return [body]


def _reason(status: int) -> str:
    return HTTPStatus(status).phrase
