"""deploy: build, push, deploy and verify a release."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from beanpod.cli.commands.context import Context
from beanpod.cli.output.text import Paint
from beanpod.deploy.errors import InterruptionError
from beanpod.deploy.flow import Deployment, Plan, Project


def run(context: Context) -> None:
    """Deploy the stage; with --dry-run, show what that would do. Raises the errors of `beanpod.deploy.errors`."""
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
        context.results.emit(PlanResult(deployment.plan()))
        return
    context.outcome = lambda: deployment.outcome
    try:
        outcome = deployment.run(force=context.options.force)
    except KeyboardInterrupt:
        # Before the rollout, which reports an interruption itself.
        raise InterruptionError("interrupted: the environment was not touched") from None
    context.finish(outcome)


@dataclass(frozen=True)
class PlanResult:
    """What a deployment would do."""

    plan: Plan

    def to_dict(self) -> Any:
        plan, environment = self.plan, self.plan.preflight.environment
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
            "can_roll_back": plan.preflight.can_roll_back,
            "identity": plan.preflight.identity,
        }

    def to_text(self, paint: Paint) -> Iterator[str]:
        plan, found = self.plan, self.plan.preflight
        now = found.environment
        yield paint("A deployment would do this (dry run):", "bold")
        yield from paint.facts(
            [
                ("now", f"{now.name} is {now.status}, health {now.health}"),
                ("build", f"{', '.join(plan.builds)}, for {plan.platform}" if plan.builds else "no image"),
                ("push", f"to {plan.repository}" if plan.builds else "nothing"),
                ("upload", f"to s3://{plan.target.bucket}"),
                ("deploy", f"to {plan.target.environment} in {plan.target.region}"),
                ("as", found.identity),
                ("instead of", found.previous or "Beanstalk's sample application: this is the first release"),
                ("roll back", self._rollback()),
            ]
        )

    def _rollback(self) -> str:
        found = self.plan.preflight
        if found.previous is None:
            return "not possible: there is no earlier version"
        if not found.can_roll_back:
            return f"not possible: the bundle of {found.previous} was deleted"
        return f"to {found.previous}, if the release fails"
