"""Progress in GitHub Actions: a group for each phase, annotations, and the outputs and the summary of the step.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands. According to its source
(ActionCommand.cs) the runner obeys `::name key=value,...::data` at the start of a line, and the older
`##[name key=value;...]data` anywhere in a line.
"""

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from beanpod.cli.output.display import Event, Failure, Finished, Message, PhaseFinished, PhaseStarted, Renderer
from beanpod.cli.output.lines import line_text
from beanpod.cli.output.text import SafeStream, duration
from beanpod.deploy.errors import InterruptionError
from beanpod.deploy.report import EnvironmentEvent, Outcome

# GitHub cuts longer messages off at their end, which says what to do.
_MAX_MESSAGE_LENGTH = 4000
# GitHub drops a summary of more than 1 MiB.
_MAX_EVENTS, _MAX_EVENT_LENGTH = 100, 1000


class GitHub(Renderer):
    """Writes workflow commands, and text that the runner takes for none.

    Text is written while commands are stopped by a random token, so that no line of Docker or of the environment is
    obeyed. All of it goes to one stream: the runner reads the two of a process in no fixed order.
    """

    def __init__(self, out: SafeStream, *, environ: Mapping[str, str]) -> None:
        self._out, self._environ = out, environ
        self._token: str | None = None
        self._shown: list[Event] = []

    def show(self, event: Event) -> None:
        if not isinstance(event, Message) or event.kind == "warning":
            # For the summary; what Docker prints may be long.
            self._shown.append(event)
        match event:
            case PhaseStarted(phase):
                self._command("group", phase)
            case PhaseFinished():
                self._text(line_text(event))
                self._command("endgroup")
            case Message(text, "warning"):
                self._annotate("warning", text, "Deployment")
            case Finished(outcome):
                self._text(line_text(event))
                path = outcome.health_path[:1].upper() + outcome.health_path[1:]
                details = [f"Image {outcome.image}" if outcome.image else "", path]
                self._write_files(outcome, line_text(event), [line for line in details if line])
            case Failure():
                for line in event.trace:
                    self._text(line)
                lines = [*event.message.split("\n"), *event.reasons]
                self._annotate("error", "\n".join(lines), _title(event))
                outcome = replace(event.outcome or Outcome(""), changed=False, rolled_back=event.rolled_back)
                self._write_files(outcome, lines[0], lines[1:])
            case _:
                self._text(line_text(event))

    def close(self) -> None:
        """Let the runner obey commands again: those of the following steps."""
        if self._token is not None:
            self._out.line(f"::{self._token}::")
            self._token = None

    def _text(self, line: str) -> None:
        if self._token is None:
            token = secrets.token_hex(16)
            self._out.line(command("stop-commands", token))
            self._token = token
        self._out.line(line)

    def _command(self, name: str, data: str = "", **properties: str) -> None:
        self.close()
        self._out.line(command(name, data, **properties))

    def _annotate(self, kind: str, text: str, title: str) -> None:
        if len(text) > _MAX_MESSAGE_LENGTH:
            text = f"{text[: _MAX_MESSAGE_LENGTH - 1]}…"
        self._command(kind, text, title=title)

    def _write_files(self, outcome: Outcome, title: str, details: Sequence[str]) -> None:
        self._append("GITHUB_OUTPUT", "".join(file_entry(*item) for item in _outputs(outcome).items()))
        self._append("GITHUB_STEP_SUMMARY", "\n".join(_summary(title, details, self._shown)))

    def _append(self, variable: str, text: str) -> None:
        path = self._environ.get(variable)
        if not path:
            return
        try:
            with Path(path).open("a", encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError as error:
            self._annotate("warning", f"{variable} cannot be written: {error.strerror}", "Deployment")


def command(name: str, data: str, **properties: str) -> str:
    """Return a workflow command, with data and properties escaped."""
    written = ",".join(
        f"{key}={_escape(value).replace(':', '%3A').replace(',', '%2C')}" for key, value in properties.items()
    )
    return f"::{name} {written}::{_escape(data)}" if written else f"::{name}::{_escape(data)}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def file_entry(name: str, value: str) -> str:
    """Return an entry of GITHUB_OUTPUT; its delimiter is random, so that no value contains it."""
    delimiter = f"end_{secrets.token_hex(16)}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def _outputs(outcome: Outcome) -> dict[str, str]:
    return {
        "version-label": outcome.version_label,
        "image": outcome.image,
        "digest": outcome.digest,
        "previous-version": outcome.previous_version or "",
        "url": outcome.url,
        "health": outcome.health,
        "health-path": outcome.health_path,
        "changed": str(outcome.changed).lower(),
        "rolled-back": str(outcome.rolled_back).lower(),
    }


def _title(failure: Failure) -> str:
    if failure.exit_code == InterruptionError.exit_code:
        return "Deployment interrupted"
    return "Deployment failed and rolled back" if failure.rolled_back else "Deployment failed"


def _summary(title: str, details: Sequence[str], shown: Sequence[Event]) -> Iterator[str]:
    """Yield the lines of the step summary, in Markdown: title, details, phases with their times, and events."""
    warnings = [line_text(event) for event in shown if isinstance(event, Message)]
    yield from (f"### {_markdown(title)}", "")
    if items := [*details, *warnings]:
        yield from (*(f"- {_markdown(item)}" for item in items), "")
    if phases := [event for event in shown if isinstance(event, PhaseFinished)]:
        yield from ("| Phase | Time | |", "| --- | ---: | --- |")
        yield from (f"| {end.phase} | {duration(end.seconds)} | {'failed' if end.failed else ''} |" for end in phases)
        yield ""
    events = [event for event in shown if isinstance(event, EnvironmentEvent)][-_MAX_EVENTS:]
    if lines := [f"{it.time:%H:%M:%S} {it.severity:5} {it.message[:_MAX_EVENT_LENGTH]}" for it in events]:
        fence = "`" * max(3, *(len(run) + 1 for line in lines for run in re.findall("`+|$", line)))
        yield from ("<details><summary>Events of the environment</summary>", "", fence, *lines, fence)
        yield from ("", "</details>", "")


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]#|~<>&@$])", r"\\\1", text)
