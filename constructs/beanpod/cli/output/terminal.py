"""Progress on a terminal: what is done stays, what runs is drawn anew beneath it."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import IO, Self, TextIO, cast

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.text import Text

from beanpod.cli.output.display import PREFIX, Failure, verdict
from beanpod.cli.output.masks import Masks
from beanpod.cli.output.record import PhaseRecord, Record
from beanpod.cli.output.text import duration
from beanpod.cli.output.view import ASCII, Glyphs, Scene, aside, draw, event_text, final, status_text
from beanpod.cli.output.writer import SteadyStream, encodable
from beanpod.deploy.clock import Clock
from beanpod.deploy.report import EnvironmentEvent, Outcome, Phase, Status

_FRAMES_A_SECOND = 10
_WORTH_KEEPING = ("WARN", "ERROR", "FATAL")


class Terminal:
    """A live view. Colours as NO_COLOR allows. verbose: every line that commands print stays."""

    def __init__(
        self,
        stream: TextIO,
        errors: TextIO,
        *,
        masks: Masks,
        environ: Mapping[str, str],
        clock: Clock,
        verbose: bool = False,
    ) -> None:
        self._masks = masks
        self._clock = clock
        self._verbose = verbose
        self._record = Record(clock)
        self._console = _console(stream, environ, forced=True)
        self._errors = _console(errors, environ, forced=errors.isatty())
        self._glyphs = Glyphs() if encodable("✓", stream.encoding or "utf-8") == "✓" else ASCII
        # Replaced, never changed: the thread that draws reads it at any moment.
        self._scene: Scene | None = None
        self._live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=_FRAMES_A_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    @property
    def phases(self) -> dict[str, float]:
        return self._record.seconds

    def phase(self, phase: Phase) -> AbstractContextManager[None]:
        self._scene = Scene(phase, self._clock.monotonic())
        self._live.start()
        return self._record.phase(phase, self._end_phase)

    def say(self, text: str) -> None:
        self._keep(self._shown(text))

    def output(self, line: str) -> None:
        shown = self._shown(line, "dim")
        if self._verbose or self._scene is None:
            self._console.print(Text("  ").append_text(shown))
        else:
            self._scene = self._scene.with_line(shown)

    def warn(self, text: str) -> None:
        self._keep(self._shown(f"Warning: {text}", "yellow"))

    def event(self, event: EnvironmentEvent) -> None:
        shown = event_text(replace(event, message=self._masks.presentable(event.message)))
        if self._scene is not None:
            self._scene = self._scene.with_line(shown)
        if self._scene is None or event.severity in _WORTH_KEEPING:
            self._keep(shown)

    def status(self, status: Status) -> None:
        if self._scene is not None:
            self._scene = replace(self._scene, state=status_text(status))

    def mask(self, value: str) -> None:
        self._masks.add(value)

    def finish(self, outcome: Outcome) -> None:
        self._live.stop()
        text = f"{verdict(replace(outcome, url=''))}, after {duration(self._record.elapsed)}"
        self._console.print(Text.assemble((self._glyphs.done, "bold green"), " ", self._shown(text, "bold")))
        if outcome.url:
            # On a line of its own, and never broken: it is there to be clicked.
            self._console.print(Text("  ").append_text(self._shown(outcome.url)), soft_wrap=True)

    def fail(self, failure: Failure) -> None:
        self._live.stop()
        for line in failure.lines():
            shown = self._shown(line.lstrip())
            shown.stylize("bold red", 0, len(PREFIX) if line.startswith(PREFIX) else 0)
            indent = len(line) - len(line.lstrip())
            if self._errors.is_terminal:
                self._errors.print(Padding(shown, (0, 0, 0, indent)))
            else:
                self._errors.print(Text(" " * indent).append_text(shown), soft_wrap=True)

    def _shown(self, text: str, style: str = "") -> Text:
        return Text(self._masks.presentable(text), style)

    def _keep(self, text: Text) -> None:
        if self._scene is not None:
            self._scene = self._scene.with_word(text)
        else:
            self._console.print(aside(text) if self._record.phases else text)

    def _end_phase(self, entry: PhaseRecord) -> None:
        scene, self._scene = self._scene, None
        self._live.stop()
        if scene is not None:
            self._console.print(final(scene, entry, self._glyphs))

    def _draw(self) -> RenderableType:
        scene = self._scene
        return Group() if scene is None else draw(scene, self._clock.monotonic(), self._glyphs)


def _console(stream: TextIO, environ: Mapping[str, str], *, forced: bool) -> Console:
    return Console(
        file=cast(IO[str], SteadyStream(stream)),
        force_terminal=forced,
        no_color=bool(environ.get("NO_COLOR")),
        markup=False,
        emoji=False,
        highlight=False,
        _environ=environ,
    )
