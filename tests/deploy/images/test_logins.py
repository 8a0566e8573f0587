"""Which login is used, where it comes from, and that it stays where it was."""

import base64
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from beanpod.deploy.errors import UsageError
from beanpod.deploy.images import ProcessRunner
from beanpod.deploy.images._configuration import logged_in
from beanpod.deploy.images._credentials import Credentials, given_credentials, own_credentials
from beanpod.deploy.images._repository import HUB_KEY
from tests.deploy.engine import Engine
from tests.deploy.images.shop import Shop
from tests.deploy.images.sources import write_source
from tests.deploy.registry import LocalRegistry

_ADA = Credentials("ada", "planted-password")


def _variables(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home)}


def _settings(home: Path, settings: Mapping[str, object]) -> dict[str, str]:
    """Variables of a user whose Docker configuration is this."""
    (home / ".docker").mkdir(parents=True)
    (home / ".docker" / "config.json").write_text(json.dumps(settings))
    return _variables(home)


def _entry(username: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


def _ask_helper(variables: Mapping[str, str], action: str, text: str = "") -> tuple[int, str]:
    """What Docker would be told."""
    command = ["docker-credential-beanpod", action]
    done = subprocess.run(command, env=dict(variables), input=text, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def _login_as_a_person_does(registry: LocalRegistry, variables: Mapping[str, str]) -> None:
    command = ["docker", "login", "--username", registry.username, "--password-stdin", registry.host]
    subprocess.run(command, env=dict(variables), input=registry.password, text=True, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"DOCKER_USERNAME": "ada"}, "DOCKER_USERNAME is set but DOCKER_PASSWORD is not: set both, or neither to use"),
        ({"DOCKER_PASSWORD": "p"}, "DOCKER_PASSWORD is set but DOCKER_USERNAME is not: set both, or neither to use"),
    ],
    ids=["user", "password"],
)
def test_half_a_login_is_refused(environment: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        given_credentials(environment)


def test_a_login_of_empty_variables_is_none() -> None:
    assert given_credentials({"DOCKER_USERNAME": "", "DOCKER_PASSWORD": ""}) is None


def test_a_line_break_pasted_after_a_password_is_not_part_of_it() -> None:
    assert given_credentials({"DOCKER_USERNAME": "ada", "DOCKER_PASSWORD": "p w \n"}) == Credentials("ada", "p w ")


def test_a_login_in_the_users_file_is_found(tmp_path: Path) -> None:
    variables = _settings(tmp_path, {"auths": {"ghcr.io": _entry("ada", "pass:word")}})

    assert own_credentials(variables, "ghcr.io", ProcessRunner()) == Credentials("ada", "pass:word")
    assert own_credentials(variables, "quay.io", ProcessRunner()) is None


def test_a_refresh_token_in_the_users_file_is_found(tmp_path: Path) -> None:
    entry = _entry("<token>", "") | {"identitytoken": "planted-refresh"}
    variables = _settings(tmp_path, {"auths": {"ghcr.io": entry}})

    found = own_credentials(variables, "ghcr.io", ProcessRunner())

    assert found == Credentials("<token>", refresh_token="planted-refresh")


@pytest.mark.parametrize("auth", ["", "%%%", base64.b64encode(b"\xff\xfe").decode()], ids=["empty", "noise", "bytes"])
def test_a_broken_entry_is_no_login(tmp_path: Path, auth: str) -> None:
    variables = _settings(tmp_path, {"auths": {"ghcr.io": {"auth": auth}}})

    assert own_credentials(variables, "ghcr.io", ProcessRunner()) is None


@pytest.mark.parametrize("text", ["{", "[]", ""], ids=["cut off", "a list", "empty"])
def test_a_broken_configuration_is_named(tmp_path: Path, text: str) -> None:
    variables = _settings(tmp_path, {})
    (tmp_path / ".docker" / "config.json").write_text(text)

    with pytest.raises(UsageError, match=r"\.docker/config\.json is no JSON object: mend it, or move it away and run"):
        own_credentials(variables, "ghcr.io", ProcessRunner())


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ('read key; printf \'{"Username":"ada","Secret":"from %s"}\' $key', Credentials("ada", "from ghcr.io")),
        ('echo \'{"Username":"<token>","Secret":"refresh"}\'', Credentials("<token>", refresh_token="refresh")),
        ("echo credentials not found in native keychain; exit 1", None),
        ("echo no JSON", None),
    ],
    ids=["password", "token", "none", "broken"],
)
@pytest.mark.parametrize("settings", [{"credsStore": "own"}, {"credHelpers": {"ghcr.io": "own"}}], ids=["all", "one"])
def test_a_login_in_a_credential_helper_is_found(
    tmp_path: Path, settings: dict[str, object], script: str, found: Credentials | None
) -> None:
    variables = _settings(tmp_path, settings)
    helper = tmp_path / "docker-credential-own"
    helper.write_text(f"#!/bin/sh\n{script}\n")
    helper.chmod(0o755)
    variables["PATH"] = f"{tmp_path}{os.pathsep}{variables['PATH']}"

    assert own_credentials(variables, "ghcr.io", ProcessRunner()) == found


def test_a_credential_helper_that_is_missing_is_no_login(tmp_path: Path) -> None:
    variables = _settings(tmp_path, {"credsStore": "gone"})

    assert own_credentials(variables, "ghcr.io", ProcessRunner()) is None


