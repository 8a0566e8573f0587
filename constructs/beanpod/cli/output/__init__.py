"""What a command prints: progress as events that one of three renderers shows, and its result as text or JSON.

Importing this package is cheap: rich is imported for the terminal only.
"""

from collections.abc import Mapping
from typing import TextIO

from beanpod.cli.output.display import Renderer
from beanpod.cli.output.text import SafeStream
from beanpod.deploy.clock import Clock


def output_for(stream: TextIO, environ: Mapping[str, str]) -> str:
    """Return "github" in a workflow, "terminal" on a terminal that can move its cursor, or "lines"."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return "github"
    if stream.isatty() and environ.get("TERM", "dumb") != "dumb":
        return "terminal"
    return "lines"


def make_renderer(
    kind: str, *, stream: TextIO, errors: TextIO, environ: Mapping[str, str], clock: Clock, verbose: bool = False
) -> Renderer:
    """Make the renderer for a kind of output.

    Args:
        kind: terminal, github or lines.
        stream: Where progress goes.
        errors: Where a failure goes, except in GitHub Actions.
        environ: The process's variables.
        clock: The clock.
        verbose: Whether a terminal keeps all that commands print.
    """
    if kind == "terminal":
        from beanpod.cli.output.terminal import Terminal

        return Terminal(stream, errors, environ=environ, clock=clock, verbose=verbose)
    if kind == "github":
        from beanpod.cli.output.github import GitHub

        return GitHub(SafeStream(stream), environ=environ)
    from beanpod.cli.output.lines import Lines

    return Lines(SafeStream(stream), SafeStream(errors), clock=clock)
