"""Progress in GitHub Actions: a group a phase, annotations, outputs and a summary of the step."""

import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Self

from beanpod.cli.output.display import Failure, verdict
from beanpod.cli.output.lines import ended, state_line
from beanpod.cli.output.record import Heartbeat, PhaseRecord, Record
from beanpod.cli.output.summary import summary
from beanpod.cli.output.text import duration
from beanpod.cli.output.workflow import CommandStream, file_entry, shortened
from beanpod.cli.output.writer import Writer
from beanpod.deploy.clock import Clock
from beanpod.deploy.report import EnvironmentEvent, Outcome, Phase, Status


class GitHub:
    """Speaks to GitHub's runner. environ: where GITHUB_OUTPUT and GITHUB_STEP_SUMMARY come from.

    Everything goes to one stream: the runner reads the two of a process in no order.
    """

    def __init__(self, out: Writer, *, environ: Mapping[str, str], clock: Clock) -> None:
        self._masks = out.masks
        self._stream = CommandStream(out.raw)
        self._environ = environ
        self._record = Record(clock)
        self._heartbeat = Heartbeat(clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.resume()

    @property
    def phases(self) -> dict[str, float]:
        return self._record.seconds

    def phase(self, phase: Phase) -> AbstractContextManager[None]:
        self._stream.command("group", phase)
        return self._record.phase(phase, self._end_phase)

    def say(self, text: str) -> None:
        self._text(text)

    def output(self, line: str) -> None:
        self._text(f"| {line}")

    def warn(self, text: str) -> None:
        self._record.warnings.append(self._masks.presentable(text))
        self._annotate("warning", text, "Deployment")

    def event(self, event: EnvironmentEvent) -> None:
        shown = EnvironmentEvent(event.time, event.severity, self._masks.presentable(event.message))
        self._record.events.append(shown)
        self._text(f"{shown.severity:5} {shown.message}")

    def status(self, status: Status) -> None:
        if self._heartbeat.tells(status):
            self._text(state_line(status, self._heartbeat.unchanged))

    def mask(self, value: str) -> None:
        self._masks.add(value)
        # What came in a variable came from GitHub, which hides its secrets itself; anything else it has to be told.
        if value in self._environ.values():
            return
        for line in filter(str.strip, re.split(r"[\r\n]", value)):
            self._stream.command("add-mask", line)

    def finish(self, outcome: Outcome) -> None:
        text = f"{verdict(outcome)}, after {duration(self._record.elapsed)}"
        self._text(text)
        self._write_outputs(_outputs(outcome))
        image = f"Image {outcome.image}" if outcome.image else ""
        self._write_summary(text, [line for line in (image, _sentence(outcome.health_path)) if line])

    def fail(self, failure: Failure) -> None:
        for line in failure.trace:
            self._text(line)
        self._annotate("error", "\n".join([failure.message, *failure.reasons]), _title(failure))
        outcome = replace(failure.outcome or Outcome(""), changed=False, rolled_back=failure.rolled_back)
        self._write_outputs(_outputs(outcome))
        title, *more = failure.message.splitlines() or [""]
        self._write_summary(title, [*more, *failure.reasons])

    def _end_phase(self, entry: PhaseRecord) -> None:
        self._text(ended(entry))
        self._stream.command("endgroup")

    def _text(self, text: str) -> None:
        self._stream.text(self._masks.presentable(text))

    def _annotate(self, kind: str, text: str, title: str) -> None:
        lines = [self._masks.presentable(line) for line in self._masks.hide(text).splitlines()]
        self._stream.command(kind, shortened("\n".join(lines)), title=title)

    def _write_outputs(self, values: Mapping[str, str]) -> None:
        entries = (file_entry(name, self._masks.presentable(value)) for name, value in values.items())
        self._append("GITHUB_OUTPUT", "".join(entries))

    def _write_summary(self, title: str, details: Iterable[str]) -> None:
        warnings = [f"Warning: {text}" for text in self._record.warnings]
        shown = [self._masks.presentable(line) for line in (*details, *warnings)]
        self._append("GITHUB_STEP_SUMMARY", summary(self._masks.presentable(title), shown, self._record))

    def _append(self, variable: str, text: str) -> None:
        path = self._environ.get(variable)
        if not path:
            return
        try:
            with Path(path).open("a", encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError as error:
            self._annotate("warning", f"{variable} cannot be written: {error.strerror}", "Deployment")


def _outputs(outcome: Outcome) -> dict[str, str]:
    return {
        "version-label": outcome.version_label,
        "image": outcome.image,
        "digest": outcome.digest,
        "previous-version": outcome.previous_version or "",
        "url": outcome.url,
        "health": outcome.health,
        "health-path": outcome.health_path,
        "changed": _truth(outcome.changed),
        "rolled-back": _truth(outcome.rolled_back),
    }


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _title(failure: Failure) -> str:
    if failure.interrupted:
        return "Deployment interrupted"
    return "Deployment failed and rolled back" if failure.rolled_back else "Deployment failed"
