"""The login to a registry, and who may pull from it, by way of the docker command and real registries."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from beanpod.deploy.errors import BuildError, UsageError
from beanpod.deploy.images import CommandResult, Repository, connect, given_credentials, is_public
from beanpod.deploy.images.docker import Docker
from beanpod.deploy.images.registry import Credentials, log_in, published_digest, temporary_configuration
from tests.deploy.bundles.projects import write
from tests.deploy.clocks import StillClock
from tests.deploy.engine import Engine
from tests.deploy.images.fakes import ScriptedRunner, Shop, printed, write_source
from tests.deploy.registry import LocalRegistry
from tests.fake_reporter import FakeReporter
from tests.unprivileged import WITHOUT_RIGHTS

HUB_KEY = "https://index.docker.io/v1/"
VARIABLES = {"PATH": os.environ["PATH"]}


def public(image: str, variables: Mapping[str, str] = VARIABLES) -> bool:
    return is_public(Docker(variables, FakeReporter(), StillClock()), image)


def docker_of(runner: ScriptedRunner, variables: Mapping[str, str] = VARIABLES) -> Docker:
    return Docker(variables, FakeReporter(), StillClock(), runner)


@pytest.mark.parametrize(
    ("image", "host", "path", "reference", "is_local"),
    [
        ("ada/guestbook", "docker.io", "ada/guestbook", "latest", False),
        ("guestbook:1.2", "docker.io", "library/guestbook", "1.2", False),
        ("docker.io/ada/guestbook", "docker.io", "ada/guestbook", "latest", False),
        ("ghcr.io/ada/guestbook:1@sha256:ab", "ghcr.io", "ada/guestbook", "sha256:ab", False),
        ("ghcr.io/guestbook", "ghcr.io", "guestbook", "latest", False),
        ("images.example.com:8443/a/b/c", "images.example.com:8443", "a/b/c", "latest", False),
        ("127.example.com/a", "127.example.com", "a", "latest", False),
        ("10.0.0.1:5000/a", "10.0.0.1:5000", "a", "latest", False),
        ("localhost/guestbook", "localhost", "guestbook", "latest", True),
        ("localhost:5000/guestbook:1", "localhost:5000", "guestbook", "1", True),
        ("127.0.0.1:5000/a/b", "127.0.0.1:5000", "a/b", "latest", True),
    ],
)
def test_an_image_is_read_as_docker_reads_it(image: str, host: str, path: str, reference: str, is_local: bool) -> None:
    repository, found = Repository.of_image(image)
    assert (repository.host, repository.path, found, repository.is_local) == (host, path, reference, is_local)


def test_credentials_are_read_from_the_environment() -> None:
    assert given_credentials({"DOCKER_USERNAME": "", "DOCKER_PASSWORD": ""}) is None
    # A line break is pasted after a password easily.
    given = given_credentials({"DOCKER_USERNAME": "ada", "DOCKER_PASSWORD": "p w \n"})
    assert given == Credentials("ada", "p w ")
    assert "p w" not in repr(given)
    with pytest.raises(UsageError, match="DOCKER_USERNAME is set but DOCKER_PASSWORD is not: set both, or neither to"):
        given_credentials({"DOCKER_USERNAME": "ada"})
    with pytest.raises(UsageError, match="DOCKER_PASSWORD is set but DOCKER_USERNAME is not"):
        given_credentials({"DOCKER_PASSWORD": "p"})


@pytest.mark.parametrize(
    "answer",
    [
        'Error: Get "https://registry-1.docker.io/v2/": unauthorized: incorrect username or password',
        "Error response from daemon: login attempt to http://localhost:5801/v2/ failed with status: 401 Unauthorized",
        'Error response from daemon: Get "https://ghcr.io/v2/": denied: denied',
    ],
    ids=["Docker Hub", "password file", "GitHub"],
)
def test_a_login_that_is_refused_names_the_user(answer: str) -> None:
    runner = ScriptedRunner({"login": printed(1, answer)})
    with pytest.raises(UsageError, match="Docker Hub refuses the login of ada: check DOCKER_USERNAME and DOCKER_PASS"):
        log_in(docker_of(runner), Repository("ada/guestbook"), Credentials("ada", "planted"))
    assert runner.commands == [["docker", "login", "--username", "ada", "--password-stdin"]]


def configured(home: Path, settings: Mapping[str, object] | str) -> dict[str, str]:
    """The variables of a user with this Docker configuration."""
    write(home, {".docker/config.json": settings if isinstance(settings, str) else json.dumps(settings)})
    return {**VARIABLES, "HOME": str(home)}


def entry(username: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


def settings_of(variables: Mapping[str, str]) -> dict[str, dict[str, str]]:
    settings: dict[str, dict[str, str]] = json.loads(Path(variables["DOCKER_CONFIG"], "config.json").read_text())
    return settings


@pytest.mark.parametrize("text", ["{", "[]", ""], ids=["cut off", "a list", "empty"])
def test_a_broken_configuration_is_named(tmp_path: Path, text: str) -> None:
    variables = configured(tmp_path, text) | {"DOCKER_USERNAME": "ada", "DOCKER_PASSWORD": "p"}
    with (
        pytest.raises(UsageError, match=r"\.docker/config\.json is not a JSON object: correct it, or move it away"),
        connect(Docker(variables, FakeReporter(), StillClock()), "ghcr.io/ada/shop"),
    ):
        pass


def test_a_configuration_of_another_user_is_named(tmp_path: Path) -> None:
    """As `sudo docker login` leaves it."""
    variables = configured(tmp_path, {})
    (tmp_path / ".docker" / "config.json").chmod(0)
    code = """
