import io

import pytest

from beanpod.cli.output import make_renderer, output_for
from beanpod.cli.parser import OUTPUTS
from beanpod.deploy.clock import SystemClock
from tests.cli.output.streams import Tty

GITHUB = {"GITHUB_ACTIONS": "true"}
XTERM = {"TERM": "xterm-256color"}


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
def test_output_suits_the_stream(stream: io.StringIO, environ: dict[str, str], kind: str) -> None:
    assert output_for(stream, environ) == kind


@pytest.mark.parametrize(("kind", "name"), [("lines", "Lines"), ("terminal", "Terminal"), ("github", "GitHub")])
def test_each_kind_of_output_has_a_renderer(kind: str, name: str) -> None:
    assert kind in OUTPUTS
    renderer = make_renderer(kind, stream=io.StringIO(), errors=io.StringIO(), environ={}, clock=SystemClock())
    assert type(renderer).__name__ == name
