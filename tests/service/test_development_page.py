"""Run every block of docs/development.md, with names and ports of this test."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.deploy.engine import Engine
from tests.service.containers import AT_ONCE, stop
from tests.service.guestbook_client import GuestbookClient
from tests.service.machine import ROOT, copy_service, free_port, other_addresses, refuses, remove_with_its_packages, run

PAGE = ROOT / "docs/development.md"
DOCKER_RUN = ["A network of their own", "The host's network", "The database's network"]


@dataclass(frozen=True)
class Reader:
    """A copy of the service, in which the page's commands run."""

    folder: Path
    name: str
    port: int
    database_port: int

    @property
    def guestbook(self) -> GuestbookClient:
        return GuestbookClient(f"http://127.0.0.1:{self.port}")

    @property
    def service(self) -> Path:
        return self.folder / "service"

    def follow(self, block: str) -> str:
        """Run a block of the page; what it prints."""
        ports = {"PORT": str(self.port), "DATABASE_PORT": str(self.database_port), "COMPOSE_PROJECT_NAME": self.name}
        return run("bash", "-euo", "pipefail", "-c", self.own(block), cwd=self.folder, **ports)

    def own(self, text: str) -> str:
        """Replace names and ports by those of this test."""
        text = re.sub(r"\bguestbook(?=[-:])", self.name, text)
        text = re.sub(r"(127\.0\.0\.1:|\bPORT=)8080", rf"\g<1>{self.port}", text)
        return re.sub(r"(127\.0\.0\.1:|\bRDS_PORT=)3306", rf"\g<1>{self.database_port}", text)

    def check(self) -> None:
        """The page is there, follows edits, and takes entries; the database answers on 127.0.0.1 alone."""
        self.guestbook.shows_an_edit(self.service)
        self.guestbook.sign("Ada", self.name)
        assert self.name in self.guestbook.messages()
        assert not refuses("127.0.0.1", self.database_port)
        assert all(refuses(address, self.database_port) for address in other_addresses())
        assert all(refuses(address, self.port) for address in other_addresses())


def sections() -> dict[str, list[str]]:
    """The page's blocks of commands by heading."""
    parts = re.split(r"^#+ (.*)$", PAGE.read_text(), flags=re.MULTILINE)[1:]
    blocks = (re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for text in parts[1::2])
    return {title: found for title, found in zip(parts[::2], blocks, strict=True) if found}


@contextmanager
def reading(folder: Path) -> Iterator[Reader]:
    """A reader with a new copy, until the end of the block."""
    copy_service(folder)
    reader = Reader(folder, f"guestbook-{uuid4().hex[:8]}", free_port(), free_port())
    try:
        yield reader
    finally:
        remove(reader.name)


def remove(name: str) -> None:
    """What is left of a reader's work, wherever the reader stopped."""
    for kind, kind_remove in (
        ("ps --all", "rm --force --volumes"),
        ("network ls", "network rm"),
        ("volume ls", "volume rm"),
    ):
        if found := run("docker", *kind.split(), "--quiet", "--filter", f"name={name}").split():
            run("docker", *kind_remove.split(), *found)
    for image in (name, f"{name}-app"):
        # By name: the same content may have other names, of another test.
        if names := run("docker", "images", "--format", "{{.Repository}}:{{.Tag}}", image).split():
            run("docker", "image", "rm", *names)


def test_every_block_belongs_to_a_section_that_is_followed_here() -> None:
    assert list(sections()) == ["With Docker Compose", "With `docker run`", *DOCKER_RUN]


@pytest.fixture
def reader(docker_engine: Engine, tmp_path: Path) -> Iterator[Reader]:
    with reading(tmp_path) as reader:
        yield reader


def test_the_way_with_compose(reader: Reader) -> None:
    up, tests, down = sections()["With Docker Compose"]
    assert '"database":"ok"' in reader.follow(up)
    reader.check()
    style = reader.service / "src/style.css"
    style.write_text(f"{style.read_text()}/* edited */\n")
    GuestbookClient(f"{reader.guestbook.url}/style.css").shows("/* edited */")

    app, database = (container(reader, name) for name in ("app", "database"))
    # The packages are the image's and not this machine's.
    assert "mysql2" in run("docker", "exec", app, "ls", "node_modules").split()
    assert list((reader.service / "node_modules").iterdir()) == []
    (network,) = json.loads(run("docker", "network", "inspect", f"{reader.name}_backend"))
    assert (network["Driver"], set(network["Containers"])) == ("bridge", {app, database})
    reader.guestbook.open()
    assert stop(app) < AT_ONCE
    run("docker", "start", app)

    printed = reader.follow(tests)
    assert re.search(r"^. pass [1-9]", printed, re.MULTILINE)
    assert re.search(r"^. skipped 0$", printed, re.MULTILINE)
    remove_with_its_packages(app, lambda: reader.follow(down))
    assert refuses("127.0.0.1", reader.database_port)
    reader.follow(up)
    assert reader.guestbook.messages() == [reader.name]


def container(reader: Reader, service: str) -> str:
    return run("docker", "ps", "--quiet", "--no-trunc", "--filter", f"name={reader.name}-{service}").strip()


def test_the_ways_with_docker_run(docker_engine: Engine, tmp_path: Path) -> None:
    (build,) = sections()["With `docker run`"]

    def follow(reader: Reader, way: str) -> None:
        *start, away = sections()[way]
        assert '"database":"ok"' in [reader.follow(block) for block in start][-1]
        reader.check()
        reader.follow(away)
        assert refuses("127.0.0.1", reader.database_port)
        volumes = run("docker", "volume", "ls", "--quiet", "--filter", f"name={reader.name}")
        assert volumes.split() == [f"{reader.name}-data"]

    with ExitStack() as stack:
        readers = [stack.enter_context(reading(tmp_path / str(number))) for number in range(len(DOCKER_RUN))]
        for reader in readers:
            reader.follow(build)
        # They wait for MySQL: all at once.
        with ThreadPoolExecutor(len(DOCKER_RUN)) as pool:
            list(pool.map(follow, readers, DOCKER_RUN))


def test_the_values_for_docker_run_are_those_of_compose() -> None:
    compose = (ROOT / "service/compose.yaml").read_text()
    pairs = re.findall(r"^(\w+)=(.*)$", (ROOT / "service/development.env").read_text(), re.MULTILINE)
    written = dict(re.findall(r'^ +((?:RDS|MYSQL)_\w+|SESSION_KEY): "?(.*?)"?$', compose, re.MULTILINE))
    assert dict(pairs) | {"RDS_HOSTNAME": "database"} == written
