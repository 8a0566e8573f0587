"""A runner with prepared answers, for what this machine's Docker does not do: buildx, and Docker's troubles."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from beanpod.deploy.images import Finished


def said(code: int, text: str = "") -> Finished:
    """A command that ended with this code after printing this: its answer if it is 0, else an error."""
    return Finished(code, "" if code else text, tuple(text.splitlines()))


@dataclass
class ScriptedRunner:
    """Answers by the beginning of the command line after "docker"; what has no answer succeeds silently.

    metadata: what buildx writes into its metadata file. A list of answers is given one by one.
    """

    answers: Mapping[str, Finished | list[Finished]] = field(default_factory=dict)
    metadata: str = ""
    commands: list[list[str]] = field(default_factory=list)
    environments: list[Mapping[str, str]] = field(default_factory=list)

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
        self.environments.append(environment)
        if "--metadata-file" in arguments:
            Path(arguments[arguments.index("--metadata-file") + 1]).write_text(self.metadata)
        return self._answer(" ".join(arguments[1:]))

    def _answer(self, command: str) -> Finished:
        for beginning, answer in self.answers.items():
            if command.startswith(beginning):
                return answer if isinstance(answer, Finished) else answer.pop(0)
        return Finished(0)
