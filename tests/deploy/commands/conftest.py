from collections.abc import Iterator

import pytest

from emulator import EmbeddedAws
from tests.deploy.commands.stage import Stage
from tests.deploy.deployed_stage import Project, deploy_stacks
from tests.deploy.engine import docker_engine

__all__ = ["docker_engine"]


@pytest.fixture(scope="package")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws.start(virtual_clock=True) as running:
        yield running


@pytest.fixture(scope="package")
def stage(aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A stage whose stacks stand in the embedded AWS, and which runs Beanstalk's sample."""
    project = Project.make(tmp_path_factory.mktemp("project"), image="example/guestbook")
    stage = Stage(project, aws, deploy_stacks(project, aws, project.synthesise()))
    aws.advance(600)
    return stage
