"""The embedded AWS's own paths, under /_emulator/: what tests set and see. No AWS client asks for them.

Requests need the printed token, `Authorization: Bearer ...`, and a body needs `Content-Type: application/json`. A web
page cannot send either without a preflight request (https://developer.mozilla.org/en-US/docs/Web/HTTP/Guides/CORS).
"""

import hmac
import json
from collections.abc import Callable
from typing import Any

from beanpod_emulator.beanstalk.hosts import PLACE
from beanpod_emulator.clock import CLOCK
from beanpod_emulator.faults import FAULTS
from beanpod_emulator.iam.web_identity import WebIdentities
from beanpod_emulator.settings import LIMITS, PACE

PREFIX = "/_emulator/"
_UNAUTHORIZED = "send the token that the server printed: Authorization: Bearer $BEANPOD_EMULATOR_TOKEN"
_NO_JSON = "send JSON with Content-Type: application/json, not {kind!r}"
_Answer = Any


class Control:
    """Answers the paths. calls: the log, shown and emptied here. token: the bearer token of its clients."""

    def __init__(self, calls: list[Any], identities: WebIdentities, token: str) -> None:
        self._calls = calls
        self._identities = identities
        self._token = token
        self._routes: dict[str, Callable[..., _Answer]] = {
            "GET now": self._now,
            "POST advance": self._advance,
            "POST faults": self._order,
            "DELETE faults": self._cancel,
            "GET calls": self._shown,
            "DELETE calls": self._forget,
            "POST pace": self._pace,
            "POST limits": self._limits,
            "GET addresses": self._addresses,
            "POST web-identity": self._web_identity,
        }

    def refusal(self, environ: dict[str, Any]) -> tuple[str, _Answer] | None:
        """Return the status line and the answer for a request that is refused; None to accept it. Reads no body."""
        given = environ.get("HTTP_AUTHORIZATION", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            return "401 Unauthorized", {"error": _UNAUTHORIZED}
        kind = environ.get("CONTENT_TYPE", "")
        if environ["REQUEST_METHOD"] not in ("GET", "DELETE") and kind.split(";")[0].strip() != "application/json":
            return "415 Unsupported Media Type", {"error": _NO_JSON.format(kind=kind)}
        return None

    def __call__(self, environ: dict[str, Any], body: bytes) -> tuple[str, _Answer]:
        """Status line and answer, for JSON."""
        route = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO'].removeprefix(PREFIX)}"
        if route not in self._routes:
            return "404 Not Found", {"error": f"no {route}: there is {', '.join(self._routes)}"}
        try:
            return "200 OK", self._routes[route](**json.loads(body or b"{}"))
        except (TypeError, ValueError) as error:
            return "400 Bad Request", {"error": str(error)}

    def _now(self) -> _Answer:
        return {"now": CLOCK.now().isoformat()}

    def _advance(self, seconds: float) -> _Answer:
        CLOCK.advance(seconds)
        return self._now()

    def _order(self, fault: str, **details: Any) -> _Answer:
        FAULTS.order(fault, **details)
        return {}

    def _cancel(self) -> _Answer:
        FAULTS.cancel()
        return {}

    def _shown(self) -> _Answer:
        return [call.shown() for call in self._calls]

    def _forget(self) -> _Answer:
        self._calls.clear()
        return {}

    def _addresses(self) -> _Answer:
        if PLACE.hosts is None:
            raise ValueError("nothing runs anywhere: start the server with machines")
        return PLACE.hosts.addresses()

    def _web_identity(
        self,
        subject: str,
        audience: str = "sts.amazonaws.com",
        issuer: str = "https://token.actions.githubusercontent.com",
    ) -> _Answer:
        return {"token": self._identities.token(subject, audience, issuer)}

    def _pace(self, **seconds: float) -> _Answer:
        PACE.set(**seconds)
        return {}

    def _limits(self, **numbers: float) -> _Answer:
        LIMITS.set(**numbers)
        return {}
