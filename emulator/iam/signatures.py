"""Whether a request was signed with the secret that belongs to its key: Signature Version 4, as botocore makes it."""

import io
from typing import Any
from urllib.parse import quote

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from emulator.calls import Call


def is_genuine(environ: dict[str, Any], call: Call, secret: str) -> bool:
    """Whether the Authorization header is what the secret makes of the request. True where there is no such header."""
    parts = _parts(environ.get("HTTP_AUTHORIZATION", ""))
    if not parts:
        return True
    make = S3SigV4Auth if call.service == "s3" else SigV4Auth
    signer = make(Credentials(call.access_key, secret), call.service, call.region)
    request = _request(environ, parts["SignedHeaders"].split(";"))
    wanted = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return str(wanted) == parts["Signature"]


def _parts(authorization: str) -> dict[str, str]:
    _, _, rest = authorization.partition(" ")
    pairs = (part.strip().partition("=") for part in rest.split(","))
    return {name: value for name, _, value in pairs if value}


def _request(environ: dict[str, Any], signed: list[str]) -> AWSRequest:
    headers = {name: value for name in signed if (value := _header(environ, name)) is not None}
    query = f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else ""
    url = f"http://{environ['HTTP_HOST']}{quote(environ['PATH_INFO'], safe='/~')}{query}"
    request = AWSRequest(environ["REQUEST_METHOD"], url, headers=headers, data=_body(environ))
    request.context["timestamp"] = headers.get("x-amz-date", "")
    return request


def _header(environ: dict[str, Any], name: str) -> str | None:
    upper = name.upper().replace("-", "_")
    value: str | None = environ.get(upper if upper in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{upper}")
    return value


def _body(environ: dict[str, Any]) -> bytes:
    # A request that states its body's hash is signed by that.
    if "HTTP_X_AMZ_CONTENT_SHA256" in environ:
        return b""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body
