"""The source of a release: the commit, and the CI run that makes it."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_SHORT = 12


@dataclass(frozen=True)
class Source:
    """The source of a release.

    Attributes:
        commit: The whole hash, with `-dirty` where files differ from it; "" outside a git repository.
        committed: When the commit was made, UTC; None without one.
        run_url: The page of the CI run; "" on a person's machine.
        actor: Who deploys, for the message of the deployment lock.
    """

    commit: str = ""
    committed: datetime | None = None
    run_url: str = ""
    actor: str = ""

    @property
    def short_commit(self) -> str:
        """The commit as 12 digits, and `-dirty`."""
        digits, dash, dirty = self.commit.partition("-")
        return f"{digits[:_SHORT]}{dash}{dirty}"

    @classmethod
    def of(cls, root: Path, environment: Mapping[str, str] = os.environ) -> "Source":
        """Read the source of a folder from git and from the variables of GitHub Actions.

        https://docs.github.com/en/actions/reference/workflows-and-actions/variables

        Args:
            root: The folder.
            environment: The variables. Default: this process's.
        """
        commit, committed = _commit(root)
        return cls(commit, committed, _run_url(environment), _actor(environment))


def _commit(root: Path) -> tuple[str, datetime | None]:
    # log.showSignature would print lines before it.
    line = _git(root, "log", "-1", "--no-show-signature", "--format=%H %ct")
    if not line:
        return "", None
    commit, seconds = line.split()
    dirty = "-dirty" if _git(root, "status", "--porcelain", "--untracked-files=no") else ""
    return commit + dirty, datetime.fromtimestamp(int(seconds), UTC)


def _git(root: Path, *arguments: str) -> str:
    """The output of git; "" without git, without a repository, or before the first commit."""
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(root), *arguments],  # noqa: S607
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _run_url(environment: Mapping[str, str]) -> str:
    server, repository, run = (environment.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else ""


def _actor(environment: Mapping[str, str]) -> str:
    return environment.get("GITHUB_ACTOR") or environment.get("USER") or "an unknown user"
