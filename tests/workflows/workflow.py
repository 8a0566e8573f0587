"""This repository's workflows, and what reads and runs them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from beanpod_emulator.github.workflow import Ran, Runner, environment_of, jobs_that_run, load, parse_outputs

__all__ = [
    "ACTION", "CHECK", "DEPLOY", "FILES", "ROOT", "Ran", "Runner", "environment_of", "jobs_that_run", "load",
    "parse_outputs", "step_of", "steps_of",
]  # fmt: skip
ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / ".github/workflows/deploy.yaml"
CHECK = ROOT / ".github/workflows/check.yaml"
ACTION = ROOT / "action.yml"
FILES = (DEPLOY, CHECK, ACTION)


def steps_of(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every step of a workflow or of a composite action."""
    for job in document.get("jobs", {"": document.get("runs", {})}).values():
        yield from job["steps"]


def step_of(steps: list[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """The step of that name."""
    (found,) = (step for step in steps if step.get("name") == name)
    return found
