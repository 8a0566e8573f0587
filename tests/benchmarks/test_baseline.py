"""The baseline in JavaScript, which nothing but the benchmarks runs, follows the stacks."""

from pathlib import Path

from benchmarks.library import unpack
from benchmarks.programs import programs
from benchmarks.sameness import differences


def test_it_writes_the_same_templates(tmp_path: Path) -> None:
    unpack()
    pair = programs(1, tmp_path)
    for program in pair:
        program.run()
    assert differences(*(program.assembly for program in pair)) == []
