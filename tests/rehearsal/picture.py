"""docs/guestbook.png and docs/guestbook-dark.png: `python -m tests.rehearsal.picture`. Needs Docker and Chromium."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser

from beanpod_emulator.registry import local_registry
from tests.rehearsal.browser import chromium, reading, sign
from tests.rehearsal.site import site
from tests.service.machine import ROOT

_GUESTS = (
    ("Ada", "A book that remembers who came by."),
    ("김서연", "잘 되네요. 축하해요!"),
    ("Jonas", "The first page I have seen\nthat says which release it is."),
)


def take_pictures(browser: Browser, url: str, folder: Path) -> Iterator[Path]:
    """Have some guests sign the book, and picture it in light and dark colours."""
    for name, message in _GUESTS:
        with reading(browser, url) as page:
            sign(page, name, message)
            page.wait_for_url("**/#entry-*")
    for dark in (False, True):
        with reading(browser, url, height=900, scale=1.5, dark=dark) as page:
            file = folder / f"guestbook{'-dark' if dark else ''}.png"
            page.screenshot(path=file)
            yield file


def main() -> int:
    """Release the guestbook, and put its pictures into docs/."""
    with tempfile.TemporaryDirectory(prefix="beanpod-picture-") as scratch:
        folder = Path(scratch)
        with chromium() as browser, local_registry(folder / "registry") as registry, site(folder, registry) as made:
            for file in take_pictures(browser, made.release().url, ROOT / "docs"):
                sys.stdout.write(f"{file.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
