"""docs/rehearsal.svg, what `make rehearse` prints: `python -m tests.rehearsal.terminal`. Needs Docker."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.service.machine import ROOT

PICTURE = ROOT / "docs/rehearsal.svg"
_SECONDS = 900
# Rich names a font on somebody else's server, which a picture in a page may not load.
_FONT = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


def draw(printed: str, *, title: str) -> str:
    """An SVG of a terminal with these lines; their colours as ANSI sequences."""
    text = Text.from_ansi(printed.strip("\n"))
    width = max(line.cell_len for line in text.split()) + 1
    console = Console(record=True, width=width, file=io.StringIO(), color_system="standard", force_terminal=True)
    console.print(text, soft_wrap=True)
    return _FONT.sub("", console.export_svg(title=title))


def _rehearse() -> str:
    """What a rehearsal prints, in colour and without what moves."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.rehearsal", "--output", "terminal"],
        cwd=ROOT,
        env=os.environ | {"TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "0"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=_SECONDS,
        check=True,
    )
    return done.stdout


def main(path: Path = PICTURE) -> int:
    """Rehearse, and put what it prints into docs/."""
    path.write_text(draw(_rehearse(), title="make rehearse"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
