"""Before a deployment: where to, as whom, what runs there, and whether there is a way back."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from beanpod._bucket_keys import BUNDLES
from beanpod.deploy.aws import Aws, AwsError, Environment
from beanpod.deploy.clock import POLL_SECONDS, Clock
from beanpod.deploy.errors import BusyError, UsageError
from beanpod.deploy.health_path import HealthPath
from beanpod.deploy.report import Reporter, Status
from beanpod.deploy.source import Source

if TYPE_CHECKING:
    from beanpod.manifest import StageConfig

SAMPLE = "Sample Application"
"""The label of an environment to which nothing has been released yet."""

_SERVICE_OUTPUTS = ("ApplicationName", "EnvironmentName", "Region", "Url")
_OUR_LABEL = re.compile(r".+-[0-9a-f]{16}")


@dataclass(frozen=True)
class Settings:
    """Timeouts, and what is accepted.

    Attributes:
        ready_timeout: Seconds to wait for an environment that is busy, or whose lock an older release has.
        wait_timeout: Seconds that an update may take; after that it is aborted.
        recovery: Seconds for the health to come back once the version runs everywhere.
        accepted_health: Accepted besides Ok and Info.
        roll_back: Whether to roll back a release that fails.
    """

    ready_timeout: float = 1800
    wait_timeout: float = 1800
    recovery: float = 120
    accepted_health: tuple[str, ...] = ()
    roll_back: bool = True

    def accepts(self, health: str) -> bool:
        """Whether a release may end with this health."""
        return health in ("Ok", "Info", *self.accepted_health)


@dataclass(frozen=True)
class Target:
    """An environment to deploy to.

    Attributes:
        application: Its application on Elastic Beanstalk.
        environment: Its name.
        region: Where it is.
        bucket: For bundles and the deployment lock.
        url: What users open.
        health_path: What a release requests there. Default: nothing.
        plain_http: Whether a load balancer serves it without HTTPS.
        outdated: The manifest's tables that have changed since the stacks were deployed, such as `variables`.
    """

    application: str
    environment: str
    region: str
    bucket: str
    url: str
    health_path: HealthPath | None = None
    plain_http: bool = False
    outdated: tuple[str, ...] = ()

    @classmethod
    def find(cls, stage: "StageConfig", aws: Aws) -> "Target":
        """Read the outputs of the stage's Service and Delivery stacks, or of the one stack that the manifest names.

        Raises:
            UsageError: When the credentials are of another account, a stack does not exist, lacks an output, or is of
                another project with the same `service.name`.
        """
        from beanpod.manifest import changed_tables

        check_account(aws, stage)
        if own := stage.delivery.stack:
            service = delivery = stack_outputs(aws, stage, own, *_SERVICE_OUTPUTS, "BucketName")
        else:
            service = stack_outputs(aws, stage, f"{stage.service.name}-{stage.name}-service", *_SERVICE_OUTPUTS)
            delivery = stack_outputs(aws, stage, stage.delivery_stack, "BucketName")
        # Stacks of earlier versions do not say whose they are.
        if (image := service.get("ServiceImage", stage.service.image)) != stage.service.image:
            raise UsageError(
                f"the stacks of {stage.service.name}, stage {stage.name}, belong to another project: its image is "
                f"{image}, this one's is {stage.service.image}: choose another service.name, or, if the image has "
                f"moved, run {_deploy_command(stage, f' -c moved-from={image}')} first"
            )
        return cls(
            application=service["ApplicationName"],
            environment=service["EnvironmentName"],
            region=service["Region"],
            bucket=delivery["BucketName"],
            url=service["Url"],
            health_path=HealthPath.of(stage, service["Url"]),
            plain_http=stage.environment.type == "LoadBalanced" and service["Url"].startswith("http:"),
            # Stacks of earlier versions, and of constructs of one's own, do not say what they were made of.
            outdated=changed_tables(stage, digests) if (digests := service.get("ManifestTables")) else (),
        )

    def missing_domain(self, stage: "StageConfig") -> str | None:
        """What to do if the stacks lack the stage's domain, to which nginx would redirect all requests."""
        if stage.domain is None or urlsplit(self.url).hostname == stage.domain.name:
            return None
        return (
            f"the deployed stacks of stage {stage.name} do not have the domain {stage.domain.name} yet: "
            f"run {_deploy_command(stage)} first"
        )

    def missing_changes(self, stage: "StageConfig") -> str | None:
        """What to do if the manifest has changed since the stacks were deployed: a release changes the version only."""
        if not self.outdated:
            return None
        tables = ", ".join(f"[{name}]" for name in self.outdated)
        return (
            f"the manifest has changed since the stacks of stage {stage.name} were deployed, in {tables}: "
            f"run {_deploy_command(stage)}"
        )

    def describe(self, aws: Aws) -> Environment:
        """The environment at this moment. Raises UsageError unless there is exactly one of that name."""
        found = aws.environments(self.application, self.environment)
        if len(found) == 1:
            return found[0]
        if not found:
            # CloudFormation takes it for deployed, and makes no other.
            # https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environment-management-rebuild.html
            raise UsageError(
                f"environment {self.environment} of application {self.application} does not exist in {self.region}: "
                "restore it in the console of Elastic Beanstalk, within six weeks of its termination"
            )
        states = ", ".join(item.status for item in found)
        raise UsageError(
            f"{len(found)} environments are called {self.environment} ({states}): wait until one is left, or "
            "terminate one"
        )


