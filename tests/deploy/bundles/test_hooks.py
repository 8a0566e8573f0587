"""The scripts run for real: with the real docker against a real registry. Only Beanstalk's get-config is ours."""

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from beanpod.deploy.bundles import Bundle
from beanpod.deploy.bundles.hooks import cleanup_hook, login_hooks
from tests.deploy.engine import Engine
from tests.deploy.registry import LocalRegistry, local_registry

PASSWORD = "planted 'quote\" $HOME %s \\"
# Prints as the real one does, from variables of its own.
GET_CONFIG = """#!/bin/sh
case "$1 $2" in "environment -k" | "container -k") printenv "CONFIG_$3" ;; *) exit 1 ;; esac
"""


@pytest.fixture(scope="module")
def private(docker_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRegistry]:
    with local_registry(tmp_path_factory.mktemp("private"), username="ada", password=PASSWORD) as registry:
        yield registry


@pytest.fixture(scope="module")
def public(docker_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRegistry]:
    with local_registry(tmp_path_factory.mktemp("public")) as registry:
        yield registry


class Instance:
    """Where hooks run: a home, a state and programs of its own, the machine's Docker."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        self._program("get-config", GET_CONFIG)
        # The machine's other images are not ours to prune, and somebody may be building.
        docker = shutil.which("docker", path=variables["PATH"])
        recorded = f'[ "$1 $2" = "image prune" ] && echo "$3" >> {folder}/pruned && exit'
        self._program("docker", f'#!/bin/sh\n{recorded}\nexec {docker} "$@"\n')
        self._program("sleep", f'#!/bin/sh\necho "$1" >> {folder}/slept\n')
        self.variables = variables | {"PATH": f"{folder}:{variables['PATH']}", "HOME": str(self.home)}

    def run(self, script: bytes, **variables: str) -> "subprocess.CompletedProcess[str]":
        path = self.folder / "hook.sh"
        path.write_bytes(script.replace(b"/var/lib/beanpod", os.fsencode(self.folder / "state")))
        path.chmod(0o755)
        return subprocess.run([path], env=self.variables | variables, capture_output=True, text=True, check=False)

    def docker(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(["docker", *arguments], env=self.variables, capture_output=True, text=True, check=False)

    def clean_up(self, *images: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        (hook,) = Bundle.of(cleanup_hook(images), service="guestbook", application="a").files.values()
        return self.run(hook.data, **variables)

    @property
    def pruned(self) -> int:
        return (self.folder / "pruned").read_text().split().count("--force")

    @property
    def slept(self) -> list[str]:
        file = self.folder / "slept"
        return file.read_text().split() if file.exists() else []

    def _program(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)


@pytest.fixture
def instance(docker_engine: Engine, tmp_path: Path) -> Instance:
    return Instance(tmp_path, docker_engine.variables(tmp_path / "home"))


def login_script(registry: LocalRegistry) -> bytes:
    hook, *_ = login_hooks(f"{registry.host}/ada/guestbook").values()
    return hook.data


def publish(engine: Engine, registry: LocalRegistry, folder: Path, content: str) -> str:
    """A new image in the registry, by its digest; it is not on this machine."""
    with tarfile.open(folder / "image.tar", "w") as archive:
        entry = tarfile.TarInfo("content")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content.encode()))
    name = f"{registry.host}/ada/guestbook:{content}"
    engine.run("import", "--change", 'CMD ["none"]', str(folder / "image.tar"), name)
    engine.run("push", name)
    engine.run("image", "rm", name)
    return f"{name}@{registry.digest('ada/guestbook', content)}"


@pytest.mark.parametrize("prefix", ["", "CONFIG_"], ids=["as variables", "from get-config"])
def test_login_lets_docker_pull(private: LocalRegistry, instance: Instance, prefix: str) -> None:
    given = {f"{prefix}DOCKER_USERNAME": "ada", f"{prefix}DOCKER_PASSWORD": PASSWORD}
    assert "no basic auth credentials" in instance.docker("pull", f"{private.host}/ada/guestbook:none").stderr
    done = instance.run(login_script(private), **given)
    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    assert "manifest unknown" in instance.docker("pull", f"{private.host}/ada/guestbook:none").stderr


def test_a_wrong_password_ends_the_deployment_after_three_attempts(private: LocalRegistry, instance: Instance) -> None:
    done = instance.run(login_script(private), DOCKER_USERNAME="ada", DOCKER_PASSWORD="wrong-one")
    assert done.returncode == 1
    assert f"ada cannot log in at {private.host}: put the right password into the secret." in done.stderr
    assert instance.slept == ["5", "5"]
    assert "wrong-one" not in done.stdout + done.stderr


def test_a_missing_password_is_named(private: LocalRegistry, instance: Instance) -> None:
    done = instance.run(login_script(private), DOCKER_USERNAME="ada")
    assert done.returncode == 1
    assert "DOCKER_USERNAME or DOCKER_PASSWORD is empty: name both under [secrets] in beanpod.toml." in done.stderr


def test_the_login_to_docker_hub_names_no_registry() -> None:
    hook, *_ = login_hooks("ada/guestbook").values()
    assert b'docker login --username "$username" --password-stdin; do\n' in hook.data
    assert b"cannot log in at Docker Hub:" in hook.data


@pytest.fixture(scope="module")
def published(docker_engine: Engine, public: LocalRegistry, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Four images in one repository, which no other test has."""
    folder = tmp_path_factory.mktemp("images")
    return [publish(docker_engine, public, folder, f"{token_hex(4)}-{number}") for number in range(4)]


