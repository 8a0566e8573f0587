"""Which steps of the Dockerfile a change runs again, with each of Docker's builders."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.deploy.engine import Engine, absent
from tests.service.machine import copy_service, run

SOURCE = ["COPY server.js ./", "COPY src ./src"]
CLASSIC = re.compile(r"Step (\d+)/\d+ : (.*)")
BUILDKIT = re.compile(r"#(\d+) \[\s*\d+/\d+\] (.*)")
CACHED = re.compile(r"#(\d+) CACHED|( ---> Using cache)")


def steps_that_ran(printed: str) -> list[str]:
    """The COPY and RUN of a build's output that were not taken from the cache, without their options."""
    steps: dict[str, str] = {}
    for line in printed.splitlines():
        if begun := CLASSIC.match(line) or BUILDKIT.match(line):
            steps[begun[1]] = begun[2]
        elif cached := CACHED.match(line):
            steps.pop(cached[1] or list(steps)[-1])
    return [step.split(" --")[0] for step in steps.values() if step.startswith(("COPY", "RUN"))]


@pytest.fixture(params=["classic", "buildkit"])
def variables(request: pytest.FixtureRequest, docker_engine: Engine) -> Mapping[str, str]:
    """What chooses the builder."""
    if request.param == "classic":
        return {"DOCKER_BUILDKIT": "0"}
    if docker_engine.buildkit is None:
        absent("no Docker client here has BuildKit")
    return docker_engine.buildkit | {"BUILDKIT_PROGRESS": "plain"}


@dataclass(frozen=True)
class Workshop:
    """A copy of the service that is built again and again; every edit is one that no build has seen before."""

    service: Path
    variables: Mapping[str, str]
    tag: str

    def build(self) -> list[str]:
        """The steps that ran."""
        command = f"docker build --tag {self.tag} --label workshop={self.tag} . 2>&1"
        return steps_that_ran(run("sh", "-c", command, cwd=self.service, **self.variables))

    def edit(self, name: str, before: str = "", after: str = "// {tag}\n") -> None:
        """Put something else in the place of the first `before`."""
        path = self.service / name
        path.write_text(path.read_text().replace(before, after.format(tag=self.tag), 1))


@pytest.fixture
def workshop(tmp_path: Path, variables: Mapping[str, str]) -> Iterator[Workshop]:
    shop = Workshop(copy_service(tmp_path), variables, f"guestbook-{uuid4().hex[:8]}")
    # The classic builder takes the newest of the same steps from its cache: that of another test, which builds the
    # service at this moment and has not come to the next step.
    shop.edit("Dockerfile", "ENV ", after="LABEL workshop={tag}\nENV ")
    yield shop
    run("docker", "image", "rm", shop.tag)
    run("docker", "image", "prune", "--force", "--filter", f"label=workshop={shop.tag}")


def test_a_source_change_installs_nothing_again(workshop: Workshop) -> None:
    workshop.edit("server.js")
    assert workshop.build()[-2:] == SOURCE
    workshop.edit("src/app.js")
    assert workshop.build() == SOURCE[1:]
    workshop.edit("server.js")
    assert workshop.build() == SOURCE


def test_what_is_not_released_changes_nothing_in_the_image(workshop: Workshop) -> None:
    workshop.build()
    workshop.edit("test/app.test.js")
    workshop.edit("compose.yaml", after="# {tag}\n")
    assert workshop.build() == []
