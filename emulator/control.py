"""The embedded AWS's own paths, under /_emulator/: what tests set and see. No AWS client asks for them."""

import json
from collections.abc import Callable
from typing import Any

from emulator.beanstalk.hosts import PLACE
from emulator.clock import CLOCK
from emulator.faults import FAULTS
from emulator.settings import LIMITS, PACE

PREFIX = "/_emulator/"
_Answer = Any


class Control:
    """Answers the paths. calls: the log, shown and emptied here."""

    def __init__(self, calls: list[Any]) -> None:
        self._calls = calls
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
        }

    def __call__(self, environ: dict[str, Any]) -> tuple[str, _Answer]:
        """Status line and answer, for JSON."""
        route = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO'].removeprefix(PREFIX)}"
        if route not in self._routes:
            return "404 Not Found", {"error": f"no {route}: there is {', '.join(self._routes)}"}
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
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

    def _pace(self, **seconds: float) -> _Answer:
        PACE.set(**seconds)
        return {}

    def _limits(self, **numbers: float) -> _Answer:
        LIMITS.set(**numbers)
        return {}
