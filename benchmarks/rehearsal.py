"""The time from `pip install` to the rehearsed page of an app of one's own, with a warm package cache. Needs Docker."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.rehearse.apps import DJANGO, lay_out
from tests.wheels import build, copy_sources

LIMIT_SECONDS = 180
# The steps up to the first answer of the page.
_TO_THE_PAGE = ("Check", "Start", "Stacks", "Release")


def main() -> int:
    """Install Beanpod from its wheels twice, since the first time fills the cache, and rehearse a Django app.

    Returns:
        0 within the limit, 1 beyond it.

    Raises:
        subprocess.CalledProcessError: A command failed.
    """
    with tempfile.TemporaryDirectory(prefix="beanpod-benchmark-") as scratch:
        folder = Path(scratch)
        sources = copy_sources(folder / "sources")
        (wheel,) = build(sources, folder / "beanpod", "--wheel")
        (emulator,) = build(sources / "emulator", folder / "emulator", "--wheel")
        _install(folder / "first", wheel, emulator)
        installed = _install(folder / "second", wheel, emulator)
        project = lay_out(DJANGO, folder / "shop")
        begun = time.perf_counter()
        _run(folder / "second/bin/beanpod", "init", "--image", "ada/shop", "--health-path", "/healthz", folder=project)
        init = time.perf_counter() - begun
        result = json.loads(_run(folder / "second/bin/beanpod", "rehearse", "--json", folder=project))
    steps = {name: result["phases"][name] for name in _TO_THE_PAGE}
    seconds = installed + init + sum(steps.values())
    for name, taken in {"pip install": installed, "init": init, **steps}.items():
        print(f"  {name:<12}{taken:>8.1f} s")
    print(f"{'to the page':<12}{seconds:>10.1f} s, limit {LIMIT_SECONDS} s")
    return int(seconds > LIMIT_SECONDS)


def _install(folder: Path, wheel: Path, emulator: Path) -> float:
    """Install Beanpod with the extra `rehearse` into a new environment; return the time it took."""
    _run(Path(sys.executable), "-m", "venv", str(folder), folder=folder.parent)
    begun = time.perf_counter()
    _run(folder / "bin/python", "-m", "pip", "install", "--quiet", f"{wheel}[rehearse]", str(emulator), folder=folder)
    return time.perf_counter() - begun


def _run(program: Path, *arguments: str, folder: Path) -> str:
    command = (str(program), *arguments)
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
