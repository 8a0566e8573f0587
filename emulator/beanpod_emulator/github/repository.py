"""A repository with secrets and variables, whose pushes start its workflow: GitHub, on this machine."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
# git tells a hook which repository it is in by variables that would lead its own git commands there, too.
_HOOK = """\
#!/bin/sh
unset GIT_DIR GIT_QUARANTINE_PATH
cd {root} && exec {python} -m beanpod_emulator.github {folder}
"""
_WHO = {
    "GIT_AUTHOR_NAME": "Beanpod",
    "GIT_AUTHOR_EMAIL": "beanpod@example.org",
    "GIT_COMMITTER_NAME": "Beanpod",
    "GIT_COMMITTER_EMAIL": "beanpod@example.org",
}


@dataclass(frozen=True)
class Repository:
    """folder: `origin.git`, which can be cloned from and pushed to, and what the runner keeps beside it."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, *, environment: Mapping[str, str]) -> "Repository":
        """An empty one. environment: what the runner's commands find besides the steps' own variables."""
        repository = cls(folder)
        for name in ("secrets", "variables", "runs"):
            (folder / name).mkdir(parents=True, mode=0o700)
        (folder / "environment.json").write_text(json.dumps(dict(environment)))
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
        hook = repository.origin / "hooks/post-receive"
        names = {"root": _ROOT, "python": sys.executable, "folder": folder}
        hook.write_text(_HOOK.format(**{name: shlex.quote(str(value)) for name, value in names.items()}))
        hook.chmod(0o755)
        return repository

    @property
    def origin(self) -> Path:
        """What `git clone` and `git push` take."""
        return self.folder / "origin.git"

    @property
    def environment(self) -> dict[str, str]:
        """What the runner's commands find."""
        found: dict[str, str] = json.loads((self.folder / "environment.json").read_text())
        return found

    @property
    def secrets(self) -> dict[str, str]:
        """By name."""
        return {file.name: file.read_text() for file in (self.folder / "secrets").iterdir()}

    @property
    def variables(self) -> dict[str, str]:
        """By name."""
        return {file.name: file.read_text() for file in (self.folder / "variables").iterdir()}

    def set_secret(self, name: str, value: str) -> None:
        """Set a secret; nobody but the owner of the files can read it."""
        path = self.folder / "secrets" / name
        path.touch(mode=0o600)
        path.write_text(value)

    def set_variable(self, name: str, value: str) -> None:
        """Set a variable."""
        (self.folder / "variables" / name).write_text(value)

    def runs(self) -> list[dict[str, Any]]:
        """What the runs so far came to, the oldest first: see `runs.Run`."""
        records = sorted((self.folder / "runs").glob("*/record.json"), key=lambda path: int(path.parent.name))
        return [json.loads(record.read_text()) for record in records]


def git(folder: Path, *arguments: str) -> str:
    """What git prints; its errors are subprocess.CalledProcessError's."""
    done = subprocess.run(  # noqa: S603
        ["git", *arguments],  # noqa: S607
        cwd=folder,
        env={**os.environ, **_WHO},
        text=True,
        capture_output=True,
        check=True,
    )
    return done.stdout
