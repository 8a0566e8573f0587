"""A project whose stacks are deployed to an AWS that is emulated on this machine."""

import json
import os
import re
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beanpod.cli.cdk import cdk_environment
from beanpod.cli.rehearsal.domain import client
from beanpod.cli.rehearsal.processes import Done, ProgramRunner
from beanpod.deploy.errors import DeployError
from beanpod_emulator import EmbeddedAws, EmbeddedAwsError
from beanpod_emulator.environ import clean_aws_environ, remove_aws_settings

if TYPE_CHECKING:
    from beanpod.manifest import StageConfig

# An uncaught error of a Node.js driver alone has 30.
_LOG_LINES = 40
# Ruby prints the message of an error first, and after it where it was in some fifty lines of other people's code.
_OF_A_GEM = re.compile(r"/gems/\S+\.rb:\d+:in ")
# For which containers are watched at the end of a deployment: a third of what it is on AWS.
_WATCH_SECONDS = 5
_ACCOUNT, _REGION = "123456789012", "us-east-1"
_COMMAND = (sys.executable, "-P", "-m", "beanpod")
_QUIET = ("--no-notices", "--no-color", "--progress=events")


@dataclass(frozen=True)
class Stack:
    """A deployed stack. outputs: by their keys. resources: type and physical id of each."""

    name: str
    outputs: Mapping[str, str]
    resources: tuple[tuple[str, str], ...]


@contextmanager
def emulated_aws(stage: "StageConfig", *, docker: bool, log: Path) -> Iterator[EmbeddedAws]:
    """Run an emulated AWS with the account and the region of a stage, until the end of the block.

    Args:
        stage: The stage.
        docker: Whether instances and databases run in Docker.
        log: File for its errors.

    Raises:
        DeployError: It did not start.
    """
    region = stage.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _REGION
    # A profile or a proxy of the user's shell would disturb boto3 in this process.
    remove_aws_settings()
    with log.open("w") as errors:
        try:
            aws = EmbeddedAws.start(
                account=stage.account or _ACCOUNT, region=region, docker=docker, enforce_iam=docker, log=errors
            )
        except EmbeddedAwsError as error:
            lines = tuple(log.read_text().splitlines()[-5:])
            raise DeployError("the emulated AWS did not start", causes=lines or (str(error),)) from error
        with aws:
            if docker:
                aws.set_pace(watch=_WATCH_SECONDS)
            yield aws


