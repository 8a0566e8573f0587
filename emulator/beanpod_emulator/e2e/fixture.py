"""The environment of the rehearsal: an emulator with Docker, a registry, a repository on this machine and its clone."""

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from beanpod_emulator.docker_runtime.docker import find_engine
from beanpod_emulator.e2e.registry import LocalRegistry, local_registry
from beanpod_emulator.e2e.steps import StepFailedError, console, run, step
from beanpod_emulator.embedded_aws import EmbeddedAws
from beanpod_emulator.github import Repository, git

# The command is run in the root of a project, as make does.
_ROOT = Path.cwd()
_CDK = _ROOT / "node_modules/.bin/cdk"
_QUIET = ("--no-notices", "--ci", "--no-color")
_PARAMETER = "/guestbook/docker-password"
_USERNAME = "ada"
_PASSWORD = "open sesame"  # noqa: S105 - of a registry that exists during the rehearsal only


@dataclass(frozen=True)
class E2EFixture:
    """The environment of the rehearsal. clone: the working copy of the service's owner."""

    aws: EmbeddedAws
    registry: LocalRegistry
    github: Repository
    clone: Path

    def build_infrastructure(self) -> None:
        """Deploy the stacks, and set the secrets of the repository."""
        environment = self._environment()
        with step("cdk bootstrap"):
            place = f"aws://{self.aws.account}/{self.aws.region}"
            run(str(_CDK), "bootstrap", place, *_QUIET, environment=environment, folder=self.clone.parent)
        with step("cdk deploy --all"):
            self._client("ssm").put_parameter(Name=_PARAMETER, Value=_PASSWORD, Type="SecureString")
            deploy = ("deploy", "--all", "--require-approval=never", *_QUIET)
            run(str(_CDK), *deploy, environment=environment, folder=self.clone)
        with step("The deployer's key and the registry's login become secrets of the repository"):
            self._set_secrets()

    def release(self, what: str, change: tuple[str, str, str] | None, *, expected: str = "success") -> str:
        """Change a file of the service, push, and return the URL that the workflow outputs.

        Args:
            what: Title of the step, and message of the commit.
            change: File, text in it and its replacement.
            expected: Expected result of the workflow's job.
        """
        if change:
            file, old, new = change
            path = self.clone / file
            path.write_text(path.read_text().replace(old, new))
            git(self.clone, "commit", "--quiet", "--all", "--message", what)
        with step(what):
            said = run("git", "push", "--quiet", "origin", "main", environment=self._environment(), folder=self.clone)
            ran = self.github.runs()[-1]
            result = ran.jobs.get("dev", "skipped")
            if result != expected:
                raise StepFailedError(f"the workflow's job dev ended with {result}, expected {expected}:\n{said}")
        _show_steps(said)
        return ran.outputs.get("dev.deploy", {}).get("url", "")

    def revert(self) -> None:
        """Revert the last commit in the repository."""
        git(self.clone, "revert", "--no-edit", "HEAD")
        with step("git push: the broken release is taken back in the repository, too"):
            run("git", "push", "--quiet", "origin", "main", environment=self._environment(), folder=self.clone)

    def label(self) -> str:
        """Return the label of the version that the environment runs."""
        found = self._client("elasticbeanstalk").describe_environments(IncludeDeleted=False)["Environments"]
        return str(found[0]["VersionLabel"])

    def show(self) -> None:
        """Print how to use what is running."""
        # Soft wrap: a terminal copies such a line as one.
        console.print(
            f"Push to it:   git clone {self.github.origin} guestbook, then edit, commit and git push", soft_wrap=True
        )
        console.print("Ask it:       paste these lines into another terminal, then for instance eb list, or aws s3 ls")
        exports = [f"export {name}={value}" for name, value in self.aws.environment.items()]
        for line in ("unset AWS_PROFILE AWS_SESSION_TOKEN", *exports):
            console.print(f"  {line}", soft_wrap=True, highlight=False, markup=False)
        console.print("End it:       Ctrl-C")

    def _set_secrets(self) -> None:
        stacks = self._client("cloudformation").describe_stacks()["Stacks"]
        outputs = {it["OutputKey"]: it["OutputValue"] for stack in stacks for it in stack.get("Outputs", ())}
        secret = self._client("secretsmanager").get_secret_value(SecretId=outputs["DeployerSecretArn"])
        key = json.loads(secret["SecretString"])
        for name in ("AWS_ACCESS_KEY", "AWS_SECRET_KEY"):
            self.github.set_secret(name, key[name])
        self.github.set_secret("DOCKER_USERNAME", self.registry.username)
        self.github.set_secret("DOCKER_PASSWORD", self.registry.password)
        self.github.set_variable("AWS_REGION", self.aws.region)

    def _client(self, service: str) -> Any:
        make: Any = boto3.client
        return make(service, **self.aws.client_arguments)

    def _environment(self) -> dict[str, str]:
        return {**self.aws.whole_environment(), "CDK_DISABLE_CLI_TELEMETRY": "true", "PATH": _path()}


