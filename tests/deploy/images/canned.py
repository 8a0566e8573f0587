"""A server that gives prepared answers: for what a real registry does only in trouble."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# Reaches this machine, and is none of the addresses at which Docker takes a registry for one of this machine.
REMOTE = "0.0.0.0"


@dataclass(frozen=True)
class Answer:
    """A prepared answer."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Canned:
    """The answers, in order; the last one stays. requests: method, path and Authorization header of those served.

    remote: the address under which it is no registry of this machine.
    """

    host: str
    answers: list[Answer]
    requests: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def remote(self) -> str:
        return f"{REMOTE}:{self.host.rpartition(':')[2]}"

    def next(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def canned(*answers: Answer, certificate: Path | None = None) -> Iterator[Canned]:
    """The server, on a free port of localhost until the end of the block.

    certificate: of `write_certificate`; the port then speaks TLS as well as plain HTTP.
    """
    server = _Server(("127.0.0.1", 0), BaseHTTPRequestHandler)
    if certificate:
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.context.load_cert_chain(certificate)
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


class _Server(ThreadingHTTPServer):
    context: ssl.SSLContext | None = None

    def finish_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        if self.context is None or request.recv(1, socket.MSG_PEEK) != b"\x16":
            return super().finish_request(request, client_address)
        with self.context.wrap_socket(request, server_side=True) as secure:
            return super().finish_request(secure, client_address)


def write_certificate(folder: Path) -> Path:
    """A certificate of its own authority for the server's addresses, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A registry of this test")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address(REMOTE))]
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    signed = builder.sign(key, hashes.SHA256())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "registry.pem"
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*form))
    return path


def _handler(prepared: Canned) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
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
            """Keep quiet."""

    return Handler
