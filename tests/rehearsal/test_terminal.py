import re
from html import unescape

from tests.rehearsal.terminal import PICTURE, draw
from tests.service.machine import ROOT

LONG = "a line that is longer than the eighty columns which a terminal has that nobody has made any wider"


def lines(svg: str) -> list[str]:
    """What a drawn terminal says, line by line."""
    parts = re.findall(r'<text [^>]*x="[^"]*" y="([^"]*)"[^>]*>(.*?)</text>', svg)
    rows = dict.fromkeys((y for y, _ in parts), "")
    for y, text in parts:
        rows[y] += unescape(text).replace("\xa0", " ")
    return list(rows.values())


def test_a_drawn_terminal_says_what_was_printed_in_its_colours() -> None:
    svg = draw(f"\x1b[32m✓\x1b[0m  first <step>\n{LONG}\n", title="make it")
    assert lines(svg)[1:] == ["✓  first <step>", LONG]
    assert "fill: #98a84b" in svg


def test_a_drawn_terminal_loads_nothing_from_elsewhere() -> None:
    assert re.findall(r"@font-face|@import|url\((?!#)|href", draw("hello", title="make it")) == []


def test_the_picture_shows_the_rehearsals_story() -> None:
    source = (ROOT / "emulator/beanpod_emulator/e2e/rehearsal.py").read_text()
    steps = re.findall(r'(?:\bstep|\.release)\("(.*?)"', source)
    shown = [re.sub(r"^✓  (.*)  [\d.]+ s$", r"\1", line.rstrip()) for line in lines(PICTURE.read_text())]
    assert steps
    assert [step for step in steps if step not in shown] == []
