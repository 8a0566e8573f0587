"""A stage in the emulator, and the commands of beanpod against it, in this process.

Its stacks are created without the CDK: tests/stacks tests the real ones.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from beanpod.cli.commands.context import Connection
from beanpod.deploy.aws import Aws
from beanpod.deploy.clock import Clock
from beanpod.deploy.preflight import Target
from beanpod_emulator import EmbeddedAws
from tests.cli.commands import in_process
from tests.cli.commands.in_process import Result
from tests.deploy.deployed_stage import Project
from tests.deploy.rollout.sandbox import Sandbox

_KEY = {"AWS_ACCESS_KEY": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}


@dataclass(frozen=True)
class SandboxConnection(Connection):
    """Makes clients of the emulator, with administrator credentials."""

    sandbox: Sandbox

    def aws(self, region: str | None) -> Aws:
        return self.sandbox.aws()

    def client(self, service: str, region: str) -> Any:
        return self.sandbox.client(service)


@dataclass(frozen=True)
class SandboxStage:
    """A stage whose stacks are deployed.

    Attributes:
        project: The folder with the manifest.
        sandbox: The emulator.
        target: The environment.
        deployer_secret: The ARN of the secret with the deployer's key.
    """

    project: Project
    sandbox: Sandbox
    target: Target
    deployer_secret: str

    @classmethod
    def make(cls, project: Project, emulator: EmbeddedAws) -> "SandboxStage":
        """Create the environment, and the stacks with the outputs of stage dev."""
        sandbox = Sandbox(emulator)
        sandbox.prepare()
        target = sandbox.environment()
        made = sandbox.client("secretsmanager").create_secret(Name="deployer", SecretString=json.dumps(_KEY))
        sandbox.stage_stacks(target, "dev", DeployerSecretArn=made["ARN"])
        return cls(project, sandbox, target, made["ARN"])

    @property
    def emulator(self) -> EmbeddedAws:
        return self.sandbox.emulator

    def run(
        self,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
        stdout: io.StringIO | None = None,
        clock: Clock | None = None,
    ) -> Result:
        """Run a command, by default on the emulator's virtual clock."""
        return in_process.run(
            self.project.folder,
            *arguments,
            environ=environ,
            stdout=stdout,
            clock=clock or self.sandbox.clock(),
            connection=SandboxConnection(self.sandbox),
        )

    def make_version(self, label: str, description: str = "") -> None:
        """Create a version and its bundle, as a release does."""
        key = f"bundles/{self.target.application}/{label.partition('-')[2]}.zip"
        self.sandbox.s3.put_object(Bucket=self.target.bucket, Key=key, Body=b"zip")
        self.sandbox.make_version(label, key, description)

    def release(self, label: str, description: str = "") -> None:
        """Create a version and deploy it."""
        self.make_version(label, description)
        ended = self.run("rollback", label)
        assert ended.code == 0, ended.stderr
