"""deploy: build, push, deploy and verify a release."""

from collections.abc import Iterator
from typing import Any

from beanpod.cli.commands.context import Context
from beanpod.deploy.errors import InterruptionError, UsageError
from beanpod.deploy.pipeline import build
from beanpod.deploy.preflight import Preflight
from beanpod.project.versions import other_version


def run(context: Context) -> None:
    """Deploy the stage; with --dry-run, show what that would do. Raises the errors of `beanpod.deploy.errors`."""
    rollout = context.rollout
    # Only a warning: a pull request's `beanpod check` refuses it, and a fix must not wait for that.
    if problem := other_version(context.root):
        context.display.warn(problem)
    if context.source.problem:
        context.display.warn(context.source.problem)
    if problem := _short_session(context):
        context.display.warn(problem)
    if missing := context.target.missing_domain(context.stage):
        raise UsageError(missing)
    if changes := context.target.missing_changes(context.stage):
        context.display.warn(changes)
    if context.options.dry_run:
        found = rollout.preflight(wait=False)
        context.results.emit(_document(context, found), _text(context, found))
        return
    context.outcome = lambda: rollout.outcome
    try:
        # First, since it takes no time: what cannot be built, or cannot run on Beanstalk.
        plan = context.bundle_plan
        # Before the build: wrong credentials or a busy environment should not cost a build.
        rollout.preflight()
        built = build(plan, context.docker, application=context.target.application)
        outcome = rollout.release(built.bundle, force=context.options.force)
    except KeyboardInterrupt:
        # Before the rollout, which reports an interruption itself.
        raise InterruptionError("interrupted: the environment was not changed") from None
    context.finish(outcome)


def _short_session(context: Context) -> str | None:
    """Return what to do if the session of the action's role may end in the middle of the rollout or its rollback."""
    lasts, needed = context.environ.get("AWS_ROLE_SECONDS", ""), context.stage.environment.session_hours * 3600
    if not lasts.isdecimal() or int(lasts) >= needed:
        return None
    return (
        f"a rollout of stage {context.stage.name} and its rollback may take longer than the role's session of {lasts} "
        f"s: set the variable AWS_ROLE_SECONDS of the GitHub environment to {needed}, or the action's "
        "`aws-role-seconds`, and raise the job's `timeout-minutes`"
    )


def _document(context: Context, found: Preflight) -> dict[str, Any]:
    target = context.target
    return {
        "build": context.bundle_plan.builds,
        "platform": context.bundle_plan.platform,
        "repository": context.stage.service.image,
        "application": target.application,
        "environment": target.environment,
        "region": target.region,
        "bucket": target.bucket,
        "url": context.rollout.outcome.url,
        "status": found.environment.status,
        "health": found.environment.health,
        "version_label": found.environment.version_label,
        "can_roll_back": found.can_roll_back,
        "identity": found.identity,
    }


def _text(context: Context, found: Preflight) -> Iterator[str]:
    now, target, builds = found.environment, context.target, ", ".join(context.bundle_plan.builds)
    yield context.results.paint("A deployment would do this (dry run):", "bold")
    yield from context.results.paint.facts(
        [
            ("environment", f"{now.name} is {now.status}, health {now.health}"),
            ("build", f"{builds}, for {context.bundle_plan.platform}" if builds else "no image"),
            ("push", f"to {context.stage.service.image}" if builds else "nothing"),
            ("upload", f"to s3://{target.bucket}"),
            ("deploy", f"to {target.environment} in {target.region}"),
            ("identity", found.identity),
            ("replaces", found.previous or "Beanstalk's sample application: this is the first release"),
            ("roll back", _rollback(found)),
        ]
    )


def _rollback(preflight: Preflight) -> str:
    if preflight.previous is None:
        return "not possible: there is no earlier version"
    if not preflight.can_roll_back:
        return f"not possible: the bundle of {preflight.previous} was deleted"
    return f"to {preflight.previous}, if the release fails"
