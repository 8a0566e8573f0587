"""AssumeRoleWithWebIdentity: a role for the token of an OpenID Connect provider, such as of a GitHub workflow.

GitHub's keys are not available offline: the emulated AWS issues the tokens itself, signed with a key of this run, and
refuses all others. It also refuses audiences that the provider does not list, and roles whose trust policy does not
allow the token's claims.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

import json
import time

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from moto.iam.models import iam_backends

from beanpod_emulator.iam.policies import Decision, evaluate, statements_about
from beanpod_emulator.requests.calls import Call
from beanpod_emulator.requests.error_responses import ErrorResponse

ACTION = "AssumeRoleWithWebIdentity"
_LIFE_SECONDS = 300
_INVALID_TOKEN = ErrorResponse(
    "400 Bad Request",
    "InvalidIdentityToken",
    "The ID Token provided is not a valid JWT of this emulated AWS: ask it for one, POST /_emulator/web-identity.",
)
_WRONG_AUDIENCE = ErrorResponse("400 Bad Request", "InvalidIdentityToken", "Incorrect token audience")
_NOT_AUTHORIZED = ErrorResponse("403 Forbidden", "AccessDenied", f"Not authorized to perform sts:{ACTION}")


class WebIdentities:
    """Issues and checks the tokens of one run, for roles of an account."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._key = OctKey.generate_key()

    def token(self, subject: str, audience: str, issuer: str) -> str:
        """Return a signed JWT, valid for five minutes, of an issuer such as https://token.actions.githubusercontent.com."""
        now = int(time.time())
        claims = {"iss": issuer, "aud": audience, "sub": subject, "iat": now, "exp": now + _LIFE_SECONDS}
        return jwt.encode({"alg": "HS256"}, claims, self._key)

    def verify(self, call: Call) -> ErrorResponse | None:
        """Check the call's token and its audience, and that the role's trust policy allows the token's claims.

        Returns:
            The error response for a token that is rejected, else None.
        """
        try:
            token = jwt.decode(call.parameters.get("WebIdentityToken", ""), self._key, algorithms=["HS256"])
            jwt.JWTClaimsRegistry(exp={"essential": True}).validate(token.claims)
        except (JoseError, ValueError):
            return _INVALID_TOKEN
        claims = token.claims
        host = str(claims["iss"]).removeprefix("https://")
        provider = f"arn:aws:iam::{self._account}:oidc-provider/{host}"
        backend = iam_backends[self._account]["aws"]
        if provider not in backend.open_id_providers:
            text = f"No OpenIDConnect provider found in your account for {claims['iss']}"
            return ErrorResponse("400 Bad Request", "InvalidIdentityToken", text)
        if str(claims["aud"]) not in backend.open_id_providers[provider].client_id_list:
            return _WRONG_AUDIENCE
        role = next((role for role in backend.roles.values() if role.arn == call.parameters.get("RoleArn")), None)
        trust = [statements_about(json.loads(role.assume_role_policy_document), "Federated", provider)] if role else []
        context = {f"{host}:{name}": str(claims[name]) for name in ("aud", "sub")}
        decision = evaluate(trust, f"sts:{ACTION}", None, context)
        return None if decision is Decision.ALLOWED else _NOT_AUTHORIZED
