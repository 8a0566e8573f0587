"""Where every request comes in: it is told what it is, logged, and may be ordered to go wrong."""

import json
import socket
from collections.abc import Callable, Iterable
from threading import RLock
from typing import Any
from wsgiref.types import WSGIApplication

from werkzeug.test import run_wsgi_app

from emulator import refusals
from emulator.callers import principal
from emulator.calls import Call, read
from emulator.clock import CLOCK
from emulator.control import PREFIX, Control
from emulator.faults import FAULTS, Fault

_Environ = dict[str, Any]
_Answer = tuple[str, list[tuple[str, str]], Iterable[bytes]]


class Gate:
    """The application around moto's. account: whose AWS it is.

    moto's state is plain dictionaries without locks, and a deployment is many steps: one request at a time.
    Requests that a service makes of another run inside its own.
    """

    def __init__(self, application: WSGIApplication, account: str) -> None:
        self._application = application
        self._account = account
        self._calls: list[Call] = []
        self._control = Control(self._calls)
        self._lock = RLock()

    def __call__(self, environ: _Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(PREFIX):
            status, headers, body = self._controlled(environ)
        else:
            status, headers, body = self._served(environ)
        start_response(status, headers)
        return body

    def _controlled(self, environ: _Environ) -> _Answer:
        with self._lock:
            status, answer = self._control(environ)
        return status, [("Content-Type", "application/json")], [json.dumps(answer).encode()]

    def _served(self, environ: _Environ) -> _Answer:
        with self._lock:
            call = self._noted(environ)
            fault = FAULTS.for_call(call)
            answer = self._answer(environ, call, fault)
            if answer:
                call.status = int(answer[0].split()[0])
        if fault and fault.kind == "hangs":
            _await_the_end(environ)
        return answer or _silence(environ)

    def _noted(self, environ: _Environ) -> Call:
        call = read(environ)
        call.principal = principal(self._account, call)
        call.time = CLOCK.now().isoformat()
        self._calls.append(call)
        return call

    def _answer(self, environ: _Environ, call: Call, fault: Fault | None) -> _Answer | None:
        """The answer; None when a fault keeps it back."""
        if fault and fault.kind in refusals.BY_FAULT:
            return refusals.answer(refusals.BY_FAULT[fault.kind], call)
        if fault and fault.details.get("when", "before") == "before":
            return None
        body, status, headers = run_wsgi_app(self._application, environ, buffered=True)
        # The server dates every answer.
        headers.remove("Date")
        return None if fault else (status, headers.to_wsgi_list(), body)


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
