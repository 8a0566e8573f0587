"""A token server for a registry, as auth.docker.io is for Docker Hub: for a login all rights, else public images only.

https://distribution.github.io/distribution/spec/auth/jwt/
"""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

_ISSUER = "tests"
_SERVICE = "registry"


@dataclass
class TokenServer:
    """A running token server.

    Attributes:
        public: Repositories that everybody may pull.
        users: Of the requests, in order; "" for one without a login.
    """

    folder: Path
    username: str
    password: str = field(repr=False)
    public: set[str] = field(default_factory=set)
    users: list[str] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self._key = rsa.generate_private_key(65537, 2048)
        self._certificate = _certificate(self._key)
        self._bundle.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    @property
    def _bundle(self) -> Path:
        return self.folder / "token.pem"

    @property
    def settings(self) -> dict[str, str]:
        """The registry's auth.token section."""
        realm = f"http://localhost:{self.port}/token"
        return {"realm": realm, "service": _SERVICE, "issuer": _ISSUER, "rootcertbundle": str(self._bundle)}

    def answer(self, form: dict[str, list[str]], authorization: str) -> str | None:
        """The token for a request; None for a wrong login."""
        user = self._user(authorization)
        if user is None:
            return None
        self.users.append(user)
        return self._token([self._access(scope, user) for scope in form.get("scope", [])])

    def _user(self, authorization: str) -> str | None:
        if not authorization:
            return ""
        login = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        return self.username if login == f"{self.username}:{self.password}" else None

    def _access(self, scope: str, user: str) -> dict[str, object]:
        kind, name, actions = scope.split(":")
        granted = actions.split(",") if user else ["pull"] if name in self.public else []
        return {"type": kind, "name": name, "actions": granted}

    def _token(self, access: list[dict[str, object]]) -> str:
        now = int(time.time())
        times = {"exp": now + 300, "nbf": now - 10, "iat": now}
        chain = [base64.b64encode(self._certificate.public_bytes(serialization.Encoding.DER)).decode()]
        claims = {"iss": _ISSUER, "sub": "", "aud": _SERVICE, "jti": uuid4().hex, "access": access, **times}
        signed = f"{_part({'alg': 'RS256', 'typ': 'JWT', 'x5c': chain})}.{_part(claims)}"
        return f"{signed}.{_encoded(self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


@contextmanager
def token_server(folder: Path, *, username: str, password: str) -> Iterator[TokenServer]:
    """A server on a free port of localhost until the end of the block; its certificate is kept in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = TokenServer(folder, username, password)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(tokens))
    tokens.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield tokens
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(tokens: TokenServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            token = tokens.answer(parse_qs(urlsplit(self.path).query), self.headers.get("Authorization", ""))
            body = json.dumps({"token": token, "access_token": token} if token else {"details": "wrong"}).encode()
            self.send_response(200 if token else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Print nothing."""

    return Handler


def _certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _ISSUER)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256())


def _part(value: dict[str, object]) -> str:
    return _encoded(json.dumps(value).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
