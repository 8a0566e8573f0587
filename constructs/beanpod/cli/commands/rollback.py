"""rollback: deploy an earlier version and verify it."""

from beanpod.cli.commands.context import Context
from beanpod.deploy.release import Rollout
from beanpod.deploy.source import Source


def run(context: Context) -> None:
    """Deploy the version with the given label, or the previous one. Raises the errors of `beanpod.deploy.errors`."""
    rollout = Rollout(
        context.target,
        context.aws,
        report=context.display,
        clock=context.clock,
        settings=context.settings,
        source=Source.of(context.root, context.environ),
    )
    context.outcome = lambda: rollout.outcome
    context.finish(rollout.roll_back(context.options.label))
