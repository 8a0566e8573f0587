"""The time from `pip install` to the rehearsed page of an app of one's own. Needs Docker.

pip finds in its cache what `make installed` fetched; a first run may fetch newer versions of some packages.
"""

import json
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from tests.deploy.bundles.projects import write
from tests.rehearse.apps import DJANGO
from tests.wheels import build, copy_sources

LIMIT_SECONDS = 180
_PIP = (sys.executable, "-m", "pip", "--python")
# The command up to the first answer of the page, without the two releases that follow.
_TO_THE_PAGE = """
import sys
from beanpod.cli.commands.rehearse import Rehearsal, rehearse
from beanpod.cli.main import main

class ToThePage(Rehearsal):
    def releases(self):
        return self.release()

sys.exit(main(["rehearse", "--json"], run=lambda context: rehearse(context, ToThePage)))
"""


def main() -> int:
    """Install Beanpod from its wheels, and rehearse a Django app.

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
        # `pip --python` installs into it, so that it needs no pip of its own, which takes 4 s to install.
        venv.create(folder / "env", with_pip=False)
        begun = time.perf_counter()
        _run(*_PIP, "env", "install", "--quiet", f"{wheel}[rehearse]", str(emulator), folder=folder)
        installed = time.perf_counter() - begun
        project = folder / "shop"
        write(project, DJANGO)
        begun = time.perf_counter()
        _run(
            folder / "env/bin/beanpod", "init", "--image", "ada/shop", "--health-check-path", "/healthz", folder=project
        )
        init = time.perf_counter() - begun
        result = json.loads(_run(folder / "env/bin/python", "-c", _TO_THE_PAGE, folder=project))
    steps = {name: taken for name, taken in result["phases"].items() if name != "End"}
    seconds = installed + init + sum(steps.values())
    for name, taken in {"pip install": installed, "init": init, **steps}.items():
        print(f"  {name:<12}{taken:>8.1f} s")
    print(f"{'to the page':<12}{seconds:>10.1f} s, limit {LIMIT_SECONDS} s")
    return int(seconds > LIMIT_SECONDS)


def _run(program: str | Path, *arguments: str, folder: Path) -> str:
    command = (str(program), *arguments)
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
