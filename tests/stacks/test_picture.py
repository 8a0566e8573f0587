"""The picture shows what the templates hold, and only references that are there."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.stacks.conftest import ROOT, Stage
from tools.picture import cards, draw, main, references


def named(stage: Stage) -> dict[str, Any]:
    return {f"guestbook-test-{part}": template for part, template in stage.templates.items()}


def test_every_part_that_costs_or_protects_has_a_card(stage: Stage) -> None:
    titles = [card.title for card in cards(named(stage)).values()]
    groups = len(stage.resources("network", "AWS::EC2::SecurityGroup"))
    assert titles.count("Security group") == groups
    assert titles.count("Beanstalk environment") == 1
    assert titles.count("RDS instance") == int("database" in stage.templates)


def test_arrows_lead_only_to_earlier_stacks(stage: Stage) -> None:
    order = list(named(stage))
    pairs = references(named(stage))
    assert pairs
    assert all(order.index(source[0]) > order.index(target[0]) for source, target in pairs)


@pytest.mark.parametrize("part", ["Network", "Service", "Delivery"])
def test_the_picture_is_svg_that_names_its_stacks(stage: Stage, part: str) -> None:
    root = ElementTree.fromstring(draw(named(stage)))
    assert part in [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]


def test_the_committed_picture_is_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    main(str(tmp_path / "drawn.svg"))
    committed = (ROOT / "docs/architecture.svg").read_text(encoding="utf-8")
    assert (tmp_path / "drawn.svg").read_text(encoding="utf-8") == committed, "run: make picture"
