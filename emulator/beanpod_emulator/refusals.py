"""Error answers that come from no service but from the way to it, in the words of AWS."""

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from beanpod_emulator.calls import Call

_QUERY = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    "<RequestId>{request_id}</RequestId></ErrorResponse>"
)
_REST = "<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"


@dataclass(frozen=True)
class Refusal:
    """status: the HTTP status. s3: status, code and message where S3 says it otherwise."""

    status: str
    code: str
    message: str
    s3: tuple[str, str, str] | None = None


BY_FAULT = {
    "throttles": Refusal(
        "400 Bad Request",
        "Throttling",
        "Rate exceeded",
        s3=("503 Slow Down", "SlowDown", "Please reduce your request rate."),
    ),
    "expired-credentials": Refusal(
        "403 Forbidden",
        "ExpiredToken",
        "The security token included in the request is expired",
        s3=("400 Bad Request", "ExpiredToken", "The provided token has expired."),
    ),
}


def answer(refusal: Refusal, call: "Call") -> tuple[str, list[tuple[str, str]], Iterable[bytes]]:
    """Status line, headers and body, in the protocol of the call's service."""
    status, code, message = refusal.status, refusal.code, refusal.message
    if call.service == "s3" and refusal.s3:
        status, code, message = refusal.s3
    if not call.parameters:
        body, kind = json.dumps({"__type": code, "message": message}), "application/x-amz-json-1.1"
    else:
        form = _REST if call.service == "s3" else _QUERY
        body, kind = form.format(code=code, message=escape(message), request_id=uuid.uuid4()), "text/xml"
    return status, [("Content-Type", kind)], [body.encode()]
