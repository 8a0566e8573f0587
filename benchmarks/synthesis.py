"""Synthesis in Python beside its baseline: the comparison, then the table."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.figures import HEADER, LIMIT, Figures, row, slope
from benchmarks.library import unpack
from benchmarks.programs import Program, programs
from benchmarks.sameness import differences, resource_count

# Of more stages, the noise of the start is a smaller part of the difference.
STAGE_COUNTS = (1, 16)
ROUNDS = 3


def main() -> int:
    """Measure both programs and print the table.

    Returns:
        0 within the limits; 1 beyond them, or if the two programs do not write the same templates.
    """
    unpack()
    with tempfile.TemporaryDirectory() as scratch:
        pairs = {count: programs(count, Path(scratch)) for count in STAGE_COUNTS}
        # Python compiles its modules and jsii unpacks its packages in their first runs.
        for program in pairs[1]:
            program.run()
        rounds = [_round(pairs) for _ in range(ROUNDS)]
        lines = [line for pair in pairs.values() for line in differences(*(program.assembly for program in pair))]
        if lines:
            print("The baseline does not produce the same resources:", *lines, sep="\n")
            return 1
        print(f"Both write the same {resource_count(pairs[1][0].assembly)} resources a stage.")
    return _report([Figures(count, tuple(taken[count] for taken in rounds)) for count in STAGE_COUNTS])


def _round(pairs: Mapping[int, tuple[Program, Program]]) -> dict[int, tuple[float, float]]:
    return {count: (python.run(), baseline.run()) for count, (python, baseline) in pairs.items()}


def _report(figures: list[Figures]) -> int:
    one, a_stage_more = figures[0], slope(figures[0], figures[-1])
    print(HEADER)
    for each in figures:
        label = f"{each.stage_count} stage{'s' if each.stage_count > 1 else ''}"
        print(row(label, each, limited=each is one))
    print(row("a stage more", a_stage_more, limited=True))
    return int(one.ratio > LIMIT or a_stage_more.ratio > LIMIT)
