"""A deployed stage, and the commands run against it."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from beanpod.cli.main import main
from beanpod.deploy.aws import Aws, assemble
from beanpod.deploy.clock import Clock
from beanpod_emulator import EmbeddedAws
from tests.cli.commands.ground import lay
from tests.deploy.deployed_stage import Project, client
from tests.deploy.virtual_clock import VirtualClock


@dataclass(frozen=True)
class EmbeddedConnection:
    """Clients of the embedded AWS, with its own key, which may do anything."""

    embedded: EmbeddedAws

    def aws(self, region: str | None, clock: Clock) -> Aws:
        return assemble(lambda service: self.client(service, ""))

    def client(self, service: str, region: str) -> Any:
        return client(service, self.embedded)


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it wrote."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Stage:
    """outputs: those of all its stacks."""

    project: Project
    embedded: EmbeddedAws
    outputs: dict[str, str]

    @classmethod
    def make(cls, project: Project, embedded: EmbeddedAws) -> "Stage":
        return cls(project, embedded, lay(embedded))

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
    ) -> Ended:
        """Run a command in this process."""
        out, errors = stdout or io.StringIO(), io.StringIO()
        code = main(
            ["--manifest", str(self.project.folder / "beanpod.toml"), *arguments],
            environ=environ or {},
            stdout=out,
            stderr=errors,
            clock=VirtualClock(self.embedded),
            connection=EmbeddedConnection(self.embedded),
        )
        return Ended(code, out.getvalue(), errors.getvalue())

    def make_version(self, label: str, description: str = "") -> None:
        """Make a version, as a release would."""
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
        """Make a version and roll it out."""
        self.make_version(label, description)
        ended = self.run("rollback", label)
        assert ended.code == 0, ended.stderr
