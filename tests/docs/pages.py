"""The documentation as data: pages, headings, code blocks and the commands in them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").rglob("*.md")), ROOT / "emulator/README.md", ROOT / "CONTRIBUTING.md")
SHELL = ("sh", "console")

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """A fenced block. text: without the indentation of the fence."""

    page: Path
    heading: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.heading}"


def blocks(page: Path, *languages: str) -> list[Block]:
    """A page's blocks in those languages."""
    text = page.read_text(encoding="utf-8")
    return [_block(page, text, match) for match in _FENCE.finditer(text) if match["language"] in languages]


def _block(page: Path, text: str, match: re.Match[str]) -> Block:
    before = _HEADING.findall(_without_blocks(text[: match.start()]))
    content = re.sub(f"^{match['indent']}", "", match["text"], flags=re.MULTILINE)
    return Block(page, before[-1] if before else "", match["language"], content)


def headings(page: Path) -> list[str]:
    """A page's headings, from top to bottom."""
    return _HEADING.findall(_without_blocks(page.read_text(encoding="utf-8")))


def prose(page: Path) -> str:
    """A page without its blocks."""
    return _without_blocks(page.read_text(encoding="utf-8"))


def _without_blocks(text: str) -> str:
    return _FENCE.sub("", text)


def commands(page: Path) -> Iterator[list[str]]:
    """Every command of a page's shell blocks and between single backticks, split into words."""
    texts = [block.text.replace("\\\n", " ") for block in blocks(page, *SHELL)]
    for text in (*texts, *_INLINE.findall(prose(page))):
        for line in text.splitlines():
            yield from _commands(line.removeprefix("$ "))


def _commands(line: str) -> Iterator[list[str]]:
    """The commands between the operators of a shell, and in its substitutions."""
    words = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    words.whitespace_split = True
    command: list[str] = []
    try:
        for word in words:
            if set(word) <= set("();<>|&"):
                yield command
                command = []
            else:
                command.append(word)
                yield from _commands(word.partition("$(")[2].removesuffix(")"))
    except ValueError:
        # Text in backticks need not be a command.
        return
    yield command
