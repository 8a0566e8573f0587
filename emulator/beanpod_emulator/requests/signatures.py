"""Reads and verifies the signatures of requests.

Signature Version 4 in the Authorization header, or in the query of a presigned S3 URL; and for presigned S3 URLs also
Version 2, boto3's default.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html#RESTAuthenticationQueryStringAuth
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, unquote_to_bytes, urlsplit

from botocore.auth import HmacV1QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials
from botocore.utils import normalize_url_path
from moto.core.request import EnvironHeaders

from beanpod_emulator.requests.error_responses import ErrorResponse

# The names of the groups are those of Signature's attributes.
_SCOPE = r"(?P<access_key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)/aws4_request"
_CREDENTIAL = re.compile(_SCOPE)
_HEADER = re.compile(
    rf"AWS4-HMAC-SHA256 +Credential={_SCOPE}, *SignedHeaders=(?P<signed>[^,\s]+), *Signature=(?P<value>[0-9a-f]{{64}})"
)
_SKEW = timedelta(minutes=15)
_WEEK_SECONDS = 604_800
_HASH = re.compile("[0-9a-f]{64}")
_UNSIGNED = "UNSIGNED-PAYLOAD"
_PAYLOADS = (
    _UNSIGNED,
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
)
_FORBIDDEN = "403 Forbidden"
_USE_VERSION_4 = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
_UNSUPPORTED = ErrorResponse(
    "400 Bad Request",
    "IncompleteSignature",
    _USE_VERSION_4,
    s3=("400 Bad Request", "InvalidRequest", _USE_VERSION_4),
)
_ONLY_S3 = ErrorResponse("400 Bad Request", "InvalidRequest", "Only requests to S3 can be presigned here.")
_MISMATCH = ErrorResponse(
    _FORBIDDEN,
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details.",
)
_SKEWED = ErrorResponse(
    _FORBIDDEN,
    "SignatureDoesNotMatch",
    "Signature expired: the difference between the request time and the current time is too large.",
    s3=(
        _FORBIDDEN,
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
    ),
)
_EXPIRED = ErrorResponse(_FORBIDDEN, "AccessDenied", "Request has expired")
_NOT_YET = ErrorResponse(_FORBIDDEN, "AccessDenied", "Request is not valid yet")
_BAD_EXPIRES = ErrorResponse(
    "400 Bad Request", "AuthorizationQueryParametersError", f"X-Amz-Expires must be from 1 to {_WEEK_SECONDS} seconds."
)
_BODY_MISMATCH = ErrorResponse(
    "400 Bad Request",
    "XAmzContentSHA256Mismatch",
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
)
_BAD_BODY_HASH = ErrorResponse(
    "400 Bad Request",
    "InvalidArgument",
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
)


class UnsupportedSignatureError(ValueError):
    """The request is signed in a way that is not supported; `response` is the error response."""

    def __init__(self, response: ErrorResponse) -> None:
        super().__init__(response.message)
        self.response = response


@dataclass(frozen=True)
class Signature:
    """A request's signature, unverified.

    Attributes:
        value: The signature itself.
        token: The session token, "" without one.
        date: Date of the credential scope, YYYYMMDD.
        signed: Names of the signed headers, separated by semicolons.
        query: The presigned URL's query; empty when the signature is in the header.
    """

    access_key: str
    region: str
    service: str
    value: str = field(repr=False)
    token: str = field(default="", repr=False)
    date: str = ""
    signed: str = ""
    query: Mapping[str, str] = field(default_factory=dict, repr=False)

    def verify(self, environ: dict[str, Any], body: bytes, secret: str, now: datetime) -> ErrorResponse | None:
        """Check that the signature matches the request and the secret, and has not expired.

        Args:
            now: The emulator's time, naive UTC. Signatures by this machine's time are valid too.

        Returns:
            The error response for a signature that is not valid, else None.
        """
        if "AWSAccessKeyId" in self.query:
            return _check_time_2(self) or _check_value_2(self, environ, secret)
        return _check_time(self, environ, now) or _check_value(self, environ, body, secret)


def find(environ: dict[str, Any]) -> Signature | None:
    """Return the request's signature; None if it is not signed. Does not read the body.

    Raises:
        UnsupportedSignatureError: The request is signed in another way.
    """
    pairs = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    query = dict(pairs)
    signing = [name for name in ("X-Amz-Signature", "X-Amz-Credential", "X-Amz-Algorithm") if name in query]
    signing_2 = [name for name in ("Signature", "AWSAccessKeyId") if name in query]
    header: str | None = environ.get("HTTP_AUTHORIZATION")
    if (header is not None) + bool(signing) + bool(signing_2) > 1 or (signing + signing_2 and len(query) < len(pairs)):
        raise UnsupportedSignatureError(_UNSUPPORTED)
    if signing_2:
        return _of_query_2(query)
    if signing:
        return _of_query(query)
    return None if header is None else _of_header(header, environ)


def _of_header(header: str, environ: dict[str, Any]) -> Signature:
    found = _HEADER.fullmatch(header.strip())
    if found is None:
        raise UnsupportedSignatureError(_UNSUPPORTED)
    return Signature(**found.groupdict(), token=environ.get("HTTP_X_AMZ_SECURITY_TOKEN", ""), query={})


def _of_query(query: dict[str, str]) -> Signature:
    found = _CREDENTIAL.fullmatch(query.get("X-Amz-Credential", ""))
    if found is None or query.get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256":
        raise UnsupportedSignatureError(_UNSUPPORTED)
    if found["service"] != "s3":
        raise UnsupportedSignatureError(_ONLY_S3)
    return Signature(
        **found.groupdict(),
        value=query.get("X-Amz-Signature", ""),
        token=query.get("X-Amz-Security-Token", ""),
        signed=query.get("X-Amz-SignedHeaders", ""),
        query=query,
    )


def _of_query_2(query: dict[str, str]) -> Signature:
    signed = {"AWSAccessKeyId", "Signature", "Expires", "content-md5", "content-type", *HmacV1QueryAuth.QSAOfInterest}
    # Version 2 does not sign other parameters, so a holder of the URL could add them.
    if any(name not in signed and not name.startswith("x-amz-") for name in query):
        raise UnsupportedSignatureError(_UNSUPPORTED)
    return Signature(
        access_key=query.get("AWSAccessKeyId", ""),
        region="us-east-1",
        service="s3",
        value=query.get("Signature", ""),
        token=query.get("x-amz-security-token", ""),
        query={"AWSAccessKeyId": ""} | query,
    )


def _check_time(signature: Signature, environ: dict[str, Any], now: datetime) -> ErrorResponse | None:
    date = _date(signature, environ)
    try:
        moment = datetime.strptime(date, "%Y%m%dT%H%M%SZ")
        seconds = int(signature.query.get("X-Amz-Expires", 0))
    except ValueError:
        return _MISMATCH
    if date[:8] != signature.date:
        return _MISMATCH
    if not signature.query:
        # AWS's SDK for JavaScript signs with the time of the last answer, boto3 with this machine's.
        return None if any(abs(time - moment) <= _SKEW for time in (_now(), now)) else _SKEWED
    if not 1 <= seconds <= _WEEK_SECONDS:
        return _BAD_EXPIRES
    if moment > _now() + _SKEW:
        return _NOT_YET
    return _EXPIRED if _now() > moment + timedelta(seconds=seconds) else None


def _check_time_2(signature: Signature) -> ErrorResponse | None:
    expires = signature.query.get("Expires", "")
    if not re.fullmatch(r"\d{1,12}", expires, re.ASCII):
        return _MISMATCH
    return _EXPIRED if datetime.now(UTC).timestamp() > int(expires) else None


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _date(signature: Signature, environ: dict[str, Any]) -> str:
    return str(signature.query.get("X-Amz-Date", "") if signature.query else environ.get("HTTP_X_AMZ_DATE", ""))


def _check_value(signature: Signature, environ: dict[str, Any], body: bytes, secret: str) -> ErrorResponse | None:
    headers, signed = _headers(environ), signature.signed.split(";")
    wanted_signed = ["host", *sorted(name for name in headers if name.startswith("x-amz-"))]
    if unsigned := [name for name in wanted_signed if name not in signed]:
        # Else whoever has a presigned URL could add headers, such as x-amz-copy-source.
        text = f"There were headers present in the request which were not signed: {', '.join(unsigned)}"
        return ErrorResponse(_FORBIDDEN, "AccessDenied", text)
    payload = _payload(signature, headers, body)
    request = AWSRequest(
        environ["REQUEST_METHOD"],
        f"http://{headers['host']}{_path(environ)}",
        headers={name: headers[name] for name in signed if name in headers},
    )
    # Pairs, since a name may come twice: botocore takes them, its types do not say so.
    pairs: Any = [(unquote(name), unquote(value)) for name, value in _pairs(environ) if name != "X-Amz-Signature"]
    request.params = pairs
    request.context |= {"timestamp": _date(signature, environ), "payload": payload}
    signer = _Signer(Credentials(signature.access_key, secret), signature.service, signature.region)
    wanted = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    if not _same(wanted, signature.value):
        return _MISMATCH
    if _HASH.fullmatch(payload):
        return None if payload == hashlib.sha256(body).hexdigest() else _BODY_MISMATCH
    return None if payload in _PAYLOADS else _BAD_BODY_HASH


def _payload(signature: Signature, headers: Mapping[str, str], body: bytes) -> str:
    """Return the signed x-amz-content-sha256: the hash of the body, or a constant such as UNSIGNED-PAYLOAD."""
    if "x-amz-content-sha256" in headers:
        return headers["x-amz-content-sha256"]
    if signature.query:
        return signature.query.get("X-Amz-Content-Sha256", _UNSIGNED)
    return hashlib.sha256(body).hexdigest()


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    """Return the headers by their names in lower case; names of S3's metadata keep an underscore."""
    return {name.lower(): value for name, value in EnvironHeaders(environ)}


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


