"""A project whose stacks are deployed in an emulated AWS, and `beanpod`, which deploys to it."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from aws_cdk import App
from botocore.config import Config

from beanpod.cli.commands.context import Connection
from beanpod.deploy.aws import Aws, assemble, configuration
from beanpod.manifest import Manifest
from beanpod_emulator import EmbeddedAws
from stacks import add_stage
from tests.cli.commands import in_process
from tests.cli.commands.in_process import Result
from tests.deploy.clocks import VirtualClock
from tests.deploy.registry import LocalRegistry, local_registry

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient

ROOT = Path(__file__).resolve().parents[2]
USERNAME = "tester"
PASSWORD = "open sesame"
LAUNCH_SECONDS = 300
STACKS = ("network", "database", "service", "delivery")
_MANIFEST = """\
[service]
name = "guestbook"
image = "{image}"
health_path = "/health"

[variables]
DOCKER_USERNAME = "{username}"

[secrets]
DOCKER_PASSWORD = {{ ssm = "/guestbook/docker-password" }}

[database]
engine = "mysql"

[stages.dev]
preset = "small"
"""
_DOCKERFILE = """\
FROM busybox:stable
COPY greeting /greeting
CMD ["cat", "/greeting"]
"""


@dataclass(frozen=True)
class Project:
    """A folder with a manifest, an app and a Dockerfile. stage: its only one."""

    folder: Path
    stage: str

    @classmethod
    def make(cls, folder: Path, *, image: str) -> "Project":
        """Write the files. image: repository with its registry, such as localhost:5000/guestbook."""
        shutil.copy(ROOT / "app.py", folder)
        (folder / "beanpod.toml").write_text(_MANIFEST.format(image=image, username=USERNAME))
        (folder / "Dockerfile").write_text(_DOCKERFILE)
        project = cls(folder, "dev")
        project.greet("hello")
        return project

    def greet(self, text: str) -> None:
        """Change the app: the next release is another one."""
        (self.folder / "greeting").write_text(text)

    def synthesise(self) -> Path:
        """The stacks' templates, as app.py writes them for the CDK CLI."""
        output = self.folder / "cdk.out"
        app = App(context=json.loads((ROOT / "cdk.json").read_text())["context"], outdir=str(output))
        add_stage(app, Manifest.read(self.folder / "beanpod.toml"))
        app.synth()
        return output


def deploy_stacks(project: Project, aws: EmbeddedAws, assembly: Path) -> dict[str, str]:
    """Create the stacks from their templates, in order, and give all their outputs."""
    # What `cdk bootstrap` leaves for the templates to check.
    client("ssm", aws).put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
    cloudformation: CloudFormationClient = client("cloudformation", aws)
    outputs: dict[str, str] = {}
    for part in STACKS:
        name = f"guestbook-{project.stage}-{part}"
        template = (assembly / f"{name}.template.json").read_text()
        cloudformation.create_stack(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        assert stack["StackStatus"] == "CREATE_COMPLETE", stack
        outputs |= {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    return outputs


def client(service: str, aws: EmbeddedAws) -> Any:
    """A boto3 client of the emulated AWS, with its own key, which may do anything."""
    make: Any = boto3.client
    # A stack is created within one call, machines and all.
    patient = Config(read_timeout=600)
    return make(service, config=patient, **aws.client_arguments)


def deployers_key(outputs: dict[str, str], aws: EmbeddedAws) -> dict[str, str]:
    """The deploy user's own key, as CI has it: the variables of AWS's clients."""
    secret = client("secretsmanager", aws).get_secret_value(SecretId=outputs["DeployerSecretArn"])
    fields = json.loads(secret["SecretString"])
    return {"AWS_ACCESS_KEY_ID": fields["AWS_ACCESS_KEY"], "AWS_SECRET_ACCESS_KEY": fields["AWS_SECRET_KEY"]}


@dataclass(frozen=True)
class DeployedStage:
    """A stage that is deployed to. environ: the deployer's variables. outputs: of the stage's stacks."""

    aws: EmbeddedAws
    registry: LocalRegistry
    project: Project
    outputs: Mapping[str, str]
    environ: Mapping[str, str]
    connection: "DeployersConnection"

    def run(self, command: str = "deploy", *arguments: str, **variables: str) -> Result:
        """Run a command of `beanpod` in this process. variables: besides the deployer's own."""
        environ, clock = {**self.environ, **variables}, VirtualClock(self.aws)
        return in_process.run(
            self.project.folder, command, *arguments, environ=environ, clock=clock, connection=self.connection
        )

    def deploy(self) -> dict[str, Any]:
        """Deploy, which must succeed; return the outcome."""
        done = self.run("deploy", "--json")
        assert done.code == 0, done.stderr
        outcome: dict[str, Any] = done.document
        return outcome

    def label(self) -> str:
        """The version label of the environment."""
        found = client("elasticbeanstalk", self.aws).describe_environments(
            EnvironmentNames=[self.outputs["EnvironmentName"]], IncludeDeleted=False
        )
        return str(found["Environments"][0]["VersionLabel"])


class DeployersConnection(Connection):
    """Makes AWS clients with the deployer's key, each once."""

    def __init__(self, aws: EmbeddedAws, key: Mapping[str, str]) -> None:
        arguments = aws.client_arguments | {name.lower(): value for name, value in key.items()}
        make: Any = boto3.client
        self._client = cache(lambda service: make(service, **arguments, config=configuration()))

    def aws(self, region: str | None) -> Aws:
        return assemble(self._client)

    def client(self, service: str, region: str) -> Any:
        return self._client(service)


@contextmanager
def deployed_stage(folder: Path) -> Iterator[DeployedStage]:
    """A stage whose environment runs Beanstalk's sample, and whose deployer may do what its policy says."""
    with (
        local_registry(folder / "registry", username=USERNAME, password=PASSWORD) as registry,
        EmbeddedAws.start(virtual_clock=True, enforce_iam=True) as aws,
    ):
        home = folder / "project"
        home.mkdir()
        project = Project.make(home, image=f"{registry.host}/beanpod/guestbook")
        outputs = deploy_stacks(project, aws, project.synthesise())
        shutil.rmtree(home / "cdk.out")
        aws.advance(LAUNCH_SECONDS)
        key = deployers_key(outputs, aws)
        connection = DeployersConnection(aws, key)
        yield DeployedStage(aws, registry, project, outputs, _environ(aws, registry, key, folder), connection)


def _environ(aws: EmbeddedAws, registry: LocalRegistry, key: dict[str, str], folder: Path) -> dict[str, str]:
    plugins = Path.home() / ".docker" / "cli-plugins"
    if plugins.is_dir():
        # Docker looks for Compose there, and the deployer has a home of its own.
        (folder / ".docker").mkdir()
        (folder / ".docker" / "cli-plugins").symlink_to(plugins)
    return {
        **aws.environment,
        **key,
        **registry.login,
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "USER": "ann",
    }
