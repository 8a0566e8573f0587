"""A project of somebody's own whose stacks stand in an embedded AWS: what a deployment starts from."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from beanpod_emulator import EmbeddedAws

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient

ROOT = Path(__file__).resolve().parents[2]
USERNAME = "tester"
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

[stages.{stage}]
preset = "{preset}"
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
    def make(cls, folder: Path, *, image: str, stage: str = "dev", preset: str = "small") -> "Project":
        """Write the files. image: repository with its registry, such as localhost:5000/guestbook."""
        shutil.copy(ROOT / "app.py", folder)
        (folder / "beanpod.toml").write_text(
            _MANIFEST.format(image=image, stage=stage, preset=preset, username=USERNAME)
        )
        (folder / "Dockerfile").write_text(_DOCKERFILE)
        project = cls(folder, stage)
        project.greet("hello")
        return project

    def greet(self, text: str) -> None:
        """Change the app: the next release is another one."""
        (self.folder / "greeting").write_text(text)

    def synthesise(self) -> Path:
        """The stacks' templates, written by app.py as the CDK CLI runs it."""
        output = self.folder / "cdk.out"
        flags = json.loads((ROOT / "cdk.json").read_text())["context"]
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "CDK_OUTDIR": str(output),
            "CDK_CONTEXT_JSON": json.dumps(flags),
            "JSII_RUNTIME_PACKAGE_CACHE": "enabled",
        }
        subprocess.run(
            [sys.executable, "app.py"], cwd=self.folder, env=environment, check=True, capture_output=True, text=True
        )
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
    """A boto3 client of the embedded AWS, with its own key, which may do anything."""
    make: Any = boto3.client
    # A stack is created within one call, machines and all.
    patient = Config(read_timeout=600)
    return make(service, config=patient, **aws.client_arguments)


def deployers_key(outputs: dict[str, str], aws: EmbeddedAws) -> dict[str, str]:
    """The deploy user's own key, as CI has it: the variables of AWS's clients."""
    secret = client("secretsmanager", aws).get_secret_value(SecretId=outputs["DeployerSecretArn"])
    fields = json.loads(secret["SecretString"])
    return {"AWS_ACCESS_KEY_ID": fields["AWS_ACCESS_KEY"], "AWS_SECRET_ACCESS_KEY": fields["AWS_SECRET_KEY"]}
