"""Error responses of the server itself, in AWS's words."""

import logging
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse

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
        except NotImplementedError:
            # The middleware's: an action that does not exist here.
            raise
        except Exception as error:
            _logger.exception("%s failed", self._get_action())
            text = f"The emulated AWS failed: {type(error).__name__}: {error}"
            return self.serialized(ActionResult(InternalFailureError(text)))
