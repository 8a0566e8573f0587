import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from beanpod.cli.output.display import Failure
from beanpod.cli.output.terminal import Terminal
from beanpod.deploy.report import EnvironmentEvent, Outcome, Phase, Status
from tests.cli.output.shown import Shown
from tests.cli.output.streams import Tty
from tests.deploy.clocks import START
from tests.docs import pages

ROOT = Path(__file__).resolve().parents[3]
_ESCAPE = "\x1b["


class Screen(Shown):
    def __init__(self, columns: int = 100, *, verbose: bool = False, encoding: str = "utf-8", **variables: str) -> None:
        environ = {"TERM": "xterm", "COLUMNS": str(columns), "LINES": "40", **variables}
        self._bytes, self._encoding = io.BytesIO(), encoding
        # Kept: it closes the bytes when it goes.
        self._stream = io.TextIOWrapper(self._bytes, encoding=encoding, write_through=True)
        super().__init__("terminal", environ, out=self._stream, verbose=verbose)

    def refresh(self) -> None:
        """Draw the live view, as a thread does ten times a second."""
        assert isinstance(self.renderer, Terminal)
        assert self.renderer._live
        self.renderer._live.refresh()

    @property
    def raw(self) -> str:
        return self._bytes.getvalue().decode(self._encoding)

    @property
    def kept(self) -> list[str]:
        """The lines on the screen: the live view erases its own before it is drawn again."""
        return [line.rstrip() for line in pages.screen(self.raw).splitlines() if line.strip()]


def test_finished_phases_stay_with_durations_and_messages() -> None:
    screen = Screen(NO_COLOR="1")
    with screen.display:
        with screen.display.phase(Phase.PREFLIGHT):
            screen.clock.sleep(1.2)
            screen.display.say("guestbook-dev is Ready")
        with screen.display.phase(Phase.BUILD):
            screen.display.output("Step 1/3 : FROM node")
            screen.clock.sleep(72)
            screen.display.say("guestbook:3f9a")
            screen.display.warn("no .dockerignore")
    assert screen.kept == [
        "✓ Preflight         1.2 s  guestbook-dev is Ready",
        "✓ Build        1 min 12 s  guestbook:3f9a",
        "                           Warning: no .dockerignore",
    ]


def test_finished_phases_keep_their_lines_while_the_next_ones_are_redrawn() -> None:
    screen = Screen(NO_COLOR="1")
    with screen.display:
        for phase in (Phase.PREFLIGHT, Phase.BUILD, Phase.PUSH):
            with screen.display.phase(phase):
                for number in range(9):
                    screen.display.output(f"line {number}")
                screen.refresh()
                screen.display.say("done")
    assert [line.split() for line in screen.kept] == [
        ["✓", phase, "0.0", "s", "done"] for phase in ("Preflight", "Build", "Push")
    ]


def test_running_phase_shows_the_status_and_the_latest_lines() -> None:
    screen = Screen(columns=80, NO_COLOR="1")
    with screen.display, screen.display.phase(Phase.ROLL_OUT):
        screen.display.status(Status("Updating", "Info", 1, 2))
        for number in range(9):
            screen.display.output(f"line {number} {'x' * 100}")
        screen.clock.sleep(65)
        screen.refresh()
        shown = screen.kept
    assert shown[0] == "⠋ Roll out     1 min 05 s  Updating, health Info, 1 of 2 instances updated"
    assert [line.split()[1] for line in shown[1:]] == ["4", "5", "6", "7", "8"]
    assert all(len(line) == 80 and line.endswith("…") for line in shown[1:])


def test_narrow_terminal_shows_messages_below_the_phase() -> None:
    screen = Screen(columns=40, NO_COLOR="1")
    with screen.display, screen.display.phase(Phase.BUILD):
        screen.display.say("guestbook:3f9a")
        screen.clock.sleep(3)
        screen.refresh()
        assert screen.kept == ["⠋ Build  3.0 s", "    guestbook:3f9a"]


def test_failed_phase_keeps_its_latest_lines() -> None:
    screen = Screen(NO_COLOR="1")
    with pytest.raises(ValueError, match="missing"), screen.display, screen.display.phase(Phase.BUILD):
        _build_badly(screen)
    assert screen.kept == ["✗ Build             0.0 s  npm ERR! missing script"]


def _build_badly(screen: Screen) -> None:
    screen.display.output("npm ERR! missing script")
    raise ValueError("missing script")


def test_warning_events_stay() -> None:
    screen = Screen(NO_COLOR="1")
    with screen.display, screen.display.phase(Phase.ROLL_OUT):
        screen.display.event(EnvironmentEvent(START, "INFO", "starting"))
        screen.display.event(EnvironmentEvent(START, "WARN", "unwell"))
        screen.display.status(Status("Updating", "Warning"))
    assert screen.kept == ["✓ Roll out          0.0 s  12:31:04 WARN  unwell"]


