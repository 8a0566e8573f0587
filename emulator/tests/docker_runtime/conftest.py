from collections.abc import Iterator
from dataclasses import replace

import pytest

from beanpod_emulator import EmbeddedAws
from beanpod_emulator.docker_runtime.context import CertificateAuthority, RunResources, RuntimeContext
from beanpod_emulator.docker_runtime.docker import find_engine
from beanpod_emulator.docker_runtime.instance import InstanceContainer
from beanpod_emulator.state import Emulator
from emulator.tests.docker_runtime.sample_app import SampleApp
from tests.deploy.engine import Engine, docker_engine
from tests.deploy.registry import local_registry

__all__ = ["docker_engine"]


@pytest.fixture(scope="session")
def docker_aws(docker_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SampleApp]:
    """An emulator with Docker, and a registry for its images."""
    folder = tmp_path_factory.mktemp("shop")
    with local_registry(folder / "registry") as registry, EmbeddedAws.start(docker=True) as aws:
        aws.set_pace(watch=1, evaluation=0.3)
        yield SampleApp(aws, registry, docker_engine, folder)


@pytest.fixture(scope="module")
def app(docker_aws: SampleApp, request: pytest.FixtureRequest) -> SampleApp:
    """An application of the module's own."""
    return replace(docker_aws, name=request.module.__name__.rpartition(".")[2].replace("_", "-")).open()


@pytest.fixture(scope="module")
def context(docker_engine: Engine) -> Iterator[RuntimeContext]:
    docker, run = find_engine(), RunResources()
    docker.run("network", "create", "--label", run.label, run.name)
    yield RuntimeContext(docker, run, CertificateAuthority(run.folder / "authority"), Emulator())
    run.remove(docker)


@pytest.fixture(scope="module")
def instance(context: RuntimeContext) -> Iterator[InstanceContainer]:
    launched = InstanceContainer.launch(context, "i-0000000050cce7001")
    yield launched
    launched.remove()
