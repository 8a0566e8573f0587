import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.figures import Figures, slope
from benchmarks.sameness import differences, resource_count

ROOT = Path(__file__).resolve().parents[2]


def assembly(folder: Path, **templates: object) -> Path:
    folder.mkdir()
    for name, resources in templates.items():
        (folder / f"{name}.template.json").write_text(json.dumps({"Resources": resources}))
    return folder


def test_one_slow_moment_does_not_move_a_figure() -> None:
    figures = Figures(1, ((2.0, 1.0), (2.2, 1.1), (30.0, 1.0)))
    assert (figures.python, figures.baseline, figures.ratio) == (2.2, 1.0, 2.0)


def test_the_slope_is_seconds_for_one_more_stage() -> None:
    found = slope(Figures(1, ((3.0, 2.0),)), Figures(5, ((5.0, 2.8),)))
    assert (found.python, round(found.baseline, 6), round(found.ratio, 6)) == (0.5, 0.2, 2.5)


def test_a_slow_round_does_not_move_the_slope() -> None:
    one = Figures(1, ((3.0, 2.0), (6.0, 4.0), (3.0, 2.0)))
    twenty_one = Figures(21, ((5.0, 3.0), (90.0, 5.0), (5.0, 3.0)))
    assert round(slope(one, twenty_one).ratio, 6) == 2


def test_the_order_of_keys_makes_no_difference(tmp_path: Path) -> None:
    ours = assembly(tmp_path / "ours", a={"X": {"Type": "T", "P": 1}})
    theirs = assembly(tmp_path / "theirs", a={"X": {"P": 1, "Type": "T"}})
    assert differences(ours, theirs) == []


@pytest.mark.parametrize("other", [{"X": {"P": 2}}, {"X": {"P": 1}, "Y": {}}, {}])
def test_another_resource_or_value_is_a_difference(tmp_path: Path, other: object) -> None:
    ours = assembly(tmp_path / "ours", a={"X": {"P": 1}})
    assert differences(ours, assembly(tmp_path / "theirs", a=other))


def test_a_missing_stack_is_a_difference(tmp_path: Path) -> None:
    ours = assembly(tmp_path / "ours", a={"X": {}}, b={"Y": {}})
    assert "baseline/b.template.json" in "\n".join(differences(ours, assembly(tmp_path / "theirs", a={"X": {}})))
    assert resource_count(ours) == 2


def test_an_unknown_figure_is_refused_by_name() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "speed"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such benchmark: speed; choose from: synthesis, demo, waiting, help" in done.stderr
