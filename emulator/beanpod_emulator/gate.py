"""The WSGI application around moto's: authenticates, logs and authorizes every request, and applies the faults."""

import io
import json
import socket
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlencode
from wsgiref.types import WSGIApplication

from werkzeug.test import run_wsgi_app

from beanpod_emulator import access, refusals
from beanpod_emulator.calls import Call, read
from beanpod_emulator.clock import CLOCK
from beanpod_emulator.control import PREFIX, Control
from beanpod_emulator.faults import FAULTS, Fault
from beanpod_emulator.iam import guard
from beanpod_emulator.iam.callers import CALLER, Caller, caller
from beanpod_emulator.iam.signatures import UnsupportedSignatureError, find
from beanpod_emulator.iam.web_identity import WebIdentities
from beanpod_emulator.refusals import Refusal
from beanpod_emulator.turn import TURN

# moto's own pages, which take no credentials.
_MOTO_PATHS = ("/moto-api", "/favicon.ico", "/latest/meta-data/", "/latest/api/")
_CORS = "access-control-"
_Environ = dict[str, Any]
_Answer = tuple[str, list[tuple[str, str]], Iterable[bytes]]


class Gate:
    """The application around moto's. account: whose AWS it is. guarded: whether callers need permissions.

    keys: its clients' credentials. moto's state is plain dictionaries without locks, and a deployment is many
    steps: one request at a time. Requests that a service makes of another run inside its own.
    """

    def __init__(self, application: WSGIApplication, account: str, keys: access.Keys, *, guarded: bool) -> None:
        self._application = application
        self._account = account
        self._keys = keys
        self._guarded = guarded
        self._calls: list[Call] = []
        self._identities = WebIdentities(account)
        self._control = Control(self._calls, self._identities, keys.token)

    def __call__(self, environ: _Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if refused := access.refusal(environ):
            status, headers, body = _plain(*refused)
        elif environ["PATH_INFO"].startswith(PREFIX):
            status, headers, body = self._controlled(environ)
        elif environ["PATH_INFO"].startswith(_MOTO_PATHS):
            status, headers, body = _plain("404 Not Found", "moto's own pages are not served here.")
        else:
            status, headers, body = self._served(environ)
        start_response(status, headers)
        return body

    def _controlled(self, environ: _Environ) -> _Answer:
        answer = self._control.refusal(environ)
        if answer is None:
            body = _body(environ)
            with TURN:
                answer = self._control(environ, body)
        status, document = answer
        return status, [("Content-Type", "application/json")], [json.dumps(document).encode()]

    def _served(self, environ: _Environ) -> _Answer:
        # Before the turn: a slow client does not block the others.
        body = _body(environ)
        with TURN:
            call, whose, refused = self._identified(environ, body)
            self._noted(call, whose)
            fault = None if refused else FAULTS.for_call(call)
            answer = refusals.answer(refused, call) if refused else self._answer(environ, call, whose, fault)
            if answer:
                call.status = int(answer[0].split()[0])
        if fault and fault.kind == "hangs":
            _await_the_end(environ)
        return answer or _silence(environ)

    def _identified(self, environ: _Environ, body: bytes) -> tuple[Call, Caller | None, Refusal | None]:
        """Return the call, its caller, and why it is not authenticated; None for the last if it is."""
        try:
            signature = find(environ)
        except UnsupportedSignatureError as error:
            return read(environ, body, None), None, error.refusal
        call = read(environ, body, signature)
        whose = caller(self._account, call, self._keys) if signature else None
        refused = guard.unauthenticated(environ, body, call, signature, whose, self._identities)
        if signature is None:
            # moto parses the body again: give it only the parameters that were checked here, each once.
            environ["wsgi.input"] = io.BytesIO(content := urlencode(call.parameters).encode())
            environ["CONTENT_LENGTH"] = str(len(content))
        return call, None if refused else whose, refused

    def _noted(self, call: Call, whose: Caller | None) -> None:
        call.principal = whose.arn if whose else ""
        call.time = CLOCK.now().isoformat()
        self._calls.append(call)

    def _answer(self, environ: _Environ, call: Call, whose: Caller | None, fault: Fault | None) -> _Answer | None:
        """The answer; None when a fault keeps it back."""
        if fault and fault.kind in refusals.BY_FAULT:
            return refusals.answer(refusals.BY_FAULT[fault.kind], call)
        if fault and fault.details.get("when", "before") == "before":
            return None
        if self._guarded and whose:
            environ[CALLER] = whose
            if refusal := guard.refusal(self._account, call, whose):
                return refusals.answer(refusal, call)
        body, status, headers = run_wsgi_app(self._application, environ, buffered=True)
        # The server dates every answer.
        headers.remove("Date")
        kept = [(name, value) for name, value in headers.to_wsgi_list() if not name.lower().startswith(_CORS)]
        return None if fault else (status, kept, body)


def _plain(status: str, text: str) -> _Answer:
    return status, [("Content-Type", "text/plain; charset=utf-8")], [f"{text}\n".encode()]


def _body(environ: _Environ) -> bytes:
    """Read the whole body, and leave it to be read again."""
    stream = environ["wsgi.input"]
    sent = environ.get("CONTENT_LENGTH", "")
    length = int(sent) if sent.isdecimal() else 0
    body: bytes = stream.read() if environ.get("wsgi.input_terminated") else stream.read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _await_the_end(environ: _Environ) -> None:
    """Wait until the client has gone away."""
    connection: socket.socket = environ["werkzeug.socket"]
    while connection.recv(4096):
        pass


def _silence(environ: _Environ) -> _Answer:
    """End the connection: what is answered after that reaches nobody."""
    connection: socket.socket = environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError("a fault was ordered: this connection ends without an answer")
