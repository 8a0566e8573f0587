"""The scripts of `beanpod completion`, in real shells, loaded as docs/installing.md says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from beanpod.cli.parser import SHELLS
from tests.deploy.engine import absent
from tests.waiting import SECONDS

PAGE = Path(__file__).resolve().parents[3] / "docs/installing.md"
# Without the user's own configuration.
STARTS = {
    "bash": "bash --norc --noprofile",
    "zsh": "zsh --no-rcs",
    "fish": "fish --no-config",
}
BEFORE = {"bash": "true", "zsh": "autoload -Uz compinit && compinit -u -D", "fish": "true"}


def line(shell: str) -> str:
    """Return what the page says to write in the shell's configuration."""
    (found,) = re.findall(rf"^\| {shell} \| `[^`]+` \| `(.+)` \|$", PAGE.read_text(), re.MULTILINE)
    return str(found).replace("\\|", "|")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment of a terminal where `beanpod` is on the PATH."""
    program = tmp_path / "bin/beanpod"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m beanpod "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "HOME": str(tmp_path), "TERM": "dumb"}


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_tab_completes_commands_and_options(shell: str, environ: dict[str, str], tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        absent(f"{shell} is not installed")
    terminal = pexpect.spawn(STARTS[shell], env=environ, cwd=str(tmp_path), encoding="utf-8", timeout=SECONDS)
    terminal.sendline(f"{BEFORE[shell]}; {line(shell)}; echo 'load''ed'")
    terminal.expect("loaded")
    assert "rror" not in str(terminal.before)
    terminal.send("beanpod dep\t")
    terminal.expect("beanpod deploy ")
    terminal.send("--no-r\t")
    terminal.expect("--no-rollback ")
    terminal.close(force=True)


def test_fish_completes_commands_and_options(environ: dict[str, str], tmp_path: Path) -> None:
    if shutil.which("fish") is None:
        absent("fish is not installed")
    code = f"{line('fish')}; complete -C 'beanpod dep'; complete -C 'beanpod deploy --no-r'"
    command = [*STARTS["fish"].split(), "--command", code]
    done = subprocess.run(
        command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=SECONDS
    )
    assert [text.split("\t")[0] for text in done.stdout.splitlines()] == ["deploy", "--no-rollback"], done.stderr


def test_every_shell_has_a_line_on_the_page() -> None:
    assert all(f"completion {shell}" in line(shell) for shell in SHELLS)
