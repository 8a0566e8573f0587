"""A registry that gives prepared answers, for failures that a real one shows only in trouble."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """A prepared answer."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Canned:
    """A running registry.

    Attributes:
        host: Such as localhost:41419.
        answers: In order; the last one is repeated.
        requests: Method, path and Authorization header of those answered.
    """

    host: str
    answers: list[Answer]
    requests: list[tuple[str, str, str]] = field(default_factory=list)

    def next(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def canned(*answers: Answer) -> Iterator[Canned]:
    """The registry, on a free port of localhost, until the end of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    prepared = Canned(f"localhost:{server.server_address[1]}", list(answers))
    server.RequestHandlerClass = _handler(prepared)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield prepared
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(prepared: Canned) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        # The answer to a client that tries TLS first.
        default_request_version = "HTTP/1.1"

        def do_GET(self) -> None:
            prepared.requests.append((self.command, self.path, self.headers.get("Authorization", "")))
            answer = prepared.next()
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Print nothing."""

    return Handler
