"""An instance of Elastic Beanstalk to run hooks on."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex

from beanpod.deploy.bundles import Bundle, BundleFile
from tests.deploy.engine import Engine

# Prints as the real one does, from the variables CONFIG_*.
_GET_CONFIG = """#!/bin/sh
case "$1 $2" in "environment -k" | "container -k") printenv "CONFIG_$3" ;; *) exit 1 ;; esac
"""
# The instance's docker lists images with this label only, and prunes none: the engine has those of other programs, too.
LABEL = f"beanpod.test={token_hex(4)}"
_DOCKER = """#!/bin/sh
[ "$1 $2" = "image prune" ] && exit 1
[ "$1 $2" = "image ls" ] && shift 2 && exec {docker} image ls --filter label={label} "$@"
exec {docker} "$@"
"""


class Instance:
    """A separate home, state and programs, and the machine's Docker, of whose images it lists only those with LABEL.

    Attributes:
        folder: Of all that.
        state: In the place of /var/lib/beanpod.
        variables: Of hooks and docker commands.
    """

    def __init__(self, folder: Path, engine: Engine | None = None) -> None:
        self.folder, self.state = folder, folder / "state"
        home, programs = folder / "home", folder / "bin"
        for place in (home, programs):
            place.mkdir(parents=True)
        variables = engine.variables(home) if engine else {"PATH": os.environ["PATH"]}
        self.variables = variables | {"PATH": f"{programs}:{variables['PATH']}", "HOME": str(home)}
        self.real_docker = shutil.which("docker", path=variables["PATH"]) if engine else "false"
        self.program("get-config", _GET_CONFIG)
        self.program("docker", _DOCKER.format(docker=self.real_docker, label=LABEL))

    def program(self, name: str, text: str) -> Path:
        """Write a program that hooks find on their PATH."""
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def record(self, name: str, what: str = '"$1"') -> None:
        """Replace a program by one that only writes down its arguments."""
        self.program(name, f"#!/bin/sh\necho {what} >> {self.folder}/{name}\n")

    def recorded(self, name: str) -> str:
        """What the replaced program wrote down."""
        file = self.folder / name
        return file.read_text() if file.exists() else ""

    def run(self, hook: BundleFile, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run a hook of a bundle."""
        path = self.program("hook", hook.data.decode().replace("/var/lib/beanpod", str(self.state)))
        environment = self.variables | variables
        return subprocess.run([path], env=environment, umask=0o077, capture_output=True, text=True, check=False)

    def docker(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a docker command."""
        return subprocess.run(["docker", *arguments], env=self.variables, capture_output=True, text=True, check=False)


def filled(files: Mapping[str, BundleFile]) -> BundleFile:
    """The first of these files as a bundle has it, with its hash in it."""
    return next(iter(Bundle.of(files, service="guestbook", application="a").files.values()))
