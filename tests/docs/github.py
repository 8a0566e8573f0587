"""The emulator's GitHub repository, with a `gh` that works on it."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.wheels import ROOT, copy_sources
from tools.github import COMMITTER, Repository, Run, git

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


@dataclass(frozen=True)
class GitHub:
    """One repository: origin.git, its secrets and its variables. programs: the folder of `gh`."""

    repository: Repository
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
        git(app, "push", "--quiet", str(repository.origin), "main")
        program = folder / "bin/gh"
        program.parent.mkdir()
        program.write_text(_GH)
        program.chmod(0o755)
        return cls(repository, program.parent)

    @property
    def environment(self) -> dict[str, str]:
        """What a terminal needs besides PATH: where `gh` works, and who commits."""
        return {"GITHUB_FOLDER": str(self.repository.folder), **COMMITTER}

    def run_workflow(self, variables: Mapping[str, str]) -> Run:
        """What a push starts. variables: of the runner."""
        (self.repository.folder / "environment.json").write_text(json.dumps(dict(variables)))
        return self.repository.run_workflow(git(self.repository.origin, "rev-parse", "main").strip())


def _commit(folder: Path) -> None:
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "First commit")
