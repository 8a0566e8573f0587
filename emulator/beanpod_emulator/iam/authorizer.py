"""Authentication and authorization of calls, with AWS's error messages."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from moto.iam.access_control import CreateAccessKeyFailure, create_access_key
from moto.iam.exceptions import NotFoundException
from moto.iam.models import Policy, iam_backends

from beanpod_emulator.iam import web_identity
from beanpod_emulator.iam.policies import Decision, Document, evaluate
from beanpod_emulator.iam.required_permissions import Permission, request_context, required_permissions
from beanpod_emulator.iam.web_identity import WebIdentities
from beanpod_emulator.requests.access import Credentials
from beanpod_emulator.requests.calls import Call
from beanpod_emulator.requests.error_responses import ErrorResponse
from beanpod_emulator.requests.signatures import Signature

CALLER = "emulator.caller"
"""Key of the WSGI environment with the Caller, for services that check permissions themselves."""
_FORBIDDEN = "403 Forbidden"
# Calls that require no permission.
_OPEN = (f"sts:{web_identity.ACTION}", "sts:GetCallerIdentity")
_UNKNOWN_KEY = ErrorResponse(
    _FORBIDDEN,
    "InvalidClientTokenId",
    "The security token included in the request is invalid.",
    s3=(_FORBIDDEN, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
)
_NO_KEY = ErrorResponse(
    _FORBIDDEN,
    "MissingAuthenticationToken",
    "Request is missing Authentication Token",
    s3=(_FORBIDDEN, "AccessDenied", "Access Denied"),
)
_NO_FORMS = ErrorResponse(
    _FORBIDDEN, "AccessDenied", "A form with a policy uploads nothing here: presign a PUT instead."
)
_NO_SAML = ErrorResponse(
    _FORBIDDEN, "AccessDenied", "Nothing here can check a SAML assertion: assume the role with a key."
)


@dataclass(frozen=True)
class Caller:
    """The owner of a known access key: a user, or the session of a role."""

    arn: str
    secret: str = field(repr=False)
    _key: Any = field(default=None, repr=False)

    @property
    def unrestricted(self) -> bool:
        """Whether the key is the one that the server printed, which may do anything."""
        return self._key is None

    @cached_property
    def policies(self) -> list[Document]:
        """The identity policies: inline and managed, a user's groups included."""
        return [_document(policy) for policy in self._key.collect_policies()]


def find_caller(account: str, access_key: str, token: str, printed: Credentials | None = None) -> Caller | None:
    """Return the owner of an access key; None if the key is unknown.

    Args:
        token: The session token; "" without one.
        printed: The credentials that the server printed.
    """
    if printed and access_key == printed.access_key_id and not token:
        return Caller(f"arn:aws:iam::{account}:root", printed.secret_access_key)
    headers = {"X-Amz-Security-Token": token} if token else {}
    try:
        key = create_access_key(account, "aws", access_key, headers)
    except CreateAccessKeyFailure:
        return None
    return Caller(key.arn, key.create_credentials().secret_key, key)


def _document(policy: Any) -> Document:
    text = policy
    if isinstance(policy, Policy):
        text = next(version.document for version in policy.versions if version.is_default)
    elif not isinstance(policy, str):
        text = policy["policy_document"]
    document: Document = json.loads(text)
    return document


def authenticate(
    environ: dict[str, Any],
    body: bytes,
    call: Call,
    signature: Signature | None,
    caller: Caller | None,
    identities: WebIdentities,
    now: datetime,
) -> ErrorResponse | None:
    """Check the call's signature, or its web identity token.

    Args:
        caller: The owner of the access key; None for an unknown key.
        now: The emulator's time, naive UTC.

    Returns:
        The error response for a call that is not authenticated, else None.
    """
    if call.service == "sts" and call.action == "AssumeRoleWithSAML":
        return _NO_SAML
    by_token = call.service == "sts" and call.action == web_identity.ACTION
    if signature is None:
        if not (by_token and _is_plain(environ)):
            return _NO_FORMS if environ.get("CONTENT_TYPE", "").startswith("multipart/form-data") else _NO_KEY
    elif caller is None:
        return _UNKNOWN_KEY
    elif error := signature.verify(environ, body, caller.secret, now):
        return error
    return identities.verify(call) if by_token else None


def _is_plain(environ: dict[str, Any]) -> bool:
    """Whether the form alone decides what the request does."""
    return environ["PATH_INFO"] == "/" and not environ.get("QUERY_STRING") and "HTTP_X_AMZ_TARGET" not in environ


def authorize(account: str, call: Call, caller: Caller) -> ErrorResponse | None:
    """Check that the caller has every permission that the call requires.

    Returns:
        AccessDenied for the first that is missing, InvalidClientTokenId for a session whose role is deleted, else None.
    """
    known = request_context(account, call, caller.arn)
    for required in required_permissions(account, call):
        try:
            message = denial(caller, replace(required, context=known | required.context))
        except NotFoundException:
            return _UNKNOWN_KEY
        if message:
            return ErrorResponse(_FORBIDDEN, "AccessDenied", message)
    return None


def missing_role(call: Call, caller: Caller) -> ErrorResponse | None:
    """Check that the role of AssumeRole exists: AWS answers AccessDenied, also to callers that may do anything."""
    role = call.parameters.get("RoleArn", "") if (call.service, call.action) == ("sts", "AssumeRole") else ""
    account = role.removeprefix("arn:aws:iam::").partition(":")[0]
    if not account.isdecimal() or any(found.arn == role for found in iam_backends[account]["aws"].roles.values()):
        return None
    text = f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {role}"
    return ErrorResponse(_FORBIDDEN, "AccessDenied", text)


# Returns AWS's message when the caller lacks the permission, None when it has it.
Denial = Callable[[Permission], str | None]


def denial(caller: Caller, permission: Permission) -> str | None:
    """Return AWS's message if the caller lacks the permission, else None."""
    if caller.unrestricted or permission.action in _OPEN:
        return None
    decision = evaluate(caller.policies, permission.action, permission.resource, permission.context)
    if decision is Decision.ALLOWED:
        return None
    resource = permission.resource or "*"
    shown = f'"{resource}"' if permission.action.startswith("s3:") else resource
    how = "because" if decision is Decision.NOT_ALLOWED else "with"
    why = decision.value.format(action=permission.action)
    return f"User: {caller.arn} is not authorized to perform: {permission.action} on resource: {shown} {how} {why}"
