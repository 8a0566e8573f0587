"""Error responses of the server itself, in AWS's words and in the protocol of the call's service."""

import json
import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse

if TYPE_CHECKING:
    from beanpod_emulator.requests.calls import Call

_QUERY = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    "<RequestId>{request_id}</RequestId></ErrorResponse>"
)
_REST = "<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ErrorResponse:
    """An error response.

    Attributes:
        status: The HTTP status line.
        s3: Status, code and message of S3, where they differ.
    """

    status: str
    code: str
    message: str
    s3: tuple[str, str, str] | None = None

    def render(self, call: "Call") -> tuple[str, list[tuple[str, str]], Iterable[bytes]]:
        """Return status line, headers and body, in the protocol of the call's service."""
        status, code, message = self.status, self.code, self.message
        if call.service == "s3" and self.s3:
            status, code, message = self.s3
        if not call.parameters:
            body, kind = json.dumps({"__type": code, "message": message}), "application/x-amz-json-1.1"
        else:
            template = _REST if call.service == "s3" else _QUERY
            body, kind = template.format(code=code, message=escape(message), request_id=uuid.uuid4()), "text/xml"
        return status, [("Content-Type", kind)], [body.encode()]


FAULT_RESPONSES = {
    "throttles": ErrorResponse(
        "400 Bad Request",
        "Throttling",
        "Rate exceeded",
        s3=("503 Slow Down", "SlowDown", "Please reduce your request rate."),
    ),
    "expired-credentials": ErrorResponse(
        "403 Forbidden",
        "ExpiredToken",
        "The security token included in the request is expired",
        s3=("400 Bad Request", "ExpiredToken", "The provided token has expired."),
    ),
}


class InternalFailureError(ServiceException):
    """An unexpected exception in our services. moto takes the service's name from where the class is defined."""

    code = "InternalFailure"


class ErrorHandlingResponse(BaseResponse):
    """A base of responses that turns unexpected exceptions into error responses.

    The status is 400: SDKs would retry a request that failed with 500.
    """

    def call_action(self) -> Any:
        try:
            return super().call_action()
        except Exception as error:
            _logger.exception("%s failed", self._get_action())
            text = f"The embedded AWS failed: {type(error).__name__}: {error}"
            return self.serialized(ActionResult(InternalFailureError(text)))
