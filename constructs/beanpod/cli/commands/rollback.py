"""rollback: deploy an earlier version and verify it."""

from beanpod.cli.commands.context import Context


def run(context: Context) -> None:
    """Deploy the version with the given label, or the previous one. Raises the errors of `beanpod.deploy.errors`."""
    rollout = context.rollout
    context.outcome = lambda: rollout.outcome
    context.finish(rollout.roll_back(context.options.label))
