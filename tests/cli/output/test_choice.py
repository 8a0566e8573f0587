import io

import pytest

from beanpod.cli.output import output_for
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
