"""A credential helper for Docker: `docker-credential-beanpod get`, with the registry on standard input.

Run alone, without this package. The login comes from the environment of the docker command, other registries' logins
from the user's own configuration: no secret is ever written to a file.
Protocol: https://docs.docker.com/reference/cli/docker/login/#credential-helper-protocol
"""

import base64
import json
import os
import sys

# Docker takes exactly these words for "no login, go on without".
NOT_FOUND = "credentials not found in native keychain"


def credentials(key: str, environment: "os._Environ[str] | dict[str, str]") -> tuple[str, str] | None:
    """User and secret for a registry."""
    if key in environment["BEANPOD_LOGIN_KEYS"].split():
        return environment["DOCKER_USERNAME"], environment["DOCKER_PASSWORD"]
    with open(os.path.join(environment["BEANPOD_DOCKER_CONFIG"], "config.json")) as file:
        entry = json.load(file).get("auths", {}).get(key, {})
    if entry.get("identitytoken"):
        return "<token>", entry["identitytoken"]
    username, _, password = base64.b64decode(entry.get("auth", "")).decode().partition(":")
    return (username, password.rstrip("\0")) if username else None


def main() -> int:
    """`store` and `erase` change nothing, as the login lives in the environment."""
    action, text = sys.argv[1], sys.stdin.read().strip()
    if action == "get":
        found = credentials(text, os.environ)
        answer = {"ServerURL": text, "Username": found[0], "Secret": found[1]} if found else None
        sys.stdout.write(json.dumps(answer) if answer else NOT_FOUND)
        return 0 if answer else 1
    if action == "list":
        sys.stdout.write("{}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
