"""What stands for GitHub, which cannot be reached from a test: a folder, a `gh` that works on it, and a runner."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tests.docs.pages import ROOT
from tests.workflows.workflow import Ran, Runner, load, step_of

_SECONDS = 900
_GH = """\
#!/bin/sh
# What GitHub's command line does to a repository, done to a folder: a clone of the template, secrets, variables.
set -eu
case "$1 $2" in
  "repo create") git clone --quiet "$GITHUB_FOLDER/origin.git" "$3" ;;
  "secret set") cat > "$GITHUB_FOLDER/secrets/$3" ;;
  "variable set") printf %s "$5" > "$GITHUB_FOLDER/variables/$3" ;;
  *) echo "gh: not here: $*" >&2; exit 1 ;;
esac
"""
_ADA = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


@dataclass(frozen=True)
class GitHub:
    """One repository: origin.git, its secrets and its variables."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "GitHub":
        """With a template that is this repository as it is now."""
        for name in ("secrets", "variables", "bin", "template"):
            (folder / name).mkdir(parents=True)
        _copy_repository(folder / "template")
        _git(folder, "clone", "--quiet", "--bare", "template", "origin.git")
        program = folder / "bin/gh"
        program.write_text(_GH)
        program.chmod(0o755)
        return cls(folder)

    @property
    def environment(self) -> dict[str, str]:
        """What a terminal needs besides PATH: where `gh` works, and who commits."""
        return {"GITHUB_FOLDER": str(self.folder), **_ADA}

    @property
    def secrets(self) -> dict[str, str]:
        """By name."""
        return {file.name: file.read_text() for file in (self.folder / "secrets").iterdir()}

    @property
    def variables(self) -> dict[str, str]:
        """By name."""
        return {file.name: file.read_text() for file in (self.folder / "variables").iterdir()}

    def run_workflow(self, variables: Mapping[str, str]) -> Ran:
        """What a push starts: the deploying step. variables: of the runner."""
        folder = Path(mkdtemp(prefix="run-", dir=self.folder))
        (folder / "files").mkdir()
        _git(folder, "clone", "--quiet", str(self.folder / "origin.git"), "checkout")
        job = load(folder / "checkout/.github/workflows/deploy.yaml")["jobs"]["dev"]
        runner = Runner(folder / "checkout", folder / "files", {**variables, **job["env"]})
        given: dict[str, Any] = {"secrets": self.secrets, "vars": self.variables, "steps": {}}
        return runner.run(step_of(job["steps"], "Deploy"), given, seconds=_SECONDS)


def _copy_repository(folder: Path) -> None:
    for name in _git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    _git(folder, "init", "--quiet", "--initial-branch=main")
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "The template")


def _git(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, **_ADA}
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout
