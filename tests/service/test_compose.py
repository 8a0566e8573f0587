"""compose.yaml on a real engine, from a copy of the service that may be edited."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.deploy.engine import Engine
from tests.service.containers import AT_ONCE, stop
from tests.service.guestbook_client import GuestbookClient
from tests.service.machine import copy_service, free_port, run


@dataclass(frozen=True)
class Project:
    """The development loop, under a name and on ports of its own."""

    service: Path
    name: str
    port: int
    database_port: int

    @property
    def guestbook(self) -> GuestbookClient:
        return GuestbookClient(f"http://127.0.0.1:{self.port}")

    def compose(self, *arguments: str) -> str:
        ports = {"PORT": str(self.port), "DATABASE_PORT": str(self.database_port)}
        return run("docker", "compose", "--project-name", self.name, *arguments, cwd=self.service, **ports)

    def container(self, service: str) -> str:
        return self.compose("ps", "--quiet", service).strip()


@pytest.fixture(scope="module")
def project(docker_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("development")
    running = Project(copy_service(folder), f"guestbook-{uuid4().hex[:8]}", free_port(), free_port())
    try:
        running.compose("up", "--build", "--detach")
        running.guestbook.open()
        yield running
    finally:
        running.compose("down", "--volumes", "--rmi", "local")


def test_a_style_that_is_edited_shows_too(project: Project) -> None:
    style = project.service / "src/style.css"
    style.write_text(style.read_text().replace("--paper", "--parchment"))
    GuestbookClient(f"{project.guestbook.url}/style.css").shows("--parchment")


def test_the_packages_are_the_images_and_not_this_machines(project: Project) -> None:
    assert "mysql2" in project.compose("exec", "-T", "app", "ls", "node_modules").split()
    assert list((project.service / "node_modules").iterdir()) == []


def test_the_database_is_reached_by_its_name_on_a_bridge_of_its_own(project: Project) -> None:
    (network,) = json.loads(run("docker", "network", "inspect", f"{project.name}_backend"))
    assert network["Driver"] == "bridge"
    assert set(network["Containers"]) == {project.container("app"), project.container("database")}
    project.compose(
        "exec", "-T", "app", "node", "-e", "require('dns').lookup('database', error => process.exit(+!!error))"
    )


def test_the_service_stops_at_once_while_it_is_watched(project: Project) -> None:
    project.guestbook.open()
    try:
        assert stop(project.container("app")) < AT_ONCE
    finally:
        project.compose("up", "--detach")
