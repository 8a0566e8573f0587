"""rollback: an earlier version, rolled out and verified like any other."""

from deploy.commands.context import Context
from deploy.rollout import Rollout
from deploy.source import Source


def run(context: Context) -> None:
    """Rolls out the version that was named, or the one before the present. Raises the errors of `deploy.errors`."""
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
