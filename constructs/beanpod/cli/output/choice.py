"""Which display suits where the output goes."""

from collections.abc import Mapping
from typing import TextIO

from beanpod.cli.output.display import Display
from beanpod.cli.output.masks import Masks
from beanpod.cli.output.writer import Writer
from beanpod.deploy.clock import Clock

OUTPUTS = ("auto", "terminal", "lines", "github")


def choose(
    kind: str,
    *,
    stream: TextIO,
    errors: TextIO,
    environ: Mapping[str, str],
    masks: Masks,
    clock: Clock,
    verbose: bool = False,
) -> Display:
    """The display for `stream`: that of OUTPUTS which is asked for, or which suits.

    errors: where a failure is told, unless in GitHub Actions. verbose: show all that commands print.
    """
    if kind == "auto":
        kind = suitable(stream, environ)
    if kind == "terminal":
        from beanpod.cli.output.terminal import Terminal

        return Terminal(stream, errors, masks=masks, environ=environ, clock=clock, verbose=verbose)
    if kind == "github":
        from beanpod.cli.output.github import GitHub

        return GitHub(Writer(stream, masks), environ=environ, clock=clock)
    from beanpod.cli.output.lines import Lines

    return Lines(Writer(stream, masks), Writer(errors, masks), clock=clock)


def suitable(stream: TextIO, environ: Mapping[str, str]) -> str:
    """GitHub's commands inside a workflow, a live view on a terminal that can move its cursor, else lines."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return "github"
    if stream.isatty() and environ.get("TERM", "dumb") != "dumb":
        return "terminal"
    return "lines"