@contextmanager
def e2e_fixture() -> Iterator[E2EFixture]:
    """Start everything, and remove it at the end. Raises NoEngineError, NoRegistryError or EmbeddedAwsError."""
    find_engine()
    with (
        tempfile.TemporaryDirectory(prefix="beanpod-rehearsal-") as scratch,
        local_registry(Path(scratch) / "registry", username=_USERNAME, password=_PASSWORD) as registry,
    ):
        with step("Starting an AWS on this machine, with Docker, and a registry with a password"):
            aws = EmbeddedAws.start(docker=True, enforce_iam=True)
        try:
            with step("A repository, with the service as it is here"):
                github = Repository.make(Path(scratch) / "github", environment=_runner(aws))
                clone = _clone(github, Path(scratch) / "guestbook", registry)
            yield E2EFixture(aws, registry, github, clone)
        finally:
            aws.stop()


def _runner(aws: EmbeddedAws) -> dict[str, str]:
    """Return the variables of the runner's commands; credentials come from the secrets."""
    files = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    places = {"AWS_ENDPOINT_URL": aws.endpoint_url, "AWS_EC2_METADATA_DISABLED": "true"}
    return files | places | {"PATH": _path(), "GITHUB_ACTOR": _USERNAME}


def _path() -> str:
    # The interpreter's folder first: it has Node, npm and python.
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))


def _clone(github: Repository, folder: Path, registry: LocalRegistry) -> Path:
    """Return a clone whose first commit is the project in its present state, with the registry in its manifest."""
    git(folder.parent, "clone", "--quiet", str(github.origin), folder.name)
    for name in git(_ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if name and (_ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((_ROOT / name).read_bytes())
    manifest = folder / "beanpod.toml"
    manifest.write_text(manifest_for(manifest.read_text(), f"{registry.host}/beanpod/guestbook"))
    git(folder, "checkout", "--quiet", "-b", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "The guestbook")
    return folder


def manifest_for(text: str, image: str) -> str:
    """Return the manifest with a private image, and the login that the instances need for it."""
    text = re.sub(r'^image = "[^"]*"', f'image = "{image}"', text, count=1, flags=re.MULTILINE)
    text = text.replace("[variables]\n", f'[variables]\nDOCKER_USERNAME = "{_USERNAME}"\n', 1)
    return text.replace("[secrets]\n", f'[secrets]\nDOCKER_PASSWORD = {{ ssm = "{_PARAMETER}" }}\n', 1)


def _show_steps(said: str) -> None:
    """Print the workflow's steps from the output of git push."""
    for line in said.splitlines():
        if found := re.match(r"remote: {2,}([✓✗] .*?)\s*$", line):
            console.print(f"   [dim]{found[1]}[/]")
