"""The source of a release: the commit, and the CI run that makes it."""

import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

_SHORT = 12
_DAY = 86_400
# How far back a deployed commit is looked for.
_HISTORY = 1000
_ANCESTOR = re.compile(r"^(?:commit|parent) ([0-9a-f]+)", re.MULTILINE)
# git's words for a repository before its first commit; and for a folder outside any repository, or in a damaged one.
_NO_COMMIT, _NO_REPOSITORY = "does not have any commits yet", "not a git repository (or any "
_UNKNOWN = "the commit is not known, so an older one deployed later would not be refused"


@dataclass(frozen=True)
class Source:
    """The source of a release.

    Attributes:
        commit: The whole hash, with `-dirty` where files differ from it; "" outside a git repository.
        committed: When the commit was made, UTC, and in a day at the latest; None without one.
        run_url: The page of the CI run; "" on a person's machine.
        actor: Who deploys, for the message of the deployment lock.
        problem: Why git does not tell the commit of a repository, and what to do; "" if it does, or there is none.
        ancestors: The commits before it, as far as the repository has them: of a shallow clone, those that it names.
    """

    commit: str = ""
    committed: datetime | None = None
    run_url: str = ""
    actor: str = ""
    problem: str = ""
    ancestors: frozenset[str] = field(default=frozenset(), repr=False)

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
        actor = environment.get("GITHUB_ACTOR") or environment.get("USER") or "an unknown user"
        run_url = _run_url(environment)
        # log.showSignature would print lines before it.
        line, problem = _git(root, "log", "-1", "--no-show-signature", "--format=%H %ct")
        if not line:
            return cls(run_url=run_url, actor=actor, problem=problem and f"{_UNKNOWN}: {problem}")
        commit, seconds = line.split()
        changed, _ = _git(root, "status", "--porcelain", "--untracked-files=no")
        # The clock of this machine may be behind that of the commit; the deployment lock goes by S3's.
        committed = datetime.fromtimestamp(min(int(seconds), time.time() + _DAY), UTC)
        # In its raw form a commit names its parents, also those that a shallow clone does not have.
        history, _ = _git(root, "log", f"-{_HISTORY}", "--no-show-signature", "--no-color", "--format=raw")
        ancestors = frozenset(_ANCESTOR.findall(history)) - {commit}
        return cls(f"{commit}-dirty" if changed else commit, committed, run_url, actor, ancestors=ancestors)


def _git(root: Path, *arguments: str) -> tuple[str, str]:
    """The output of git, and why there is none of a repository with a commit."""
    repository = any((folder / ".git").exists() for folder in (root, *root.parents))
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(root), *arguments],  # noqa: S607
            capture_output=True,
            encoding="utf-8",
            # Of a file's name, which may be in any encoding.
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except (FileNotFoundError, PermissionError):
        # The PATH may name a folder that this user may not search.
        return "", "git is not installed, install it" if repository else ""
    if done.returncode == 0:
        return done.stdout.strip(), ""
    if _NO_COMMIT in done.stderr or (_NO_REPOSITORY in done.stderr and not repository):
        return "", ""
    lines = [line.strip() for line in done.stderr.splitlines()]
    commands = [f"run `{line}`" for line in lines if line.startswith("git config ")]
    return "", ", ".join(("git says " + lines[0].removeprefix("fatal: ") if lines else "git failed", *commands))


def _run_url(environment: Mapping[str, str]) -> str:
    server, repository, run = (environment.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else ""
