"""Runs docker's command lines and says in one line why one failed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from beanpod.deploy.errors import BuildError
from beanpod.deploy.images._diagnosis import Diagnosis, causes, diagnose
from beanpod.deploy.images._process import Finished, Runner, TimedOutError

_QUERY_SECONDS = 60.0
_LONGEST_REASON = 200


@dataclass(frozen=True)
class Client:
    """The docker command. environment: what it runs with; it may hold the login."""

    runner: Runner = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)

    def run(
        self,
        command: Sequence[str],
        aim: str,
        *,
        timeout: float = _QUERY_SECONDS,
        stdin: str = "",
        show: Callable[[str], None] | None = None,
    ) -> Finished:
        """Run to the end, whatever the exit code. aim: what it is for, such as "building service web"."""
        try:
            return self.runner.run(command, environment=self.environment, timeout=timeout, stdin=stdin, show=show)
        except FileNotFoundError:
            raise BuildError(f"{aim} failed: there is no docker command on the PATH: install Docker") from None
        except TimedOutError as error:
            raise BuildError(f"{aim} failed: {error}: try again", causes=causes(error.lines)) from None

    def must(
        self,
        command: Sequence[str],
        aim: str,
        *,
        timeout: float = _QUERY_SECONDS,
        show: Callable[[str], None] | None = None,
    ) -> Finished:
        """Run, and raise BuildError unless it succeeds."""
        finished = self.run(command, aim, timeout=timeout, show=show)
        if finished.code:
            raise failure(aim, finished)
        return finished

    def with_variables(self, variables: Mapping[str, str]) -> "Client":
        """The same with more environment variables."""
        return replace(self, environment={**self.environment, **variables})


def failure(aim: str, finished: Finished) -> BuildError:
    """What to raise for a command that failed."""
    diagnosis, why = diagnose(finished.lines), causes(finished.lines)
    return BuildError(f"{aim} failed: {_reason(finished, diagnosis, why)}", causes=why)


def _reason(finished: Finished, diagnosis: Diagnosis | None, why: tuple[str, ...]) -> str:
    if diagnosis:
        return diagnosis.remedy
    if why:
        return f"exit code {finished.code}: {why[-1][:_LONGEST_REASON]}"
    return f"docker said nothing, exit code {finished.code}"
