"""What this process was given that is never shown: in a line, in JSON, in a summary, in a trace."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from beanpod.manifest.secret_like import looks_secret, password_in

# CI services and AWS give these to a step. Others are known by their names' words.
_SECRETS = (
    *("DOCKER_PASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
    *(
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "GH_ENTERPRISE_TOKEN",
        "GITHUB_ENTERPRISE_TOKEN",
    ),
    *("ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
    *("CI_JOB_TOKEN", "CI_JOB_JWT", "CI_JOB_JWT_V2", "CI_REGISTRY_PASSWORD", "CI_DEPLOY_PASSWORD"),
    *("SYSTEM_ACCESSTOKEN", "BITBUCKET_STEP_OIDC_TOKEN", "CIRCLE_OIDC_TOKEN", "CIRCLE_OIDC_TOKEN_V2"),
)
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html and -container-credentials.html
_FILES = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
_DOCKER_LOGINS = "DOCKER_AUTH_CONFIG"
# What is in a variable that only looks like one of a secret. A shorter one, or a word, would be missing from every
# line that says it for another reason.
_GUESS = re.compile(r"(?=.{8})(?![a-z-]*$).*", re.DOTALL)


def hidden_values(environ: Mapping[str, str]) -> Iterator[str]:
    """Every secret in the variables, and in the files of tokens that they name."""
    yield from (environ[name] for name in _SECRETS if name in environ)
    for name in _FILES:
        with suppress(OSError, ValueError):
            yield Path(environ.get(name, "")).read_text()
    yield from _docker_logins(environ.get(_DOCKER_LOGINS, ""))
    guesses = [value for name, value in environ.items() if looks_secret(name, value)]
    guesses += filter(None, map(password_in, environ.values()))
    yield from filter(_GUESS.match, guesses)


def _docker_logins(text: str) -> Iterator[str]:
    """Of Docker's configuration in a variable, as GitLab and docker-py read it."""
    yield text
    with suppress(ValueError, AttributeError):
        for login in _tables(json.loads(text).get("auths")):
            yield from (value for value in login.values() if isinstance(value, str) and value != login.get("username"))
            with suppress(binascii.Error, UnicodeDecodeError):
                yield base64.b64decode(str(login.get("auth", ""))).decode().partition(":")[2]


def _tables(found: Any) -> Iterable[dict[str, Any]]:
    return (item for item in found.values() if isinstance(item, dict))