@dataclass(frozen=True)
class EmulatedProject:
    """A copy of a project, and the AWS that it is deployed to.

    Attributes:
        folder: The folder of the copy.
        parameters: The variable of each Systems Manager parameter that the stage reads, by the parameter's name.
        stage: The stage of the copy.
        aws: The emulated AWS.
        runner: Runs commands.
        environ: Variables of the user's shell.
    """

    folder: Path
    parameters: Mapping[str, str]
    stage: "StageConfig"
    aws: EmbeddedAws
    runner: ProgramRunner
    environ: Mapping[str, str] = field(repr=False)

    @property
    def variables(self) -> dict[str, str]:
        """Variables for a command that may do anything on the emulated AWS."""
        variables = cdk_environment(clean_aws_environ(self.environ)) | self.aws.environment
        variables |= dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
        # These win over cdk.json and ~/.cdk.json, whose profile is not there.
        variables |= {"CDK_PROFILE": "", "CDK_REGION": self.aws.region}
        # Of the repository that the user's shell is in.
        return {name: value for name, value in variables.items() if not name.startswith(("GIT_", "GITHUB_"))}

    @property
    def domain_variables(self) -> dict[str, str]:
        """Variables by which programs reach the stage's domain; none without one."""
        return self.aws.domain_variables() if self.stage.domain else {}

    def bootstrap(self) -> None:
        """Run `cdk bootstrap`."""
        # In a folder without cdk.json: bootstrap then does not run the app.
        self._cdk("bootstrap", f"aws://{self.aws.account}/{self.aws.region}", folder=self.folder.parent)

    def deploy_stacks(self) -> str:
        """Run `cdk deploy --all`, and return what it prints."""
        return self._cdk("deploy", "--all", "--require-approval=never", "--context", f"stage={self.stage.name}").output

    def _cdk(self, *arguments: str, folder: Path | None = None) -> Done:
        command = (*_COMMAND, "cdk", *arguments, *_QUIET)
        variables = {**self.variables, "CDK_DISABLE_CLI_TELEMETRY": "true"}
        # What jsii unpacks stays where it is interrupted: in the rehearsal's folder, it goes with that.
        variables["TMPDIR"] = str(self.folder.parent)
        done = self.runner.run(command, environ=variables, folder=folder or self.folder, server_runs=self.aws.runs)
        if done.code:
            raise self.runner.failed(f"cdk {arguments[0]}", done)
        return done

    def put_parameters(self, given: Mapping[str, str]) -> tuple[str, ...]:
        """Create the Systems Manager parameters that the stage reads.

        Args:
            given: Values by variable. Default: those of the user's shell, or random ones.

        Returns:
            The variables that have a random value.
        """
        ssm, unknown = self.client("ssm"), []
        for parameter, name in self.parameters.items():
            value = given.get(name) or self.environ.get(name)
            if value is None:
                unknown.append(name)
            ssm.put_parameter(Name=parameter, Value=value or secrets.token_urlsafe(24), Type="SecureString")
        return tuple(unknown)

    def stacks(self) -> list[Stack]:
        """Return the stacks of the project, in the order of their creation."""
        cloudformation = self.client("cloudformation")
        found = cloudformation.describe_stacks()["Stacks"]
        return [
            Stack(
                stack["StackName"],
                {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())},
                tuple(
                    (resource["ResourceType"], resource.get("PhysicalResourceId", ""))
                    for page in cloudformation.get_paginator("list_stack_resources").paginate(
                        StackName=stack["StackName"]
                    )
                    for resource in page["StackResourceSummaries"]
                ),
            )
            for stack in sorted(found, key=lambda one: one["CreationTime"])
            if stack["StackName"] != "CDKToolkit"
        ]

    def deployer(self) -> dict[str, str]:
        """Return the AWS credentials of CI as variables: the deploy user's key, or a session of the role for GitHub."""
        outputs = {key: value for stack in self.stacks() for key, value in stack.outputs.items()}
        if arn := outputs.get("DeployerSecretArn"):
            key = json.loads(self.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
            return {"AWS_ACCESS_KEY_ID": key["AWS_ACCESS_KEY"], "AWS_SECRET_ACCESS_KEY": key["AWS_SECRET_KEY"]}
        github = self.stage.delivery.github
        if github and (role := outputs.get("DeployRoleArn")):
            who = f"environment:{github.environment}" if github.environment else f"ref:refs/heads/{github.branch}"
            token = self.aws.web_identity_token(f"repo:{github.repository}:{who}")
            session = self.client("sts").assume_role_with_web_identity(
                RoleArn=role, RoleSessionName="rehearsal", WebIdentityToken=token
            )["Credentials"]
            return {
                "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
                "AWS_SESSION_TOKEN": session["SessionToken"],
            }
        return {}

    def release(self, variables: Mapping[str, str]) -> tuple[Done, dict[str, Any]]:
        """Run `beanpod deploy`; return how it ended, and its result.

        Args:
            variables: Those of the deployer, and the login at the registry.
        """
        done = self._beanpod("deploy", variables)
        try:
            result: dict[str, Any] = json.loads(done.output)
        except ValueError:
            result = {}
        return done, result

    def logs(self) -> list[str]:
        """Return the last lines of `beanpod logs`; none where it fails."""
        done = self._beanpod("logs", {})
        lines = [str(line["message"]) for line in json.loads(done.output)] if done.code == 0 else []
        return [line for line in lines if not _OF_A_GEM.search(line)][-_LOG_LINES:]

    def _beanpod(self, command: str, variables: Mapping[str, str]) -> Done:
        arguments = (*_COMMAND, command, "--json", "--output=lines", "--stage", self.stage.name)
        environ = {**self.variables, **self.domain_variables, **variables}
        return self.runner.run(arguments, environ=environ, folder=self.folder, result=True, server_runs=self.aws.runs)

    def client(self, service: str) -> Any:
        """Return a client of the emulated AWS that may do anything."""
        return client(self.aws, service)
