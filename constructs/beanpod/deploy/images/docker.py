"""Run the docker command, and explain its failures in one line."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from beanpod.deploy.clock import Clock
from beanpod.deploy.errors import BuildError, ended
from beanpod.deploy.images.process import CommandResult, CommandRunner, TimedOutError
from beanpod.deploy.report import Reporter

_QUERY_SECONDS = 60.0
# No build or push should take longer than this; a hung command would occupy a CI job for six hours.
_LONGEST_SECONDS = 3600.0
_PAUSES = (2.0, 8.0)
_LONGEST_REASON = 200
_MOST_CAUSES = 5
_CAUSE = re.compile(
    r"error|fail|denied|refused|unauthorized|no such|not found|cannot|non-zero|toomany|429|not complete|timeout|"
    r"no space|exit code|unable to",
    re.IGNORECASE,
)
# A RUN instruction failed: what its program printed is not about Docker or a registry.
_STEP_FAILED = re.compile(r"returned a non-zero code|did not complete successfully|executor failed running")

RATE_LIMIT = "the registry's rate limit is reached (429)"
_TRY_AGAIN = "the registry or the network failed: try again"
_IMAGE_REMOVED = "another process removed images from this Docker engine meanwhile: try again"
# What Docker 20.10 or later, or a registry, prints, and the remedy. The first pattern that fits counts; those for steps
# apply to what a RUN instruction prints, too.
_STEP_REMEDIES = {
    r"no space left on device": "the Docker engine's disk is full: free space with `docker system prune --all`",
    r"exec format error": "this machine cannot run programs of that platform: build on one that can, or install QEMU "
    "(in GitHub Actions: docker/setup-qemu-action)",
}
_REMEDIES = {
    **_STEP_REMEDIES,
    r"permission denied while trying to connect to the docker": "this user may not use the Docker engine: add them to "
    "the group docker",
    r"cannot connect to the docker daemon|is the docker daemon running|error during connect|"
    r"failed to connect to the docker api": "cannot connect to the Docker daemon: start Docker and try `docker info`",
    r"toomanyrequests|too many requests|pull rate limit": f"{RATE_LIMIT}: try again later, or if DOCKER_USERNAME is "
    "not set, set it and DOCKER_PASSWORD, since Docker Hub allows more with a login",
    r"error checking context: (?:can't stat|no permission)|error from sender: open .* permission denied": "this user "
    "cannot read every file in the build context: grant this user read permission, or remove the file",
    # The classic builder looks at every image that may be in its cache (getLocalCachedImage in moby's image/cache), and
    # for the image of the step before when it stores a step's (SetParent in moby's image/store).
    r'unable to find image "sha256:|unknown parent image id': _IMAGE_REMOVED,
    r"no match for platform|does not (?:match|provide) the specified platform": "the base image does not exist for "
    "that platform: choose another base image or other instance types",
    r"no basic auth credentials|unauthorized|authentication required|incorrect username or password": "the registry "
    "requires a login: set DOCKER_USERNAME and DOCKER_PASSWORD for that of service.image, or run `docker login`",
    r"pull access denied|manifest unknown|manifest for .* not found": "a base image does not exist, or reading it "
    "needs another login: check the FROM lines",
    r"denied|insufficient_scope|forbidden": "this login has no write access: create the repository, or give the "
    "access token read and write permission",
    r"connection refused|no such host|server misbehaving|network is unreachable": "the registry does not answer: "
    "check its address and that it runs",
    r"i/o timeout|tls handshake timeout|unexpected eof|: eof|connection reset|context deadline exceeded|"
    r"broken pipe|closed network connection|connection timed out|client\.timeout|no route to host|"
    r"bad gateway|service unavailable|gateway timeout|internal server error": _TRY_AGAIN,
}


@dataclass(frozen=True)
class Docker:
    """The docker command.

    Attributes:
        environment: Its variables.
        report: Shows what builds and pushes print.
        clock: Waits between attempts.
        runner: Runs it.
    """

    environment: Mapping[str, str] = field(repr=False)
    report: Reporter = field(repr=False)
    clock: Clock = field(repr=False)
    runner: CommandRunner = field(default_factory=CommandRunner, repr=False)

    def run(self, command: Sequence[str], aim: str, *, stdin: str = "", show: bool = False) -> CommandResult:
        """Run a command to its end, whatever its exit code.

        Args:
            command: The command line.
            aim: What it does, such as "building service web".
            stdin: Its standard input.
            show: Whether it is a build or a push, whose output is shown and which may run for an hour.

        Raises:
            BuildError: There is no docker command, or it did not end in time.
        """
        timeout, shown = (_LONGEST_SECONDS, self.report.output) if show else (_QUERY_SECONDS, None)
        try:
            return self.runner.run(command, environment=self.environment, timeout=timeout, stdin=stdin, show=shown)
        except FileNotFoundError:
            raise BuildError(f"{aim} failed: the docker command was not found on the PATH: install Docker") from None
        except TimedOutError as error:
            raise BuildError(f"{aim} failed: {error}: try again", causes=causes(error.lines)) from None

    def retry(self, command: Sequence[str], aim: str, *, show: bool = False) -> CommandResult:
        """Run a command, twice more at most while the registry or the network fails, or images are being removed."""
        finished = self.run(command, aim, show=show)
        for pause in _PAUSES:
            if not finished.code or _remedy(finished.lines) not in (_TRY_AGAIN, _IMAGE_REMOVED):
                break
            self.report.warn(f"{aim} failed, next attempt in {pause:.0f} s")
            self.clock.sleep(pause)
            finished = self.run(command, aim, show=show)
        return finished


def checked(finished: CommandResult, aim: str) -> CommandResult:
    """Return what has succeeded; BuildError with the reason for what has not."""
    if finished.code:
        raise failure(aim, finished)
    return finished


def failure(aim: str, finished: CommandResult) -> BuildError:
    """Return the error for a command that failed: one line, with the remedy where it is known."""
    lines = causes(finished.lines)
    last = f"{ended(finished.code)}: {lines[-1][:_LONGEST_REASON]}" if lines else ""
    reason = _remedy(finished.lines) or last or f"docker printed nothing, {ended(finished.code)}"
    return BuildError(f"{aim} failed: {reason}", causes=lines)


def causes(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the last lines that name an error, or the last lines if none does."""
    printed = [line.strip() for line in lines if line.strip("- ")]
    errors = [line for line in printed if _CAUSE.search(line)]
    return tuple(dict.fromkeys((errors or printed)[-_MOST_CAUSES:]))


def _remedy(lines: Sequence[str]) -> str | None:
    text = "\n".join(causes(lines))
    known = _STEP_REMEDIES if _STEP_FAILED.search(text) else _REMEDIES
    return next((remedy for pattern, remedy in known.items() if re.search(pattern, text, re.IGNORECASE)), None)
