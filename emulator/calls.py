"""What a request to the embedded AWS is: which service, which action, whose; and the log of them."""

import io
import re
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qs

_SCOPE = re.compile(r"(?P<key>[^/=\s]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
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
    """One request as its client sent it.

    parameters: those of the query protocol, by name; for S3: Bucket and Key. status: of the answer, 0 for none.
    """

    service: str
    action: str
    region: str
    access_key: str
    principal: str = ""
    time: str = ""
    status: int = 0
    parameters: dict[str, str] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """As the log shows it: without the access key, and without what may be secret."""
        public = asdict(self)
        del public["access_key"], public["parameters"]
        return public | {"key": self.parameters.get("Key", "")}


def read(environ: dict[str, Any]) -> Call:
    """The call a WSGI request makes."""
    parameters = _form(environ)
    signed = environ.get("HTTP_AUTHORIZATION", "") or parameters.get("X-Amz-Credential", "")
    match = _SCOPE.search(signed)
    key, region, service = match.group("key", "region", "service") if match else ("", "", "s3")
    if service == "s3":
        parameters |= _object(environ)
        return Call(service, _s3_action(environ, parameters), region, key, parameters=parameters)
    target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    return Call(service, target or parameters.get("Action", ""), region, key, parameters=parameters)


def _form(environ: dict[str, Any]) -> dict[str, str]:
    text = environ.get("QUERY_STRING", "")
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        text = f"{text}&{body.decode()}"
    return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}


def _object(environ: dict[str, Any]) -> dict[str, str]:
    bucket, _, key = environ.get("PATH_INFO", "/").lstrip("/").partition("/")
    return {"Bucket": bucket, "Key": key}


def _s3_action(environ: dict[str, Any], parameters: dict[str, str]) -> str:
    without, with_key = _S3_ACTIONS.get(environ["REQUEST_METHOD"], ("", ""))
    if not parameters["Bucket"]:
        return "ListBuckets"
    if "location" in parameters:
        return "GetBucketLocation"
    return with_key if parameters["Key"] else without
