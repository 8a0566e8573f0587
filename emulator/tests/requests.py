"""Raw HTTP requests, signed or not, that no AWS client would send."""

import http.client
import select
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from beanpod_emulator import EmbeddedAws


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str


def send(
    aws: EmbeddedAws, method: str, target: str, headers: Mapping[str, str | None] | None = None, body: bytes = b""
) -> Answer:
    """Send exactly this. A header that is None is left out: Host and Content-Length are there unless it says so."""
    netloc = urlsplit(aws.endpoint_url).netloc
    given = {name.lower(): value for name, value in (headers or {}).items()}
    all_headers = {"host": netloc, "content-length": str(len(body)), **given}
    connection = http.client.HTTPConnection("127.0.0.1", int(netloc.split(":")[1]), timeout=600)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in all_headers.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read().decode())
    finally:
        connection.close()


def post_after_the_response(client: socket.socket, target: str, *headers: str) -> bytes:
    """Send a body after its response, which must not reset the connection; returns the response."""
    head = "\r\n".join([f"POST {target} HTTP/1.1", *headers, "Content-Length: 400000", "", ""])
    client.sendall(head.encode() + b"x")
    response = b"".join(iter(partial(client.recv, 65536), b""))
    client.sendall(b"x" * 200_000)
    poller = select.poll()
    poller.register(client, select.POLLERR)
    assert not poller.poll(200), "the connection was reset"
    client.sendall(b"x" * 199_999)
    return response


def signed(
    aws: EmbeddedAws,
    service: str,
    method: str,
    target: str,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    *,
    key: str | None = None,
    secret: str | None = None,
) -> dict[str, str | None]:
    """The headers, and those that sign the request. key, secret: default those that the server prints."""
    variables = aws.environment
    credentials = Credentials(key or variables["AWS_ACCESS_KEY_ID"], secret or variables["AWS_SECRET_ACCESS_KEY"])
    request: Any = AWSRequest(method, f"{aws.endpoint_url}{target}", headers=headers or {}, data=body)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(credentials, service, aws.region).add_auth(request)
    return dict(request.headers.items())


def with_token(aws: EmbeddedAws, **headers: str | None) -> dict[str, str | None]:
    """What a request under /_emulator/ carries, and more headers: an underscore stands for a hyphen."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"authorization": f"Bearer {aws.token}", "content-type": "application/json", **more}