def test_messages_outside_a_phase_are_shown() -> None:
    screen = Screen(NO_COLOR="1")
    with screen.display:
        screen.display.say("said")
        screen.display.output("printed")
        screen.display.event(EnvironmentEvent(START, "INFO", "happened"))
        screen.display.status(Status("Ready", "Ok"))
    assert screen.kept == ["said", "  printed", "12:31:04 INFO  happened"]


@pytest.mark.parametrize(("columns", "indent"), [(100, 27), (40, 4)])
def test_messages_between_phases_are_aligned(columns: int, indent: int) -> None:
    screen = Screen(columns=columns, NO_COLOR="1")
    with screen.display:
        with screen.display.phase(Phase.PREFLIGHT):
            screen.display.say("Ready")
        screen.display.say("between")
    assert screen.kept[-2].endswith("Ready")
    assert screen.kept[-1] == f"{' ' * indent}between"


def test_verbose_keeps_all_output_of_docker() -> None:
    screen = Screen(verbose=True, NO_COLOR="1")
    with screen.display, screen.display.phase(Phase.BUILD):
        screen.display.output("Step 1/3 : FROM node")
    assert screen.kept[0] == "  Step 1/3 : FROM node"


def test_last_lines_name_the_version_and_the_url() -> None:
    url = "http://" + "guestbook." * 12 + "com"
    screen = Screen(columns=80, NO_COLOR="1")
    screen.clock.sleep(200)
    screen.display.finish(Outcome("app-1", url=url, health="Ok", changed=True))
    assert screen.kept == ["✓ Deployed app-1, health Ok, after 3 min 20 s", f"  {url}"]


def test_last_line_says_that_a_load_balancer_serves_plain_http() -> None:
    screen = Screen(NO_COLOR="1")
    screen.display.finish(Outcome("app-1", url="http://app", plain_http=True))
    assert screen.kept[1] == "  http://app (plain HTTP)"


def test_failure_goes_to_the_error_stream() -> None:
    screen = Screen()
    screen.display.fail(Failure("app-1 failed: mend it", 6, ("disk full",)))
    assert screen.kept == []
    assert screen.errors.getvalue() == "beanpod: app-1 failed: mend it\n  disk full\n"


def test_failure_on_a_terminal_begins_in_red() -> None:
    errors = Tty()
    shown = Shown("terminal", {"TERM": "xterm", "COLUMNS": "40", "LINES": "40"}, errors=errors)
    shown.display.fail(Failure("app-1 failed", 6, ("a cause that takes more than one line to tell",)))
    assert errors.getvalue().splitlines() == [
        "\x1b[31mbeanpod:\x1b[0m app-1 failed",
        "  a cause that takes more than one line to tell",
    ]


def test_no_color_disables_colours() -> None:
    coloured, plain = Screen(), Screen(NO_COLOR="1")
    for screen in (coloured, plain):
        with screen.display.phase(Phase.BUILD):
            screen.display.warn("look")
    assert f"{_ESCAPE}33m" in coloured.raw
    assert not any(f"{_ESCAPE}{code}m" in plain.raw for code in (31, 32, 33, 36))


def test_marks_are_ascii_on_an_ascii_terminal() -> None:
    screen = Screen(encoding="ascii", NO_COLOR="1")
    with screen.display.phase(Phase.BUILD):
        screen.display.say("done ✓")
    assert screen.kept == ["+ Build             0.0 s  done ?"]


def test_control_characters_do_not_reach_the_terminal() -> None:
    screen = Screen()
    with screen.display.phase(Phase.BUILD):
        screen.display.say("\x1b]0;mine\x07title [red]no markup[/red]")
    assert "\x1b]0;" not in screen.raw
    assert screen.kept[0].endswith("title [red]no markup[/red]")


_PROGRAM = """
import os, sys, time
from beanpod.deploy.clock import Clock
from beanpod.cli.output import make_renderer, output_for
from beanpod.cli.output.text import Masks
from beanpod.cli.output.display import Display
from beanpod.deploy.report import Phase
from beanpod.deploy.signals import Interruptions
Interruptions().install()
clock, kind = Clock(), output_for(sys.stdout, os.environ)
renderer = make_renderer(kind, stream=sys.stdout, errors=sys.stderr, environ=os.environ, clock=clock)
display = Display(renderer, masks=Masks(), clock=clock)
with display, display.phase(Phase.BUILD):
    display.output("working")
    time.sleep(0.3)
    os.kill(os.getpid(), 2)
"""


def test_interruption_shows_the_cursor_again() -> None:
    ours, theirs = pty.openpty()
    environ = {"PATH": os.environ["PATH"], "TERM": "xterm", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], stdout=theirs, stderr=subprocess.DEVNULL, env=environ, close_fds=True
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:
        pass  # the terminal's other end is closed
    finally:
        os.close(ours)
    process.wait(60)
    assert b"working" in shown
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l") > -1
    assert "✗\x1b[0m Build" in shown.decode()