import os
from beanpod.deploy.images.registry import Repository, temporary_configuration
with temporary_configuration(os.environ, Repository("ada/shop")):
    pass
"""
    command = [*WITHOUT_RIGHTS, sys.executable, "-c", code]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert "UsageError" in done.stderr
    assert ".docker/config.json cannot be read: Permission denied: run `sudo chown -R " in done.stderr


@pytest.mark.parametrize("ending", [None, KeyboardInterrupt(), RuntimeError()], ids=["well", "interrupted", "failed"])
def test_temporary_configuration_has_the_users_plugins_and_logins_and_is_removed(
    tmp_path: Path, ending: BaseException | None
) -> None:
    own = {"auths": {"ghcr.io": entry("bob", "b")}, "currentContext": "ci", "credsStore": "desktop"}
    variables = configured(tmp_path, own) | {"DOCKER_USERNAME": "ada", "DOCKER_PASSWORD": "planted"}
    write(tmp_path, {".docker/cli-plugins/docker-buildx": "a plugin"})
    with (
        suppress(KeyboardInterrupt, RuntimeError),
        temporary_configuration(variables, Repository("localhost:5000/a")) as temporary,
    ):
        folder = Path(temporary["DOCKER_CONFIG"])
        assert folder.stat().st_mode & 0o077 == 0
        assert (folder / "config.json").stat().st_mode & 0o077 == 0
        assert (folder / "cli-plugins" / "docker-buildx").read_text() == "a plugin"
        assert settings_of(temporary) == {**own, "credHelpers": {"localhost:5000": ""}}
        assert "planted" not in temporary.values()
        if ending:
            raise ending
    assert not folder.exists()
    assert (tmp_path / ".docker/cli-plugins/docker-buildx").read_text() == "a plugin"
    assert json.loads((tmp_path / ".docker" / "config.json").read_text()) == own


@pytest.mark.parametrize("unreadable", ["", "{", "[]", '{"auths": []}'])
def test_another_login_in_the_variables_does_not_win(tmp_path: Path, unreadable: str) -> None:
    """Docker's client prefers DOCKER_AUTH_CONFIG, such as one that can only pull, to its config.json."""
    given = {"auths": {"ghcr.io": entry("bob", "b"), HUB_KEY: entry("bob", "h")}, "credsStore": "own"}
    variables = configured(tmp_path, {}) | {"DOCKER_AUTH_CONFIG": json.dumps(given)}
    with temporary_configuration(variables, Repository("ghcr.io/ada/shop")) as temporary:
        assert json.loads(temporary["DOCKER_AUTH_CONFIG"]) == {**given, "auths": {HUB_KEY: entry("bob", "h")}}
    with temporary_configuration({**variables, "DOCKER_AUTH_CONFIG": unreadable}, Repository("ada/shop")) as temporary:
        assert temporary["DOCKER_AUTH_CONFIG"] == unreadable


