"""The guestbook's page in Chromium."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.deploy.engine import Engine
from tests.deploy.registry import local_registry, pushed_layers, share_layers
from tests.rehearsal.browser import (
    NoBrowserError,
    browser,
    chromium,
    edge_contrasts,
    entry,
    reading,
    sign,
    text_contrasts,
)
from tests.rehearsal.picture import take_pictures
from tests.rehearsal.site import Release, Site, site
from tests.service.machine import ROOT

__all__ = ["browser", "pushed_layers"]
UNBROKEN = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen"
PARTS = "document.body.append(Object.assign(document.createElement({0!r}), {1}))"


@dataclass(frozen=True)
class Running:
    """The site and what it began with."""

    site: Site
    first: Release


@pytest.fixture(scope="module")
def running(
    browser: Browser, docker_engine: Engine, pushed_layers: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("site")
    share_layers(folder / "registry/data", pushed_layers, "beanpod/guestbook")
    with local_registry(folder / "registry") as registry, site(folder, registry) as made:
        yield Running(made, made.release())


def expect_served_by(page: Page, release: Release) -> None:
    expect(page.locator("#version")).to_have_text(release.version)
    expect(page.locator("#image")).to_have_attribute("title", release.image)
    digest = release.image.partition("@")[2]
    expect(page.locator("#image")).to_have_text(digest[: len("sha256:") + 12])


def test_a_release_changes_the_page_and_keeps_entries(browser: Browser, running: Running) -> None:
    with reading(browser, running.first.url) as page:
        expect_served_by(page, running.first)
        sign(page, "Ada", "Before the release.")
        expect(entry(page, "Before the release.")).to_contain_text("Ada")

        running.site.invite("Released while you were reading.")
        second = running.site.release()
        assert second.url == running.first.url
        # With the form as it was opened before.
        sign(page, "Ada", "After the release.")
        expect(page.get_by_text("Released while you were reading.")).to_be_visible()
        expect(entry(page, "Before the release.")).to_be_visible()
        expect(entry(page, "After the release.")).to_be_visible()
        assert (second.version, second.image) != (running.first.version, running.first.image)
        expect_served_by(page, second)


def test_an_entry_can_be_posted_by_keyboard(browser: Browser, running: Running) -> None:
    with reading(browser, running.first.url) as page:
        for keys in ("Grace", "No mouse was used."):
            page.keyboard.press("Tab")
            page.keyboard.type(keys)
        page.keyboard.press("Tab")
        focused = page.get_by_role("button", name="Sign")
        expect(focused).to_be_focused()
        expect(focused).to_have_css("outline-style", "solid")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(r"/#entry-\d+$"))
        expect(entry(page, "No mouse was used.")).to_be_in_viewport()


def answer_late(style: Route) -> None:
    """As on a busy machine: the page is there, its style is not yet."""
    style.request.frame.page.wait_for_timeout(500)
    style.continue_()


@pytest.mark.parametrize("width", [320, 768, 1600])
def test_nothing_is_wider_than_the_window(browser: Browser, running: Running, width: int) -> None:
    with reading(browser, running.first.url, width=width) as page:
        page.route("**/style.css", answer_late)
        sign(page, UNBROKEN, UNBROKEN * 8 + str(width))
        expect(entry(page, UNBROKEN * 8 + str(width))).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_texts_and_fields_have_contrast(browser: Browser, running: Running, dark: bool) -> None:
    with reading(browser, running.first.url, dark=dark) as page:
        sign(page, "Edsger", "Can this be read?")
        expect(page.get_by_text("Edsger").first).to_be_visible()
        texts, edges = text_contrasts(page), edge_contrasts(page)
        expect(page.locator("body")).to_have_css(
            "background-color", "rgb(23, 25, 28)" if dark else "rgb(246, 242, 234)"
        )
    assert {"Sign", "E", "Edsger", "Can this be read?", "Served by", "Version"} <= set(texts)
    assert {text: contrast for text, contrast in texts.items() if contrast < 4.5} == {}
    assert set(edges) == {"name", "message"}
    assert {field: contrast for field, contrast in edges.items() if contrast < 3} == {}


def test_entries_are_escaped(browser: Browser, running: Running) -> None:
    message = '<script>document.title = "taken over"</script><img src="x" onerror="alert(1)">'
    with reading(browser, running.first.url) as page:
        sign(page, "<b>Mallory</b>", message)
        expect(entry(page, message)).to_contain_text("<b>Mallory</b>")
        expect(page).to_have_title("Guestbook")


@pytest.mark.parametrize(
    ("part", "properties", "trouble"),
    [
        ("script", '{textContent: "document.title = 1"}', "script-src"),
        ("style", '{textContent: "p { color: red }"}', "style-src"),
        ("img", '{src: "https://example.com/"}', "img-src"),
        ("link", '{rel: "stylesheet", href: "/absent.css"}', "absent.css"),
    ],
)
def test_the_content_security_policy_blocks_other_sources(
    browser: Browser, running: Running, part: str, properties: str, trouble: str
) -> None:
    with pytest.raises(AssertionError, match=trouble):
        add_to_page(browser, running, PARTS.format(part, properties))


def add_to_page(browser: Browser, running: Running, script: str) -> None:
    """Open the page, and add something to it that the browser complains of."""
    with reading(browser, running.first.url) as page:
        with page.expect_console_message():
            page.evaluate(script)
        expect(page).to_have_title("Guestbook")


def test_the_pictures_of_the_documentation_can_be_taken(browser: Browser, running: Running, tmp_path: Path) -> None:
    pictures = list(take_pictures(browser, running.first.url, tmp_path))
    shown = re.findall(r'(?:src|srcset)="(.*?)"', (ROOT / "docs/getting-started.md").read_text())
    assert sorted(picture.name for picture in pictures) == sorted(shown)
    kept = [ROOT / "docs" / name for name in shown]
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in (*pictures, *kept))
    # A page with the entries of other tests is longer.
    assert max(picture.stat().st_size for picture in kept) < 200_000


def test_without_the_browser_it_says_what_to_install() -> None:
    with pytest.raises(NoBrowserError, match="no program chromium: on Debian, install chromium"), chromium(path=""):
        pass
