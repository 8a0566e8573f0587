"""diff: what a deployment of the infrastructure would change, on AWS or against another state of the project."""

import os
import sys
from dataclasses import asdict

from beanpod.cli import cdk
from beanpod.cli.commands.context import Context
from beanpod.cli.difference import Cdk, difference, markdown
from beanpod.deploy.errors import UsageError


def run(context: Context) -> None:
    """Compare with what is deployed, by `cdk diff`; with --against, with the project in another folder.

    Raises UsageError if that folder is missing, or a side cannot be synthesised.
    """
    base, name = context.options.against, context.options.manifest.name
    if base is None:
        chosen = ("--context", f"stage={context.stage.name}")
        os.chdir(context.root)
        sys.exit(cdk.run(("diff", *chosen), context.environ))
    if not base.is_dir():
        raise UsageError(f"{base}: no such folder")
    changes = difference(base.resolve(), context.root, manifest=name, cdk=Cdk.installed(context.environ))
    document = {stage: [asdict(change) for change in found] for stage, found in changes.items()}
    context.results.emit(document, markdown(changes).splitlines())