@pytest.mark.parametrize(("repository", "key"), [("ada/shop", HUB_KEY), ("ghcr.io/ada/shop", "ghcr.io")])
def test_docker_hubs_login_has_a_key_of_its_own(tmp_path: Path, repository: str, key: str) -> None:
    variables = configured(tmp_path, {"credHelpers": None})
    with temporary_configuration(variables, Repository(repository)) as temporary:
        assert settings_of(temporary) == {"credHelpers": {key: ""}}


def test_a_login_is_not_written_to_the_users_credential_store(
    private_registry: LocalRegistry, docker_engine: Engine, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    helper = tmp_path / "docker-credential-own"
    helper.write_text(f'#!/bin/sh\necho "$1" >> {calls}\necho credentials not found in native keychain; exit 1\n')
    helper.chmod(0o755)
    settings = {"credsStore": "own", "credHelpers": {private_registry.host: "own", "ghcr.io": "own"}}
    variables = docker_engine.variables(tmp_path / "home") | configured(tmp_path / "home", settings)
    variables["PATH"] = f"{tmp_path}{os.pathsep}{variables['PATH']}"
    shop = Shop(private_registry, docker_engine, variables)

    assert shop.publish(write_source(tmp_path / "source", "one"))[None].pushed
    assert not calls.exists() or "store" not in calls.read_text().split()


def test_the_users_own_login_is_used_for_base_images_and_pushes(
    private_registry: LocalRegistry, docker_engine: Engine, variables: dict[str, str], tmp_path: Path
) -> None:
    command = ["docker", "login", "--username", private_registry.username, "--password-stdin", private_registry.host]
    subprocess.run(command, env=variables, input=private_registry.password, text=True, check=True, capture_output=True)
    own = Shop(LocalRegistry(private_registry.host, private_registry.folder), docker_engine, variables)
    base = own.publish(write_source(tmp_path / "base", "base"))[None]
    # Everybody else cannot pull the image.
    assert (base.pushed, public(base.reference, variables)) == (True, False)
    docker_engine.run("image", "rm", f"{base.repository}:{base.tag}")

    # The same registry under another name has another entry in Docker's configuration.
    other = replace(private_registry, host=private_registry.host.replace("localhost", "127.0.0.1"))
    shop = Shop(other, docker_engine, variables)
    image = shop.publish(write_source(tmp_path / "source", "", dockerfile=f"FROM {base.reference}\nLABEL more=yes\n"))
    docker_engine.remove_images(other.host)

    assert image[None].pushed


def test_an_image_in_an_open_registry_is_public(open_shop: Shop, tmp_path: Path) -> None:
    image = open_shop.publish(write_source(tmp_path, "one"))[None]
    assert public(image.reference)
    assert public(f"{image.repository}:{image.tag}")
    assert not public(f"{image.repository}@sha256:{'0' * 64}")
    # At another address than localhost Docker expects TLS.
    assert public(image.reference.replace("localhost", "0.0.0.0"))


NO_HOST = "dial tcp: lookup no.such.invalid on 10.0.0.1:53: no such host"
# What Docker answers about an image, and the failure that it is; none if the image is private or does not exist.
LOOK_UPS = {
    # Docker Hub, GitHub, Google, Azure and AWS.
    "errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required": "",
    'Get "https://ghcr.io/v2/ada/shop/manifests/1": denied: denied': "",
    'denied: Permission "artifactregistry.repositories.downloadArtifacts" denied': "",
    'Get "https://ada.azurecr.io/v2/shop/manifests/1": unauthorized: authentication required': "",
    'Get "https://1.dkr.ecr.eu-west-1.amazonaws.com/v2/shop/manifests/1": no basic auth credentials': "",
    "no such manifest: docker.io/ada/shop:1": "",
    f'Get "https://no.such.invalid/v2/": {NO_HOST}': "the registry does not answer: check its address and that it runs",
    "toomanyrequests: You have reached your unauthenticated pull rate limit.": (
        r"the registry's rate limit for this address is reached \(429\)$"
    ),
    "received unexpected HTTP status: 503 Service Unavailable": "the registry or the network failed: try again",
    "permission denied while trying to connect to the Docker daemon socket": "may not use the Docker engine",
    "docker: 'manifest' is not a docker command.": "exit code 1: docker: 'manifest' is not a docker command",
}


@pytest.mark.parametrize(("text", "message"), LOOK_UPS.items(), ids=LOOK_UPS)
def test_an_image_that_the_registry_refuses_is_private_and_anything_else_unknown(text: str, message: str) -> None:
    docker = docker_of(ScriptedRunner({"manifest inspect": printed(1, text)}))
    if message:
        with pytest.raises(BuildError, match=f"^looking up ada/shop:1 without a login failed: .*{message}"):
            is_public(docker, "ada/shop:1")
    else:
        assert not is_public(docker, "ada/shop:1")


def test_a_registry_that_is_down_is_unknown(docker_engine: Engine) -> None:
    with pytest.raises(BuildError, match="looking up localhost:9/a/b:1 without a login failed: the registry does not"):
        public("localhost:9/a/b:1")


def test_a_registry_in_trouble_is_asked_again() -> None:
    unavailable = printed(1, "received unexpected HTTP status: 503 Service Unavailable")
    runner = ScriptedRunner({"manifest inspect": [unavailable, unavailable, printed(0, "{}")]})
    clock = StillClock()
    assert is_public(Docker({}, FakeReporter(), clock, runner), "ada/shop:1")
    assert clock.sleeps == [2.0, 8.0]


def test_the_anonymous_question_uses_no_login_of_the_user(tmp_path: Path) -> None:
    runner = ScriptedRunner()
    login = {"DOCKER_AUTH_CONFIG": "planted", "DOCKER_PASSWORD": "planted", "DOCKER_CONTEXT": "ci"}
    variables = configured(tmp_path, {"auths": {HUB_KEY: entry("ada", "planted")}}) | login
    is_public(docker_of(runner, variables), f"ada/shop:1@sha256:{'a' * 64}")
    (environment,) = runner.environments
    assert environment.keys() == {"PATH", "HOME", "DOCKER_CONFIG"}
    assert environment["DOCKER_CONFIG"] != str(tmp_path / ".docker")
    # With a tag beside the digest Docker would look up the tag.
    assert runner.commands[0][-1] == f"ada/shop@sha256:{'a' * 64}"


DIGEST, CONFIG = "sha256:" + "d" * 64, "sha256:" + "c" * 64


def of_type(kind: str, config: str, digest: str = DIGEST) -> dict[str, Any]:
    return {"Descriptor": {"digest": digest}, kind: {"config": {"digest": config}}}


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (of_type("SchemaV2Manifest", CONFIG), True),
        (of_type("OCIManifest", CONFIG), True),
        (of_type("OCIManifest", "sha256:e", digest=CONFIG), True),
        (of_type("OCIManifest", "sha256:e"), False),
        ({"Descriptor": {"digest": DIGEST}}, False),
        ([{"Descriptor": {"digest": CONFIG}}], False),
        (printed(1, "no such manifest: docker.io/ada/shop:1"), False),
        (printed(0, "no JSON"), False),
    ],
    ids=["Docker", "OCI", "containerd image store", "another", "unknown type", "index", "nothing", "no JSON"],
)
def test_an_image_is_published_if_its_manifest_has_the_engines_id(answer: object, found: bool) -> None:
    given = answer if isinstance(answer, CommandResult) else printed(0, json.dumps(answer))
    docker = docker_of(ScriptedRunner({"manifest inspect": given}))
    assert (published_digest(docker, "ada/shop:1", CONFIG) is not None) is found