@dataclass(frozen=True)
class DeploymentContext:
    """An environment, the means to work on it, and the commit that is deployed, if it is known.

    renew_lock is called after every pause.
    """

    target: Target
    aws: Aws
    clock: Clock
    report: Reporter
    settings: Settings
    source: Source = field(default_factory=Source)
    renew_lock: Callable[[], None] = lambda: None

    def pause(self, seconds: float) -> None:
        """Wait until the next poll, and renew the lock if it is held and due."""
        self.clock.sleep(seconds)
        self.renew_lock()

    def stored_bundles(self) -> frozenset[str] | None:
        """The keys of the application's bundles; None when there are too many to list in one call."""
        return self.aws.keys(self.target.bucket, f"{BUNDLES}{self.target.application}/")

    def describe(self) -> Environment:
        """The environment at this moment, reported as the status."""
        environment = self.target.describe(self.aws)
        self.report.status(Status(environment.status, environment.health))
        return environment

    def wait_until_ready(self) -> Environment:
        """Wait until the environment is Ready.

        Raises:
            BusyError: When it is not Ready within `ready_timeout`, or is being terminated.
        """
        environment, since = self.describe(), self.clock.monotonic()
        if not environment.ready and not environment.terminated:
            self.report.say(f"environment {environment.name} is {environment.status}: waiting until it is Ready")
        while not environment.ready:
            if environment.terminated:
                raise BusyError(
                    f"environment {environment.name} is {environment.status}: a version cannot be deployed to it"
                )
            if self.clock.monotonic() - since >= self.settings.ready_timeout:
                raise BusyError(
                    f"environment {environment.name} is still {environment.status} after "
                    f"{self.settings.ready_timeout:.0f} s: see `beanpod events`, and deploy again when it is Ready"
                )
            self.pause(POLL_SECONDS)
            environment = self.describe()
        return environment


@dataclass(frozen=True)
class Preflight:
    """What was found before a deployment.

    Attributes:
        identity: The caller's ARN.
        environment: The environment.
        stored: The keys of the application's bundles; None when there are too many to list in one call.
    """

    identity: str
    environment: Environment
    stored: frozenset[str] | None

    @property
    def previous(self) -> str | None:
        """The version that it runs; None for Beanstalk's sample, or none."""
        return version_of(self.environment)

    @property
    def can_roll_back(self) -> bool:
        """Whether a version runs whose bundle still exists; of a label that is not ours, Beanstalk has the bundle."""
        return self.previous is not None and self.has_bundle(self.previous)

    def has_bundle(self, label: str) -> bool:
        """Whether a version's bundle existed, as far as is known."""
        if self.stored is None or not _OUR_LABEL.fullmatch(label):
            return True
        return any(key.endswith(f"/{label.rpartition('-')[2]}.zip") for key in self.stored)


def run_preflight(context: DeploymentContext, *, wait: bool = True) -> Preflight:
    """Check the credentials, the environment and the stored bundles.

    Args:
        context: Where to deploy.
        wait: Whether to wait until the environment is Ready.

    Raises:
        UsageError: When AWS does not accept the credentials, or unless there is exactly one environment.
        BusyError: When it does not become Ready, or has no instance.
    """
    identity = context.aws.identity()
    environment = context.wait_until_ready() if wait else context.describe()
    if wait and version_of(environment) and not context.settings.accepts(environment.health):
        _refuse_without_instances(context)
    found = Preflight(identity, environment, context.stored_bundles())
    runs = found.previous or "no version of the service yet"
    context.report.say(f"{environment.name} runs {runs}, health {environment.health}")
    if found.previous and not found.can_roll_back:
        context.report.warn(
            f"the bundle of {found.previous} no longer exists: a release that fails cannot be rolled back"
        )
    return found


def _refuse_without_instances(context: DeploymentContext) -> None:
    """Raise BusyError if no instance runs, as where a schedule scales to 0: a good release would seem to fail."""
    with suppress(AwsError):
        if not context.aws.instances(context.target.environment).all:
            raise BusyError(
                f"environment {context.target.environment} has no instance, so that a release could not be verified: "
                "scale up, then deploy again"
            )


def version_of(environment: Environment) -> str | None:
    """The version that an environment runs; None for Beanstalk's sample, or none."""
    return environment.version_label if environment.version_label not in ("", SAMPLE) else None


def check_account(aws: Aws, stage: "StageConfig") -> None:
    """Raise UsageError if the credentials are of another account than the stage's."""
    if stage.account is None:
        return
    caller = aws.identity()
    if _account_of(caller) != stage.account:
        raise UsageError(
            f"stage {stage.name} is in account {stage.account}, and these credentials are {caller}: choose a profile "
            "of that account with AWS_PROFILE"
        )


def _account_of(arn: str) -> str:
    return arn.split(":")[4]


def stack_outputs(aws: Aws, stage: "StageConfig", stack: str, *names: str) -> dict[str, str]:
    """Read the outputs of one of a stage's stacks. Raises UsageError without the stack, or without one of `names`."""
    own, command = stage.delivery.stack, _deploy_command(stage)
    outputs = aws.stack_outputs(stack)
    if outputs is None:
        other = f'; if it has another name, set delivery.stack = "..." under [stages.{stage.name}]'
        # Of a wrong profile, too: then the stacks would be deployed to a second account.
        where = f"{aws.region} of account {_account_of(aws.identity())}"
        raise UsageError(
            f"stage {stage.name} is not deployed: there is no stack {stack} in {where}; run {command} first"
            f"{'' if own else other}"
        )
    if missing := [name for name in names if name not in outputs]:
        how = "; DockerService makes the outputs, CfnOutput adds one to constructs of your own" if own else ""
        raise UsageError(f"stack {stack} has no output {', '.join(missing)}: run {command} again{how}")
    return outputs


def _deploy_command(stage: "StageConfig", more: str = "") -> str:
    return f"`beanpod cdk deploy {stage.delivery.stack or f'--all -c stage={stage.name}'}{more}`"
