"""The secrets in the process's variables, which are masked in all output."""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from beanpod.manifest.secret_like import looks_secret, password_in

# Those of CI services and AWS. Others are recognised by words in their names.
_SECRETS = [
    "DOCKER_PASSWORD",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "GH_ENTERPRISE_TOKEN",
    "GITHUB_ENTERPRISE_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "CI_JOB_TOKEN",
    "CI_JOB_JWT",
    "CI_JOB_JWT_V2",
    "CI_REGISTRY_PASSWORD",
    "CI_DEPLOY_PASSWORD",
    "SYSTEM_ACCESSTOKEN",
    "BITBUCKET_STEP_OIDC_TOKEN",
    "CIRCLE_OIDC_TOKEN",
    "CIRCLE_OIDC_TOKEN_V2",
]
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html and -container-credentials.html
_FILES = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
# The value of a variable that only looks like a secret. A shorter one, or a word, would be masked everywhere else, too.
_GUESS = re.compile(r"(?=.{8})(?![a-z-]*$).*", re.DOTALL)


def secret_values(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the secrets in the variables, and in the token files that they name."""
    yield from (environ[name] for name in _SECRETS if name in environ)
    for name in _FILES:
        with suppress(OSError, ValueError):
            yield Path(environ.get(name, "")).read_text()
    yield from _docker_logins(environ.get("DOCKER_AUTH_CONFIG", ""))
    guesses = [value for name, value in environ.items() if looks_secret(name, value)]
    guesses += filter(None, map(password_in, environ.values()))
    yield from filter(_GUESS.match, guesses)


def _docker_logins(text: str) -> Iterator[str]:
    """Yield the secrets of a Docker configuration, as GitLab and docker-py read it from a variable."""
    yield text
    with suppress(ValueError, AttributeError):
        for login in json.loads(text).get("auths").values():
            if isinstance(login, dict):
                yield from (text for key, text in login.items() if isinstance(text, str) and key != "username")
                with suppress(binascii.Error, UnicodeDecodeError):
                    yield base64.b64decode(str(login.get("auth", ""))).decode().partition(":")[2]
