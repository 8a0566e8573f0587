"""status: the environment, the version that it runs, and its instances."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from beanpod.cli.commands.context import Context
from beanpod.cli.output.text import Cell, Paint, state_cell
from beanpod.deploy.aws import Instance
from beanpod.deploy.rollout import Holder, Standing, read_standing
from beanpod.deploy.rollout.looking import SAMPLE


def run(context: Context) -> None:
    """Show the environment's status, health, version and instances."""
    standing = read_standing(context.target, context.aws, context.clock)
    context.results.emit(StatusResult(standing, context.stage.name))


@dataclass(frozen=True)
class StatusResult:
    """The status of an environment. stage: the stage's name."""

    standing: Standing
    stage: str

    @property
    def released(self) -> bool:
        """Whether a release is deployed. A new environment, also a replacement, runs Beanstalk's sample application."""
        return self.standing.environment.version_label not in ("", SAMPLE)

    def to_dict(self) -> Any:
        standing, environment = self.standing, self.standing.environment
        return {
            "application": standing.target.application,
            "environment": environment.name,
            "region": standing.target.region,
            "url": standing.target.url,
            "status": environment.status,
            "health": environment.health,
            "version_label": environment.version_label,
            "released": self.released,
            "health_path": standing.health_path.text if standing.health_path else None,
            "causes": standing.causes,
            "instances": [_instance(instance) for instance in standing.instances.all],
            "deployment": _deployment(standing.holder) if standing.holder else None,
        }

    def to_text(self, paint: Paint) -> Iterator[str]:
        standing, environment = self.standing, self.standing.environment
        cells = (Cell(environment.name, "bold"), state_cell(environment.status), state_cell(environment.health))
        yield "  ".join(paint(*cell) for cell in cells)
        yield from paint.facts(self._facts())
        yield from (f"  {paint(cause)}" for cause in standing.causes)
        if not self.released:
            yield f"  {paint(f'nothing is deployed yet: run beanpod deploy --stage {self.stage}', 'yellow')}"
        yield ""
        yield from paint.table([_HEADINGS, *map(_row, standing.instances.all)])
        for instance in standing.instances.all:
            yield from (f"  {paint(f'{instance.instance_id}: {cause}')}" for cause in instance.causes)

    def _facts(self) -> Iterator[tuple[str, str | Cell]]:
        target, holder = self.standing.target, self.standing.holder
        yield "version", self.standing.environment.version_label or "none"
        yield "url", target.url
        if answer := self.standing.health_path:
            yield "health", Cell(answer.text, {True: "green", False: "red", None: "yellow"}[answer.well])
        yield "app", target.application
        yield "region", target.region
        if holder:
            text = f"{holder.release.label} by {holder}, locked until {holder.until:%H:%M:%SZ}"
            yield "rollout", Cell(text, "yellow")


_HEADINGS = tuple(Cell(text, "dim") for text in ("INSTANCE", "HEALTH", "VERSION", "DEPLOYMENT"))


def _row(instance: Instance) -> tuple[str | Cell, ...]:
    return instance.instance_id, state_cell(instance.health), instance.version_label, state_cell(instance.deployment)


def _instance(instance: Instance) -> dict[str, Any]:
    return {
        "instance_id": instance.instance_id,
        "health": instance.health,
        "version_label": instance.version_label,
        "deployment": instance.deployment,
        "causes": instance.causes,
    }


def _deployment(holder: Holder) -> dict[str, Any]:
    return {
        "version_label": holder.release.label,
        "actor": holder.actor,
        "run_url": holder.run_url,
        "since": holder.since,
        "until": holder.until,
    }
