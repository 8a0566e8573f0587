"""Real Docker in real trouble, and what is left of a deployment that is cut off."""

import base64
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from beanpod.deploy.errors import BuildError
from beanpod.deploy.images import ProcessRunner
from beanpod.deploy.images._client import failure
from tests.cli.commands.test_build import WITHOUT_RIGHTS
from tests.deploy.engine import Engine
from tests.deploy.images.canned import Answer, canned
from tests.deploy.images.shop import Shop
from tests.deploy.images.sources import write_source
from tests.deploy.registry import LocalRegistry

_ROOT = Path(__file__).parents[3]
_LIMIT = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}'


@pytest.fixture
def shop(private_registry: LocalRegistry, docker_engine: Engine, variables: dict[str, str]) -> Shop:
    return Shop(private_registry, docker_engine, variables)


def test_a_machine_without_docker_is_told(
    private_registry: LocalRegistry, docker_engine: Engine, tmp_path: Path
) -> None:
    shop = Shop(private_registry, docker_engine, {"PATH": str(tmp_path), "HOME": str(tmp_path)})

    with pytest.raises(
        BuildError, match=r"looking for the Docker engine failed: there is no docker command on the PAT"
    ):
        shop.publish(write_source(tmp_path, "one"))


def test_an_engine_that_is_not_running_is_told(shop: Shop, tmp_path: Path) -> None:
    shop.variables["DOCKER_HOST"] = f"unix://{tmp_path}/nobody"

    with pytest.raises(
        BuildError, match=r"looking for the Docker engine failed: no Docker engine answers: start Docker"
    ):
        shop.publish(write_source(tmp_path, "one"))


def test_a_rate_limit_on_the_base_image_names_the_remedy(shop: Shop, tmp_path: Path) -> None:
    with canned(Answer(429, _LIMIT, {"Content-Type": "application/json"})) as limited:
        spec = write_source(tmp_path, "", dockerfile=f"FROM {limited.host}/library/base:1\n")
        with pytest.raises(
            BuildError, match=r"building .* failed: the registry's rate limit is reached \(429\): set DO"
        ):
            shop.publish(spec)


def test_an_image_for_another_platform_is_not_pushed(
    private_registry: LocalRegistry, docker_engine: Engine, tmp_path: Path
) -> None:
    # The classic builder takes an image from its cache for the other platform, too.
    shop = Shop(private_registry, docker_engine, docker_engine.variables(tmp_path / "home"))
    spec = write_source(tmp_path / "source", "one")
    image = shop.publish(spec)[None]
    shop.platform = docker_engine.other_platform

    with pytest.raises(
        BuildError, match=f"the image is for {docker_engine.platform}, the instances are {shop.platform}:"
    ):
        shop.publish(spec)
    assert shop.registry.tags(shop.path) == [image.tag]


def test_the_password_is_in_no_command_line_file_or_line_of_output(shop: Shop, tmp_path: Path) -> None:
    password = shop.registry.password
    secrets = (password, base64.b64encode(f"ada:{password}".encode()).decode())
    seen: list[str] = []

    def watch(environment: dict[str, str]) -> None:
        seen.extend(_command_lines())
        seen.extend(_files(Path(environment["DOCKER_CONFIG"])))
        seen.extend(_files(Path(environment["HOME"])))

    shop.runner.while_running = watch
    shop.publish(write_source(tmp_path / "source", "one"))
    seen.append(shop.report.everything)

    assert any("docker" in text and "push" in text for text in seen)
    assert not [text for text in seen for secret in secrets if secret in text]
    assert shop.report.masked == [password]


def _command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended


def _files(folder: Path) -> Iterator[str]:
    return (path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())


_CHILD = """
import os, signal, sys
from pathlib import Path
from beanpod.deploy.images import ProcessRunner, build_and_push, connect
from tests.deploy.images.recorder import Recorder
from tests.deploy.images.sources import write_source

repository, platform, source, word = sys.argv[1:]

class KillingRunner(ProcessRunner):
    def run(self, arguments, **options):
        def die(line):
            os.kill(os.getpid(), signal.SIGKILL)
        if arguments[1] == word:
            options["show"] = die
        return super().run(arguments, **options)

with connect(repository, environment=os.environ, report=Recorder(), runner=KillingRunner()) as (docker, registry):
    spec = write_source(Path(source), "one")
    build_and_push([spec], platform=platform, docker=docker, registry=registry, report=Recorder())
"""


@pytest.mark.parametrize("word", ["login", "build", "push"])
def test_a_deployment_that_is_killed_leaves_no_secret_and_its_next_run_arrives(
    private_registry: LocalRegistry, docker_engine: Engine, tmp_path: Path, word: str
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    shop = Shop(private_registry, docker_engine, docker_engine.variables(tmp_path / "home"))
    shop.variables |= {"TMPDIR": str(temporary)}
    command = [sys.executable, "-c", _CHILD, shop.repository, shop.platform, str(tmp_path / "source"), word]
    killed = subprocess.run(command, env=shop.variables, cwd=_ROOT, check=False)
    left = "".join(_files(temporary))

    image = shop.publish(write_source(tmp_path / "source", "one"))[None]

    assert killed.returncode == -signal.SIGKILL
    assert left
    assert private_registry.password not in left
    assert image.digest == private_registry.digest(shop.path, image.tag)


def test_an_interruption_ends_docker_and_removes_the_login(shop: Shop, tmp_path: Path) -> None:
    folders: list[Path] = []

    def interrupt(environment: dict[str, str]) -> None:
        folders.append(Path(environment["DOCKER_CONFIG"]))
        if shop.runner.commands[-1][1] == "push":
            raise KeyboardInterrupt

    shop.runner.while_running = interrupt
    with pytest.raises(KeyboardInterrupt):
        shop.publish(write_source(tmp_path / "source", "one"))

    assert shop.runner.commands[-1][1] == "push"
    assert not folders[-1].exists()
    assert not [line for line in _command_lines() if shop.repository in line]


def test_folder_of_the_context_that_cannot_be_read_names_the_remedy(
    private_registry: LocalRegistry, docker_engine: Engine, tmp_path: Path
) -> None:
    spec = write_source(tmp_path / "source", "one")
    (spec.context / "private").mkdir(mode=0)
    command = [*WITHOUT_RIGHTS, "docker", "build", "--file", str(spec.dockerfile), str(spec.context)]
    variables = docker_engine.variables(tmp_path / "home")

    refused = ProcessRunner().run(command, environment=variables, timeout=300)
    assert "cannot read every file in the build context" in str(failure("building", refused))
    (spec.context / "private").chmod(0o700)
    assert ProcessRunner().run(command, environment=variables, timeout=300).code == 0
