"""Roles for who has no key, but a token of an OpenID Connect provider, such as a workflow of GitHub.

Nothing here can ask GitHub for its keys: the embedded AWS makes such tokens itself, signed for this run, for who may
order them of it. A token from elsewhere is refused; so are roles whose trust policy does not name the token's claims.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

import json
import time
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from moto.iam.models import iam_backends

from emulator.calls import Call
from emulator.iam.policies import Document, Verdict, judge
from emulator.refusals import Refusal

ACTION = "AssumeRoleWithWebIdentity"
_LIFE_SECONDS = 300
_NOT_OURS = Refusal(
    "400 Bad Request",
    "InvalidIdentityToken",
    "The ID Token provided is not a valid JWT of this embedded AWS: ask it for one, POST /_emulator/web-identity.",
)
_NOT_AUTHORIZED = Refusal("403 Forbidden", "AccessDenied", f"Not authorized to perform sts:{ACTION}")


class WebIdentities:
    """The tokens of one run. account: whose roles they are for."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._key = OctKey.generate_key()

    def token(self, subject: str, audience: str, issuer: str) -> str:
        """A token that is valid for five minutes. issuer: such as https://token.actions.githubusercontent.com."""
        now = int(time.time())
        claims = {"iss": issuer, "aud": audience, "sub": subject, "iat": now, "exp": now + _LIFE_SECONDS}
        return jwt.encode({"alg": "HS256"}, claims, self._key)

    def refusal(self, call: Call) -> Refusal | None:
        """Why the call's token is no good for the role that it asks for; None where it is."""
        try:
            token = jwt.decode(call.parameters.get("WebIdentityToken", ""), self._key, algorithms=["HS256"])
            jwt.JWTClaimsRegistry(exp={"essential": True}).validate(token.claims)
        except (JoseError, ValueError):
            return _NOT_OURS
        claims = token.claims
        host = str(claims["iss"]).removeprefix("https://")
        provider = f"arn:aws:iam::{self._account}:oidc-provider/{host}"
        backend = iam_backends[self._account]["aws"]
        if provider not in backend.open_id_providers:
            text = f"No OpenIDConnect provider found in your account for {claims['iss']}"
            return Refusal("400 Bad Request", "InvalidIdentityToken", text)
        role = next((role for role in backend.roles.values() if role.arn == call.parameters.get("RoleArn")), None)
        trusted = _statements(role, provider)
        context = {f"{host}:{name}": str(claims[name]) for name in ("aud", "sub")}
        verdict = judge([{"Statement": trusted}], f"sts:{ACTION}", None, context)
        return None if verdict is Verdict.ALLOWED else _NOT_AUTHORIZED


def _statements(role: Any, provider: str) -> list[Document]:
    """Those of a role's trust policy that are about a provider."""
    document = json.loads(role.assume_role_policy_document) if role else {"Statement": []}
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    return [it for it in statements if provider in _federated(it.get("Principal"))]


def _federated(principal: Any) -> list[str]:
    named = principal.get("Federated", []) if isinstance(principal, dict) else []
    return [named] if isinstance(named, str) else list(named)
