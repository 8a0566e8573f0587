"""API calls: the service, action and parameters of a request."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from beanpod_emulator.requests.signatures import Signature

# By method, without and with a key. S3 is the one service here that names its actions nowhere in the request.
_S3_ACTIONS = {
    "GET": ("ListObjectsV2", "GetObject"),
    "HEAD": ("HeadBucket", "HeadObject"),
    "PUT": ("CreateBucket", "PutObject"),
    "POST": ("DeleteObjects", "PostObject"),
    "DELETE": ("DeleteBucket", "DeleteObject"),
}


@dataclass
class Call:
    """One API call.

    Attributes:
        principal: ARN of the caller.
        time: ISO 8601.
        status: HTTP status of the response; 0 for none.
        parameters: Parameters of the query protocol, by name; Bucket, Key and CopySource for S3.
        headers: Names of AWS's own headers.
    """

    service: str
    action: str
    region: str
    principal: str = ""
    time: str = ""
    status: int = 0
    parameters: dict[str, str] = field(default_factory=dict)
    headers: frozenset[str] = frozenset()
    method: str = "POST"

    def to_dict(self) -> dict[str, Any]:
        """Return the log's entry."""
        names = ("service", "action", "region", "principal", "time", "status")
        return {name: getattr(self, name) for name in names} | {"key": self.parameters.get("Key", "")}


def read(environ: dict[str, Any], body: bytes, signature: Signature | None) -> Call:
    """Return the call of a WSGI request."""
    form = _form(environ, body)
    parameters = {name: values[0] for name, values in form.items()}
    region, service = "", "sts" if "Action" in parameters else "s3"
    if signature:
        region, service = signature.region, signature.service
    if service == "s3":
        parameters |= _object(environ)
    action = _s3_action(environ, parameters) if service == "s3" else _action(environ, form.get("Action", []))
    method = environ["REQUEST_METHOD"]
    sent = (name.removeprefix("HTTP_").lower().replace("_", "-") for name in environ if name.startswith("HTTP_X_AMZ_"))
    return Call(service, action, region, parameters=parameters, headers=frozenset(sent), method=method)


def _action(environ: dict[str, Any], in_form: list[str]) -> str:
    """Return "" where the header and the form name different actions: each needs its own permission."""
    target: str = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    named = {target, *in_form} - {""}
    return named.pop() if len(named) == 1 else ""


def _form(environ: dict[str, Any], body: bytes) -> dict[str, list[str]]:
    text = environ.get("QUERY_STRING", "")
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        text = f"{text}&{body.decode(errors='replace')}"
    return parse_qs(text, keep_blank_values=True)


def _object(environ: dict[str, Any]) -> dict[str, str]:
    bucket, _, key = environ.get("PATH_INFO", "/").lstrip("/").partition("/")
    source = environ.get("HTTP_X_AMZ_COPY_SOURCE", "")
    return {"Bucket": bucket, "Key": key} | ({"CopySource": source} if source else {})


def _s3_action(environ: dict[str, Any], parameters: dict[str, str]) -> str:
    without, with_key = _S3_ACTIONS.get(environ["REQUEST_METHOD"], ("", ""))
    if not parameters["Bucket"]:
        return "ListBuckets"
    if "location" in parameters and not parameters["Key"]:
        return "GetBucketLocation"
    return with_key if parameters["Key"] else without
