"""The demo: the CDK CLI deploys the example's stacks to the embedded AWS.

`make demo`. Exits with 0 if every step succeeds; nothing is left running.
"""

import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from rich.table import Table

from beanpod_emulator.e2e.steps import StepFailedError, console, interrupted, note_interruptions, run, step
from beanpod_emulator.embedded_aws import EmbeddedAws, EmbeddedAwsError
from beanpod_emulator.environ import remove_aws_settings

if TYPE_CHECKING:
    from types_boto3_cloudformation.service_resource import Stack

# The command is run in the root of a project, as make does.
_ROOT = Path.cwd()
_CDK = _ROOT / "node_modules/.bin/cdk"
_QUIET = ("--no-notices", "--ci", "--no-color")
# Resources that the table shows.
_SHOWN = {
    "AWS::EC2::VPC": "network",
    "AWS::EC2::SecurityGroup": "security group",
    "AWS::RDS::DBInstance": "database",
    "AWS::SecretsManager::Secret": "secret",
    "AWS::IAM::Role": "role",
    "AWS::IAM::User": "user for CI",
    "AWS::ElasticBeanstalk::Application": "application",
    "AWS::ElasticBeanstalk::Environment": "environment",
    "AWS::S3::Bucket": "bucket for releases",
    "AWS::CloudWatch::Alarm": "alarm",
}


def main() -> int:
    """Run the demo. Exit code 0, 1 if a step failed, 130 when interrupted."""
    began = time.monotonic()
    note_interruptions()
    remove_aws_settings()
    try:
        _run_demo()
    except (StepFailedError, EmbeddedAwsError) as error:
        if not interrupted.is_set():
            console.print(f"[bold red]failed[/] {error}", soft_wrap=True)
            return 1
    if interrupted.is_set():
        console.print("interrupted: the embedded AWS is stopped, nothing is left running")
        return 130
    console.print(f"\n[bold green]All of it worked[/], in {time.monotonic() - began:.0f} s. Nothing is left running.")
    console.print("Next: edit beanpod.toml, run it again; README.md says how to do the same on AWS.")
    return 0


def _run_demo() -> None:
    with ExitStack() as cleanup:
        scratch = cleanup.enter_context(tempfile.TemporaryDirectory(prefix="beanpod-demo-"))
        with step("Starting an AWS on this machine"):
            aws = cleanup.enter_context(EmbeddedAws.start())
        environment = {
            **aws.whole_environment(),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        }
        output = f"--output={scratch}/cdk.out"
        deploy = ("deploy", "--all", "--require-approval=never", output)
        with step("cdk bootstrap"):
            # In a folder without cdk.json: bootstrap then does not run the app.
            _cdk(environment, "bootstrap", f"aws://{aws.account}/{aws.region}", folder=Path(scratch))
        with step("cdk deploy --all"):
            _cdk(environment, *deploy)
        _show(aws)
        with step("cdk deploy --all, once more: nothing may change"):
            again = _cdk(environment, *deploy)
            _expect_no_changes(again, len(_stacks(aws)))


def _cdk(environment: Mapping[str, str], *arguments: str, folder: Path = _ROOT) -> str:
    return run(str(_CDK), *arguments, *_QUIET, environment=environment, folder=folder)


def _expect_no_changes(output: str, stacks: int) -> None:
    unchanged = output.count("(no changes)")
    if unchanged != stacks:
        raise StepFailedError(f"{unchanged} of {stacks} stacks were unchanged:\n{output}")


def _stacks(aws: EmbeddedAws) -> list["Stack"]:
    cloudformation = boto3.resource("cloudformation", **aws.client_arguments)
    stacks = [stack for stack in cloudformation.stacks.all() if stack.name != "CDKToolkit"]
    return sorted(stacks, key=lambda stack: stack.creation_time)


def _show(aws: EmbeddedAws) -> None:
    table = Table(box=None, header_style="bold", padding=(0, 3, 0, 0))
    for column in ("Stack", "Resource", "Name"):
        table.add_column(column, overflow="fold")
    outputs: dict[str, str] = {}
    for stack in _stacks(aws):
        name = stack.name
        for resource in stack.resource_summaries.all():
            if resource.resource_type in _SHOWN:
                table.add_row(name, _SHOWN[resource.resource_type], _readable(resource.physical_resource_id))
                name = ""
        outputs |= {output["OutputKey"]: output["OutputValue"] for output in stack.outputs or ()}
    console.print()
    console.print(table)
    for key, text in (
        ("EnvironmentName", "Releases go to the environment (`make rehearse` runs it, with Docker)"),
        ("DeployerSecretArn", "The key that CI deploys with is in the secret"),
    ):
        if key not in outputs:
            raise StepFailedError(f"no stack has the output {key}")
        console.print(f"\n{text}\n  [bold]{_readable(outputs[key])}[/]", soft_wrap=True)
    console.print()


def _readable(physical_id: str) -> str:
    """Return the name of a secret from its ARN, which ends with a hyphen and six random characters."""
    return physical_id.rsplit(":", 1)[-1][:-7] if ":secret:" in physical_id else physical_id


if __name__ == "__main__":
    sys.exit(main())
