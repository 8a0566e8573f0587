"""status: what runs where, and how each instance is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from beanpod.cli.commands.context import Context
from beanpod.cli.output.table import Cell, Paint, state, table
from beanpod.deploy.aws import Instance
from beanpod.deploy.rollout import Holder, Standing, read_standing
from beanpod.deploy.rollout.looking import SAMPLE


def run(context: Context) -> None:
    """Answers what the environment runs at this moment."""
    standing = read_standing(context.target, context.aws, context.clock)
    context.answers.give(StatusAnswer(standing, context.stage.name))


@dataclass(frozen=True)
class StatusAnswer:
    """An environment, as a table or a document."""

    standing: Standing
    stage: str

    @property
    def released(self) -> bool:
        """Whether the app runs there. A new environment, also one that replaced another, runs Beanstalk's sample."""
        return self.standing.environment.version_label not in ("", SAMPLE)

    def document(self) -> Any:
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

    def lines(self, paint: Paint) -> Iterator[str]:
        standing, environment = self.standing, self.standing.environment
        state_cells = (Cell(environment.name, "bold"), state(environment.status), state(environment.health))
        yield "  ".join(paint(cell) for cell in state_cells)
        yield from table(list(self._facts()), paint)
        yield from (f"  {paint(Cell(cause))}" for cause in standing.causes)
        if not self.released:
            words = f"nothing released yet: run beanpod deploy --stage {self.stage}"
            yield f"  {paint(Cell(words, 'fair'))}"
        yield ""
        yield from table([_HEADINGS, *map(_row, standing.instances.all)], paint)
        for instance in standing.instances.all:
            yield from (f"  {paint(Cell(f'{instance.instance_id}: {cause}'))}" for cause in instance.causes)

    def _facts(self) -> Iterator[tuple[Cell, Cell]]:
        target, holder = self.standing.target, self.standing.holder
        yield Cell("  version", "dim"), Cell(self.standing.environment.version_label or "none")
        yield Cell("  url", "dim"), Cell(target.url)
        if answer := self.standing.health_path:
            yield Cell("  health", "dim"), Cell(answer.text, _STYLES[answer.well])
        yield Cell("  app", "dim"), Cell(target.application)
        yield Cell("  region", "dim"), Cell(target.region)
        if holder:
            until = f"{holder.until:%H:%M:%SZ}"
            yield Cell("  rollout", "dim"), Cell(f"{holder.release.label} by {holder}, locked until {until}", "fair")


# Of an answer: one that is wanted, another, none.
_STYLES = {True: "good", False: "bad", None: "fair"}
_HEADINGS = tuple(Cell(text, "dim") for text in ("INSTANCE", "HEALTH", "VERSION", "DEPLOYMENT"))


def _row(instance: Instance) -> tuple[Cell, ...]:
    return (
        Cell(instance.instance_id),
        state(instance.health),
        Cell(instance.version_label),
        state(instance.deployment),
    )


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