@pytest.fixture
def releases(instance: Instance, published: list[str]) -> Iterator[list[str]]:
    """The images, none of them on this machine."""
    yield published
    instance.docker("image", "rm", *(name for name in published if there(instance, [name]) == [True]))


def deploy(instance: Instance, *images: str) -> str:
    """Pull a release's images and clean up after them, as Beanstalk does; what the hook prints."""
    for image in images:
        assert instance.docker("pull", "--quiet", image).returncode == 0
    done = instance.clean_up(*images)
    assert done.returncode == 0
    return done.stdout


def there(instance: Instance, images: list[str]) -> list[bool]:
    return [instance.docker("image", "inspect", image).returncode == 0 for image in images]


@pytest.mark.parametrize(
    ("deployed", "kept"),
    [
        ([[0], [1]], [0, 1]),
        ([[0], [1], [2]], [1, 2]),
        ([[0], [1], [1]], [0, 1]),
        ([[0], [1], [0]], [0, 1]),
        ([[0, 1], [2, 3]], [0, 1, 2, 3]),
    ],
    ids=["first", "third", "same release again", "rollback", "several images"],
)
def test_clean_up_keeps_this_release_and_the_one_before(
    instance: Instance, releases: list[str], deployed: list[list[int]], kept: list[int]
) -> None:
    for numbers in deployed:
        deploy(instance, *(releases[number] for number in numbers))
    assert there(instance, releases) == [number in kept for number in range(4)]
    assert instance.pruned == len(deployed)


def test_clean_up_keeps_what_a_container_uses(instance: Instance, releases: list[str]) -> None:
    deploy(instance, releases[0])
    container = instance.docker("create", releases[0]).stdout.strip()
    try:
        for release in releases[1:]:
            deploy(instance, release)
        assert there(instance, releases) == [True, False, True, True]
    finally:
        instance.docker("rm", container)


def test_clean_up_without_an_engine_removes_nothing_and_succeeds(instance: Instance, releases: list[str]) -> None:
    deploy(instance, releases[0])
    done = instance.clean_up(releases[1], DOCKER_HOST="tcp://127.0.0.1:1")
    assert done.returncode == 0
    assert "Old images were not removed." in done.stdout
    assert there(instance, releases) == [True, False, False, False]
