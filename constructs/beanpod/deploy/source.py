"""Where a release comes from: the commit, and the CI run that makes it."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_SHORT = 12


@dataclass(frozen=True)
class Source:
    """commit: the whole hash, with `-dirty` where files differ from it; "" outside a git repository.

    committed: when the commit was made, UTC; None without one. run_url: the page of the CI run, "" by hand.
    actor: who deploys, for whoever finds the lock taken.
    """

    commit: str = ""
    committed: datetime | None = None
    run_url: str = ""
    actor: str = ""

    @property
    def short_commit(self) -> str:
        """The commit as people write it: 12 digits, and `-dirty`."""
        digits, dash, dirty = self.commit.partition("-")
        return f"{digits[:_SHORT]}{dash}{dirty}"

    @classmethod
    def of(cls, root: Path, environment: Mapping[str, str] = os.environ) -> "Source":
        """The source of the folder `root`; the environment is GitHub Actions' or a person's.

        The variables are those of
        https://docs.github.com/en/actions/reference/workflows-and-actions/variables.
        """
        commit, committed = _commit(root)
        return cls(commit, committed, _run_url(environment), _actor(environment))


def _commit(root: Path) -> tuple[str, datetime | None]:
    said = _git(root, "log", "-1", "--format=%H %ct")
    if not said:
        return "", None
    commit, seconds = said.split()
    dirty = "-dirty" if _git(root, "status", "--porcelain", "--untracked-files=no") else ""
    return commit + dirty, datetime.fromtimestamp(int(seconds), UTC)


def _git(root: Path, *arguments: str) -> str:
    """What git says; "" without git, without a repository, or before the first commit."""
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(root), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _run_url(environment: Mapping[str, str]) -> str:
    server, repository, run = (environment.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else ""


def _actor(environment: Mapping[str, str]) -> str:
    return environment.get("GITHUB_ACTOR") or environment.get("USER") or "somebody"
