"""What AWS refuses, as what a person can do about it."""

import re
from typing import TYPE_CHECKING

from beanpod.deploy.aws.permissions import missing_action, remedy
from beanpod.deploy.errors import DeployError, UsageError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "RequestThrottled",
    "SlowDown",
    "BandwidthLimitExceeded",
    "PriorRequestNotComplete",
    # Two conditional writes at once: S3 asks to try again.
    "ConditionalRequestConflict",
    "OperationAborted",
}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_UNKNOWN = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AuthFailure",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "InvalidToken",
}
_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "InsufficientPrivilegesException",
    "403",
    "Forbidden",
}
# Beanstalk reads the bundle in its caller's name and says only that S3 refused.
_UNREADABLE_BUNDLE = re.compile(r"Unable to download from S3 .*Reason: Forbidden")


class AwsError(DeployError):
    """AWS refused a call. code: in AWS's words, such as InvalidParameterValue. text: what AWS said."""

    def __init__(self, message: str, *, code: str = "", text: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.text = text


class UnansweredError(AwsError):
    """AWS could not be reached, or asked to come back later, as often as it was tried."""


class CredentialsError(UsageError):
    """There are no credentials, or AWS does not take them."""


class DeniedError(UsageError):
    """The credentials lack a permission. action: which, such as elasticbeanstalk:UpdateEnvironment."""

    def __init__(self, message: str, action: str) -> None:
        super().__init__(message)
        self.action = action


def translated(error: Exception, action: str) -> DeployError:
    """The error of ours that says what an error of botocore's means. action: the permission that the call needs."""
    from botocore.exceptions import ClientError

    if isinstance(error, ClientError):
        return _refusal(error, action)
    return _without_an_answer(error, action)


def _refusal(error: "ClientError", action: str) -> DeployError:
    code, text = _code(error), _one_line(error.response["Error"].get("Message", ""))
    if code in _EXPIRED:
        return CredentialsError(f"the AWS credentials have expired ({code}): get new ones and deploy again")
    if code in _UNKNOWN:
        return CredentialsError(
            f"AWS does not take these credentials ({code}): check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and "
            "AWS_SESSION_TOKEN, or the profile"
        )
    if code in _DENIED:
        return _denial(text, action)
    if _UNREADABLE_BUNDLE.search(text):
        return _denial(text, action, missing="s3:GetObject")
    if passes(error):
        return UnansweredError(f"AWS keeps refusing {action} for now ({code}): try again later", code=code, text=text)
    return AwsError(f"AWS refused {action}: {text or code}", code=code, text=text)


def _denial(text: str, action: str, missing: str = "") -> DeniedError:
    missing = missing or missing_action(text) or action
    # UpdateEnvironment acts in its caller's name: what is missing is then another action than the one called.
    during = f", which {action} needs" if missing != action else ""
    return DeniedError(
        f"these credentials lack the permission {missing}{during}: {remedy(missing, text)}"
        f"{': ' + text if text else ''}",
        missing,
    )


def _without_an_answer(error: Exception, action: str) -> DeployError:
    from botocore import exceptions as known

    if isinstance(error, known.NoCredentialsError | known.PartialCredentialsError):
        return CredentialsError(
            "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or choose a profile "
            "with AWS_PROFILE"
        )
    if isinstance(error, known.NoRegionError):
        return UsageError("no AWS region is known: write region into the stage, or set AWS_REGION")
    if isinstance(error, known.ProfileNotFound | known.CredentialRetrievalError | known.TokenRetrievalError):
        return CredentialsError(f"the AWS credentials cannot be had: {_one_line(str(error))}")
    if passes(error):
        reason = _one_line(str(error)).rstrip(".")
        return UnansweredError(f"AWS does not answer {action}: {reason}: check the connection, then try again")
    return AwsError(f"{action} failed: {_one_line(str(error))}")


def passes(error: Exception) -> bool:
    """Whether the same call may succeed a moment later."""
    from botocore import exceptions as known

    if isinstance(error, known.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return _code(error) in _THROTTLED or status >= 500
    if isinstance(error, known.SSLError):
        return False
    return isinstance(error, known.ConnectionError | known.HTTPClientError | known.IncompleteReadError)


def _code(error: "ClientError") -> str:
    return error.response["Error"].get("Code", "")


def _one_line(text: str) -> str:
    return " ".join(text.split())
