"""Runners that watch or replay, and something to build."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from beanpod.deploy.images import (
    BuildSpec,
    CommandResult,
    CommandRunner,
    Docker,
    Image,
    Platform,
    build_and_push,
    connect,
)
from tests.deploy.clocks import StillClock
from tests.deploy.engine import Engine
from tests.deploy.registry import LocalRegistry
from tests.fake_reporter import FakeReporter

DOCKERFILE = 'FROM scratch\nCOPY app /app\nCMD ["/app"]\n'


@dataclass
class WatchingRunner(CommandRunner):
    """Runs for real, and remembers the command lines.

    Attributes:
        while_running: Called with a command's environment at each line that it prints.
    """

    commands: list[list[str]] = field(default_factory=list)
    while_running: Callable[[dict[str, str]], None] = lambda environment: None

    def run(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        show: Callable[[str], None] | None = None,
        **others: Any,
    ) -> CommandResult:
        self.commands.append(list(arguments))

        def watch(line: str) -> None:
            self.while_running(dict(environment))
            if show:
                show(line)

        return CommandRunner().run(arguments, environment=environment, show=watch, **others)

    def named(self, word: str) -> list[list[str]]:
        """The command lines of `docker WORD`."""
        return [command for command in self.commands if word in command[1:3]]


def printed(code: int, text: str = "") -> CommandResult:
    """A command that ended with this code and printed this: on standard output if the code is 0, else on the other."""
    return CommandResult(code, "" if code else text, tuple(text.splitlines()))


@dataclass
class ScriptedRunner(CommandRunner):
    """Replays answers, for buildx, which the machine need not have, and for failures.

    Attributes:
        answers: By the beginning of the command line after "docker", one or several in turn. Default: success.
        metadata: What buildx writes into its metadata file.
    """

    answers: Mapping[str, CommandResult | list[CommandResult]] = field(default_factory=dict)
    metadata: str = ""
    commands: list[list[str]] = field(default_factory=list)
    environments: list[Mapping[str, str]] = field(default_factory=list)

    def run(self, arguments: Sequence[str], *, environment: Mapping[str, str], **_: Any) -> CommandResult:
        self.commands.append(list(arguments))
        self.environments.append(environment)
        if "--metadata-file" in arguments:
            Path(arguments[arguments.index("--metadata-file") + 1]).write_text(self.metadata)
        command = " ".join(arguments[1:])
        answer = next((answer for start, answer in self.answers.items() if command.startswith(start)), CommandResult(0))
        return answer if isinstance(answer, CommandResult) else answer.pop(0)


def write_source(
    folder: Path,
    content: str,
    *,
    name: str | None = None,
    dockerfile: str = DOCKERFILE,
    args: Mapping[str, str] | None = None,
) -> BuildSpec:
    """A build context whose image holds one file.

    The file names the folder, so that tests in parallel have different images in the engine that they share.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "app").write_text(f"{content} of {folder}")
    (folder / "Dockerfile").write_text(dockerfile)
    return BuildSpec(name, folder, folder / "Dockerfile", "linux/amd64", args or {})


class Shop:
    """Builds and pushes to a repository of its own, as a deployment does."""

    def __init__(self, registry: LocalRegistry, engine: Engine, variables: dict[str, str]) -> None:
        self.registry = registry
        self.path = f"tests/{uuid4().hex}"
        self.repository = f"{registry.host}/{self.path}"
        self.platform: Platform = engine.platform
        self.variables = variables | registry.login
        self.report = FakeReporter()
        self.runner = WatchingRunner()

    def publish(self, *specs: BuildSpec) -> dict[str | None, Image]:
        """The images by the names of their specs, built for the engine's platform."""
        with connect(Docker(self.variables, self.report, StillClock(), self.runner), self.repository) as builder:
            return build_and_push([replace(spec, platform=self.platform) for spec in specs], builder)
