"""The control API under /_emulator/, which tests use to set and read the emulator's state.

Requests need the printed token, `Authorization: Bearer ...`, and a body needs `Content-Type: application/json`. A web
page cannot send either without a preflight request (https://developer.mozilla.org/en-US/docs/Web/HTTP/Guides/CORS).
"""

import hmac
import json
from collections.abc import Callable
from typing import Any

from moto.core.base_backend import BackendDict
from moto.iam.models import iam_backends

from beanpod_emulator.iam.web_identity import WebIdentities
from beanpod_emulator.requests.calls import Call
from beanpod_emulator.state import Emulator

PREFIX = "/_emulator/"
_UNAUTHORIZED = "send the token that the server printed: Authorization: Bearer $BEANPOD_EMULATOR_TOKEN"
_NO_JSON = "send JSON with Content-Type: application/json, not {kind!r}"
_GITHUB = "https://token.actions.githubusercontent.com"
_Response = Any


class ControlApi:
    """Responds to requests under /_emulator/.

    Args:
        calls: The log of calls.
        identities: The issuer of web identity tokens.
        token: Bearer token that requests must carry.
    """

    def __init__(self, emulator: Emulator, calls: list[Call], identities: WebIdentities, token: str) -> None:
        self._emulator = emulator
        self._calls = calls
        self._identities = identities
        self._token = token
        self._routes: dict[str, Callable[..., _Response]] = {
            "GET now": self._now,
            "POST advance": self._advance,
            "POST faults": emulator.faults.inject,
            "DELETE faults": emulator.faults.clear,
            "GET calls": self._list_calls,
            "DELETE calls": calls.clear,
            "POST pace": emulator.pace.set,
            "POST limits": emulator.limits.set,
            "GET addresses": self._addresses,
            "POST web-identity": self._web_identity,
            "POST reset": self._reset,
        }

    def authenticate(self, environ: dict[str, Any]) -> tuple[str, _Response] | None:
        """Check a request's token and content type, without reading its body.

        Returns:
            Status line and response if the request is rejected, else None.
        """
        given = environ.get("HTTP_AUTHORIZATION", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            return "401 Unauthorized", {"error": _UNAUTHORIZED}
        kind = environ.get("CONTENT_TYPE", "")
        if environ["REQUEST_METHOD"] not in ("GET", "DELETE") and kind.split(";")[0].strip() != "application/json":
            return "415 Unsupported Media Type", {"error": _NO_JSON.format(kind=kind)}
        return None

    def __call__(self, environ: dict[str, Any], body: bytes) -> tuple[str, _Response]:
        """Return status line and response, for JSON."""
        route = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO'].removeprefix(PREFIX)}"
        if route not in self._routes:
            return "404 Not Found", {"error": f"no {route}: there is {', '.join(self._routes)}"}
        try:
            response = self._routes[route](**json.loads(body or b"{}"))
            return "200 OK", {} if response is None else response
        except (TypeError, ValueError) as error:
            return "400 Bad Request", {"error": str(error)}

    def _now(self) -> _Response:
        return {"now": self._emulator.clock.now().isoformat()}

    def _advance(self, seconds: float) -> _Response:
        self._emulator.clock.advance(seconds)
        return self._now()

    def _list_calls(self) -> _Response:
        return [call.to_dict() for call in self._calls]

    def _reset(self) -> None:
        if self._emulator.compute:
            raise ValueError("a server with --docker cannot be reset: stop it, and start another")
        # Else its 1,600 managed policies would be made twice, 0.3 s of CPU.
        iam_backends.clear()
        BackendDict.reset()
        self._emulator.reset()
        self._calls.clear()

    def _addresses(self) -> _Response:
        if self._emulator.compute is None:
            raise ValueError("no environment or database runs in Docker: start the server with --docker")
        return self._emulator.compute.addresses()

    def _web_identity(self, subject: str, audience: str = "sts.amazonaws.com", issuer: str = _GITHUB) -> _Response:
        return {"token": self._identities.token(subject, audience, issuer)}
