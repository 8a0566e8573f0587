"""Somebody who follows the documentation at a terminal."""

import os
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
# A block goes on where the one before it ended, as in one terminal.
_GO_ON = """\
set -euo pipefail -o allexport
[ ! -f "$SESSION" ] || . "$SESSION"
trap 'code=$?; { export -p; printf "cd %q\\n" "$PWD"; } > "$SESSION"; exit "$code"' EXIT
"""


@dataclass
class Newcomer:
    """A home folder, an AWS account, a registry and GitHub. told: everything that the terminal showed."""

    folder: Path
    aws: EmbeddedAws
    registry: LocalRegistry
    github: GitHub
    engine: Engine
    told: str = ""
    ran: list[Run] = field(default_factory=list)

    @property
    def project(self) -> Path:
        """The repository of their own."""
        return self.folder / "guestbook"

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
        if "gh repo create" in block.text:
            self._have_everything_installed()
        if "git push" in block.text:
            self.push()
        return printed

    def _write(self, text: str) -> None:
        """A whole manifest, or more of it."""
        manifest = self.project / "beanpod.toml"
        before = "" if "[service]" in text else manifest.read_text()
        manifest.write_text(before + text.replace('"ada/', f'"{self.registry.host}/ada/'))

    def _type(self, commands: str) -> str:
        done = subprocess.run(
            ["bash", "-c", f"{_GO_ON}{commands}"],
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

    def _have_everything_installed(self) -> None:
        """The packages are those of this checkout: to install them takes minutes and a network."""
        for name in (".venv", "node_modules"):
            (self.project / name).symlink_to(ROOT / name)
        for pattern in ("requirements*", "p*.*", "emulator/p*.*"):
            for file in self.project.glob(pattern):
                os.utime(file, (0, 0))

    def _terminal(self) -> dict[str, str]:
        variables = self.engine.variables(self.folder)
        return {
            **variables,
            **self.aws.environment,
            **self.github.environment,
            "PATH": f"{self.github.folder / 'bin'}:{variables['PATH']}",
            "SESSION": str(self.folder / "session"),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_NOTICES": "false",
            # Nobody is there to be asked.
            "CDK_REQUIRE_APPROVAL": "never",
        }
