"""GitHub's command line, as far as it sets secrets: https://cli.github.com/manual/gh_secret_set."""

import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from beanpod.deploy.errors import UsageError

_CAUSES = 3


@dataclass(frozen=True)
class Place:
    """Where secrets go. repository: OWNER/NAME. Default: the checkout's. environment: one of the repository's."""

    repository: str | None = None
    environment: str | None = None

    def set_command(self, name: str) -> list[str]:
        """The command that sets the secret to what comes on its standard input."""
        repository = ["--repo", self.repository] if self.repository else []
        environment = ["--env", self.environment] if self.environment else []
        return ["gh", "secret", "set", name, *repository, *environment]

    def __str__(self) -> str:
        repository = self.repository or "this checkout's repository"
        return f"environment {self.environment} of {repository}" if self.environment else repository


@dataclass(frozen=True)
class GitHubCommand:
    """`gh`, which has a login of its own. environ: its variables. seconds: how long it may take for one secret."""

    path: str
    folder: Path
    environ: Mapping[str, str] = field(repr=False)
    seconds: float = 60

    def set_secret(self, place: Place, name: str, value: str) -> None:
        """Set a secret; its value goes to standard input. Raises UsageError where GitHub does not take it."""
        _, *arguments = place.set_command(name)
        try:
            done = subprocess.run(  # noqa: S603
                [self.path, *arguments],
                input=value,
                cwd=self.folder,
                env=self.environ,
                capture_output=True,
                text=True,
                timeout=self.seconds,
                check=False,
            )
        except (subprocess.TimeoutExpired, OSError) as error:
            raise UsageError(f"gh could not be run to set {name}: {_reason(error)}") from None
        if done.returncode:
            causes = tuple(line for line in done.stderr.splitlines() if line.strip())[-_CAUSES:]
            raise UsageError(
                f"gh could not set {name} in {place}: log in with gh auth login, or name another", causes=causes
            )


def fetch_command(arn: str, region: str, name: str) -> str:
    """A shell's command that prints one field of a secret."""
    get = ["aws", "secretsmanager", "get-secret-value", "--region", region, "--secret-id", arn]
    pick = ["python3", "-c", f'import json, sys; print(json.load(sys.stdin)["{name}"])']
    return f"{shlex.join([*get, '--query', 'SecretString', '--output', 'text'])} | {shlex.join(pick)}"


def _reason(error: subprocess.TimeoutExpired | OSError) -> str:
    if isinstance(error, OSError):
        return str(error.strerror or error)
    return f"no answer within {error.timeout:g} s; check the network"
