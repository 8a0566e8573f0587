import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from beanpod_emulator.docker_runtime.context import RunResources, remove_leftovers
from beanpod_emulator.docker_runtime.docker import Docker
from beanpod_emulator.registry import IMAGE, PROGRAM, local_registry
from tests.deploy.engine import Engine, docker_engine, run_command
from tests.waiting import nothing_listens_on, wait_until

__all__ = ["docker_engine"]


def _names(engine: Engine) -> str:
    return engine.run("images", "--digests", "--format", "{{.Repository}}:{{.Tag}}@{{.Digest}}")


def test_removes_the_images_of_a_stopped_registry(docker_engine: Engine, tmp_path: Path) -> None:
    with local_registry(tmp_path / "stays") as other:
        with local_registry(tmp_path / "goes") as registry:
            # Deeper than user and name, and known by its digest alone.
            tagged, by_digest = f"{registry.host}/team/app/web:1", f"{registry.host}/worker:1"
            for name in (tagged, by_digest, f"{other.host}/app:1"):
                docker_engine.run("tag", "busybox:stable", name)
                docker_engine.run("push", "--quiet", name)
            docker_engine.run("image", "rm", by_digest)
            docker_engine.run("pull", "--quiet", f"{registry.host}/worker@{registry.digest('worker', '1')}")
            assert f"{registry.host}/worker:<none>@sha256:" in _names(docker_engine)
        assert registry.host not in _names(docker_engine)
        assert f"{other.host}/app:1" in _names(docker_engine)


_KILLED = """\
import os, sys
from pathlib import Path
from beanpod_emulator.registry import local_registry
with local_registry(Path(sys.argv[1])) as registry:
    print(registry.host, flush=True)
    os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"{PROGRAM} is not installed")
def test_the_registry_of_a_killed_process_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _KILLED, str(tmp_path)]
    port = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout.rpartition(":")[2]
    wait_until(lambda: nothing_listens_on(int(port)))


# A stand-in for the image on Docker Hub, with the same program, where that cannot be pulled.
_DOCKERFILE = """\
FROM debian:bookworm-slim
RUN apt-get update -q && apt-get install -y -q --no-install-recommends docker-registry
RUN ln -s /usr/bin/docker-registry /usr/bin/registry
"""


@pytest.fixture(scope="module")
def image(docker_engine: Engine) -> Iterator[None]:
    """The image of the registry; a stand-in exists during the test only."""
    if subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True).returncode == 0:
        yield
        return
    built = run_command("docker", "build", "--quiet", "--tag", IMAGE, "-", stdin=_DOCKERFILE)
    assert built.returncode == 0, built.stderr
    yield
    docker_engine.run("image", "rm", IMAGE)


def test_the_image_is_run_where_the_program_is_not_installed(
    docker_engine: Engine, image: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/docker").symlink_to(docker_program())
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    with local_registry(tmp_path / "registry", username="ada", password="open sesame") as registry:
        name = f"{registry.host}/ada/app:1"
        docker_engine.run("tag", "busybox:stable", name)
        assert subprocess.run(["docker", "push", "--quiet", name], capture_output=True).returncode == 1
        command = ["docker", "login", "--username", "ada", "--password-stdin", registry.host]
        assert subprocess.run(command, input=b"open sesame", capture_output=True).returncode == 0
        docker_engine.run("push", "--quiet", name)
    assert registry.host not in _names(docker_engine)
    assert not docker_engine.run("ps", "--all", "--quiet", "--filter", f"publish={registry.host.rpartition(':')[2]}")


# A killed process cannot remove its container: the next run of the emulator does.
_RUNS_UNTIL_KILLED = """\
import sys
from pathlib import Path
from beanpod_emulator.docker_runtime.context import RunResources, remove_leftovers
from beanpod_emulator.docker_runtime.docker import Docker
from beanpod_emulator.registry import local_registry
with local_registry(Path(sys.argv[1])) as registry:
    print(registry.host, flush=True)
    sys.stdin.read()
"""


def test_the_container_of_a_killed_process_is_removed(docker_engine: Engine, image: None, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/docker").symlink_to(docker_program())
    environ = {**os.environ, "PATH": str(tmp_path / "bin"), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", _RUNS_UNTIL_KILLED, str(tmp_path / "registry")]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = process.stdout.readline().strip().rpartition(":")[2]
        (name,) = docker_engine.run("ps", "--filter", f"publish={port}", "--format", "{{.Names}}").split()
        process.kill()
    own = RunResources()
    remove_leftovers(Docker(), own)
    own.remove(Docker())
    assert name not in docker_engine.run("ps", "--all", "--format", "{{.Names}}").split()


def docker_program() -> str:
    found = shutil.which("docker")
    assert found
    return found