def test_a_temporary_configuration_holds_no_secret(tmp_path: Path) -> None:
    own = {"auths": {"ghcr.io": _entry("bob", "planted-too")}, "currentContext": "ci"}
    variables = _settings(tmp_path, own)
    with logged_in(variables, _ADA, "localhost:5000") as temporary:
        folder = Path(temporary["DOCKER_CONFIG"])
        text = "".join(path.read_text() for path in folder.rglob("*") if path.is_file())

        assert folder.stat().st_mode & 0o077 == 0
        assert "planted" not in text
        assert own["auths"]["ghcr.io"]["auth"] not in text  # type: ignore[index]
        assert json.loads((folder / "config.json").read_text())["currentContext"] == "ci"


def test_docker_is_told_each_registrys_login(tmp_path: Path) -> None:
    variables = _settings(tmp_path, {"auths": {"ghcr.io": _entry("bob", "b"), "token.io": {"identitytoken": "t"}}})
    with logged_in(variables, _ADA, "localhost:5000") as temporary:
        answers = {key: _ask_helper(temporary, "get", key) for key in ("localhost:5000", "ghcr.io", "token.io", "x.io")}
        listed = _ask_helper(temporary, "list")

    assert json.loads(answers["localhost:5000"][1]) == {
        "ServerURL": "localhost:5000",
        "Username": "ada",
        "Secret": "planted-password",
    }
    assert json.loads(answers["ghcr.io"][1])["Secret"] == "b"
    assert json.loads(answers["token.io"][1])["Username"] == "<token>"
    assert answers["x.io"] == (1, "credentials not found in native keychain")
    assert listed == (0, "{}")


def test_the_login_to_docker_hub_serves_under_all_its_names(tmp_path: Path) -> None:
    with logged_in(_variables(tmp_path), _ADA, HUB_KEY) as temporary:
        settings = json.loads(Path(temporary["DOCKER_CONFIG"], "config.json").read_text())
        answers = [_ask_helper(temporary, "get", key)[0] for key in settings["credHelpers"]]

    assert {HUB_KEY, "docker.io", "index.docker.io"} <= settings["credHelpers"].keys()
    assert set(answers) == {0}


def test_the_login_of_another_registry_stays_with_its_own_helper(tmp_path: Path) -> None:
    variables = _settings(tmp_path, {"credsStore": "desktop", "credHelpers": {"ecr": "ecr-login"}})
    with logged_in(variables, _ADA, "localhost:5000") as temporary:
        settings = json.loads(Path(temporary["DOCKER_CONFIG"], "config.json").read_text())

    assert settings["credsStore"] == "desktop"
    assert settings["credHelpers"] == {"ecr": "ecr-login", "localhost:5000": "beanpod"}


@pytest.mark.parametrize("ending", [None, KeyboardInterrupt(), RuntimeError()], ids=["well", "interrupted", "failed"])
def test_a_temporary_configuration_shows_what_the_user_has_and_goes_without_it(
    tmp_path: Path, ending: BaseException | None
) -> None:
    variables = _settings(tmp_path, {"auths": {"ghcr.io": _entry("bob", "b")}})
    plugin = tmp_path / ".docker" / "cli-plugins" / "docker-buildx"
    plugin.parent.mkdir()
    plugin.write_text("a plugin")
    before = (tmp_path / ".docker" / "config.json").read_bytes()
    temporary = Path()
    try:
        with logged_in(variables, _ADA, "localhost:5000") as used:
            temporary = Path(used["DOCKER_CONFIG"])
            assert (temporary / "cli-plugins" / "docker-buildx").read_text() == "a plugin"
            if ending:
                raise ending
    except (KeyboardInterrupt, RuntimeError):
        pass

    assert not temporary.exists()
    assert plugin.read_text() == "a plugin"
    assert (tmp_path / ".docker" / "config.json").read_bytes() == before


def test_a_users_own_docker_login_is_enough(
    private_registry: LocalRegistry, docker_engine: Engine, tmp_path: Path
) -> None:
    variables = docker_engine.variables(tmp_path / "home")
    _login_as_a_person_does(private_registry, variables)
    shop = Shop(LocalRegistry(private_registry.host, private_registry.folder), docker_engine, variables)
    spec = write_source(tmp_path / "source", "one")

    first, second = shop.publish(spec)[None], shop.publish(spec)[None]

    assert (first.pushed, second.pushed) == (True, False)


def test_a_base_image_is_pulled_with_the_users_own_login(
    private_registry: LocalRegistry, docker_engine: Engine, variables: dict[str, str], tmp_path: Path
) -> None:
    _login_as_a_person_does(private_registry, variables)
    base = Shop(private_registry, docker_engine, variables).publish(write_source(tmp_path / "base", "base"))[None]
    docker_engine.run("image", "rm", f"{base.repository}:{base.tag}")
    # The same registry under another name: another entry in Docker's configuration.
    other = replace(private_registry, host=private_registry.host.replace("localhost", "127.0.0.1"))
    shop = Shop(other, docker_engine, variables)
    dockerfile = f"FROM {base.reference}\nLABEL more=yes\n"

    image = shop.publish(write_source(tmp_path / "source", "", dockerfile=dockerfile))[None]
    docker_engine.remove_images(other.host)

    assert image.pushed
