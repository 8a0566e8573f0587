"""deploy: build, push, deploy and verify a release."""

from collections.abc import Iterator
from typing import Any

from beanpod.cli.commands.context import Context
from beanpod.cli.output.text import Paint
from beanpod.deploy.errors import InterruptionError
from beanpod.deploy.pipeline import Deployment, Plan, Project
from beanpod.deploy.preflight import Preflight


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
        plan = deployment.plan()
        context.results.emit(_document(plan), _text(plan, context.results.paint))
        return
    context.outcome = lambda: deployment.outcome
    try:
        outcome = deployment.run(force=context.options.force)
    except KeyboardInterrupt:
        # Before the rollout, which reports an interruption itself.
        raise InterruptionError("interrupted: the environment was not changed") from None
    context.finish(outcome)


def _document(plan: Plan) -> dict[str, Any]:
    environment = plan.preflight.environment
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


def _text(plan: Plan, paint: Paint) -> Iterator[str]:
    preflight = plan.preflight
    now = preflight.environment
    yield paint("A deployment would do this (dry run):", "bold")
    yield from paint.facts(
        [
            ("now", f"{now.name} is {now.status}, health {now.health}"),
            ("build", f"{', '.join(plan.builds)}, for {plan.platform}" if plan.builds else "no image"),
            ("push", f"to {plan.repository}" if plan.builds else "nothing"),
            ("upload", f"to s3://{plan.target.bucket}"),
            ("deploy", f"to {plan.target.environment} in {plan.target.region}"),
            ("as", preflight.identity),
            ("instead of", preflight.previous or "Beanstalk's sample application: this is the first release"),
            ("roll back", _rollback(preflight)),
        ]
    )


def _rollback(preflight: Preflight) -> str:
    if preflight.previous is None:
        return "not possible: there is no earlier version"
    if not preflight.can_roll_back:
        return f"not possible: the bundle of {preflight.previous} was deleted"
    return f"to {preflight.previous}, if the release fails"
