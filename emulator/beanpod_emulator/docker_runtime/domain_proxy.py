"""An HTTP proxy that leads the names of Route 53's records to the environments that run here.

Clients reach https://shop.example.com through it, with its own port and a certificate of the run's authority, while no
name server and no hosts file of this machine knows the name. Other hosts are reached as without it.
"""

import base64
import secrets
import select
import socket
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from socketserver import TCPServer
from urllib.parse import SplitResult, unquote, urlsplit

from beanpod_emulator import dns
from beanpod_emulator.connections import BackgroundServer, OneRequest
from beanpod_emulator.docker_runtime.load_balancer import LoadBalancer

_CHUNK = 65_536
_CONNECT_SECONDS = 30
_MOST_NAMES = 8
_USER = "beanpod"
# For the proxy, not for the server itself.
_OWN_HEADERS = ("proxy-authorization", "proxy-connection", "connection")
# Returns the load balancer with an address, a host:port or a CNAME of Elastic Beanstalk; None if none has it.
Find = Callable[[str], LoadBalancer | None]


class _RefusedError(Exception):
    """The proxy responds with this status and text. login: whether it asks for its own."""

    def __init__(self, status: int, text: str, *, login: bool = False) -> None:
        super().__init__(text)
        self.status, self.login = status, login


class DomainProxy(BackgroundServer, TCPServer):
    """Serves on a port of 127.0.0.1 until close().

    Names in Route 53 lead to what is on this machine, for everybody. The way to other hosts may lead through another
    proxy, with a login of the user's: it requires the password in `url`.
    """

    def __init__(self, find: Find) -> None:
        super().__init__(("127.0.0.1", 0), _ProxyRequest)
        self.find = find
        self._password = secrets.token_urlsafe(16)
        self.start()

    @property
    def url(self) -> str:
        """The proxy's URL, with a login."""
        return f"http://{_USER}:{self._password}@127.0.0.1:{self.server_address[1]}"

    def connect(self, request: "_ProxyRequest") -> socket.socket:
        """Return a connection to where a request leads.

        Raises:
            _RefusedError: It leads nowhere.
        """
        if balancer := self._balancer(request.host):
            port = balancer.published(request.port)
            if port is None:
                raise _RefusedError(502, f"{request.host} has no listener on port {request.port}")
            return socket.create_connection(("127.0.0.1", port), _CONNECT_SECONDS)
        if request.authorization != f"Basic {_encoded(f'{_USER}:{self._password}')}":
            text = f"no record in Route 53 leads from {request.host} to an environment"
            raise _RefusedError(407, text, login=True)
        return _connect_elsewhere(request)

    def _balancer(self, name: str) -> LoadBalancer | None:
        """Return the load balancer that a name leads to; None if no record leads to one."""
        for _ in range(_MOST_NAMES):
            following = dns.target(name)
            if following is None:
                return None
            if balancer := self.find(following):
                return balancer
            name = following
        return None


class _ProxyRequest(OneRequest):
    server: DomainProxy
    # Unbuffered: what follows the head is not read with it.
    rbufsize = 0

    @property
    def authorization(self) -> str:
        return str(self.headers.get("Proxy-Authorization", ""))

    @property
    def tunnel(self) -> bool:
        return self.command == "CONNECT"

    @property
    def host(self) -> str:
        return (self._url.hostname or "").lower()

    @property
    def port(self) -> int:
        return self._url.port or (443 if self.tunnel else 80)

    @property
    def _url(self) -> SplitResult:
        return urlsplit(f"//{self.path}" if self.tunnel else self.path)

    def serve(self) -> None:
        try:
            if not (self.tunnel or self.path.startswith("http://")):
                raise _RefusedError(400, "this is a proxy: it takes CONNECT, and requests for http:// URLs")
            there = self.server.connect(self)
        except _RefusedError as error:
            self._refuse(error)
        except (OSError, ValueError) as error:
            self._refuse(_RefusedError(502, str(error)))
        else:
            # One side may hang up at any time.
            with there, suppress(OSError):
                if self.tunnel:
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    there.sendall(self._head())
                self._pass_on(there)

    def _head(self) -> bytes:
        """Return the head for the server itself, which is to close the connection: the next may be to another."""
        path = f"{self._url.path or '/'}{f'?{self._url.query}' if self._url.query else ''}"
        lines = (f"{name}: {value}" for name, value in self.headers.items() if name.lower() not in _OWN_HEADERS)
        return "\r\n".join((f"{self.command} {path} HTTP/1.1", *lines, "Connection: close", "", "")).encode("latin-1")

    def handle_expect_100(self) -> bool:
        """Leave it to the server itself."""
        return True

    def _pass_on(self, there: socket.socket) -> None:
        """Pass bytes on in both directions until both sides have ended."""
        there.settimeout(None)
        here = self.connection
        open_ends = {here: there, there: here}
        while open_ends:
            readable, _, _ = select.select(list(open_ends), [], [])
            for source in readable:
                data = source.recv(_CHUNK)
                if data:
                    open_ends[source].sendall(data)
                else:
                    with suppress(OSError):
                        open_ends[source].shutdown(socket.SHUT_WR)
                    del open_ends[source]

    def _refuse(self, error: _RefusedError) -> None:
        with suppress(OSError):
            self.send_response_only(error.status)
            if error.login:
                self.send_header("Proxy-Authenticate", 'Basic realm="beanpod"')
            self.finish_response(f"{error}\n".encode())


def _connect_elsewhere(request: _ProxyRequest) -> socket.socket:
    """Return a connection to another host, through the proxy of this process's variables if there is one."""
    proxies = urllib.request.getproxies()
    proxy = proxies.get("https" if request.tunnel else "http")
    if not proxy or urllib.request.proxy_bypass(request.host):
        return socket.create_connection((request.host, request.port), _CONNECT_SECONDS)
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    there = socket.create_connection((parts.hostname, parts.port or 80), _CONNECT_SECONDS)
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
    authorization = f"Proxy-Authorization: Basic {_encoded(login)}\r\n" if login else ""
    address = f"{request.host}:{request.port}"
    there.sendall(f"CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n{authorization}\r\n".encode())
    response = b""
    while not response.endswith(b"\r\n\r\n"):
        # Byte by byte: what follows is for the client.
        byte = there.recv(1)
        if not byte:
            break
        response += byte
    _, _, status = response[:12].decode("latin-1").partition(" ")
    if status != "200":
        there.close()
        reason = f"the proxy {parts.hostname} does not reach {address}"
        raise _RefusedError(int(status) if status.isdecimal() else 502, reason)
    return there


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
