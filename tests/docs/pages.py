"""The documentation as data: pages, headings, code blocks and the commands in them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").rglob("*.md")), ROOT / "emulator/README.md", ROOT / "CONTRIBUTING.md")
SHELL = ("sh", "console")

# What differs from run to run, and from the emulator to AWS.
_VARYING = {
    "VERSION": r"guestbook-[0-9a-f]{16}",
    "ENVIRONMENT": r"gues-Envi-\w+",
    "APPLICATION": r"guestbook-dev-service-EnvironmentApplication\w+-\w+",
    "SNAPSHOT": r"guestbook-dev-database-snapshot-[\w-]+",
    "INSTANCE": r"\bi-[0-9a-f]{17}\b",
    "URL": r"http://(?:localhost:\d+|203\.0\.113\.\d+)",
    "TIME": r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\dZ?)?|\b\d\d:\d\d:\d\d\b",
    "DURATION": r"\b(?:\d+ min )?\d+(?:\.\d)? s\b",
    "DIGEST": r"[0-9a-f]{12,64}",
    "REGISTRY": r"localhost:\d+/",
}
# Colours, and the cursor's being hidden or shown.
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[mhl]")
# How a terminal redraws lines: up, erase, next line. A text's "\r" is read as "\n".
_DRAWING = re.compile(r"\x1b\[(?P<up>\d*)A|(?P<erase>\x1b\[2K)|(?P<down>\n)(?!\x1b\[(?:\d*A|2K))|(?P<text>[^\x1b\n]+)")

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


def examples(page: Path, heading: str) -> list[tuple[Block, Block]]:
    """A section's commands, each with the text below it, which is what they print."""
    section = [block for block in blocks(page, "sh", "text") if block.heading == heading]
    return [
        (first, second) for first, second in pairwise(section) if (first.language, second.language) == ("sh", "text")
    ]


def parts_not_printed(shown: str, printed: str) -> list[str]:
    """The parts of a page's text that a command has not printed in this order; a line "…" is between two parts.

    How lines are wrapped, names, times and addresses may differ.
    """
    rest = _normalised(screen(printed))
    missing = []
    for part in map(_normalised, re.split(r"^…$", shown, flags=re.MULTILINE)):
        before, found, after = rest.partition(part)
        rest = after if found else before
        missing += [] if found else [part]
    return missing


def screen(printed: str) -> str:
    """What a terminal shows in the end: progress is redrawn in place."""
    lines, row = [""], 0
    for drawn in _DRAWING.finditer(_COLOURS.sub("", printed)):
        if drawn["text"]:
            lines[row] += drawn["text"]
        elif drawn["erase"]:
            lines[row] = ""
        else:
            row += 1 if drawn["down"] else -int(drawn["up"] or 1)
            lines += [""] * (row + 1 - len(lines))
    return "\n".join(lines)


def _normalised(text: str) -> str:
    for name, pattern in _VARYING.items():
        text = re.sub(pattern, name, text)
    return " ".join(text.split())
