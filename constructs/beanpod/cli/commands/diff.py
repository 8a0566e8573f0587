"""diff: what a deployment of the infrastructure would change, on AWS or against another state of the project."""

import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path

from beanpod.cli.change_sets import StackChange, assembled_stacks, stack_changes
from beanpod.cli.commands.context import Context
from beanpod.cli.deployed_stacks import deployment_account
from beanpod.cli.difference import Cdk, difference, markdown
from beanpod.cli.preview import document, resource_document, text
from beanpod.deploy.errors import UsageError


class DiffPhase(StrEnum):
    """The phases of a comparison with AWS, in order."""

    SYNTHESISE = "Synthesise"
    COMPARE = "Compare"


def run(context: Context) -> None:
    """Show what a deployment does to the stacks on AWS; with --against, compare with the project in another folder.

    Raises DeployError if that folder is missing, a side cannot be synthesised, or AWS refuses a call.
    """
    base, name = context.options.against, context.options.manifest.name
    if base is None:
        changes = _deployed_changes(context)
        context.results.emit(document(changes), text(changes, context.stage, context.results.paint))
        return
    if not base.is_dir():
        raise UsageError(f"{base}: no such folder")
    found = difference(base.resolve(), context.root, manifest=name, cdk=Cdk.installed(context.environ))
    whole = {
        stage: [asdict(it) | {"resources": [*map(resource_document, it.resources)]} for it in changed]
        for stage, changed in found.items()
    }
    context.results.emit(whole, markdown(found).splitlines())


def _deployed_changes(context: Context) -> Sequence[StackChange]:
    stage = context.stage
    with tempfile.TemporaryDirectory() as folder:
        assembly = Path(folder)
        with context.display.phase(DiffPhase.SYNTHESISE):
            Cdk.installed(context.environ).synthesise(context.root, stage.name, assembly)
        with context.display.phase(DiffPhase.COMPARE):
            return stack_changes(assembled_stacks(assembly), deployment_account(stage.region, (), context.root))
