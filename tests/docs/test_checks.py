"""The files that a page shows, checked: `beanpod check` prints what the page shows below them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks, parts_not_printed

PAGES = ("docs", "docs/ko")


def check(folder: Path) -> str:
    """Return what `beanpod check` prints in a folder, on a terminal of 80 columns."""
    (folder / "Dockerfile").write_text("FROM scratch\n")
    command = [sys.executable, "-m", "beanpod", "check", "--output", "terminal"]
    environment = os.environ | {"COLUMNS": "80"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("pages", PAGES)
def test_a_compose_file(pages: str, tmp_path: Path) -> None:
    page = ROOT / pages / "compose.md"
    (tmp_path / "beanpod.toml").write_text(blocks(page, "toml")[0].text)
    development, production, _ = blocks(page, "yaml")
    refused, accepted = blocks(page, "text")
    (tmp_path / "compose.yaml").write_text(development.text)
    assert parts_not_printed(refused.text, check(tmp_path)) == []
    (tmp_path / "compose.prod.yaml").write_text(production.text)
    assert parts_not_printed(accepted.text, check(tmp_path)) == []


@pytest.mark.parametrize("pages", PAGES)
def test_the_volume_of_a_stage_with_several_instances(pages: str, tmp_path: Path) -> None:
    compose, production, _ = blocks(ROOT / pages / "compose.md", "yaml")
    manifest = blocks(ROOT / pages / "compose.md", "toml")[0].text
    (tmp_path / "beanpod.toml").write_text(manifest.replace('"small"', '"production"'))
    (tmp_path / "compose.yaml").write_text(compose.text)
    (tmp_path / "compose.prod.yaml").write_text(production.text)
    (shown,) = blocks(ROOT / pages / "data.md", "text")
    assert parts_not_printed(shown.text, check(tmp_path)) == []


def test_the_compose_file_of_the_tutorial(tmp_path: Path) -> None:
    page = ROOT / "docs/coming-from/tutorial.md"
    development, production = blocks(page, "yaml")
    (tmp_path / "beanpod.toml").write_text(blocks(page, "toml")[0].text)
    (tmp_path / "compose.yaml").write_text(development.text)
    assert "my-mysql" in check(tmp_path)
    (tmp_path / "compose.prod.yaml").write_text(production.text)
    assert "no problems" in check(tmp_path)
