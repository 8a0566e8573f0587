"""Kill a deployment before or after its n-th AWS call or docker command, and check that the next one converges."""

import http.client
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from beanpod.deploy.lock import LEASE_SECONDS
from tests.deploy.deployed_stage import DeployedStage, client, deployed_stage

CHANGES = ("PUT", "CreateApplicationVersion", "UpdateEnvironment")
_POLLS = ("DescribeEvents", "DescribeEnvironments")
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
_UPDATE_SECONDS = 40
_SECONDS = 600
_LOCKED = 4
_HOP = {"connection", "transfer-encoding", "content-length", "date", "server"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no error here."""


class LostError(Exception):
    """The call, or its answer, does not get through."""


class CallProxy:
    """A proxy between a client and the embedded AWS that counts the calls."""

    def __init__(self, endpoint_url: str, *, before: Callable[[int], None], after: Callable[[int], None]) -> None:
        """
        Args:
            endpoint_url: Of the embedded AWS.
            before: Called with the number of each call, from 1, before it reaches AWS; LostError ends the call.
            after: Likewise, before its answer is returned.
        """
        self.calls: list[str] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler(endpoint_url, before, after))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def endpoint_url(self) -> str:
        return f"http://localhost:{self._server.server_address[1]}"

    def count(self, call: str) -> int:
        with self._lock:
            self.calls.append(call)
            return len(self.calls)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(
        self, endpoint_url: str, before: Callable[[int], None], after: Callable[[int], None]
    ) -> type[BaseHTTPRequestHandler]:
        proxy, target = self, urlsplit(endpoint_url)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self) -> None:
                body = self._body()
                number = proxy.count(_name(self.command, self.path, body))
                try:
                    before(number)
                    status, headers, answer = _ask(target.netloc, self.command, self.path, body, dict(self.headers))
                    after(number)
                except LostError:
                    self.close_connection = True
                    return
                self._answer(status, headers, answer)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = forward  # noqa: N815

            def _body(self) -> bytes:
                if self.headers.get("Expect") == "100-continue":
                    self.send_response_only(100)
                    self.end_headers()
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))

            def _answer(self, status: int, headers: list[tuple[str, str]], answer: bytes) -> None:
                try:
                    self.send_response_only(status)
                    for name, value in headers:
                        self.send_header(name, value)
                    if self.command != "HEAD":
                        self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except OSError:
                    self.close_connection = True  # the client was killed

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        return Handler


_SHIM = """\
#!/bin/sh
# docker, counted: kills the deployment at one of its commands.
count=$(($(cat {folder}/count 2>/dev/null || echo 0) + 1))
echo $count > {folder}/count
[ "$KILL_DOCKER" = "before $count" ] && kill -9 $PPID && exit 1
{docker} "$@"
code=$?
[ "$KILL_DOCKER" = "after $count" ] && kill -9 $PPID
exit $code
"""


def docker_shim(folder: Path, docker: str) -> Path:
    """A folder for the front of PATH. KILL_DOCKER: "before 3" kills its caller before the third command."""
    folder.mkdir(exist_ok=True)
    shim = folder / "docker"
    shim.write_text(_SHIM.format(folder=folder, docker=docker))
    shim.chmod(0o755)
    return folder


def _name(method: str, path: str, body: bytes) -> str:
    action = next((part[7:] for part in body.decode(errors="replace").split("&") if part.startswith("Action=")), "")
    return action or f"{method} {path}"


def _ask(
    netloc: str, method: str, path: str, body: bytes, headers: dict[str, str]
) -> tuple[int, list[tuple[str, str]], bytes]:
    connection = http.client.HTTPConnection(netloc, timeout=60)
    try:
        connection.request(method, path, body, {k: v for k, v in headers.items() if k.lower() != "expect"})
        response = connection.getresponse()
        answer = response.read()
        hop = _HOP - {"content-length"} if method == "HEAD" else _HOP
        kept = [(name, value) for name, value in response.getheaders() if name.lower() not in hop]
        return response.status, kept, answer
    finally:
        connection.close()


class CrashInjector:
    """Kills a deployment before its n-th call, or after its n-th call that changes something."""

    def __init__(self, stage: DeployedStage) -> None:
        self._stage = stage
        self._moment, self._number, self._deployments = "", 0, 0
        self._process: subprocess.Popen[str] | None = None
        self.proxy = CallProxy(stage.aws.endpoint_url, before=self._before, after=self._after)

    def deploy(self, moment: str = "", number: int = 0) -> list[str]:
        """Deploy a change, and kill that deployment there. Default: do not. Returns its calls."""
        self.proxy.calls.clear()
        self._moment, self._number = moment, number
        self._deployments += 1
        self._stage.project.greet(f"deployment {self._deployments}, killed {moment} call {number}")
        with self._stage.start(**dict.fromkeys(_ENDPOINTS, self.proxy.endpoint_url)) as self._process:
            _, errors = self._process.communicate(timeout=_SECONDS)
        assert self._process.returncode == (-signal.SIGKILL if moment else 0), errors
        return list(self.proxy.calls)

    def _before(self, number: int) -> None:
        self._kill_at("before", number)

    def _after(self, number: int) -> None:
        calls = self.proxy.calls[:number]
        if calls[-1].startswith(CHANGES):
            self._kill_at("after", sum(call.startswith(CHANGES) for call in calls))

    def _kill_at(self, moment: str, number: int) -> None:
        if (self._moment, self._number) == (moment, number) and self._process:
            self._process.kill()
            raise LostError


def kill_at_each_call(stage: DeployedStage, moment: str) -> Iterator[str]:
    """Kill deployments at each call in turn, but for polls that only repeat the one before.

    Args:
        stage: Deployed to.
        moment: "before" each call, or "after" each that changes something.

    Yields:
        The name of the call.
    """
    stage.aws.set_pace(update=_UPDATE_SECONDS)
    injector = CrashInjector(stage)
    with injector.proxy:
        injector.deploy()
        calls = injector.deploy()
        if moment == "after":
            calls = [call for call in calls if call.startswith(CHANGES)]
        for number, call in enumerate(calls, start=1):
            if not (call in _POLLS and number > 1 and calls[number - 2] == call):
                yield injector.deploy(moment, number)[-1]


@pytest.fixture(scope="module")
def stage(docker_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedStage]:
    """A stage to deploy to."""
    with deployed_stage(tmp_path_factory.mktemp("crashes")) as made:
        yield made


def check_convergence(stage: DeployedStage, where: str) -> None:
    """Deploy again after a crash: the right version, one bundle a label, nothing uploaded twice, no lasting lock."""
    uploaded = _bundles(stage)
    stage.aws.forget_calls()
    again = stage.run("deploy", "--json")
    if again.returncode == _LOCKED:
        assert "if it was killed, after" in again.stderr, where
        stage.aws.advance(LEASE_SECONDS)
        again = stage.run("deploy", "--json")
    assert again.returncode == 0, f"killed {where}: {again.stderr}"
    assert f'"version_label": "{stage.label()}"' in again.stdout, where
    lock = stage.lock()
    if lock is not None:
        # Only where nothing was left to do, and until its lease expires.
        left = datetime.fromisoformat(lock["until"]) - stage.aws.now()
        assert left.total_seconds() <= LEASE_SECONDS, where
        assert lock["release"]["label"] == stage.label(), where
        stage.aws.advance(LEASE_SECONDS)
    put = [call.key for call in stage.aws.calls() if call.action == "PutObject" and call.key.startswith("bundles/")]
    assert not uploaded & set(put), where
    for version in client("elasticbeanstalk", stage.aws).describe_application_versions()["ApplicationVersions"]:
        digits = version["VersionLabel"].rpartition("-")[2]
        assert version["SourceBundle"]["S3Key"].endswith(f"/{digits}.zip"), where


def _bundles(stage: DeployedStage) -> set[str]:
    found = client("s3", stage.aws).list_objects_v2(Bucket=stage.outputs["BucketName"], Prefix="bundles/")
    return {item["Key"] for item in found.get("Contents", [])}
