"""Synthesis in Python beside its twin: the comparison, then the table."""

import tempfile
from pathlib import Path

from benchmarks.figures import HEADER, LIMIT, Figures, row, slopes
from benchmarks.library import unpack
from benchmarks.programs import Program, programs
from benchmarks.sameness import differences, resource_count

STAGE_COUNTS = (1, 5, 20)
RUNS = 5


def main() -> int:
    """0 within the limits; 1 beyond them, or if the two programs do not write the same templates."""
    unpack()
    with tempfile.TemporaryDirectory() as scratch:
        pairs = {count: programs(count, Path(scratch)) for count in STAGE_COUNTS}
        found = {count: _warmed_up(*pair) for count, pair in pairs.items()}
        if lines := [line for diff in found.values() for line in diff]:
            print("The twin does not produce the same resources:", *lines, sep="\n")
            return 1
        print(f"Both write the same {resource_count(pairs[1][0].assembly)} resources a stage.", flush=True)
        figures = [_measured(count, *pair) for count, pair in pairs.items()]
    return _report(figures)


def _warmed_up(python: Program, twin: Program) -> list[str]:
    python.run()
    twin.run()
    return differences(python.assembly, twin.assembly)


def _measured(stage_count: int, python: Program, twin: Program) -> Figures:
    return Figures(stage_count, tuple((python.run(), twin.run()) for _ in range(RUNS)))


def _report(figures: list[Figures]) -> int:
    python, twin = slopes(figures[0], figures[-1])
    print(HEADER)
    for each in figures:
        label = f"{each.stage_count} stage{'s' if each.stage_count > 1 else ''}"
        print(row(label, each.python, each.twin, each.ratio, limited=each.stage_count == 1))
    print(row("a stage more", python, twin, python / twin, limited=True))
    return int(figures[0].ratio > LIMIT or python / twin > LIMIT)
