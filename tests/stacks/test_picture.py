"""The picture shows what the templates hold, and only references that are there."""

from pathlib import Path
from typing import Any

import pytest

from tests.stacks.conftest import ROOT, Stage
from tools.picture import cards, main


def named(stage: Stage) -> dict[str, Any]:
    return {f"guestbook-test-{part}": template for part, template in stage.templates.items()}


def test_every_part_that_costs_or_protects_has_a_card(stage: Stage) -> None:
    titles = [card.title for card in cards(named(stage)).values()]
    groups = len(stage.resources("network", "AWS::EC2::SecurityGroup"))
    assert titles.count("Security group") == groups
    assert titles.count("Beanstalk environment") == 1
    assert titles.count("RDS instance") == int("database" in stage.templates)


def test_the_committed_picture_is_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    main(str(tmp_path / "drawn.svg"))
    committed = (ROOT / "docs/architecture.svg").read_text(encoding="utf-8")
    assert (tmp_path / "drawn.svg").read_text(encoding="utf-8") == committed, "run: make picture"
