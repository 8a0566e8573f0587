"""Two apps of their own in an environment with the two wheels: `beanpod init`, then `beanpod rehearse`."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import OpenerDirector

from beanpod.cli.rehearsal.domain import opener
from tests.deploy.engine import Engine, absent, docker_engine
from tests.rehearse.apps import FLASK, JAVA, lay_out
from tests.wheels import installed_python, wheels

__all__ = ["docker_engine", "installed_python", "wheels"]
_SECONDS = 900


@dataclass(frozen=True)
class Owner:
    """An owner of an app, in its folder. python: of their environment."""

    python: Path
    root: Path

    def beanpod(self, *arguments: str) -> str:
        """Run a command that must succeed; what it prints."""
        done = subprocess.run(
            self.command(*arguments),
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
    def rehearsal(self) -> Iterator[dict[str, Any]]:
        """A rehearsal that is left running for the block; its result."""
        log = self.root.parent / "log"
        with (
            log.open("w") as errors,
            subprocess.Popen(
                self.command("rehearse", "--keep", "--json"),
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

    def files(self) -> dict[Path, bytes]:
        """The files of the project, with their contents."""
        return {path: path.read_bytes() for path in self.root.rglob("*") if path.is_file()}

    def command(self, *arguments: str) -> list[str]:
        return [str(self.python), "-m", "beanpod", *arguments]

    @property
    def environ(self) -> dict[str, str]:
        # Not pytest's path to this checkout.
        return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


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


def owner(python: Path, root: Path, files: dict[str, str], images: str) -> Owner:
    """Lay out an app whose build needs some images."""
    for image in images.split():
        if not any(docker(*command, image) for command in (("image", "inspect"), ("pull", "--quiet"))):
            absent(f"there is no image {image}")
    return Owner(python, lay_out(files, root))


def wait_for_more_visits(page: Page, count: int) -> None:
    """Read the page until it counts more visits, which a worker may do a little later."""
    deadline = time.monotonic() + 60
    while page.visits() <= count:
        assert time.monotonic() < deadline, page.read()


def test_the_services_of_a_compose_file_are_rehearsed_and_released_to_on_a_domain(
    docker_engine: Engine, installed_python: Path, tmp_path: Path
) -> None:
    flask = owner(installed_python, tmp_path / "shop", FLASK, "python:3.11-slim postgres:17 redis:7 nginx:stable")
    flask.beanpod("init", "--image", "ada/shop", "--health-path", "/up")
    with (flask.root / "beanpod.toml").open("a") as manifest:
        manifest.write(DOMAIN)
    before = flask.files()
    with flask.rehearsal() as result:
        page = Page.of(result)
        assert page.url == "https://shop.example.com"
        first = page.visits()
        wait_for_more_visits(page, first)
        status = flask.beanpod("status", "--rehearsal")
        assert result["version_label"] in status
        assert page.url in status
        assert "Environment update" in flask.beanpod("events", "--rehearsal")
        assert "stdouterr.log" in flask.beanpod("logs", "--rehearsal")

        source = flask.root / "app.py"
        source.write_text(FLASK["app.py"].replace("<title>", "<title>A changed "))
        flask.beanpod("deploy", "--rehearsal")
        assert page.visits() > first
        assert "<title>A changed " in page.read()
        source.write_text(FLASK["app.py"])
    assert flask.files() == before


def test_a_dockerfile_whose_page_needs_a_database_is_rehearsed(
    docker_engine: Engine, installed_python: Path, tmp_path: Path
) -> None:
    java = owner(installed_python, tmp_path / "shop", JAVA, "eclipse-temurin:17-jdk mysql:8.4")
    java.beanpod("init", "--image", "ada/shop")
    before = java.files()
    with java.rehearsal() as result:
        page = Page.of(result)
        wait_for_more_visits(page, page.visits())
    assert java.files() == before
