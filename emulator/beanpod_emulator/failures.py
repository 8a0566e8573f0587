"""How a mistake in our own services reaches the client: as an answer it can show, not as a page of HTML."""

import logging
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse

_log = logging.getLogger(__name__)


class InternalFailureError(ServiceException):
    """What went wrong is ours. A class of our own: moto takes the service's name from where the class is written."""

    code = "InternalFailure"


class AnswersFailures(BaseResponse):
    """A base of responses whose unexpected exceptions become an error answer.

    The error is the client's kind, HTTP 400: SDKs would send a request that failed with 500 again and again.
    """

    def call_action(self) -> Any:
        try:
            return super().call_action()
        except Exception as error:
            _log.exception("%s failed", self._get_action())
            text = f"The embedded AWS failed: {type(error).__name__}: {error}"
            return self.serialized(ActionResult(InternalFailureError(text)))
