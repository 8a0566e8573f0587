"""The other end of `control`: what a test says to the embedded AWS it started."""

import http.client
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 60


class ControlError(ValueError):
    """The embedded AWS does not do what it was told; the message says why."""


@dataclass(frozen=True)
class ServedCall:
    """A request that was served. principal: the caller's ARN. status: HTTP's, 0 when it got no answer.

    key: of the S3 object, else empty.
    """

    service: str
    action: str
    region: str
    principal: str
    time: datetime
    status: int
    key: str


class Remote(ABC):
    """What can be set and seen of a running embedded AWS besides AWS's own APIs."""

    @property
    @abstractmethod
    def endpoint_url(self) -> str:
        """Where it listens, such as http://localhost:5000."""

    @property
    @abstractmethod
    def token(self) -> str:
        """Bearer token for the paths under /_emulator/, printed as BEANPOD_EMULATOR_TOKEN."""

    def now(self) -> datetime:
        """Its time, with its zone, UTC."""
        return _moment(self._ask("GET", "now")["now"])

    def advance(self, seconds: float) -> datetime:
        """Move a virtual clock; what falls due on the way happens at its own time. Returns the new time."""
        return _moment(self._ask("POST", "advance", seconds=seconds)["now"])

    def order(self, fault: str, **details: Any) -> None:
        """Have something go wrong: `emulator/README.md` has the faults. ControlError for one that does not exist."""
        self._ask("POST", "faults", fault=fault, **details)

    def cancel_faults(self) -> None:
        """Take back everything that is on order."""
        self._ask("DELETE", "faults")

    def calls(self) -> list[ServedCall]:
        """What AWS clients have asked since the start or since forget_calls(), in order."""
        return [ServedCall(**(call | {"time": _moment(call["time"])})) for call in self._ask("GET", "calls")]

    def forget_calls(self) -> None:
        """Empty the log of calls."""
        self._ask("DELETE", "calls")

    def set_pace(self, **seconds: float) -> None:
        """How many seconds the next `launch`, `update` or `terminate` takes."""
        self._ask("POST", "pace", **seconds)

    def set_limits(self, **numbers: int) -> None:
        """AWS's quotas: `application_versions`."""
        self._ask("POST", "limits", **numbers)

    def environment_url(self, name: str) -> str:
        """Where an environment on machines answers, such as http://localhost:20001. ControlError without machines."""
        return self._address("environments", name)

    def database_address(self, identifier: str) -> str:
        """host:port of this machine where a database answers. ControlError without machines."""
        return self._address("databases", identifier)

    def web_identity_token(self, subject: str, **claims: str) -> str:
        """Return a token for AssumeRoleWithWebIdentity, valid for five minutes, as GitHub issues it to a workflow.

        subject: such as repo:me/app:ref:refs/heads/main. claims: `audience`, `issuer`. Default: GitHub's for AWS.
        """
        return str(self._ask("POST", "web-identity", subject=subject, **claims)["token"])

    def _address(self, kind: str, name: str) -> str:
        found: dict[str, str] = self._ask("GET", "addresses")[kind]
        if name not in found:
            raise ControlError(f"no {name} runs here: there is {', '.join(found) or 'nothing'}")
        return found[name]

    def _ask(self, method: str, path: str, **body: Any) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(self.endpoint_url).port, timeout=_TIMEOUT_SECONDS)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            connection.request(method, f"/_emulator/{path}", json.dumps(body), headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise ControlError(answer["error"])
        return answer


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
