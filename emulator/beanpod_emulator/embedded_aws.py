"""Start, control and stop an emulator from Python: `with EmbeddedAws.start() as aws:`."""

import http.client
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import urlsplit

from beanpod_emulator.environ import clean_aws_environ

_SOURCE_ROOT = Path(__file__).resolve().parents[1]
# Containers are removed one by one.
_STOP_SECONDS = 180
# Requests are served one at a time, and a stack is created within one.
_TIMEOUT_SECONDS = 600


class EmbeddedAwsError(RuntimeError):
    """The server did not start."""


class ControlError(ValueError):
    """The server rejected a request to its control API; the message says why."""


@dataclass(frozen=True)
class ServedCall:
    """A request that the server received.

    Attributes:
        principal: ARN of the caller.
        status: HTTP status of the response; 0 if there was none.
        key: Key of the S3 object, else empty.
    """

    service: str
    action: str
    region: str
    principal: str
    time: datetime
    status: int
    key: str


@dataclass(frozen=True)
class EmbeddedAws:
    """A running emulator in a process of its own, with its control API: time, faults, log of calls, pace and limits.

    Attributes:
        environment: The variables that direct AWS clients to it, for a subprocess.
    """

    account: str
    region: str
    environment: dict[str, str] = field(repr=False)
    _process: "subprocess.Popen[str]" = field(repr=False)

    @classmethod
    def start(
        cls,
        *,
        port: int = 0,
        account: str = "123456789012",
        region: str = "us-east-1",
        virtual_clock: bool = False,
        update_seconds: float | None = None,
        launch_seconds: float | None = None,
        enforce_iam: bool = False,
        docker: bool = False,
        log: IO[str] | None = None,
    ) -> "EmbeddedAws":
        """Start a server with empty state, and wait until it is ready.

        Args:
            port: Port on localhost; 0 for a free one.
            virtual_clock: Whether the clock is stopped and only advance() moves it.
            update_seconds: How long an update takes an environment. Default: no time; 183 on a virtual clock.
            launch_seconds: How long a launch takes an environment. Default: no time; 240 on a virtual clock.
            enforce_iam: Whether users and roles may do only what their policies allow. The key in `environment` may
                do anything.
            docker: Whether Docker runs environments' instances and databases. Default: they exist in API
                responses only.
            log: File for the server's error output. Default: that of this process.

        Raises:
            EmbeddedAwsError: The server did not start.
        """
        arguments = ["--port", str(port), "--account", account, "--region", region, "--stop-at-eof"]
        arguments += ["--virtual-clock"] if virtual_clock else []
        arguments += ["--enforce-iam"] if enforce_iam else []
        arguments += ["--docker"] if docker else []
        for name, seconds in (("update", update_seconds), ("launch", launch_seconds)):
            arguments += [] if seconds is None else [f"--{name}-seconds", str(seconds)]
        command = [sys.executable, "-m", "beanpod_emulator", *arguments]
        # In a session of its own: Ctrl-C and the terminal's end are for this process, which then stops the server.
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=_SOURCE_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        try:
            return cls(account, region, _printed_variables(process), process)
        except BaseException:
            _stop(process)
            raise

    @property
    def endpoint_url(self) -> str:
        """Where the server listens, such as http://localhost:5000."""
        return self.environment["AWS_ENDPOINT_URL"]

    @property
    def token(self) -> str:
        """Bearer token of the control API."""
        return self.environment["BEANPOD_EMULATOR_TOKEN"]

    @property
    def client_arguments(self) -> dict[str, Any]:
        """Keyword arguments for boto3.client and boto3.resource."""
        return {
            "endpoint_url": self.endpoint_url,
            "region_name": self.region,
            "aws_access_key_id": self.environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": self.environment["AWS_SECRET_ACCESS_KEY"],
        }

    def whole_environment(self) -> dict[str, str]:
        """Return this process's variables with `environment`, without other AWS settings or a proxy for localhost."""
        return clean_aws_environ(os.environ) | self.environment

    def runs(self) -> bool:
        """Return whether the server runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Stop the server; its state is lost."""
        _stop(self._process)

    def now(self) -> datetime:
        """Return the emulator's time, in UTC."""
        return _utc(self._request("GET", "now")["now"])

    def advance(self, seconds: float) -> datetime:
        """Move a virtual clock and run what falls due, each at its own time; return the new time."""
        return _utc(self._request("POST", "advance", seconds=seconds)["now"])

    def inject_fault(self, fault: str, **details: Any) -> None:
        """Inject a fault: the README lists them.

        Raises:
            ControlError: The fault does not exist.
        """
        self._request("POST", "faults", fault=fault, **details)

    def clear_faults(self) -> None:
        """Remove all injected faults."""
        self._request("DELETE", "faults")

    def calls(self) -> list[ServedCall]:
        """Return the requests of AWS clients since the start or the last clear_calls(), in order."""
        return [ServedCall(**(call | {"time": _utc(call["time"])})) for call in self._request("GET", "calls")]

    def clear_calls(self) -> None:
        """Empty the log of calls."""
        self._request("DELETE", "calls")

    def set_pace(self, **seconds: float) -> None:
        """Set how many seconds the next `launch`, `update` or `terminate` takes; see state.Pace."""
        self._request("POST", "pace", **seconds)

    def set_limits(self, **numbers: int) -> None:
        """Set AWS's quotas: `application_versions`."""
        self._request("POST", "limits", **numbers)

    def reset(self) -> None:
        """Remove every resource, fault and logged call, as another start would.

        Credentials, pace and limits remain; a virtual clock begins anew.

        Raises:
            ControlError: The server runs containers.
        """
        self._request("POST", "reset")

    def environment_url(self, name: str) -> str:
        """Return the URL of an environment that runs in Docker, such as http://localhost:20001.

        Raises:
            ControlError: The server runs nothing in Docker, or no such environment.
        """
        return self._address("environments", name)

    def database_address(self, identifier: str) -> str:
        """Return host:port of a database that runs in Docker.

        Raises:
            ControlError: The server runs nothing in Docker, or no such database.
        """
        return self._address("databases", identifier)

    def domain_variables(self) -> dict[str, str]:
        """Return the variables by which programs reach the names of Route 53's records, and trust their certificates.

        curl, Python, Go and Node read them. Their file has the certificates that this machine trusts as well, and the
        proxy leads to other hosts as well.

        Raises:
            ControlError: The server runs nothing in Docker.
        """
        found = self._request("GET", "addresses")["domains"]
        proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), found["proxy"])
        trust = ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
        return proxies | dict.fromkeys(trust, found["authority"])

    def chromium_arguments(self) -> list[str]:
        """Return the arguments by which Chromium, with a profile of its own, reaches and trusts the same names.

        Raises:
            ControlError: The server runs nothing in Docker.
        """
        found = self._request("GET", "addresses")["domains"]
        proxy = f"http://127.0.0.1:{urlsplit(found['proxy']).port}"
        return [f"--proxy-server={proxy}", f"--ignore-certificate-errors-spki-list={found['key_hash']}"]

    def web_identity_token(self, subject: str, **claims: str) -> str:
        """Return a token for AssumeRoleWithWebIdentity, valid for five minutes, as GitHub issues it to a workflow.

        Args:
            subject: Such as repo:me/app:ref:refs/heads/main.
            claims: `audience`, `issuer`. Default: GitHub's for AWS.
        """
        return str(self._request("POST", "web-identity", subject=subject, **claims)["token"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _address(self, kind: str, name: str) -> str:
        found: dict[str, str] = self._request("GET", "addresses")[kind]
        if name not in found:
            raise ControlError(f"no {name} runs here: there is {', '.join(found) or 'nothing'}")
        return found[name]

    def _request(self, method: str, path: str, **body: Any) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(self.endpoint_url).port, timeout=_TIMEOUT_SECONDS)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            connection.request(method, f"/_emulator/{path}", json.dumps(body), headers)
            response = connection.getresponse()
            document = json.loads(response.read())
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise ControlError(document["error"])
        return document


def _stop(process: "subprocess.Popen[str]") -> None:
    with process:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def _printed_variables(process: "subprocess.Popen[str]") -> dict[str, str]:
    """Return the variables that the server prints before it is ready."""
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if line.startswith("Ready"):
            exports = (text.strip().removeprefix("export ") for text in lines if "export " in text)
            return dict(text.split("=", 1) for text in exports)
    code = process.wait()
    raise EmbeddedAwsError(f"the emulated AWS did not start, exit code {code}: its error output says why")


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
