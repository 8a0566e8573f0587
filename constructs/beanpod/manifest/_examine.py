"""Checks one stage's tables. A wrong value is replaced for the time being, so that the rules see the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from beanpod.manifest._explain import guessed_key, path_of, text_of
from beanpod.manifest._findings import Case, Finding
from beanpod.manifest._layers import completed, look_up, with_value
from beanpod.manifest._presets import Tables
from beanpod.manifest._rules import RULES
from beanpod.manifest._sections import StageConfig
from beanpod.manifest._wording import Path

_SAMPLE = {
    **completed({"service": {"name": "service", "image": "user/service"}, "database": {"engine": "mysql"}}),
    "name": "stage",
}
# Each round takes wrong values away; a table goes when its last needed key is gone, so four levels are enough.
_ROUNDS = 8


def examine(
    tables: Tables, written: Tables, folder: FilePath | None, own: Tables
) -> tuple[StageConfig | None, list[Finding]]:
    """The stage that `tables` describe, or None; and everything that is wrong with it. See Case for the others."""
    findings: list[Finding] = []
    replaced: set[Path] = set()
    for round_ in range(_ROUNDS):
        try:
            stage = StageConfig.model_validate(tables)
            break
        except ValidationError as error:
            errors = _separate(error.errors(include_url=False))
        findings += [Finding(path_of(slip), text_of(slip)) for slip in errors if round_ == 0]
        replaced.update(path for slip in errors for path in _touched(slip, written))
        for slip in errors:
            tables = _mended(tables, slip)
    else:
        return None, findings
    findings += _judged(Case(stage, written, folder, own), replaced)
    return (None if findings else stage), findings


def _separate(slips: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without those that follow from others: a list whose one item is wrong counts as empty for pydantic."""
    paths = [path_of(slip) for slip in slips]
    return [
        slip
        for slip, path in zip(slips, paths, strict=True)
        if not any(len(other) > len(path) and other[: len(path)] == path for other in paths)
    ]


def _judged(case: Case, replaced: set[Path]) -> Iterator[Finding]:
    for rule in RULES:
        for finding in rule(case):
            if not any(_concerns(finding, path) for path in replaced):
                yield finding


def _concerns(finding: Finding, wrong: Path) -> bool:
    if finding.of_the_rest and len(wrong) > len(finding.key):
        return any(_overlap(key, wrong) for key in finding.reads)
    return any(_overlap(key, wrong) for key in (finding.key, *finding.reads))


def _overlap(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _touched(slip: ErrorDetails, written: Tables) -> Iterator[Path]:
    """The key that is wrong; and the one that was meant, unless it is written as well."""
    path = path_of(slip)
    yield path
    guess = guessed_key(path) if slip["type"] == "extra_forbidden" else None
    if guess and look_up(written, (*path[:-1], guess)) is None:
        yield (*path[:-1], guess)


def _mended(tables: Tables, slip: ErrorDetails) -> Tables:
    """`tables` with something harmless in place of the slip, or without the table that needs it."""
    path = path_of(slip)
    place = next((place for place, part in enumerate(path) if isinstance(part, int)), len(path))
    sample = look_up(_SAMPLE, path[:place])
    if sample is None and slip["type"] == "missing" and place == len(path):
        place -= 1
    return with_value(tables, path[:place], sample)
