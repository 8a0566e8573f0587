"""Small things to build, and runners that watch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from beanpod.deploy.images import BuildSpec, Finished, ProcessRunner

DOCKERFILE = 'FROM scratch\nCOPY app /app\nCMD ["/app"]\n'


def write_source(
    folder: Path,
    content: str,
    *,
    name: str | None = None,
    dockerfile: str = DOCKERFILE,
    args: Mapping[str, str] | None = None,
) -> BuildSpec:
    """A build context whose image holds one file. The folder decides too: each test has images of its own.

    Tests in parallel share the engine, and would remove each other's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "app").write_text(f"{content} of {folder}")
    (folder / "Dockerfile").write_text(dockerfile)
    return BuildSpec(name=name, context=folder, dockerfile=folder / "Dockerfile", args=args or {})


@dataclass
class WatchingRunner:
    """Runs for real, and keeps the command lines.

    while_running: called with a command's environment at each line it prints.
    """

    commands: list[list[str]] = field(default_factory=list)
    while_running: Callable[[dict[str, str]], None] = lambda environment: None

    def run(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        timeout: float,
        stdin: str = "",
        show: Callable[[str], None] | None = None,
    ) -> Finished:
        self.commands.append(list(arguments))

        def watch(line: str) -> None:
            self.while_running(dict(environment))
            if show:
                show(line)

        return ProcessRunner().run(arguments, environment=environment, timeout=timeout, stdin=stdin, show=watch)

    def named(self, word: str) -> list[list[str]]:
        """The command lines of `docker WORD`."""
        return [command for command in self.commands if word in command[1:3]]
