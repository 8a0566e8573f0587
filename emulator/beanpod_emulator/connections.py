"""How the servers of the emulator serve connections, and close them."""

import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer, StreamRequestHandler, ThreadingMixIn
from typing import Any

_MOST_UNREAD_BYTES = 1 << 20
_MOST_IDLE_SECONDS = 2.0
_LONGEST_LINE = 65_536


class LingeringClose(StreamRequestHandler):
    """A base of request handlers, some of whose responses do not wait for the request's body.

    A connection that is closed with unread data is reset, and a client that is still sending may lose the response with
    it: so the end of the response is sent, and what the client sends meanwhile is read up to a limit, and dropped.
    """

    def finish(self) -> None:
        super().finish()
        left = _MOST_UNREAD_BYTES
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_MOST_IDLE_SECONDS)
            while left > 0 and (data := self.connection.recv(left)):
                left -= len(data)


class OneRequest(LingeringClose, BaseHTTPRequestHandler):
    """A request handler with serve(), for one request a connection: a stream after it is never read as another one."""

    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(_LONGEST_LINE)
        if self.raw_requestline and self.parse_request():
            self.close_connection = True
            self.serve()
        self.close_connection = True

    def serve(self) -> None:
        """Respond to the request."""
        raise NotImplementedError

    def finish_response(self, data: bytes) -> None:
        """Send the last headers and the body of a response."""
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


class BackgroundServer(ThreadingMixIn, BaseServer):
    """A server that runs beside the emulator's own, from start() to close()."""

    daemon_threads = True

    def start(self) -> None:
        """Serve in the background."""
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that hang up."""
