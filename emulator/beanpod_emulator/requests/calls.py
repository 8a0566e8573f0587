"""API calls: the service, action and parameters of a request."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from botocore.exceptions import UnknownServiceError
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException

from beanpod_emulator.requests.signatures import Signature

# Models of services whose requests are signed with another name.
_MODELS = {"elasticfilesystem": "efs"}


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
    action = _action(environ, service, form.get("Action", []))
    sent = (name.removeprefix("HTTP_").lower().replace("_", "-") for name in environ if name.startswith("HTTP_X_AMZ_"))
    return Call(service, action, region, parameters=parameters, headers=frozenset(sent))


def _action(environ: dict[str, Any], service: str, in_form: list[str]) -> str:
    """Return the operation, which REST services name by method and path alone.

    Return "" where the header and the form name different ones: each needs its own permission.
    """
    model = _MODELS.get(service, service)
    try:
        if get_service_model(model).protocol.startswith("rest"):
            return str(get_service_router(model).match(Request(environ))[0].name)
    except (HTTPException, NotImplementedError):
        return ""
    except UnknownServiceError:
        pass
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
