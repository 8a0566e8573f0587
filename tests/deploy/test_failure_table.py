"""The table of failures in the docs points to tests that there are."""

import re
from pathlib import Path

_HERE = Path(__file__).parent
_PAGE = _HERE.parents[1] / "docs" / "deploying.md"


def test_every_failure_in_the_docs_has_its_tests() -> None:
    table = _PAGE.read_text().split("## The failures")[1].split("## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][2:]
    shown = [re.findall(r"`([\w/]+\.py)::(\w+)`", row) for row in rows]
    assert len(rows) > 25
    assert [row for row, tests in zip(rows, shown, strict=True) if not tests] == []
    missing = [
        f"{file}::{name}" for tests in shown for file, name in tests if f"def {name}(" not in (_HERE / file).read_text()
    ]
    assert missing == []
