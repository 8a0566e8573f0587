"""Progress on a terminal: finished phases stay, the running one is redrawn below them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, TextIO, cast

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
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
)
from beanpod.cli.output.lines import line_text
from beanpod.cli.output.text import SEVERITY_COLOURS, STATE_COLOURS, Paint, SafeStream, duration, encodable, status_text
from beanpod.deploy.clock import Clock
from beanpod.deploy.report import EnvironmentEvent, Phase, Status

# On a narrower terminal, details are printed below their phase.
_MIN_COLUMNS = 72
_NAME_WIDTH, _TIME_WIDTH, _GAP = 12, 11, 2
_TAIL, _FAILED_TAIL = 5, 12
_FRAMES, _ASCII_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"
_FRAMES_PER_SECOND = 10


class Terminal(Renderer):
    """A live view, as `docker build` has one. verbose: keep every line that commands print."""

    status_interval = 0.0

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
        self._unicode = encodable("✓", stream) == "✓"
        # Replaced, never changed: the thread that draws reads it at any moment.
        self._running: PhaseView | None = None
        self._phases = 0
        self._live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=_FRAMES_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def show(self, event: Event) -> None:
        match event:
            case PhaseStarted(phase):
                self._running = PhaseView(phase, self._clock.monotonic(), unicode=self._unicode)
                self._phases += 1
                self._live.start()
            case PhaseFinished():
                # Cleared first: stop() draws once more, and that would erase the lines above.
                view, self._running = self._running, None
                self._live.stop()
                if view:
                    self._console.print(view.finished(event))
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
                self._running = replace(self._running, status=coloured_status(status))
            case Finished(outcome, seconds):
                self._live.stop()
                line = Text(f"{outcome_text(outcome, with_url=False)}, after {duration(seconds)}", "bold")
                self._console.print(Text.assemble(("✓" if self._unicode else "+", "bold green"), " ", line))
                if outcome.url:
                    # On its own line and never wrapped, so that it can be clicked.
                    self._console.print(Text(f"  {outcome.url}"), soft_wrap=True)
            case Failure():
                self._live.stop()
                for text in event.lines:
                    self._errors.line(text.replace(PREFIX, self._prefix, 1) if text.startswith(PREFIX) else text)

    def close(self) -> None:
        """Show the cursor again."""
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
            self._console.print(_Row(Text(), (text,)) if self._phases else text)

    def _draw(self) -> RenderableType:
        return self._running.running(self._clock.monotonic()) if self._running else Group()


@dataclass(frozen=True)
class PhaseView:
    """A phase on the screen.

    Attributes:
        phase: The phase.
        started: When, on the monotonic clock.
        messages: The lines that stay.
        tail: The latest lines of commands and events; they stay only if the phase fails.
        status: The environment's status.
        unicode: Whether the terminal has the marks and the spinner.
    """

    phase: Phase
    started: float
    messages: tuple[Text, ...] = ()
    tail: tuple[Text, ...] = ()
    status: Text | None = None
    unicode: bool = True

    def with_tail(self, line: Text) -> "PhaseView":
        """Return the view with another line in its tail."""
        return replace(self, tail=(*self.tail, line)[-_FAILED_TAIL:])

    def running(self, now: float) -> RenderableType:
        """Return the phase as it runs."""
        frames, seconds = _FRAMES if self.unicode else _ASCII_FRAMES, now - self.started
        name = Text.assemble((frames[int(seconds * _FRAMES_PER_SECOND) % len(frames)], "cyan"), " ", self.phase)
        headline = (self.status,) if self.status else self.messages[-1:]
        return _Row(name, (*headline, *self.tail[-_TAIL:]), seconds, live=True)

    def finished(self, end: PhaseFinished) -> RenderableType:
        """Return the phase as it stays; a failed one with its tail."""
        done, failed = ("✓", "✗") if self.unicode else ("+", "x")
        mark = (failed, "bold red") if end.failed else (done, "green")
        tail = self.tail if end.failed else ()
        kept = tuple(text for text in self.messages if text not in tail)
        return _Row(Text.assemble(mark, " ", self.phase), (*kept, *tail), end.seconds)


@dataclass(frozen=True)
class _Row:
    """A name, a time, and the details beside them; below them on a narrow terminal."""

    name: Text
    details: Sequence[Text]
    seconds: float | None = None
    live: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        time = Text() if self.seconds is None else Text(duration(self.seconds), "dim")
        grid = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
        if options.max_width >= _MIN_COLUMNS:
            grid.add_column(width=_NAME_WIDTH, no_wrap=True)
            grid.add_column(width=_TIME_WIDTH, justify="right", no_wrap=True)
            self._add_details(grid, options.max_width - _NAME_WIDTH - _TIME_WIDTH - 2 * _GAP)
            for number, detail in enumerate(self.details or (Text(),)):
                grid.add_row(*("", "") if number else (self.name, time), detail)
        else:
            self._add_details(grid, None)
            for line in self._lines_below(time):
                grid.add_row(line)
        yield grid

    def _lines_below(self, time: Text) -> Iterator[RenderableType]:
        if self.name:
            yield Text.assemble(self.name, "  ", time)
        yield from (Padding(detail, (0, 0, 0, 4)) for detail in self.details)

    def _add_details(self, grid: Table, width: int | None) -> None:
        # A live row keeps its number of lines, one that stays is printed whole.
        grid.add_column(max_width=width, no_wrap=self.live, overflow="ellipsis" if self.live else "fold")


def coloured_status(status: Status) -> Text:
    """Return an environment's status, its health in colour."""
    text = Text(status_text(status))
    if status.health:
        text.highlight_words([f"health {status.health}"], STATE_COLOURS.get(status.health, ""))
    return text
