"""Stops what a caller may not do, in AWS's words."""

from dataclasses import replace
from typing import Any

from emulator.calls import Call
from emulator.iam.callers import Caller
from emulator.iam.needs import Need, facts, needs
from emulator.iam.policies import Verdict, judge
from emulator.iam.signatures import is_genuine
from emulator.refusals import Refusal

_FORBIDDEN = "403 Forbidden"
# Asked before anybody has a key, or by anybody who has one.
_OPEN = ("sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML", "sts:GetCallerIdentity")
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
_WRONG_SECRET = Refusal(
    _FORBIDDEN,
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details.",
)


def refusal(account: str, environ: dict[str, Any], call: Call, whose: Caller | None) -> Refusal | None:
    """Why the call is stopped; None when it may go on."""
    if not call.access_key:
        return None if f"{call.service}:{call.action}" in _OPEN else _NO_KEY
    if whose is None:
        return _UNKNOWN_KEY
    if not whose.unrestricted and not is_genuine(environ, call, whose.secret):
        return _WRONG_SECRET
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
