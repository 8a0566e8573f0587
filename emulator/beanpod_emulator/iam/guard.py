"""Refuses calls that are not authenticated or not authorized, with AWS's messages."""

from dataclasses import replace
from typing import Any

from beanpod_emulator.calls import Call
from beanpod_emulator.iam import web_identity
from beanpod_emulator.iam.callers import Caller
from beanpod_emulator.iam.needs import Need, facts, needs
from beanpod_emulator.iam.policies import Verdict, judge
from beanpod_emulator.iam.signatures import Signature
from beanpod_emulator.iam.web_identity import WebIdentities
from beanpod_emulator.refusals import Refusal

_FORBIDDEN = "403 Forbidden"
# Calls that require no permission.
_OPEN = (f"sts:{web_identity.ACTION}", "sts:GetCallerIdentity")
_UNKNOWN_KEY = Refusal(
    _FORBIDDEN,
    "InvalidClientTokenId",
    "The security token included in the request is invalid.",
    s3=(_FORBIDDEN, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
)
_NO_KEY = Refusal(
    _FORBIDDEN,
    "MissingAuthenticationToken",
    "Request is missing Authentication Token",
    s3=(_FORBIDDEN, "AccessDenied", "Access Denied"),
)
_NO_FORMS = Refusal(_FORBIDDEN, "AccessDenied", "A form with a policy uploads nothing here: presign a PUT instead.")
_NO_SAML = Refusal(_FORBIDDEN, "AccessDenied", "Nothing here can check a SAML assertion: assume the role with a key.")


def unauthenticated(
    environ: dict[str, Any],
    body: bytes,
    call: Call,
    signature: Signature | None,
    whose: Caller | None,
    identities: WebIdentities,
) -> Refusal | None:
    """Return why the call is not authenticated; None when its signature, or its web identity token, is valid."""
    if call.service == "sts" and call.action == "AssumeRoleWithSAML":
        return _NO_SAML
    by_token = call.service == "sts" and call.action == web_identity.ACTION
    if signature is None:
        if not (by_token and _is_plain(environ)):
            return _unsigned(environ)
    elif whose is None:
        return _UNKNOWN_KEY
    elif wrong := signature.refusal(environ, body, whose.secret):
        return wrong
    return identities.refusal(call) if by_token else None


def _is_plain(environ: dict[str, Any]) -> bool:
    """Whether the form alone decides what the request does."""
    return environ["PATH_INFO"] == "/" and not environ.get("QUERY_STRING") and "HTTP_X_AMZ_TARGET" not in environ


def _unsigned(environ: dict[str, Any]) -> Refusal:
    return _NO_FORMS if environ.get("CONTENT_TYPE", "").startswith("multipart/form-data") else _NO_KEY


def refusal(account: str, call: Call, whose: Caller) -> Refusal | None:
    """Return which permission the caller lacks; None when the call is allowed."""
    known = facts(account, call, whose.arn)
    wanted = (replace(need, context=known | need.context) for need in needs(account, call))
    said = next(filter(None, (denial(whose, need) for need in wanted)), None)
    return Refusal(_FORBIDDEN, "AccessDenied", said) if said else None


def denial(whose: Caller, need: Need) -> str | None:
    """What AWS says when the caller lacks the permission; None when there it is."""
    if whose.unrestricted or need.action in _OPEN:
        return None
    verdict = judge(whose.policies, need.action, need.resource, need.context)
    return None if verdict is Verdict.ALLOWED else _words(whose, need, verdict)


def _words(whose: Caller, need: Need, verdict: Verdict) -> str:
    resource = need.resource or "*"
    shown = f'"{resource}"' if need.action.startswith("s3:") else resource
    how = "because" if verdict is Verdict.NOT_ALLOWED else "with"
    why = verdict.value.format(action=need.action)
    return f"User: {whose.arn} is not authorized to perform: {need.action} on resource: {shown} {how} {why}"
