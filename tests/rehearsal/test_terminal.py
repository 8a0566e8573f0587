import re

from tests.rehearsal.terminal import draw


def test_a_drawing_loads_no_external_resources() -> None:
    assert re.findall(r"@font-face|@import|url\((?!#)|href", draw("hello", title="make it")) == []
