"""Where every request comes in: it is told what it is, logged, and may be ordered to go wrong."""

import json
import socket
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import WSGIApplication

from werkzeug.test import run_wsgi_app

from emulator import refusals
from emulator.calls import Call, read
from emulator.clock import CLOCK
from emulator.control import PREFIX, Control
from emulator.faults import FAULTS, Fault
from emulator.iam import guard
from emulator.iam.callers import CALLER, Caller, caller
from emulator.turn import TURN

_Environ = dict[str, Any]
_Answer = tuple[str, list[tuple[str, str]], Iterable[bytes]]


class Gate:
    """The application around moto's. account: whose AWS it is. guarded: whether callers need permissions.

    moto's state is plain dictionaries without locks, and a deployment is many steps: one request at a time.
    Requests that a service makes of another run inside its own.
    """

    def __init__(self, application: WSGIApplication, account: str, *, guarded: bool) -> None:
        self._application = application
        self._account = account
        self._guarded = guarded
        self._calls: list[Call] = []
        self._control = Control(self._calls)

    def __call__(self, environ: _Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(PREFIX):
            status, headers, body = self._controlled(environ)
        else:
            status, headers, body = self._served(environ)
        start_response(status, headers)
        return body

    def _controlled(self, environ: _Environ) -> _Answer:
        with TURN:
            status, answer = self._control(environ)
        return status, [("Content-Type", "application/json")], [json.dumps(answer).encode()]

    def _served(self, environ: _Environ) -> _Answer:
        with TURN:
            call = read(environ)
            whose = caller(self._account, call)
            self._noted(call, whose)
            fault = FAULTS.for_call(call)
            answer = self._answer(environ, call, whose, fault)
            if answer:
                call.status = int(answer[0].split()[0])
        if fault and fault.kind == "hangs":
            _await_the_end(environ)
        return answer or _silence(environ)

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
        if self._guarded:
            environ[CALLER] = whose
            if refusal := guard.refusal(self._account, environ, call, whose):
                return refusals.answer(refusal, call)
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
