"""HTTP servers on this machine."""

import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class _Server(ThreadingHTTPServer):
    """A server whose clients may close a connection before they have read the answer, as browsers do."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve at a free port, which is yielded, with TLS if a context is given. Log nothing."""
    silent = type("Silent", (handler,), {"log_message": lambda *_: None})
    with _Server(("127.0.0.1", 0), silent) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        # How often it looks whether it is to end, in seconds.
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
