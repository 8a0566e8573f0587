"""AWS's refusals, with what to do about each."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from beanpod.deploy.aws.permissions import missing_action, remedy
from beanpod.deploy.errors import DeployError, UsageError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

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
# https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html
_WRONG_CLOCK = re.compile(r"Signature (?:expired|not yet current): |RequestTimeTooSkewed: ")
_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "InsufficientPrivilegesException",
    "403",
    "Forbidden",
}
_NOT_LOADED = "the AWS credentials could not be loaded"
_BASIC_HEALTH = re.compile(r"Describe(?:Instances|Environment)Health is not supported")
# Beanstalk reads the bundle in its caller's name and says only that S3 refused.
_UNREADABLE_BUNDLE = re.compile(r"Unable to download from S3 .*Reason: Forbidden")


class AwsError(DeployError):
    """AWS refused a call.

    Attributes:
        code: AWS's error code, such as InvalidParameterValue.
        text: AWS's message.
    """

    def __init__(self, message: str, *, code: str = "", text: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.text = text


class UnansweredError(AwsError):
    """AWS did not answer, or throttled the call, at every attempt; or what answered is not AWS."""


def translated(error: Exception, action: str) -> DeployError:
    """Translate an error of botocore's into one that says what to do.

    Args:
        error: A ClientError, a BotoCoreError, or what botocore lets through: of a file or a program with credentials,
            and for an answer that it cannot read.
        action: The permission that the call needs, such as s3:GetObject.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        return _refusal(error, action)
    if isinstance(error, BotoCoreError):
        return _without_an_answer(error, action)
    if isinstance(error, OSError | ValueError):
        # Of a file with a token, or a program that prints the credentials.
        return UsageError(f"{_NOT_LOADED}: {error}")
    if isinstance(error, EOFError):
        return UsageError(f"{_NOT_LOADED}: the profile asks for an MFA code, which needs a terminal")
    return _not_of_aws(action, "is cut off or not of AWS")


def _refusal(error: "ClientError", action: str) -> DeployError:
    refusal: Mapping[str, Any] = error.response.get("Error", {})
    code, text = refusal.get("Code", ""), _one_line(refusal.get("Message", ""))
    if not code:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return _not_of_aws(action, f"has status {status} and no error code of AWS")
    if code in _EXPIRED:
        return UsageError(f"the AWS credentials have expired ({code}): get new ones and deploy again")
    if _WRONG_CLOCK.search(f"{code}: {text}"):
        return UsageError(f"the clock of this machine is wrong: set it and deploy again: {text}")
    if code in _UNKNOWN:
        return UsageError(
            f"AWS does not accept these credentials ({code}): check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and "
            "AWS_SESSION_TOKEN, or the profile"
        )
    if error.operation_name.startswith("AssumeRole") and not _was_retried(error):
        # botocore assumes the role of a profile or of a web identity before the call itself.
        return UsageError(f"{_NOT_LOADED}: {text or code}")
    if code in _DENIED:
        return _denial(text, action)
    if _UNREADABLE_BUNDLE.search(text):
        return _denial(text, action, missing="s3:GetObject")
    if _was_retried(error):
        return UnansweredError(
            f"AWS still refuses {action} after several attempts ({code}): try again later", code=code, text=text
        )
    if _BASIC_HEALTH.search(text):
        return UsageError(
            "the environment has basic health reporting, and a release reads the health of each instance: set "
            "aws:elasticbeanstalk:healthreporting:system SystemType to enhanced in its stack"
        )
    return AwsError(f"AWS refused {action}: {text or code}", code=code, text=text)


def _not_of_aws(action: str, what: str) -> DeployError:
    return UnansweredError(
        f"{action} failed: the answer {what}, as from a proxy: check the connection, HTTPS_PROXY and "
        "AWS_ENDPOINT_URL, then try again"
    )


def _denial(text: str, action: str, missing: str = "") -> UsageError:
    missing = missing or missing_action(text) or action
    # UpdateEnvironment acts in its caller's name: what is missing is then another action than the one called.
    during = f", which {action} needs" if missing != action else ""
    return UsageError(
        f"these credentials lack the permission {missing}{during}: {remedy(missing, text)}{': ' + text if text else ''}"
    )


def _without_an_answer(error: Exception, action: str) -> DeployError:
    from botocore import exceptions as known

    if isinstance(error, known.NoCredentialsError | known.PartialCredentialsError):
        return UsageError(
            "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or choose a profile "
            "with AWS_PROFILE"
        )
    if isinstance(error, known.NoRegionError):
        return UsageError("no AWS region: set region in the manifest, or AWS_REGION")
    if isinstance(error, known.InvalidRegionError):
        return UsageError(f"{_one_line(str(error)).rstrip('.')}: set region in the manifest, or AWS_REGION")
    # botocore before 1.41 has no `aws login`.
    sessions = (known.SSOError, getattr(known, "LoginError", known.SSOError))
    profiles = (known.ProfileNotFound, known.ConfigParseError, known.ConfigNotFound, known.InvalidConfigError)
    retrieval = (known.CredentialRetrievalError, known.UnknownCredentialError, known.TokenRetrievalError)
    if isinstance(error, (*profiles, *retrieval, *sessions)):
        return UsageError(f"{_NOT_LOADED}: {_one_line(str(error))}")
    if "Invalid header value" in str(error):
        return UsageError("the AWS credentials or the region hold a line break: set the variables without one")
    transient = isinstance(error, known.ConnectionError | known.HTTPClientError | known.IncompleteReadError)
    if transient and not isinstance(error, known.SSLError):
        reason = _one_line(str(error)).rstrip(".")
        return UnansweredError(f"AWS does not answer {action}: {reason}: check the connection, then try again")
    trust = ": AWS_CA_BUNDLE names the certificates to trust" if isinstance(error, known.SSLError) else ""
    return AwsError(f"{action} failed: {_one_line(str(error))}{trust}")


def _was_retried(error: "ClientError") -> bool:
    """Whether botocore took the error for a passing one, and gave up on it."""
    metadata: Mapping[str, Any] = error.response.get("ResponseMetadata", {})
    given_up = metadata.get("MaxAttemptsReached") or metadata.get("RetryQuotaReached")
    return bool(given_up) or metadata.get("HTTPStatusCode", 0) >= 500


def _one_line(text: str) -> str:
    return " ".join(text.split())
