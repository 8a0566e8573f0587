"""The Korean pages say what the English ones say, as far as their structure shows it."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import README, ROOT, blocks, prose

KOREAN = {
    ROOT / "README.ko.md": README,
    **{page: ROOT / "docs" / page.name for page in sorted((ROOT / "docs/ko").glob("*.md"))},
}
pages = pytest.mark.parametrize(
    ("korean", "english"), KOREAN.items(), ids=lambda page: page.relative_to(ROOT).as_posix()
)


def pieces(page: Path) -> list[str]:
    """The paragraphs of a page, without blocks, HTML, metadata and the link to the other language."""
    text = re.sub(r"\A---\n.*?\n---\n", "", prose(page), flags=re.DOTALL)
    texts = (text.strip() for text in re.split(r"\n\n+", text))
    return [text for text in texts if text and not re.fullmatch(r"\[(English|한국어)\]\(\S+\)|</?div.*>", text)]


def kind(piece: str) -> str:
    """A heading with its level, a table with its rows, or text."""
    if heading := re.match(r"#+ ", piece):
        return heading[0].strip()
    return f"table of {piece.count(chr(10))}" if piece.startswith("|") else "text"


def code(page: Path) -> list[tuple[str, str]]:
    """The blocks; a shell's without comments, which are translated."""
    found = blocks(page, "sh", "console", "toml", "python")
    return [(block.language, re.sub(r" *# .*", "", block.text)) for block in found]


def links(text: str, page: Path) -> list[str]:
    """The links from the repository's root; the Korean translation of a page is the page."""
    found = set()
    for link in re.findall(r"\]\(([^)]+)\)", text):
        path, mark, anchor = link.partition("#")
        if not path.startswith("http"):
            target = (page.parent / path).resolve() if path else page
            path = KOREAN.get(target, target).relative_to(ROOT).as_posix()
        found.add(f"{path}{mark}{anchor}")
    return sorted(found)


def names(text: str) -> list[str]:
    """The texts in backticks."""
    return sorted(set(re.findall(r"`([^`\n]+)`", text)))


@pages
def test_the_same_sections_paragraphs_and_tables(korean: Path, english: Path) -> None:
    assert [kind(piece) for piece in pieces(korean)] == [kind(piece) for piece in pieces(english)]


@pages
def test_the_same_commands(korean: Path, english: Path) -> None:
    assert code(korean) == code(english)


@pages
def test_every_paragraph_has_the_same_links_and_names(korean: Path, english: Path) -> None:
    for translated, piece in zip(pieces(korean), pieces(english), strict=True):
        assert links(translated, korean) == links(piece, english), piece
        assert names(translated) == names(piece), piece
