"""The WSGI middleware around moto: authenticates, logs and authorizes each request, and applies the faults."""

import io
import json
import socket
import uuid
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlencode
from wsgiref.types import WSGIApplication
from xml.sax.saxutils import escape

from werkzeug.test import run_wsgi_app

from beanpod_emulator.fault_injection import Fault
from beanpod_emulator.iam import authorizer
from beanpod_emulator.iam.authorizer import CALLER, Caller
from beanpod_emulator.iam.web_identity import WebIdentities
from beanpod_emulator.requests.access import Credentials, reject_foreign
from beanpod_emulator.requests.calls import Call, read
from beanpod_emulator.requests.error_responses import FAULT_RESPONSES, ErrorResponse
from beanpod_emulator.requests.signatures import UnsupportedSignatureError, find
from beanpod_emulator.server.control import PREFIX, ControlApi
from beanpod_emulator.state import Emulator

# moto's own pages, which take no credentials.
_MOTO_PATHS = ("/moto-api", "/favicon.ico", "/latest/meta-data/", "/latest/api/")
_CORS = "access-control-"
_QUERY_ERROR = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    "<RequestId>{request_id}</RequestId></ErrorResponse>"
)
_S3_ERROR = "<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
_REST_XML = ("cloudfront", "route53", "s3")
_Environ = dict[str, Any]
_Response = tuple[str, list[tuple[str, str]], Iterable[bytes]]


class RequestMiddleware:
    """A WSGI application around moto's.

    moto's state is plain dictionaries without locks, and a deployment has many steps: requests are served one at a
    time. Requests that a service makes of another run inside its own.

    Args:
        account: The account of all requests.
        credentials: Those that the server printed.
        enforce_iam: Whether callers need permissions.
    """

    def __init__(
        self,
        application: WSGIApplication,
        emulator: Emulator,
        account: str,
        credentials: Credentials,
        *,
        enforce_iam: bool,
    ) -> None:
        self._application = application
        self._emulator = emulator
        self._account = account
        self._credentials = credentials
        self._enforce_iam = enforce_iam
        self._calls: list[Call] = []
        self._identities = WebIdentities(account)
        self._control = ControlApi(emulator, self._calls, self._identities, credentials.token)

    def __call__(self, environ: _Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if rejected := reject_foreign(environ):
            status, headers, body = _plain(*rejected)
        elif environ["PATH_INFO"].startswith(PREFIX):
            status, headers, body = self._control_response(environ)
        elif environ["PATH_INFO"].startswith(_MOTO_PATHS):
            status, headers, body = _plain("404 Not Found", "moto's own pages are not served here.")
        else:
            status, headers, body = self._aws_response(environ)
        start_response(status, headers)
        return body

    def _control_response(self, environ: _Environ) -> _Response:
        response = self._control.authenticate(environ)
        if response is None:
            body = _body(environ)
            with self._emulator.lock:
                response = self._control(environ, body)
        status, document = response
        return status, [("Content-Type", "application/json")], [json.dumps(document).encode()]

    def _aws_response(self, environ: _Environ) -> _Response:
        # Before the lock: a slow client does not block the others.
        body = _body(environ)
        with self._emulator.lock:
            call, caller, error = self._authenticate(environ, body)
            self._log(call, caller)
            facts = {"service": call.service, "action": call.action, "principal": call.principal}
            fault = None if error else self._emulator.faults.next("call", **facts)
            response = _render(error, call) if error else self._respond(environ, call, caller, fault)
            if response:
                call.status = int(response[0].split()[0])
        if fault and fault.kind == "hangs":
            _wait_for_disconnect(environ)
        return response or _disconnect(environ)

    def _authenticate(self, environ: _Environ, body: bytes) -> tuple[Call, Caller | None, ErrorResponse | None]:
        """Return the call, its caller, and the error response if it is not authenticated."""
        try:
            signature = find(environ)
        except UnsupportedSignatureError as error:
            return read(environ, body, None), None, error.response
        call = read(environ, body, signature)
        caller = None
        if signature:
            caller = authorizer.find_caller(self._account, signature.access_key, signature.token, self._credentials)
        now = self._emulator.clock.now()
        rejected = authorizer.authenticate(environ, body, call, signature, caller, self._identities, now)
        if signature is None:
            # moto parses the body again: give it only the parameters that were checked here, each once.
            environ["wsgi.input"] = io.BytesIO(content := urlencode(call.parameters).encode())
            environ["CONTENT_LENGTH"] = str(len(content))
        return call, None if rejected else caller, rejected

    def _log(self, call: Call, caller: Caller | None) -> None:
        call.principal = caller.arn if caller else ""
        call.time = self._emulator.clock.now().isoformat()
        self._calls.append(call)

    def _respond(self, environ: _Environ, call: Call, caller: Caller | None, fault: Fault | None) -> _Response | None:
        """Return the response; None when a fault withholds it."""
        if fault and fault.kind in FAULT_RESPONSES:
            return _render(FAULT_RESPONSES[fault.kind], call)
        if fault and fault.details.get("when", "before") == "before":
            return None
        if self._enforce_iam and caller:
            environ[CALLER] = caller
            if denied := authorizer.authorize(self._account, call, caller):
                return _render(denied, call)
        if caller and (missing := authorizer.missing_role(call, caller)):
            return _render(missing, call)
        try:
            body, status, headers = run_wsgi_app(self._application, environ, buffered=True)
        except NotImplementedError:
            # Of moto, for a call that it lacks. SDKs would retry a request that failed with 500.
            message = f"The emulated AWS has no {call.action} of {call.service}"
            return _render(ErrorResponse("501 Not Implemented", "NotImplemented", message), call)
        # The server dates every response.
        headers.remove("Date")
        kept = [(name, value) for name, value in headers.to_wsgi_list() if not name.lower().startswith(_CORS)]
        return None if fault else (status, kept, body)


def _render(error: ErrorResponse, call: Call) -> _Response:
    """Return an error response in the protocol of the call's service."""
    status, code, message = error.status, error.code, error.message
    if call.service == "s3" and error.s3:
        status, code, message = error.s3
    if "Action" in call.parameters or call.service in _REST_XML:
        template = _S3_ERROR if call.service == "s3" else _QUERY_ERROR
        body, kind = template.format(code=code, message=escape(message), request_id=uuid.uuid4()), "text/xml"
    else:
        body, kind = json.dumps({"__type": code, "message": message}), "application/x-amz-json-1.1"
    return status, [("Content-Type", kind)], [body.encode()]


def _plain(status: str, text: str) -> _Response:
    return status, [("Content-Type", "text/plain; charset=utf-8")], [f"{text}\n".encode()]


def _body(environ: _Environ) -> bytes:
    """Read the whole body, and rewind it."""
    stream = environ["wsgi.input"]
    sent = environ.get("CONTENT_LENGTH", "")
    length = int(sent) if sent.isdecimal() else 0
    body: bytes = stream.read() if environ.get("wsgi.input_terminated") else stream.read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _wait_for_disconnect(environ: _Environ) -> None:
    connection: socket.socket = environ["werkzeug.socket"]
    while connection.recv(4096):
        pass


def _disconnect(environ: _Environ) -> _Response:
    """Close the connection without a response."""
    connection: socket.socket = environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError("an injected fault closes this connection without a response")
