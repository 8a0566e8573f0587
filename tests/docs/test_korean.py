"""README.ko.md says what README.md says, as far as that can be told without knowing Korean."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.pages import README, ROOT, blocks, prose

KOREAN = ROOT / "README.ko.md"
BOTH = {"README.md", "README.ko.md"}


def pieces(page: Path) -> list[str]:
    """What stands between empty lines, without blocks and without the way to the other language."""
    texts = (text.strip() for text in re.split(r"\n\n+", prose(page)))
    return [text for text in texts if text and not re.fullmatch(r"\[.*?\]\(README(\.ko)?\.md\)", text)]


def kind(piece: str) -> str:
    """A heading with its level, a table with its rows, or text."""
    if heading := re.match(r"#+ ", piece):
        return heading[0].strip()
    return f"table of {piece.count(chr(10))}" if piece.startswith("|") else "text"


def code(page: Path) -> list[tuple[str, str]]:
    """The blocks; a shell's without comments, which are translated."""
    found = blocks(page, "sh", "console", "toml", "python")
    return [(block.language, re.sub(r" *# .*", "", block.text)) for block in found]


def links(text: str) -> list[str]:
    return sorted(set(re.findall(r"\]\(([^)]+)\)", text)) - BOTH)


def names(text: str) -> list[str]:
    """What stands between backticks."""
    return sorted(set(re.findall(r"`([^`\n]+)`", text)))


def test_the_same_sections_paragraphs_and_tables() -> None:
    assert [kind(piece) for piece in pieces(KOREAN)] == [kind(piece) for piece in pieces(README)]


def test_the_same_commands() -> None:
    assert code(KOREAN) == code(README)


@pytest.mark.parametrize("collected", [links, names])
def test_every_paragraph_has_the_same_links_and_names(collected: Callable[[str], list[str]]) -> None:
    for korean, english in zip(pieces(KOREAN), pieces(README), strict=True):
        assert collected(korean) == collected(english), english


def test_it_is_korean() -> None:
    spoken = [piece for piece in pieces(KOREAN) if kind(piece) == "text" and not piece.startswith("<!--")]
    assert [piece for piece in spoken if not re.search("[가-힣]", piece)] == []
