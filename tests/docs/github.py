"""The emulator's GitHub repository, with a `gh` that works on it."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.wheels import ROOT, copy_sources
from tools.github import Repository, Run

_GH = """\
#!/bin/sh
# What GitHub's command line does to a repository, done to a folder.
set -eu
case "$1 $2" in
  "secret set") cat > "$GITHUB_FOLDER/secrets/$3" ;;
  "api --method") ;;
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
    """One repository: origin.git, its secrets and its variables. programs: the folder of `gh`."""

    folder: Path
    programs: Path

    @classmethod
    def make(cls, folder: Path, app: Path) -> "GitHub":
        """Create a repository with the files of an app; a push runs nothing before run_workflow().

        Its workflows find Beanpod's action as it is in this checkout.
        """
        beanpod = copy_sources(folder / "beanpod")
        shutil.copy(ROOT / "action.yml", beanpod)
        _commit(beanpod)
        repository = Repository.make(folder / "repository", environment={}, actions={"beanpod/beanpod": beanpod})
        (repository.origin / "hooks/post-receive").unlink()
        _commit(app)
        _git(app, "push", "--quiet", str(repository.origin), "main")
        program = folder / "bin/gh"
        program.parent.mkdir()
        program.write_text(_GH)
        program.chmod(0o755)
        return cls(repository.folder, program.parent)

    @property
    def environment(self) -> dict[str, str]:
        """What a terminal needs besides PATH: where `gh` works, and who commits."""
        return {"GITHUB_FOLDER": str(self.folder), **_ADA}

    @property
    def secrets(self) -> dict[str, str]:
        """By name."""
        return Repository(self.folder).secrets

    @property
    def variables(self) -> dict[str, str]:
        """By name."""
        return Repository(self.folder).variables

    def run_workflow(self, variables: Mapping[str, str]) -> Run:
        """What a push starts. variables: of the runner."""
        (self.folder / "environment.json").write_text(json.dumps(dict(variables)))
        return Repository(self.folder).run_workflow(_git(self.folder / "origin.git", "rev-parse", "main").strip())


def _commit(folder: Path) -> None:
    _git(folder, "init", "--quiet", "--initial-branch=main")
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "First commit")


def _git(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, **_ADA}
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout
