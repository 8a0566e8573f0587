"""Environments in an emulated AWS on a virtual clock, made in a moment, and rollouts on them."""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.retries.standard import RetryEventAdapter, RetryHandler, RetryPolicy, StandardRetryConditions

from beanpod.deploy.aws import Aws, assemble, configuration
from beanpod.deploy.aws.client import ATTEMPTS
from beanpod.deploy.bundles import Bundle, BundleFile
from beanpod.deploy.clock import Clock
from beanpod.deploy.preflight import DeploymentContext, Settings, Target
from beanpod.deploy.rollout import Rollout
from beanpod.deploy.source import Source
from beanpod.manifest import StageConfig
from beanpod_emulator import EmbeddedAws
from tests.deploy.bundles.projects import SERVICE, dockerfile_stage
from tests.deploy.clocks import VirtualClock
from tests.fake_reporter import FakeReporter

if TYPE_CHECKING:
    from types_boto3_elasticbeanstalk import ElasticBeanstalkClient
    from types_boto3_s3 import S3Client

APPLICATION = "guestbook"
PLATFORM = "arn:aws:elasticbeanstalk:us-east-1::platform/Docker running on 64bit Amazon Linux 2023"
PROFILE = "web"
UPDATE_SECONDS = 20.0
_LAUNCH_SECONDS = 300.0
# The same object for the same clients.
_configuration = cache(configuration)
_COMMITTED = datetime(2026, 11, 1, 12, tzinfo=UTC)


class _AtOnce:
    """A pause of no seconds before each retry, and a quota of retries that earlier tests do not use up."""

    def delay_amount(self, context: object) -> int:
        return 0

    def acquire_retry_quota(self, context: object) -> bool:
        return True


def retry_at_once(client: Any) -> None:
    """Retry as botocore does, without its pauses."""
    service = client.meta.service_model.service_id.hyphenize()
    event, at_once = f"needs-retry.{service}", cast("Any", _AtOnce())
    policy = RetryPolicy(StandardRetryConditions(max_attempts=ATTEMPTS), at_once)
    client.meta.events.unregister(event, unique_id=f"retry-config-{service}")
    client.meta.events.register(event, RetryHandler(policy, RetryEventAdapter(), at_once).needs_retry)


@contextmanager
def handling(aws: Aws, event: str, handle: Callable[..., object]) -> Iterator[None]:
    """Handle an event of boto3's clients, such as before-call.*.UpdateEnvironment, until the end of the block.

    What it raises before a call is raised in the call's place; after a call it may change `parsed`, the answer.
    """
    clients: tuple[Any, ...] = (aws.beanstalk, aws.s3, aws.stacks, aws.sts)
    for client in clients:
        client.meta.events.register(event, handle)
    try:
        yield
    finally:
        for client in clients:
            client.meta.events.unregister(event, handle)


def bundle(text: str) -> Bundle:
    """A bundle with this content."""
    return Bundle.of({"text": BundleFile(text.encode())}, service=APPLICATION, application=APPLICATION)


def service_outputs(target: Target) -> dict[str, str]:
    """The outputs of a stage's Service stack."""
    return {
        "ApplicationName": target.application,
        "EnvironmentName": target.environment,
        "Region": target.region,
        "Url": target.url,
    }


def source(minute: int, actor: str = "ann") -> Source:
    """A source whose commit was made in that minute."""
    return Source(f"{minute:040x}", _COMMITTED + timedelta(minutes=minute), actor=actor)


