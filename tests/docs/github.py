"""The emulator's GitHub repository, with a `gh` that works on it."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import ROOT
from tools.github import Repository, Run

_GH = """\
#!/bin/sh
# What GitHub's command line does to a repository, done to a folder: a clone of the template, secrets, variables.
set -eu
case "$1 $2" in
  "repo create") git clone --quiet "$GITHUB_FOLDER/origin.git" "$3" ;;
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
    """One repository: origin.git, its secrets and its variables."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "GitHub":
        """With a template that is this repository as it is now; a push runs nothing before run_workflow()."""
        repository = Repository.make(folder, environment={})
        (repository.origin / "hooks/post-receive").unlink()
        for name in ("bin", "template"):
            (folder / name).mkdir(parents=True)
        _copy_repository(folder / "template")
        _git(folder / "template", "push", "--quiet", str(repository.origin), "main")
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
        return Repository(self.folder).secrets

    @property
    def variables(self) -> dict[str, str]:
        """By name."""
        return Repository(self.folder).variables

    def run_workflow(self, variables: Mapping[str, str]) -> Run:
        """What a push starts. variables: of the runner."""
        (self.folder / "environment.json").write_text(json.dumps(dict(variables)))
        return Repository(self.folder).run_workflow(_git(self.folder / "origin.git", "rev-parse", "main").strip())


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
