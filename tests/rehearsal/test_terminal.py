import re
from html import unescape

from tests.rehearsal.terminal import draw

LONG = "a line that is longer than the eighty columns which a terminal has that nobody has made any wider"


def lines(svg: str) -> list[str]:
    """What a drawn terminal says, line by line."""
    parts = re.findall(r'<text [^>]*x="[^"]*" y="([^"]*)"[^>]*>(.*?)</text>', svg)
    rows = dict.fromkeys((y for y, _ in parts), "")
    for y, text in parts:
        rows[y] += unescape(text).replace("\xa0", " ")
    return list(rows.values())


def test_draws_the_output_in_its_colours() -> None:
    svg = draw(f"\x1b[32m✓\x1b[0m  first <step>\n{LONG}\n", title="make it")
    assert lines(svg)[1:] == ["✓  first <step>", LONG]
    assert "fill: #98a84b" in svg


def test_a_drawing_loads_no_external_resources() -> None:
    assert re.findall(r"@font-face|@import|url\((?!#)|href", draw("hello", title="make it")) == []
