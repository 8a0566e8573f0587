"""What make does before there is a virtual environment: whole, or a line that says what is missing."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "Makefile", tmp_path)
    return tmp_path


def make(folder: Path, python: str) -> "subprocess.CompletedProcess[str]":
    script = folder / "python"
    script.write_text(f"#!/bin/sh\n{python}\n")
    script.chmod(0o755)
    command = ["make", ".venv/bin/python", f"PYTHON={script}"]
    return subprocess.run(command, cwd=folder, text=True, capture_output=True, check=False)


def test_an_old_python_is_one_line_and_nothing_is_installed(folder: Path) -> None:
    made = make(folder, "exit 1")
    assert made.returncode == 2
    assert "Python 3.11 or newer is needed: name one, e.g. make PYTHON=python3.12\n" in made.stderr
    assert not (folder / ".venv").exists()


def test_half_a_virtual_environment_is_not_left_behind(folder: Path) -> None:
    made = make(folder, 'test "$1" = -c || { mkdir -p .venv/bin; touch .venv/bin/python; exit 1; }')
    assert made.returncode == 2
    assert not (folder / ".venv").exists()


def test_a_recent_python_makes_one(folder: Path) -> None:
    made = make(folder, 'test "$1" = -c || mkdir -p .venv/bin')
    assert made.returncode == 0, made.stderr
    assert (folder / ".venv").is_dir()
