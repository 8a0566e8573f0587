"""Debian's Chromium, driven by Playwright."""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Response, ViewportSize, expect, sync_playwright

from tests.deploy.engine import absent

# Much for a page, not for a busy machine.
_MILLISECONDS = 60_000
_PROGRAM = Path(__file__).with_name("chromium_without_netlink")
# Every text that is seen, with its colour and what lies behind it.
_TEXTS = """(within) => {
  const behind = (element) => {
    const color = getComputedStyle(element).backgroundColor;
    return color === "rgba(0, 0, 0, 0)" ? behind(element.parentElement) : color;
  };
  const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  return [...document.querySelectorAll(`${within} *`)].filter(hasText)
    .map((element) => [element.textContent.trim(), getComputedStyle(element).color, behind(element)]);
}"""
_EDGES = """() => [...document.querySelectorAll("input:not([type=hidden]), textarea")]
  .map((field) => [field.name, getComputedStyle(field).borderTopColor,
    getComputedStyle(field.closest(".card")).backgroundColor])"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; the test is skipped without it, and fails in CI."""
    try:
        with chromium() as running:
            yield running
    except NoBrowserError as error:
        absent(str(error))


class NoBrowserError(RuntimeError):
    """There is none; the message says what to install."""


@contextmanager
def chromium(*, path: str | None = None, arguments: Sequence[str] = ()) -> Iterator[Browser]:
    """The browser, until the end of the block. path: folders it may be in. Default: PATH. arguments: its own, too.

    Raises NoBrowserError without it.
    """
    if shutil.which("chromium", path=path) is None:
        raise NoBrowserError("there is no program chromium: on Debian, install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_PROGRAM, args=list(arguments))
        expect.set_options(timeout=_MILLISECONDS)
        yield browser
        browser.close()


@contextmanager
def reading(
    browser: Browser, url: str, *, width: int = 1200, height: int = 960, scale: float = 1, dark: bool = False
) -> Iterator[Page]:
    """The page at the address, for the length of the block.

    width, height: the window's, in CSS pixels. scale: pixels of the screen in each. dark: which colours are preferred.
    Raises AssertionError at the end if the browser complained, or a request failed.
    """
    with browser.new_context(
        viewport=ViewportSize(width=width, height=height),
        device_scale_factor=scale,
        color_scheme="dark" if dark else "light",
    ) as look:
        page = look.new_page()
        page.set_default_timeout(_MILLISECONDS)
        troubles = _note_troubles(page)
        page.goto(url)
        yield page
    assert not troubles, troubles


def sign(page: Page, name: str, message: str) -> None:
    """Fill in the form, send it, and see the whole answer: its texts are there before its style is."""
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Your message").fill(message)
    with page.expect_navigation(wait_until="load"):
        page.get_by_role("button", name="Sign").click()


def entry(page: Page, message: str) -> Locator:
    """The entry with that message."""
    return page.get_by_role("listitem").filter(has=page.get_by_text(message, exact=True))


def text_contrasts(page: Page, *, within: str = "body") -> dict[str, float]:
    """Return the contrast of each text to its background, 1 to 21 as in WCAG 2; within: a CSS selector."""
    return {text: _contrast(color, behind) for text, color, behind in page.evaluate(_TEXTS, within)}


def edge_contrasts(page: Page) -> dict[str, float]:
    """How far each field's edge stands out from the card that the field is on."""
    return {name: _contrast(edge, card) for name, edge, card in page.evaluate(_EDGES)}


def _note_troubles(page: Page) -> list[str]:
    """From now on, what goes wrong on the page."""
    troubles: list[str] = []

    def note_answer(answer: Response) -> None:
        if answer.status >= 400:
            troubles.append(f"{answer.status} {answer.url}")

    on: Any = page.on
    on("console", lambda message: troubles.append(f"{message.type}: {message.text}"))
    on("pageerror", lambda error: troubles.append(str(error)))
    on("requestfailed", lambda request: troubles.append(f"{request.failure} {request.url}"))
    on("response", note_answer)
    return troubles


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    """Of a colour as Chromium tells it: rgb(246, 242, 234)."""
    channels = (int(part) / 255 for part in re.findall(r"\d+", color)[:3])
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
