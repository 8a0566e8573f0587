"""The commands of the documentation, run one after another as in one terminal."""

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from beanpod_emulator import EmbeddedAws
from tests.deploy.engine import Engine
from tests.deploy.registry import LocalRegistry
from tests.docs.github import GitHub
from tests.docs.pages import ROOT, Block, screen
from tools.github import Run

_SECONDS = 900
# By which pip and npm reach their registries from this machine.
_NETWORK = re.compile(r"PROXY|CERT|^PIP_|^NPM_CONFIG_", re.IGNORECASE)
_BEANPOD = re.compile(r"^beanpod (?!cdk)\w+", re.MULTILINE)
# Each block starts with the variables and in the folder of the previous one.
_RESUME = """\
set -euo pipefail -o allexport
[ ! -f "$SESSION" ] || . "$SESSION"
trap 'code=$?; { export -p; printf "cd %q\\n" "$PWD"; } > "$SESSION"; exit "$code"' EXIT
"""


@dataclass
class Walkthrough:
    """A home folder with an app, an AWS account, a registry and a GitHub repository.

    Attributes:
        folder: The home folder.
        wheels: Folder of Beanpod's wheel, which `pip install beanpod` finds.
        packages: Folder of the packages that it depends on.
        aws: The account.
        registry: It takes the place of Docker Hub.
        github: The app's repository.
        engine: The Docker engine.
        output: Everything that was printed.
        runs: The runs of the workflow that the last push started.
    """

    folder: Path
    wheels: Path
    packages: Path
    aws: EmbeddedAws
    registry: LocalRegistry
    github: GitHub
    engine: Engine
    output: str = ""
    runs: list[Run] = field(default_factory=list)

    @property
    def project(self) -> Path:
        """The checkout of the app."""
        return self.folder / "guestbook"

    def clone(self) -> None:
        """Clone the app's repository and change into its folder."""
        commands = 'git clone --quiet "$GITHUB_FOLDER/origin.git" guestbook && cd guestbook'
        self._type(commands)

    def follow(self, *blocks: Block) -> list[str]:
        """Run the blocks, and return what each printed."""
        return [self._follow(block) for block in blocks]

    def show(self, block: Block) -> str:
        """Run a block as on a terminal, and return what it printed."""
        return self._type(_BEANPOD.sub(r"\g<0> --output terminal", block.text))

    def push(self) -> None:
        """Run the workflow that a push starts."""
        path = f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"
        runner = {**self.engine.variables(self.folder), "PATH": path, "AWS_ENDPOINT_URL": self.aws.endpoint_url}
        self.runs = [self.github.run_workflow(runner)]

    def _follow(self, block: Block) -> str:
        if block.language == "toml":
            self._write(block.text)
            return ""
        printed = self._type(block.text)
        self.output += printed
        if "git push" in block.text:
            self.push()
        return printed

    def _write(self, text: str) -> None:
        """Append to the manifest."""
        with (self.project / "beanpod.toml").open("a") as manifest:
            manifest.write(f"\n{text}")

    def _type(self, commands: str) -> str:
        done = subprocess.run(
            ["bash", "-c", f"{_RESUME}{self._adapted(commands)}"],
            # `read` asks for two tokens; the registry knows one.
            input=f"{self.registry.password}\n" * 2,
            cwd=self.folder,
            env=self._terminal(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{screen(done.stdout)}"
        return done.stdout

    def _adapted(self, commands: str) -> str:
        """Replace Docker Hub by the registry."""
        return commands.replace("ada/guestbook", f"{self.registry.host}/ada/guestbook")

    def _terminal(self) -> dict[str, str]:
        variables = self.engine.variables(self.folder)
        return {
            **{name: value for name, value in os.environ.items() if _NETWORK.search(name)},
            **variables,
            **self.aws.environment,
            **self.github.environment,
            "PATH": f"{self.github.programs}:{variables['PATH']}",
            "PIP_FIND_LINKS": str(self.wheels),
            "PYTHONPATH": str(self.packages),
            # What this machine has fetched already.
            "NPM_CONFIG_CACHE": str(Path.home() / ".npm"),
            "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(Path.home() / ".cache/aws/jsii/package-cache"),
            "NODE_COMPILE_CACHE": os.environ["NODE_COMPILE_CACHE"],
            "COLUMNS": "80",
            "SESSION": str(self.folder / "session"),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_NOTICES": "false",
            # tests/test_app.py applies AWS's rules for templates to the same stacks.
            "CDK_VALIDATION": "false",
            # There is no terminal to ask on.
            "CDK_REQUIRE_APPROVAL": "never",
        }