@dataclass
class Sandbox:
    """An application with a bucket; environments are added as tests need them."""

    emulator: EmbeddedAws
    bucket: str = "artifacts"
    _numbers: Any = field(default_factory=itertools.count)
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False)

    @cached_property
    def beanstalk(self) -> "ElasticBeanstalkClient":
        client: ElasticBeanstalkClient = self.client("elasticbeanstalk")
        return client

    @cached_property
    def s3(self) -> "S3Client":
        client: S3Client = self.client("s3")
        return client

    def client(self, service: str, **more: Any) -> Any:
        """A client, made once. more: of its arguments, besides those that lead to the emulated AWS."""
        key = (service, str(sorted(more.items(), key=str)))
        if key not in self._clients:
            make: Any = boto3.client
            self._clients[key] = client = make(service, **(self.emulator.client_arguments | more))
            if "config" in more:
                retry_at_once(client)
        return self._clients[key]

    def prepare(self) -> None:
        """What all environments share."""
        self.client("iam").create_instance_profile(InstanceProfileName=PROFILE)
        self.s3.create_bucket(Bucket=self.bucket)
        self.beanstalk.create_application(ApplicationName=APPLICATION)

    def environment(self, *, instances: int = 1, **options: str) -> Target:
        """A new environment, Ready with the sample. options: of aws:elasticbeanstalk:command."""
        name = f"{APPLICATION}-{next(self._numbers)}"
        settings = [
            ("aws:autoscaling:launchconfiguration", "IamInstanceProfile", PROFILE),
            ("aws:autoscaling:asg", "MinSize", str(instances)),
            ("aws:autoscaling:asg", "MaxSize", str(max(instances, 4))),
            ("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath", "/health"),
            *(("aws:elasticbeanstalk:command", option, value) for option, value in options.items()),
        ]
        self.beanstalk.create_environment(
            ApplicationName=APPLICATION,
            EnvironmentName=name,
            PlatformArn=PLATFORM,
            OptionSettings=[
                {"Namespace": namespace, "OptionName": option, "Value": value} for namespace, option, value in settings
            ],
        )
        self.emulator.advance(_LAUNCH_SECONDS)
        return Target(APPLICATION, name, self.emulator.region, self.bucket, f"http://{name}.example.com")

    def stage(self, target: Target, folder: Path) -> StageConfig:
        """The stage whose stacks have a target as their outputs: its name is the environment's number."""
        name = f"s{target.environment.rpartition('-')[2]}"
        self.stage_stacks(target, name)
        return dockerfile_stage(folder, f'{SERVICE}[stages.{name}]\npreset = "small"\n')

    def stage_stacks(self, target: Target, stage: str, **more: str) -> None:
        """The Service and Delivery stacks of a stage. more: outputs of the latter."""
        self.stack(f"{APPLICATION}-{stage}-service", service_outputs(target))
        self.stack(f"{APPLICATION}-{stage}-delivery", {"BucketName": target.bucket, **more})

    def stack(self, name: str, outputs: dict[str, str]) -> None:
        """A stack with these outputs, and hardly anything in it, in the place of the one that has this name."""
        template = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {key: {"Value": value} for key, value in outputs.items()},
        }
        self.client("cloudformation").delete_stack(StackName=name)
        self.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))

    def rollout(
        self,
        target: Target,
        *,
        settings: Settings | None = None,
        source: Source | None = None,
        aws: Aws | None = None,
        clock: Clock | None = None,
    ) -> tuple[Rollout, FakeReporter]:
        """A rollout on an environment, and its reporter."""
        reporter, clock = FakeReporter(), clock or self.clock()
        settings, source = settings or Settings(), source or Source()
        context = DeploymentContext(target, aws or self.aws(), clock, reporter, settings, source)
        return Rollout(context), reporter

    def aws(self, *, read_seconds: float = 10, **arguments: Any) -> Aws:
        """The calls of a deployment, retried without pauses. arguments: for the clients, such as another key."""
        return assemble(partial(self.client, config=_configuration(read_seconds), **arguments))

    def clock(self) -> VirtualClock:
        return VirtualClock(self.emulator)

    def release(self, target: Target, *texts: str) -> None:
        """Release bundles one after the other, each with few polls."""
        self.emulator.set_pace(update=1)
        for text in texts:
            self.rollout(target)[0].release(bundle(text))
        self.emulator.set_pace(update=UPDATE_SECONDS)

    def make_version(self, label: str, key: str, description: str = "") -> None:
        """A version of an object in the bucket, created by another tool."""
        self.beanstalk.create_application_version(
            ApplicationName=APPLICATION,
            VersionLabel=label,
            Description=description,
            SourceBundle={"S3Bucket": self.bucket, "S3Key": key},
        )

    def version_label(self, target: Target) -> str:
        """The label an environment has."""
        found = self.beanstalk.describe_environments(EnvironmentNames=[target.environment], IncludeDeleted=False)
        return found["Environments"][0]["VersionLabel"]

    def actions(self) -> list[str]:
        """What was called since clear_calls()."""
        return [call.action for call in self.emulator.calls()]

    def clear_calls(self) -> None:
        """Start the list of calls anew."""
        self.emulator.clear_calls()
