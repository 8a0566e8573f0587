"""One service's images, from source to registry."""

from uuid import uuid4

from beanpod.deploy.images import BuildSpec, Image, Platform, build_and_push, connect
from tests.deploy.engine import Engine
from tests.deploy.images.recorder import Recorder, StillClock
from tests.deploy.images.sources import WatchingRunner
from tests.deploy.registry import LocalRegistry


class Shop:
    """Builds and pushes as one deployment does."""

    def __init__(self, registry: LocalRegistry, engine: Engine, variables: dict[str, str]) -> None:
        self.registry = registry
        self.path = f"tests/{uuid4().hex}"
        self.repository = f"{registry.host}/{self.path}"
        self.platform: Platform = engine.platform
        self.variables = variables | registry.login
        self.report = Recorder()
        self.runner = WatchingRunner()

    def publish(self, *specs: BuildSpec) -> dict[str | None, Image]:
        with connect(
            self.repository, environment=self.variables, report=self.report, runner=self.runner, clock=StillClock()
        ) as (docker, registry):
            return build_and_push(specs, platform=self.platform, docker=docker, registry=registry, report=self.report)