class _Signer(SigV4Auth):
    """Signs the given headers only, and the payload hash that the request has."""

    def __init__(self, credentials: Credentials, service: str, region: str) -> None:
        super().__init__(credentials, service, region)
        self._is_s3 = service == "s3"

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        return request.headers

    def payload(self, request: AWSRequest) -> str:
        return str(request.context["payload"])

    def _normalize_url_path(self, path: str) -> str:
        if self._is_s3:
            return quote(unquote_to_bytes(path), safe="/-_.~")
        return quote(normalize_url_path(path), safe="/~")


def _pairs(environ: dict[str, Any]) -> list[tuple[str, str]]:
    parts = (part.partition("=") for part in environ.get("QUERY_STRING", "").split("&") if part)
    return [(name, value) for name, _, value in parts]


def _path(environ: dict[str, Any]) -> str:
    """Return the path as it was sent, still percent-encoded."""
    target: str = environ["REQUEST_URI"].partition("?")[0]
    return urlsplit(target).path if re.match("https?://", target) else target


def _check_value_2(signature: Signature, environ: dict[str, Any], secret: str) -> ErrorResponse | None:
    headers = HTTPHeaders()
    for name, value in {**signature.query, **_headers(environ)}.items():
        if name.startswith("x-amz-") or name in ("content-md5", "content-type"):
            headers[name] = value
    meant = (pair for pair in _pairs(environ) if pair[0] in HmacV1QueryAuth.QSAOfInterest)
    query = "&".join(f"{name}={value}" if value else name for name, value in meant)
    split = urlsplit(f"http://{environ['HTTP_HOST']}{_path(environ)}?{query}")
    signer = _QuerySigner2(Credentials(signature.access_key, secret, signature.token or None))
    signer.until = signature.query["Expires"]
    wanted = signer.get_signature(environ["REQUEST_METHOD"], split, headers)  # type: ignore[arg-type]
    return None if _same(wanted, signature.value) else _MISMATCH


class _QuerySigner2(HmacV1QueryAuth):
    """Signs with the time at which the URL expires instead of a date."""

    until = ""

    def _get_date(self) -> str:
        return self.until
