"""Kills a deployment at a boundary: before or after its n-th AWS call or docker command."""

import http.client
import os
import signal
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

_HOP = {"connection", "transfer-encoding", "content-length", "date", "server"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no error here."""


class LostError(Exception):
    """The call goes no further."""


class CallProxy:
    """Stands between a client and the embedded AWS, and counts.

    before, after: called with the number of each call, from 1, before it reaches AWS or before its answer is given;
    LostError ends the call there.
    """

    def __init__(self, endpoint_url: str, *, before: Callable[[int], None], after: Callable[[int], None]) -> None:
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


def kill(process_id: int) -> None:
    """SIGKILL; the process may be gone already."""
    try:
        os.kill(process_id, signal.SIGKILL)
    except ProcessLookupError:
        return


_SHIM = """\
#!/bin/sh
# docker, counted: kills the deployment at the command it was told.
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
