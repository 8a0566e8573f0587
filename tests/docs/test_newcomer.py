"""docs/getting-started.md, executed: its own blocks, from an empty folder to a release that the workflow rolled out.

AWS is the embedded one, with permissions enforced; Docker, the registry, git, the CDK CLI, the AWS CLI, the workflow's
step and the deploy script are real.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from emulator import EmbeddedAws
from tests.deploy.engine import Engine, docker_engine
from tests.deploy.registry import LocalRegistry, local_registry
from tests.docs.github import GitHub
from tests.docs.pages import ROOT, Block, blocks, prose
from tests.workflows.workflow import Ran

__all__ = ["docker_engine"]
PAGE = ROOT / "docs/getting-started.md"
PASSWORD = "open sesame"
_SECONDS = 300
# A block goes on where the one before it ended, as in one terminal.
_GO_ON = """\
set -euo pipefail
[ ! -f "$SESSION" ] || . "$SESSION"
trap 'code=$?; { export -p; printf "cd %q\\n" "$PWD"; } > "$SESSION"; exit "$code"' EXIT
"""


@dataclass
class Newcomer:
    """Somebody at a terminal who follows the page. told: everything that the terminal showed. ran: the workflow."""

    folder: Path
    aws: EmbeddedAws
    registry: LocalRegistry
    github: GitHub
    engine: Engine
    told: str = ""
    ran: list[Ran] = field(default_factory=list)

    @property
    def project(self) -> Path:
        return self.folder / "guestbook"

    def follow(self, block: Block) -> str:
        """Do what a block says; what its commands print."""
        if block.language == "toml":
            text = block.text.replace('"ada/', f'"{self.registry.host}/ada/')
            (self.project / "beanpod.toml").write_text(text)
            return ""
        printed = self._type(block.text)
        self.told += printed
        if "gh repo create" in block.text:
            self._have_everything_installed()
        if "git push" in block.text:
            self.ran.append(self.github.run_workflow(self._runner()))
        return printed

    def _type(self, commands: str) -> str:
        done = subprocess.run(
            ["bash", "-c", f"{_GO_ON}{commands}"],
            input=f"{PASSWORD}\n",
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
        for file in (*self.project.glob("requirements*"), *self.project.glob("p*.*")):
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

    def _runner(self) -> dict[str, str]:
        path = f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"
        return {**self.engine.variables(self.folder), "PATH": path, "AWS_ENDPOINT_URL": self.aws.endpoint_url}


@pytest.fixture(scope="module")
def newcomer(docker_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    folder = tmp_path_factory.mktemp("newcomer")
    (folder / "home").mkdir()
    with (
        local_registry(folder / "registry", username="ada", password=PASSWORD) as registry,
        EmbeddedAws.start(region="eu-central-1", enforce_iam=True) as aws,
    ):
        yield Newcomer(folder / "home", aws, registry, GitHub.make(folder / "github"), docker_engine)
        docker_engine.remove_images(registry.host)


def steps() -> list[Block]:
    """The blocks of the numbered sections."""
    return [block for block in blocks(PAGE, "sh", "toml") if re.match(r"\d+\. ", block.heading)]


def test_the_steps_lead_from_nothing_to_a_release_by_a_push(newcomer: Newcomer) -> None:
    *_, again, status = [newcomer.follow(block) for block in steps()]
    assert set(newcomer.github.secrets) == {"AWS_ACCESS_KEY", "AWS_SECRET_KEY", "DOCKER_USERNAME", "DOCKER_PASSWORD"}
    assert newcomer.github.variables == {"AWS_REGION": "eu-central-1"}
    (ran,) = newcomer.ran
    assert ran.code == 0, ran.printed
    assert ran.outputs["changed"] == "true"
    label = ran.outputs["version-label"]
    assert f"nothing to do: all 1 instances run {label}" in again
    assert re.search(rf"Ready +Ok\n +version +{label}\n +url +{re.escape(ran.outputs['url'])}\n", status)
    secrets = {newcomer.github.secrets["AWS_SECRET_KEY"], PASSWORD}
    assert not [secret for secret in secrets if secret in newcomer.told + ran.printed + ran.summary]


def test_the_steps_are_numbered_from_one() -> None:
    numbers = list(dict.fromkeys(int(block.heading.partition(".")[0]) for block in steps()))
    assert numbers == list(range(1, len(numbers) + 1))


def test_what_replaces_the_clicks_is_among_the_steps() -> None:
    replacements = re.findall(r"^\| .* \| `(.*?)`.* \|$", prose(PAGE), re.MULTILINE)
    typed = "".join(block.text for block in steps())
    assert replacements
    assert [command for command in replacements if command not in typed] == []
