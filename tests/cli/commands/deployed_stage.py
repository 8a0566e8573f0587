"""A stage that is deployed in the emulator, and the commands of beanpod against it.

Its stacks are created without the CDK: tests/stacks tests the real ones.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from beanpod.cli.main import main
from beanpod.deploy.aws import Aws, assemble
from beanpod.deploy.clock import Clock
from beanpod_emulator import EmbeddedAws
from tests.deploy.deployed_stage import Project, client
from tests.deploy.virtual_clock import VirtualClock

_PLATFORM = "arn:aws:elasticbeanstalk:us-east-1::platform/Docker running on 64bit Amazon Linux 2023"
_OPTIONS = {
    ("aws:autoscaling:launchconfiguration", "IamInstanceProfile"): "web",
    ("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath"): "/health",
}
_KEY = {"AWS_ACCESS_KEY": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}


def create_resources(aws: EmbeddedAws) -> dict[str, str]:
    """Create an application, its environment, a bucket, and stacks with their names as outputs. Returns the outputs."""
    service = {
        "ApplicationName": "guestbook-app",
        "EnvironmentName": "guestbook-dev",
        "Region": aws.region,
        "Url": "http://guestbook.example.com",
    }
    delivery = {"BucketName": "guestbook-artifacts", "DeployerSecretArn": _secret(aws)}
    client("s3", aws).create_bucket(Bucket=delivery["BucketName"])
    _environment(aws, service["ApplicationName"], service["EnvironmentName"])
    for part, outputs in (("service", service), ("delivery", delivery)):
        create_stack(aws, f"guestbook-dev-{part}", outputs)
    return service | delivery


def _secret(aws: EmbeddedAws) -> str:
    made = client("secretsmanager", aws).create_secret(Name="deployer", SecretString=json.dumps(_KEY))
    return str(made["ARN"])


def _environment(aws: EmbeddedAws, application: str, name: str) -> None:
    client("iam", aws).create_instance_profile(InstanceProfileName="web")
    beanstalk = client("elasticbeanstalk", aws)
    beanstalk.create_application(ApplicationName=application)
    beanstalk.create_environment(
        ApplicationName=application,
        EnvironmentName=name,
        PlatformArn=_PLATFORM,
        OptionSettings=[
            {"Namespace": namespace, "OptionName": option, "Value": value}
            for (namespace, option), value in _OPTIONS.items()
        ],
    )
    aws.advance(600)


def create_stack(aws: EmbeddedAws, name: str, outputs: dict[str, str]) -> None:
    """Create a stack with these outputs."""
    template: dict[str, Any] = {
        "Resources": {"Alarms": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    client("cloudformation", aws).create_stack(StackName=name, TemplateBody=json.dumps(template))


@dataclass(frozen=True)
class EmbeddedConnection:
    """Makes clients of the emulator, with administrator credentials."""

    embedded: EmbeddedAws

    def aws(self, region: str | None, clock: Clock) -> Aws:
        return assemble(lambda service: self.client(service, ""))

    def client(self, service: str, region: str) -> Any:
        return client(service, self.embedded)


@dataclass(frozen=True)
class CommandResult:
    """The exit code and the output of a command."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        return json.loads(self.stdout)


@dataclass(frozen=True)
class DeployedStage:
    """A stage whose stacks are deployed.

    Attributes:
        project: The folder with the manifest.
        embedded: The emulator.
        outputs: The outputs of all stacks.
    """

    project: Project
    embedded: EmbeddedAws
    outputs: dict[str, str]

    @classmethod
    def make(cls, project: Project, embedded: EmbeddedAws) -> "DeployedStage":
        return cls(project, embedded, create_resources(embedded))

    @property
    def environment(self) -> str:
        return self.outputs["EnvironmentName"]

    @property
    def application(self) -> str:
        return self.outputs["ApplicationName"]

    def client(self, service: str) -> Any:
        return client(service, self.embedded)

    def run(
        self, *arguments: str, environ: Mapping[str, str] | None = None, stdout: io.StringIO | None = None
    ) -> CommandResult:
        """Run a command in this process, on the emulator's virtual clock."""
        out, errors = stdout or io.StringIO(), io.StringIO()
        code = main(
            ["--manifest", str(self.project.folder / "beanpod.toml"), *arguments],
            environ=environ or {},
            stdout=out,
            stderr=errors,
            clock=VirtualClock(self.embedded),
            connection=EmbeddedConnection(self.embedded),
        )
        return CommandResult(code, out.getvalue(), errors.getvalue())

    def make_version(self, label: str, description: str = "") -> None:
        """Create a version and its bundle, as a release does."""
        digits = label.partition("-")[2]
        key = f"bundles/{self.application}/{digits}.zip"
        self.client("s3").put_object(Bucket=self.outputs["BucketName"], Key=key, Body=b"zip")
        self.client("elasticbeanstalk").create_application_version(
            ApplicationName=self.application,
            VersionLabel=label,
            Description=description,
            SourceBundle={"S3Bucket": self.outputs["BucketName"], "S3Key": key},
        )

    def release(self, label: str, description: str = "") -> None:
        """Create a version and deploy it."""
        self.make_version(label, description)
        ended = self.run("rollback", label)
        assert ended.code == 0, ended.stderr
