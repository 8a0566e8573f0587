"""status: the environment, the version that it runs, and its instances."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from beanpod.cli.commands.context import Context
from beanpod.cli.output.text import Cell, Paint, state_cell
from beanpod.deploy.aws import Instance
from beanpod.deploy.lock import LockOwner
from beanpod.deploy.preflight import version_of
from beanpod.deploy.status import EnvironmentStatus, read_status

if TYPE_CHECKING:
    from beanpod.manifest import StageConfig

_HEADINGS = tuple(Cell(text, "dim") for text in ("INSTANCE", "HEALTH", "VERSION", "DEPLOYMENT"))


def run(context: Context) -> None:
    """Show the environment's status, health, version and instances."""
    status = read_status(context.target, context.aws)
    changes = context.target.missing_changes(context.stage)
    warnings = (*(status.health_path.warnings if status.health_path else ()), *([changes] if changes else []))
    context.results.emit(_document(status, warnings), _text(status, context.stage, warnings, context.results.paint))


def _document(status: EnvironmentStatus, warnings: Sequence[str]) -> dict[str, Any]:
    environment = status.environment
    return {
        "application": status.target.application,
        "environment": environment.name,
        "region": status.target.region,
        "url": status.target.url,
        "plain_http": status.target.plain_http,
        "status": environment.status,
        "health": environment.health,
        "version_label": environment.version_label,
        "released": version_of(status.environment) is not None,
        "health_path": status.health_path.text if status.health_path else None,
        "warnings": warnings,
        "causes": status.causes,
        "instances": [asdict(instance) for instance in status.instances.all],
        "deployment": _deployment(status.lock_owner) if status.lock_owner else None,
    }


def _text(status: EnvironmentStatus, stage: "StageConfig", warnings: Sequence[str], paint: Paint) -> Iterator[str]:
    environment = status.environment
    cells = (Cell(environment.name, "bold"), state_cell(environment.status), state_cell(environment.health))
    yield "  ".join(paint(*cell) for cell in cells)
    yield from paint.facts(_facts(status))
    yield from (f"  {paint(cause)}" for cause in status.causes)
    yield from (f"  {paint(warning, 'yellow')}" for warning in warnings)
    if missing := status.target.missing_domain(stage):
        yield f"  {paint(missing, 'yellow')}"
    elif status.target.plain_http:
        yield f"  {paint(f'plain HTTP: for HTTPS, write [stages.{stage.name}.domain] in beanpod.toml', 'yellow')}"
    if version_of(status.environment) is None:
        yield f"  {paint(f'nothing is deployed yet: run `beanpod deploy --stage {stage.name}`', 'yellow')}"
    yield ""
    yield from paint.table([_HEADINGS, *map(_row, status.instances.all)])
    for instance in status.instances.all:
        yield from (f"  {paint(f'{instance.instance_id}: {cause}')}" for cause in instance.causes)


def _facts(status: EnvironmentStatus) -> Iterator[tuple[str, str | Cell]]:
    yield "version", status.environment.version_label or "none"
    yield "url", status.target.url
    if answer := status.health_path:
        yield "health check", Cell(answer.text, {True: "green", False: "red", None: "yellow"}[answer.well])
    yield "application", status.target.application
    yield "region", status.target.region
    if owner := status.lock_owner:
        text = f"{owner.release.label} by {owner}, locked until {owner.until:%H:%M:%SZ}"
        yield "deployment", Cell(text, "yellow")


def _row(instance: Instance) -> tuple[str | Cell, ...]:
    return instance.instance_id, state_cell(instance.health), instance.version_label, state_cell(instance.deployment)


def _deployment(owner: LockOwner) -> dict[str, Any]:
    return {
        "version_label": owner.release.label,
        "actor": owner.actor,
        "run_url": owner.run_url,
        "since": owner.since,
        "until": owner.until,
    }
