"""demo: deploy the project's stacks to an AWS that is emulated on this machine, without Docker."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from enum import StrEnum
from typing import TYPE_CHECKING

from beanpod.cli.commands.context import Context
from beanpod.cli.output.text import Paint, duration
from beanpod.cli.rehearsal.machine import check_packages
from beanpod.cli.rehearsal.processes import ProgramRunner, noted_interruptions
from beanpod.cli.rehearsal.workspace import Substitutes, Workspace
from beanpod.deploy.errors import DeployError
from beanpod.deploy.images.process import temporary_folder
from beanpod.manifest import Manifest

if TYPE_CHECKING:
    from beanpod.cli.rehearsal.emulated import Stack

# Resources that the table shows.
_SHOWN = {
    "AWS::EC2::VPC": "network",
    "AWS::EC2::SecurityGroup": "security group",
    "AWS::RDS::DBInstance": "database",
    "AWS::SecretsManager::Secret": "secret",
    "AWS::IAM::Role": "role",
    "AWS::IAM::User": "user",
    "AWS::ElasticBeanstalk::Application": "application",
    "AWS::ElasticBeanstalk::Environment": "environment",
    "AWS::CertificateManager::Certificate": "certificate",
    "AWS::Route53::RecordSet": "DNS record",
    "AWS::S3::Bucket": "bucket",
    "AWS::CloudWatch::Alarm": "alarm",
}


class DemoPhase(StrEnum):
    """The phases of a demo, in order."""

    START = "Start"
    BOOTSTRAP = "Bootstrap"
    STACKS = "Stacks"
    AGAIN = "Again"
    END = "End"


def run(context: Context) -> None:
    """Deploy the stacks twice, and show them. Raises UsageError before anything is started, DeployError after that."""
    began = context.clock.monotonic()
    check_packages(context.root)
    Manifest.read(context.options.manifest)
    from beanpod.cli.rehearsal.domain import create_domain
    from beanpod.cli.rehearsal.emulated import EmulatedProject, emulated_aws

    display = context.display
    with noted_interruptions() as interrupted, ExitStack() as cleanup:
        with display.phase(DemoPhase.START):
            scratch = cleanup.enter_context(temporary_folder("beanpod-demo-"))
            aws = cleanup.enter_context(emulated_aws(context.stage, docker=False, log=scratch / "aws.log"))
            domain = context.stage.domain
            tables = {"domain": create_domain(aws, domain)} if domain else {}
            substitutes = Substitutes(context.stage.service.image, "demo", stage=tables)
            workspace = Workspace(
                context.root, context.options.manifest.name, context.stage.name, scratch / "copy", substitutes
            )
            parameters, folder = workspace.fill().parameters, workspace.folder
            stage = Manifest.read(folder / "beanpod.toml").stage(context.stage.name)
            runner = ProgramRunner(display, interrupted, verbose=context.options.verbose)
            project = EmulatedProject(folder, parameters, stage, aws, runner, context.environ)
            display.say(f"emulated AWS: account {aws.account}, region {aws.region}")
            interrupted.check()
        with display.phase(DemoPhase.BOOTSTRAP):
            project.put_parameters({})
            project.bootstrap()
            display.say(f"cdk bootstrap aws://{aws.account}/{aws.region}")
        with display.phase(DemoPhase.STACKS):
            project.deploy_stacks()
            stacks = project.stacks()
            for stack in stacks:
                display.say(stack.name)
        with display.phase(DemoPhase.AGAIN):
            unchanged = project.deploy_stacks().count("(no changes)")
            if unchanged != len(stacks):
                raise DeployError(f"{unchanged} of {len(stacks)} stacks were unchanged when they were deployed again")
            display.say("no changes")
        with display.phase(DemoPhase.END):
            cleanup.close()
    document = {stack.name: {"outputs": stack.outputs, "resources": stack.resources} for stack in stacks}
    context.results.emit(document, _text(stacks, context.clock.monotonic() - began, context.results.paint))


def _text(stacks: "Sequence[Stack]", seconds: float, paint: Paint) -> Iterator[str]:
    for stack in stacks:
        yield ""
        yield paint(stack.name, "bold")
        yield from paint.facts((_SHOWN[kind], _readable(name)) for kind, name in stack.resources if kind in _SHOWN)
    yield ""
    yield paint(f"Deployed {len(stacks)} stacks in {duration(seconds)}.", "bold")
    yield paint("Nothing is left running. `beanpod rehearse` also runs the app, with Docker.")


def _readable(physical_id: str) -> str:
    """Return the name of a secret from its ARN, which ends with a hyphen and six random characters."""
    return physical_id.rsplit(":", 1)[-1][:-7] if ":secret:" in physical_id else physical_id
