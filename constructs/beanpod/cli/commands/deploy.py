"""deploy: build, push, roll out, verify; or, with --dry-run, what that would do."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from beanpod.cli.commands.context import Context
from beanpod.cli.output.table import Cell, Paint, table
from beanpod.deploy.errors import InterruptionError
from beanpod.deploy.flow import Deployment, Plan, Project


def run(context: Context) -> None:
    """Deploys the stage, or answers the plan. Raises the errors of `beanpod.deploy.errors`."""
    project = Project(context.stage, context.root, context.environ)
    deployment = Deployment(
        project,
        context.target,
        context.aws,
        clock=context.clock,
        report=context.display,
        settings=context.settings,
    )
    if context.options.dry_run:
        context.answers.give(PlanAnswer(deployment.plan()))
        return
    context.known.outcome = lambda: deployment.outcome
    try:
        outcome = deployment.run(force=context.options.force)
    except KeyboardInterrupt:
        # The rollout tells of an interruption itself: this one came while the image was made.
        raise InterruptionError("interrupted: the environment was not touched") from None
    context.succeed(outcome)


@dataclass(frozen=True)
class PlanAnswer:
    """What a deployment would do."""

    plan: Plan

    def document(self) -> Any:
        plan, environment = self.plan, self.plan.look.environment
        return {
            "build": plan.builds,
            "platform": plan.platform,
            "repository": plan.repository,
            "application": plan.target.application,
            "environment": plan.target.environment,
            "region": plan.target.region,
            "bucket": plan.target.bucket,
            "url": plan.target.url,
            "status": environment.status,
            "health": environment.health,
            "version_label": environment.version_label,
            "can_roll_back": plan.look.can_roll_back,
            "identity": plan.look.identity,
        }

    def lines(self, paint: Paint) -> Iterator[str]:
        yield paint(Cell("A deployment would do this; nothing was touched:", "bold"))
        yield from table(list(self._steps()), paint)

    def _steps(self) -> Iterator[tuple[Cell, Cell]]:
        plan, look = self.plan, self.plan.look
        now = look.environment
        yield _step("now", f"{now.name} is {now.status}, health {now.health}")
        yield _step("build", f"{', '.join(plan.builds) or 'nothing'}, for {plan.platform}")
        yield _step("push", f"to {plan.repository}" if plan.builds else "nothing")
        yield _step("upload", f"to s3://{plan.target.bucket}")
        yield _step("roll out", f"on {plan.target.environment} in {plan.target.region}")
        yield _step("as", look.identity)
        yield _step("instead of", look.previous or "Beanstalk's sample: this is the first release")
        yield _step("roll back", self._way_back())

    def _way_back(self) -> str:
        look = self.plan.look
        if look.previous is None:
            return "not possible, if it fails: there is no earlier version"
        if not look.can_roll_back:
            return f"not possible, if it fails: the bundle of {look.previous} is gone"
        return f"to {look.previous}, if it fails"


def _step(name: str, text: str) -> tuple[Cell, Cell]:
    return Cell(f"  {name}", "dim"), Cell(text)
