"""Somebody who follows the documentation at a terminal."""

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from beanpod_emulator import EmbeddedAws
from tests.deploy.engine import Engine
from tests.deploy.registry import LocalRegistry
from tests.docs.github import GitHub
from tests.docs.pages import ROOT, Block
from tools.github import Run

_SECONDS = 900
# By which pip and npm reach their registries from this machine.
_OF_THE_NETWORK = re.compile(r"PROXY|CERT|^PIP_|^NPM_CONFIG_", re.IGNORECASE)
# A block goes on where the one before it ended, as in one terminal.
_GO_ON = """\
set -euo pipefail -o allexport
[ ! -f "$SESSION" ] || . "$SESSION"
trap 'code=$?; { export -p; printf "cd %q\\n" "$PWD"; } > "$SESSION"; exit "$code"' EXIT
"""


@dataclass
class Newcomer:
    """Somebody with an app, a home folder, an AWS account, a registry and GitHub.

    wheels: the folder of Beanpod's wheel, as it will be on PyPI. told: everything that the terminal showed.
    """

    folder: Path
    wheels: Path
    aws: EmbeddedAws
    registry: LocalRegistry
    github: GitHub
    engine: Engine
    told: str = ""
    ran: list[Run] = field(default_factory=list)

    @property
    def project(self) -> Path:
        """The checkout of their app."""
        return self.folder / "guestbook"

    def clone(self) -> None:
        """Check out the app, as it is on GitHub, and be in its folder."""
        commands = 'git clone --quiet "$GITHUB_FOLDER/origin.git" guestbook && cd guestbook'
        self._type(commands)

    def follow(self, *blocks: Block) -> list[str]:
        """Do what the blocks say; what the commands of each print."""
        return [self._follow(block) for block in blocks]

    def push(self) -> None:
        """What a push starts; adds to what `ran`."""
        path = f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"
        runner = {**self.engine.variables(self.folder), "PATH": path, "AWS_ENDPOINT_URL": self.aws.endpoint_url}
        self.ran = [self.github.run_workflow(runner)]

    def _follow(self, block: Block) -> str:
        if block.language == "toml":
            self._write(block.text)
            return ""
        printed = self._type(block.text)
        self.told += printed
        if "git push" in block.text:
            self.push()
        return printed

    def _write(self, text: str) -> None:
        """Append to the manifest."""
        with (self.project / "beanpod.toml").open("a") as manifest:
            manifest.write(f"\n{text}")

    def _type(self, commands: str) -> str:
        done = subprocess.run(
            ["bash", "-c", f"{_GO_ON}{self._adapted(commands)}"],
            # Two tokens are asked for, of which this registry knows one.
            input=f"{self.registry.password}\n" * 2,
            cwd=self.folder,
            env=self._terminal(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}"
        return done.stdout

    def _adapted(self, commands: str) -> str:
        """The registry of this machine in the place of Docker Hub."""
        return commands.replace("ada/guestbook", f"{self.registry.host}/ada/guestbook")

    def _terminal(self) -> dict[str, str]:
        variables = self.engine.variables(self.folder)
        return {
            **{name: value for name, value in os.environ.items() if _OF_THE_NETWORK.search(name)},
            **variables,
            **self.aws.environment,
            **self.github.environment,
            "PATH": f"{self.github.programs}:{variables['PATH']}",
            "PIP_FIND_LINKS": str(self.wheels),
            # What this machine has fetched already.
            "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(Path.home() / ".cache/pip")),
            "NPM_CONFIG_CACHE": str(Path.home() / ".npm"),
            # Of its 700 MB little is imported.
            "PIP_NO_COMPILE": "true",
            "SESSION": str(self.folder / "session"),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_NOTICES": "false",
            # Nobody is there to be asked.
            "CDK_REQUIRE_APPROVAL": "never",
        }
