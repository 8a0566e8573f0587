"""cdk: the CDK CLI in the version that this Beanpod was tested with."""

import sys

from beanpod.cli import cdk
from beanpod.cli.commands.context import Context


def run(context: Context) -> None:
    """Run the CDK CLI, and exit with its code. Raises UsageError if it cannot be installed."""
    sys.exit(cdk.run(context.options.arguments, context.environ))
