"""Progress on a terminal: finished phases stay, the running one is redrawn below them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import IO, Any, TextIO, cast

from rich.console import Console, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from beanpod.cli.output.display import (
    PREFIX,
    Event,
    Failure,
    Finished,
    Message,
    PhaseFinished,
    PhaseStarted,
    Renderer,
    StatusReport,
    outcome_text,
    url_text,
)
from beanpod.cli.output.lines import line_text
from beanpod.cli.output.text import SEVERITY_COLOURS, STATE_COLOURS, Paint, SafeStream, duration, encodable, status_text
from beanpod.deploy.clock import Clock
from beanpod.deploy.report import EnvironmentEvent

# On a narrower terminal, details are printed below their phase.
_MIN_COLUMNS = 72
_NAME_WIDTH, _TIME_WIDTH, _GAP = 12, 11, 2
_TAIL, _FAILED_TAIL = 5, 12
_FRAMES, _FRAMES_PER_SECOND = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", 10


@dataclass(frozen=True)
class PhaseView:
    """The running phase.

    Attributes:
        phase: The phase.
        started: When, on the monotonic clock.
        messages: The lines that stay.
        tail: The latest lines of commands and events; they stay only if the phase fails.
        status: The environment's status.
    """

    phase: StrEnum
    started: float
    messages: tuple[Text, ...] = ()
    tail: tuple[Text, ...] = ()
    status: Text | None = None

    def with_tail(self, line: Text) -> "PhaseView":
        """Return the view with another line in its tail."""
        return replace(self, tail=(*self.tail, line)[-_FAILED_TAIL:])


class Terminal(Renderer):
    """A live view, as `docker build` has one. verbose: keep every line that commands print."""

    status_interval = 0.0
    live = True

    def __init__(
        self, stream: TextIO, errors: TextIO, *, environ: Mapping[str, str], clock: Clock, verbose: bool = False
    ) -> None:
        self._clock, self._verbose = clock, verbose
        self._console = Console(
            file=cast(IO[str], SafeStream(stream)),
            force_terminal=True,
            no_color=bool(environ.get("NO_COLOR")),
            markup=False,
            emoji=False,
            highlight=False,
            _environ=environ,
        )
        self._errors = SafeStream(errors)
        self._prefix = Paint.for_stream(errors, environ)(PREFIX.strip(), "red") + " "
        unicode = encodable(_FRAMES, stream) == _FRAMES
        self._done, self._failed, self._frames = ("✓", "✗", _FRAMES) if unicode else ("+", "x", "|/-\\")
        # Replaced, never changed: the thread that draws reads it at any moment.
        self._running: PhaseView | None = None
        self._live: Live | None = None

    def show(self, event: Event) -> None:
        match event:
            case PhaseStarted(phase):
                self._running = PhaseView(phase, self._clock.monotonic())
                # A new one for each phase: it erases as many lines as it has drawn before.
                self._live = Live(
                    console=self._console,
                    get_renderable=self._draw,
                    refresh_per_second=_FRAMES_PER_SECOND,
                    transient=True,
                    redirect_stdout=False,
                    redirect_stderr=False,
                )
                self._live.start()
            case PhaseFinished():
                self.close()
                if view := self._running:
                    self._running = None
                    self._console.print(self._finished(view, event))
            case Message(text, "output"):
                self._tail(Text(text, "dim"), keep=self._verbose)
            case Message(kind=kind):
                self._keep(Text(line_text(event), "yellow" if kind == "warning" else ""))
            case EnvironmentEvent():
                line = Text(f"{event.time:%H:%M:%S} {line_text(event)}", SEVERITY_COLOURS.get(event.severity, "dim"))
                if self._running:
                    self._running = self._running.with_tail(line)
                if not self._running or event.severity in SEVERITY_COLOURS:
                    self._keep(line)
            case StatusReport(status) if self._running:
                coloured = Text(status_text(status))
                if status.health:
                    coloured.highlight_words([f"health {status.health}"], STATE_COLOURS.get(status.health, ""))
                self._running = replace(self._running, status=coloured)
            case Finished(outcome, seconds):
                line = Text(f"{outcome_text(outcome, with_url=False)}, after {duration(seconds)}", "bold")
                self._console.print(Text.assemble((self._done, "bold green"), " ", line))
                if outcome.url:
                    # On its own line and never wrapped, so that it can be clicked.
                    self._console.print(Text(f"  {url_text(outcome)}"), soft_wrap=True)
            case Failure():
                for text in event.lines:
                    self._errors.line(text.replace(PREFIX, self._prefix, 1) if text.startswith(PREFIX) else text)

    def close(self) -> None:
        """Erase the live view, and show the cursor again."""
        if self._live:
            self._live.stop()

    def _tail(self, text: Text, *, keep: bool) -> None:
        if self._running and not keep:
            self._running = self._running.with_tail(text)
        else:
            self._console.print(Text("  ").append_text(text))

    def _keep(self, text: Text) -> None:
        if self._running:
            self._running = replace(self._running, messages=(*self._running.messages, text))
        else:
            self._console.print(self._row(Text(), (text,)) if self._live else text)

    def _draw(self) -> RenderableType:
        """Return the running phase: its status, or else its latest message, and the latest lines of its commands."""
        view = self._running
        if view is None:
            return Text()
        frames, seconds = self._frames, self._clock.monotonic() - view.started
        name = Text.assemble((frames[int(seconds * _FRAMES_PER_SECOND) % len(frames)], "cyan"), " ", view.phase)
        headline = (view.status,) if view.status else view.messages[-1:]
        return self._row(name, (*headline, *view.tail[-_TAIL:]), seconds, live=True)

    def _finished(self, view: PhaseView, end: PhaseFinished) -> RenderableType:
        """Return the phase as it stays; a failed one with the latest lines of its commands."""
        mark = (self._failed, "bold red") if end.failed else (self._done, "green")
        tail = view.tail if end.failed else ()
        kept = tuple(text for text in view.messages if text not in tail)
        return self._row(Text.assemble(mark, " ", view.phase), (*kept, *tail), end.seconds)

    def _row(self, name: Text, details: Sequence[Text], seconds: float | None = None, *, live: bool = False) -> Table:
        """Return a name, a time, and the details beside them; below them on a narrow terminal."""
        time = Text() if seconds is None else Text(duration(seconds), "dim")
        grid, width = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False), self._console.width
        # A live row has as many lines as details, one that stays is printed whole.
        detail_column: dict[str, Any] = {"no_wrap": live, "overflow": "ellipsis" if live else "fold"}
        if width >= _MIN_COLUMNS:
            grid.add_column(width=_NAME_WIDTH, no_wrap=True)
            grid.add_column(width=_TIME_WIDTH, justify="right", no_wrap=True)
            grid.add_column(max_width=width - _NAME_WIDTH - _TIME_WIDTH - 2 * _GAP, **detail_column)
            for number, detail in enumerate(details or (Text(),)):
                grid.add_row(*("", "") if number else (name, time), detail)
            return grid
        grid.add_column(**detail_column)
        if name:
            grid.add_row(Text.assemble(name, "  ", time))
        for detail in details:
            grid.add_row(Padding(detail, (0, 0, 0, 4)))
        return grid
