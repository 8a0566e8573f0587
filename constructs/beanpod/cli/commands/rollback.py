"""rollback: an earlier version, rolled out and verified like any other."""

from beanpod.cli.commands.context import Context
from beanpod.deploy.rollout import Rollout
from beanpod.deploy.source import Source


def run(context: Context) -> None:
    """Roll out the version that was named, or the previous one. Raises the errors of `beanpod.deploy.errors`."""
    rollout = Rollout(
        context.target,
        context.aws,
        report=context.display,
        clock=context.clock,
        settings=context.settings,
        source=Source.of(context.root, context.environ),
    )
    context.known.outcome = lambda: rollout.outcome
    context.succeed(rollout.roll_back(context.options.label))
