"""Three apps of their own in an environment with the two wheels: `beanpod init`, then `beanpod rehearse`."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import OpenerDirector

import pytest

from beanpod.cli.rehearsal.domain import opener
from tests.deploy.bundles.projects import write
from tests.deploy.engine import Engine, absent
from tests.deploy.registry import pushed_layers, share_layers
from tests.rehearse.apps import DJANGO, JAVA, REDIS
from tests.waiting import wait_until
from tests.wheels import installed_python, wheels

__all__ = ["installed_python", "pushed_layers", "wheels"]
_SECONDS = 900
# Without the same release again and a broken one, which take half a minute.
_RELEASED_ONCE = """
import sys
from functools import partial
from beanpod.cli.commands.rehearse import Rehearsal, rehearse
from beanpod.cli.main import main
from beanpod.deploy.signals import Interruptions

class ReleasedOnce(Rehearsal):
    releases = Rehearsal.release

Interruptions().install()
sys.exit(main(sys.argv[1:], run=partial(rehearse, steps=ReleasedOnce)))
"""


@dataclass(frozen=True)
class Owner:
    """An owner of an app, in its folder.

    Attributes:
        python: Of their environment.
        root: The app's folder.
        registry: Where the registry of a rehearsal keeps its images.
    """

    python: Path
    root: Path
    registry: Path

    def beanpod(self, *arguments: str) -> str:
        """Run a command that must succeed; what it prints."""
        done = subprocess.run(
            [str(self.python), "-m", "beanpod", *arguments],
            cwd=self.root,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def rehearsal(self, program: Sequence[str]) -> Iterator[dict[str, Any]]:
        """A rehearsal that is left running for the block; its result. program: what Python runs."""
        log = self.root.parent / "log"
        with (
            log.open("w") as errors,
            subprocess.Popen(
                [str(self.python), *program, "rehearse", "--keep", "--json"],
                cwd=self.root,
                env=self.environ,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            ) as process,
        ):
            assert process.stdout
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line == "}\n":
                    break
            result = json.loads("".join(lines) or "{}")
            assert "url" in result, log.read_text() + "".join(lines)
            try:
                yield result
            finally:
                process.send_signal(signal.SIGINT)
        assert process.returncode == 0, log.read_text()

    @property
    def environ(self) -> dict[str, str]:
        # Not pytest's path to this checkout.
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return environ | {"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(self.registry)}


def docker(*arguments: str) -> bool:
    return subprocess.run(["docker", *arguments], capture_output=True).returncode == 0


# All at once: the data is on the instance's own disk.
DOMAIN = """
[stages.dev.environment]
type = "LoadBalanced"
deployment_policy = "AllAtOnce"

[stages.dev.domain]
name = "shop.example.com"
certificate = "arn:aws:acm:us-east-1:210987654321:certificate/0a1b2c3d-4e5f-6789-0a1b-2c3d4e5f6789"
"""


@dataclass(frozen=True)
class Page:
    """The page of a rehearsal that is left running, reached as its file of variables says."""

    url: str
    opener: OpenerDirector

    @classmethod
    def of(cls, result: dict[str, Any]) -> "Page":
        lines = Path(result["exports"]).read_text().splitlines()
        exported = (line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))
        return cls(result["url"], opener(dict(exported)))

    def read(self) -> str:
        with self.opener.open(self.url, timeout=60) as response:
            text: str = response.read().decode()
            return text

    def visits(self) -> int:
        found = re.search(r"Visits: (\d+)", self.read())
        assert found
        return int(found[1])


@pytest.mark.parametrize(
    ("files", "health_path", "images", "source", "more"),
    [
        pytest.param(DJANGO, "/healthz", "python:3.11-slim postgres:17", "mysite/urls.py", "", id="django"),
        pytest.param(REDIS, "/up", "python:3.11-slim redis:7 nginx:stable", "app.py", DOMAIN, id="redis"),
        pytest.param(JAVA, None, "eclipse-temurin:17-jdk mysql:8.4", "src/main/java/Shop.java", "", id="java"),
    ],
)
def test_a_page_answers_from_its_database(
    docker_engine: Engine,
    installed_python: Path,
    pushed_layers: Path,
    tmp_path: Path,
    files: dict[str, str],
    health_path: str | None,
    images: str,
    source: str,
    more: str,
) -> None:
    for image in images.split():
        if not any(docker(*command, image) for command in (("image", "inspect"), ("pull", "--quiet"))):
            absent(f"there is no image {image}")
    registry = share_layers(tmp_path / "registry", pushed_layers, "ada/shop")
    owner = Owner(installed_python, tmp_path / "shop", registry)
    write(owner.root, files)
    owner.beanpod("init", "--image", "ada/shop", *(("--health-check-path", health_path) if health_path else ()))
    with (owner.root / "beanpod.toml").open("a") as manifest:
        manifest.write(more)
    before = {path: path.read_bytes() for path in owner.root.rglob("*") if path.is_file()}

    with owner.rehearsal(("-m", "beanpod") if files is DJANGO else ("-c", _RELEASED_ONCE)) as result:
        page = Page.of(result)
        assert result["url"] == "https://shop.example.com" or not more
        first = page.visits()
        # The worker counts a little later.
        wait_until(lambda: page.visits() > first)
        status = owner.beanpod("status", "--rehearsal")
        assert result["version_label"] in status
        assert page.url in status
        assert "Environment update" in owner.beanpod("events", "--rehearsal")
        assert "stdouterr.log" in owner.beanpod("logs", "--rehearsal")

        path = owner.root / source
        path.write_text(path.read_text().replace("<title>", "<title>A changed "))
        owner.beanpod("deploy", "--rehearsal")
        assert page.visits() > first
        assert "<title>A changed " in page.read()
        path.write_bytes(before[path])

    assert {path: path.read_bytes() for path in owner.root.rglob("*") if path.is_file()} == before
