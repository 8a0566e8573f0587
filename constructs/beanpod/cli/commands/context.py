"""What a command gets: its options, the clock, AWS, and where it writes."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beanpod.cli.output.display import Display
from beanpod.cli.output.results import Results
from beanpod.cli.parser import Options
from beanpod.deploy.clock import Clock
from beanpod.deploy.errors import UsageError
from beanpod.deploy.report import Outcome

if TYPE_CHECKING:
    from beanpod.deploy.aws import Aws
    from beanpod.deploy.bundles import BundlePlan
    from beanpod.deploy.images import Docker
    from beanpod.deploy.preflight import Target
    from beanpod.deploy.rollout import Rollout
    from beanpod.deploy.source import Source
    from beanpod.manifest import StageConfig


class Connection:
    """Makes AWS clients with boto3's default credentials."""

    def aws(self, region: str | None) -> "Aws":
        """Return the AWS calls of a deployment. region: Default: that of the credentials."""
        from beanpod.deploy.aws import connect

        return connect(region)

    def client(self, service: str, region: str) -> Any:
        """Return boto3's client for a service that a deployment does not use."""
        import boto3

        from beanpod.deploy.aws import configuration

        make: Any = boto3.client
        return make(service, region_name=region, config=configuration())


@dataclass
class Context:
    """What a command gets.

    Attributes:
        options: The command line.
        environ: The process's variables; they may hold secrets.
        clock: The clock.
        display: Shows progress.
        results: Writes the result to standard output.
        connection: Makes AWS clients.
        outcome: Returns what is known of the release; the command's failure is reported with it.
    """

    options: Options
    environ: Mapping[str, str] = field(repr=False)
    clock: Clock
    display: Display
    results: Results
    connection: Connection
    outcome: Callable[[], Outcome | None] = lambda: None

    @property
    def root(self) -> Path:
        """The manifest's folder; the manifest's paths are relative to it. UsageError where it was deleted."""
        try:
            return self.options.manifest.parent.resolve()
        except FileNotFoundError:
            raise UsageError("the working directory was deleted: change to one that exists") from None

    @cached_property
    def stage(self) -> "StageConfig":
        """The stage of the manifest. Raises ManifestError."""
        from beanpod.manifest import Manifest

        return Manifest.read(self.options.manifest).stage(self.options.stage)

    @cached_property
    def bundle_plan(self) -> "BundlePlan":
        """What is built and deployed, read once. Raises BuildError with every problem."""
        from beanpod.deploy.bundles import plan_bundle

        return plan_bundle(self.stage, self.root)

    @property
    def docker(self) -> "Docker":
        """The docker command, with the login of this process's variables."""
        from beanpod.deploy.images import Docker

        return Docker(self.environ, self.display, self.clock)

    @cached_property
    def aws(self) -> "Aws":
        """AWS in the stage's region. Raises UsageError."""
        return self.connection.aws(self.stage.region)

    @cached_property
    def target(self) -> "Target":
        """The environment of the stage. Raises UsageError if its stacks are not deployed."""
        from beanpod.deploy.preflight import Target

        return Target.find(self.stage, self.aws)

    @cached_property
    def source(self) -> "Source":
        """The commit of the manifest's folder, and the CI run."""
        from beanpod.deploy.source import Source

        return Source.of(self.root, self.environ)

    @cached_property
    def rollout(self) -> "Rollout":
        """Releases on the environment, within the time limits and with the health of the command line."""
        from beanpod.deploy.preflight import DeploymentContext, Settings
        from beanpod.deploy.rollout import Rollout

        options, usual = self.options, self.stage.environment.update_seconds
        settings = Settings(
            # What is waited for is mostly another rollout.
            ready_timeout=usual if options.ready_timeout is None else options.ready_timeout,
            wait_timeout=usual if options.wait_timeout is None else options.wait_timeout,
            recovery=options.recovery,
            accepted_health=options.accept_health,
            roll_back=options.roll_back,
        )
        context = DeploymentContext(self.target, self.aws, self.clock, self.display, settings, self.source)
        return Rollout(context)

    def finish(self, outcome: Outcome) -> None:
        """Report the success of a deployment or a rollback."""
        self.display.finish(outcome)
        self.results.emit(asdict(replace(outcome, phases=self.display.phases)))
