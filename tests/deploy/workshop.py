"""A stage in an embedded AWS on a virtual clock, a private registry, and the deploy script as a process."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beanpod_emulator import EmbeddedAws
from tests.deploy.deployed_stage import ROOT, USERNAME, Project, client, deploy_stacks, deployers_key
from tests.deploy.registry import LocalRegistry, local_registry

PASSWORD = "open sesame"
LAUNCH_SECONDS = 300
_TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class Workshop:
    """Where deployments are made. environ: the deployer's variables; outputs: of the stage's stacks."""

    aws: EmbeddedAws
    registry: LocalRegistry
    project: Project
    outputs: Mapping[str, str]
    environ: Mapping[str, str]

    def start(self, command: str = "deploy", *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        """Start a command of beanpod. variables: besides the deployer's own."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.deploy.virtual_run", command, *arguments],
            cwd=self.project.folder,
            env={**self.environ, **variables},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, command: str = "deploy", *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of beanpod."""
        with self.start(command, *arguments, **variables) as process:
            stdout, stderr = process.communicate(timeout=_TIMEOUT_SECONDS)
        return subprocess.CompletedProcess((command, *arguments), process.returncode, stdout, stderr)

    def deploy(self, *arguments: str, **variables: str) -> dict[str, Any]:
        """A deployment that must succeed; its outcome."""
        done = self.run("deploy", "--json", *arguments, **variables)
        assert done.returncode == 0, done.stderr
        outcome: dict[str, Any] = json.loads(done.stdout)
        return outcome

    def label(self) -> str:
        """The version label of the environment."""
        found = client("elasticbeanstalk", self.aws).describe_environments(
            EnvironmentNames=[self.outputs["EnvironmentName"]], IncludeDeleted=False
        )
        return str(found["Environments"][0]["VersionLabel"])

    def lock(self) -> Any:
        """Who holds the deployment lock; None for nobody."""
        key = f"locks/{self.outputs['EnvironmentName']}"
        body = client("s3", self.aws).get_object(Bucket=self.outputs["BucketName"], Key=key)["Body"].read()
        return json.loads(body)["holder"]


@contextmanager
def workshop(folder: Path, *, preset: str = "small", stage: str = "dev") -> Iterator[Workshop]:
    """A workshop whose environment is Ready with Beanstalk's sample, and whose deployer may do what its policy says."""
    with (
        local_registry(folder / "registry", username=USERNAME, password=PASSWORD) as registry,
        EmbeddedAws.start(virtual_clock=True, enforce_iam=True) as aws,
    ):
        home = folder / "project"
        home.mkdir()
        project = Project.make(home, image=f"{registry.host}/beanpod/guestbook", stage=stage, preset=preset)
        outputs = deploy_stacks(project, aws, project.synthesise())
        shutil.rmtree(home / "cdk.out")
        aws.advance(LAUNCH_SECONDS)
        yield Workshop(aws, registry, project, outputs, _environ(aws, registry, outputs, folder))


def _environ(aws: EmbeddedAws, registry: LocalRegistry, outputs: dict[str, str], folder: Path) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {
        **inherited,
        **aws.environment,
        **deployers_key(outputs, aws),
        **registry.login,
        "EMULATOR_URL": aws.endpoint_url,
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "emulator"))),
        "HOME": str(folder),
        "USER": "ann",
    }
