"""What the terminal shows, as functions of what there is to show."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from beanpod.cli.output.record import PhaseRecord
from beanpod.cli.output.table import HEALTH_STYLES, SEVERITY_STYLES
from beanpod.cli.output.text import described, duration
from beanpod.deploy.report import EnvironmentEvent, Phase, Status

# Below this many columns, details move under their phase.
_NARROW = 72
_TAIL = 5
_FAILED_TAIL = 12
_NAME, _TIME, _GAP = 12, 11, 2
_COLOURS = {"good": "green", "fair": "yellow", "bad": "red", "dim": "dim", "": ""}


class Glyphs(NamedTuple):
    """Marks of a phase, and the frames of the one that runs."""

    done: str = "✓"
    failed: str = "✗"
    frames: str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


ASCII = Glyphs("+", "x", "|/-\\")


@dataclass(frozen=True)
class Scene:
    """The phase that runs. began: on the monotonic clock. said: what stays. lines: what commands print, and events."""

    phase: Phase
    began: float
    said: tuple[Text, ...] = ()
    lines: tuple[Text, ...] = ()
    state: Text | None = None

    def with_word(self, text: Text) -> "Scene":
        """The scene after something was said that stays."""
        return replace(self, said=(*self.said, text))

    def with_line(self, line: Text) -> "Scene":
        """The scene after a line that is shown only while it is among the latest."""
        return replace(self, lines=(*self.lines, line)[-_FAILED_TAIL:])


def draw(scene: Scene, now: float, glyphs: Glyphs) -> RenderableType:
    """The phase as it runs. now: on the monotonic clock."""
    seconds = now - scene.began
    name = Text.assemble((glyphs.frames[int(seconds * 10) % len(glyphs.frames)], "cyan"), " ", scene.phase)
    headline = (scene.state,) if scene.state else scene.said[-1:]
    return _Block(name, (*headline, *scene.lines[-_TAIL:]), seconds, live=True)


def final(scene: Scene, entry: PhaseRecord, glyphs: Glyphs) -> RenderableType:
    """The phase as it stays: with the latest lines only where it failed."""
    mark = (glyphs.failed, "bold red") if entry.failed else (glyphs.done, "green")
    details = scene.said
    if entry.failed:
        details = (*(text for text in scene.said if text not in scene.lines), *scene.lines)
    return _Block(Text.assemble(mark, " ", scene.phase), details, entry.seconds)


def aside(text: Text) -> RenderableType:
    """Something said between two phases, in line with what was said in them."""
    return _Block(Text(), (text,))


@dataclass(frozen=True)
class _Block:
    """A phase's name and time, and beside them, or beneath them where it is narrow, what there is to say."""

    name: Text
    details: Sequence[Text]
    seconds: float | None = None
    live: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._under() if options.max_width < _NARROW else self._beside(options.max_width)

    def _beside(self, width: int) -> Table:
        first, *more = self.details or (Text(),)
        grid = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
        grid.add_column(width=_NAME, no_wrap=True)
        grid.add_column(width=_TIME, justify="right", no_wrap=True)
        self._add_detail_column(grid, width - _NAME - _TIME - 2 * _GAP)
        grid.add_row(self.name, self._time, first)
        for detail in more:
            grid.add_row("", "", detail)
        return grid

    def _under(self) -> Table:
        grid = Table.grid()
        self._add_detail_column(grid, None)
        if self.name:
            grid.add_row(Text.assemble(self.name, "  ", self._time))
        for detail in self.details:
            grid.add_row(Padding(detail, (0, 0, 0, 4)))
        return grid

    @property
    def _time(self) -> Text:
        return Text() if self.seconds is None else Text(duration(self.seconds), "dim")

    def _add_detail_column(self, grid: Table, width: int | None) -> None:
        # What is drawn again and again must keep to its lines; what stays is shown whole.
        grid.add_column(max_width=width, no_wrap=self.live, overflow="ellipsis" if self.live else "fold")


def status_text(status: Status) -> Text:
    """The environment's state; health in its colour."""
    text = Text(described(status))
    if status.health:
        text.highlight_words([f"health {status.health}"], _COLOURS[HEALTH_STYLES.get(status.health, "")])
    return text


def event_text(event: EnvironmentEvent) -> Text:
    """An event with its time; dim, unless it needs looking at."""
    style = _COLOURS[SEVERITY_STYLES.get(event.severity, "dim")]
    return Text(f"{event.time:%H:%M:%S} {event.severity:5} {event.message}", style)
