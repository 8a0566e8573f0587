import io

import pytest

from beanpod.cli.output import OUTPUTS, Masks, choose
from beanpod.cli.output.choice import suitable
from beanpod.deploy.clock import SystemClock

GITHUB = {"GITHUB_ACTIONS": "true"}
XTERM = {"TERM": "xterm-256color"}


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "kind"),
    [
        (io.StringIO(), {}, "lines"),
        (io.StringIO(), XTERM, "lines"),
        (Tty(), XTERM, "terminal"),
        (Tty(), {"TERM": "dumb"}, "lines"),
        (Tty(), {}, "lines"),
        (io.StringIO(), GITHUB, "github"),
        (Tty(), GITHUB | XTERM, "github"),
        (io.StringIO(), {"GITHUB_ACTIONS": "false"}, "lines"),
    ],
    ids=["pipe", "pipe of a terminal", "terminal", "dumb", "unknown", "workflow", "workflow with a terminal", "no"],
)
def test_display_suits_where_the_output_goes(stream: io.StringIO, environ: dict[str, str], kind: str) -> None:
    assert suitable(stream, environ) == kind


@pytest.mark.parametrize(
    ("kind", "name"), [("auto", "Lines"), ("lines", "Lines"), ("terminal", "Terminal"), ("github", "GitHub")]
)
def test_display_can_be_asked_for(kind: str, name: str) -> None:
    assert kind in OUTPUTS
    display = choose(kind, stream=io.StringIO(), errors=io.StringIO(), environ={}, masks=Masks(), clock=SystemClock())
    assert type(display).__name__ == name
