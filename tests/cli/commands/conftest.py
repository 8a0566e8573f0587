from collections.abc import Iterator

import pytest

from beanpod_emulator import EmbeddedAws
from tests.cli.commands.sandbox_stage import SandboxStage
from tests.deploy.deployed_stage import Project
from tests.deploy.engine import docker_engine

__all__ = ["docker_engine"]


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxStage]:
    """A stage in an emulated AWS, whose environment runs Beanstalk's sample."""
    project = Project.make(tmp_path_factory.mktemp("project"), image="example/guestbook")
    with EmbeddedAws.start(virtual_clock=True) as aws:
        yield SandboxStage.make(project, aws)
