"""How the servers of the emulator close a connection."""

import socket
from contextlib import suppress
from socketserver import StreamRequestHandler

_MOST_UNREAD_BYTES = 1 << 20
_MOST_IDLE_SECONDS = 2.0


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
