"""The picture shows what the templates hold, and only references that are there."""

import re
from collections.abc import Iterator
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


def points(path: str) -> Iterator[tuple[float, float]]:
    """Points along a path of the commands M, C and H."""
    x = y = 0.0
    for command, numbers in re.findall(r"([MCH])([-\d. ]+)", path):
        given = [float(number) for number in numbers.split()]
        if command == "M":
            x, y = given
            continue
        x1, y1, x2, y2, x3, y3 = given if command == "C" else 3 * (given[0], y)
        for t in (step / 100 for step in range(101)):
            a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
            yield a * x + b * x1 + c * x2 + d * x3, a * y + b * y1 + c * y2 + d * y3
        x, y = x3, y3


def test_no_arrow_crosses_a_card(stage: Stage) -> None:
    root = ElementTree.fromstring(draw(named(stage)))
    svg = "{http://www.w3.org/2000/svg}"
    boxes = [
        tuple(float(box.attrib[key]) for key in ("x", "y", "width", "height"))
        for box in root.findall(f"{svg}g/{svg}rect")
    ]
    arrows = [path.attrib["d"] for path in root.findall(f"{svg}path")]
    assert boxes
    assert arrows
    crossed = [
        (arrow, x, y)
        for arrow in arrows
        for px, py in points(arrow)
        for x, y, width, height in boxes
        if x < px < x + width and y < py < y + height
    ]
    assert crossed == []


def test_each_colour_has_a_dark_one(stage: Stage) -> None:
    drawn = draw(named(stage))
    colours = set(re.findall(r'(?:fill|stroke)="(#\w+)"/?[ >]', drawn))
    # Grey arrows are seen on both.
    assert {colour for colour in colours if f'[fill="{colour}"]' not in drawn} == {"#94a3b8"}


@pytest.mark.parametrize("part", ["Network", "Service", "Delivery"])
def test_the_picture_is_svg_that_names_its_stacks(stage: Stage, part: str) -> None:
    root = ElementTree.fromstring(draw(named(stage)))
    assert part in [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]


def test_the_committed_picture_is_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    main(str(tmp_path / "drawn.svg"))
    committed = (ROOT / "docs/architecture.svg").read_text(encoding="utf-8")
    assert (tmp_path / "drawn.svg").read_text(encoding="utf-8") == committed, "run: make picture"
