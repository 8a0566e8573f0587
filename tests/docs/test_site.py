"""The documentation site, built strictly and read in a browser."""

import re
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

import beanpod
from beanpod.cli.parser import COMMANDS
from beanpod.manifest import Manifest
from tests.docs.pages import ROOT
from tests.docs.snippets import write_manifest
from tests.http_servers import serving
from tests.rehearsal.browser import browser, reading, text_contrasts
from tests.waiting import SECONDS
from tools import reference
from tools.examples import MANIFESTS
from tools.schema import schema
from tools.site import build, with_links_of_the_site

__all__ = ["browser"]
WIDER_THAN_THE_WINDOW = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
CUT_OFF_TABLES = """[...document.querySelectorAll(".md-typeset__scrollwrap")]
  .filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.innerText.slice(0, 80))"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    assert build(folder) == 0
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The URL at which the site is served."""

    class Pages(SimpleHTTPRequestHandler):
        def __init__(self, *request: Any) -> None:
            super().__init__(*request, directory=str(site))

    with serving(Pages) as port:
        yield f"http://127.0.0.1:{port}"


def test_every_page_is_in_the_navigation(site: Path) -> None:
    pages = [page.relative_to(ROOT / "docs").with_suffix("") for page in (ROOT / "docs").rglob("*.md")]
    menu = (site / "index.html").read_text("utf-8")
    for page in pages:
        assert f'href="{page.as_posix()}.html"' in menu, page


@pytest.mark.parametrize("page", ["index", "rollback", "ko/compose", "reference/manifest", "reference/constructs"])
def test_pages_and_their_tables_fit_the_window(browser: Browser, address: str, page: str) -> None:
    with reading(browser, f"{address}/{page}.html") as opened:
        for width in (1400, 360):
            opened.set_viewport_size({"width": width, "height": 960})
            assert not opened.evaluate(WIDER_THAN_THE_WINDOW), width
            assert not opened.evaluate(CUT_OFF_TABLES), width


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_texts_can_be_read(browser: Browser, address: str, dark: bool) -> None:
    with reading(browser, f"{address}/coming-from/copilot.html", dark=dark) as opened:
        contrasts = text_contrasts(opened, within="article")
        faint = {text: contrast for text, contrast in contrasts.items() if contrast < 4.5}
        assert contrasts
        assert not faint


def test_the_site_loads_nothing_from_another_host(browser: Browser, address: str) -> None:
    requested: list[str] = []
    with browser.new_context() as context:
        context.set_default_timeout(1000 * SECONDS)
        page = context.new_page()
        page.on("request", lambda request: requested.append(request.url))
        page.goto(f"{address}/reference/constructs.html", wait_until="networkidle")
    assert requested
    assert [url for url in requested if not url.startswith((address, "data:"))] == []


def test_the_reference_has_every_command_key_and_construct(site: Path) -> None:
    command, manifest, constructs = (
        (site / f"reference/{name}.html").read_text("utf-8") for name in ("command", "manifest", "constructs")
    )
    assert [name for name in COMMANDS if f"beanpod {name}" not in command] == []
    sections = schema()["$defs"]
    sections.pop("Stage")
    keys = [
        key
        for section in sections.values()
        for key, value in section["properties"].items()
        if "deprecated" not in value
    ]
    assert [key for key in keys if f"<code>{key}</code>" not in manifest] == []
    assert [name for name in vars(beanpod)["__all__"] if f'id="beanpod.{name}"' not in constructs] == []


def test_the_reference_has_every_option() -> None:
    page = reference.command()
    options = {flag for name in COMMANDS for flag in re.findall(r"--[a-z-]+", reference.command_help(name))}
    assert len(options) > len(COMMANDS)
    assert [flag for flag in options if not re.search(rf"\| `(-\w, )?{flag}\b", page)] == []


def test_the_manifests_examples_have_every_key() -> None:
    tables = re.split(r"^## (.+)$", reference.manifest(), flags=re.MULTILINE)
    headings, texts = tables[1::2], tables[2::2]
    assert set(headings) == set(MANIFESTS)
    for heading, text in zip(headings, texts, strict=True):
        keys = re.findall(r"^\| <a.*?</a>`(\w+)`", text, re.MULTILINE)
        assert keys
        # A table in it has its own.
        keys = [key for key in keys if f"{heading.strip('[]')}.{key}" not in {other.strip("[]") for other in headings}]
        example = "".join(MANIFESTS[heading])
        assert [key for key in keys if not re.search(rf"\b{key}\b", example)] == [], (
            f"{heading}: add it to tools/examples.py"
        )


@pytest.mark.parametrize("example", [text for texts in MANIFESTS.values() for text in texts])
def test_each_example_is_a_manifest(example: str, tmp_path: Path) -> None:
    Manifest.read(write_manifest(example, tmp_path))


def test_a_link_out_of_the_docs_leads_to_the_repository() -> None:
    text = "[the changes](../CHANGELOG.md#unreleased) and [a page](your-app.md#data)"
    changed = with_links_of_the_site(text, "docs/index.md")
    assert changed.startswith("[the changes](https://github.com/")
    assert changed.endswith("/blob/main/CHANGELOG.md#unreleased) and [a page](your-app.md#data)")
    with pytest.raises(FileNotFoundError, match=r"docs/index\.md: \.\./nothing\.md"):
        with_links_of_the_site("[x](../nothing.md)", "docs/index.md")


def test_a_link_to_a_source_of_the_reference_leads_to_its_page() -> None:
    text = "[keys](../beanpod.schema.json)"
    assert with_links_of_the_site(text, "docs/index.md") == "[keys](reference/manifest.md)"
    text = "[keys](../../beanpod.schema.json)"
    assert with_links_of_the_site(text, "docs/ko/index.md") == "[keys](../reference/manifest.md)"


def test_help_is_as_wide_as_a_terminal_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert max(map(len, reference.command_help("deploy").splitlines())) <= 80
