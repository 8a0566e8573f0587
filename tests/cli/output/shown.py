"""What a command shows, by each kind of output."""

import io
from collections.abc import Mapping
from typing import TextIO

from beanpod.cli.output import make_renderer
from beanpod.cli.output.display import Display
from beanpod.cli.output.text import Masks
from tests.deploy.clocks import StillClock


class Shown:
    """A display of one kind with its clock, and what it wrote to `out` and `errors` if no other streams are given."""

    def __init__(
        self,
        kind: str,
        environ: Mapping[str, str] | None = None,
        *,
        out: TextIO | None = None,
        errors: TextIO | None = None,
        verbose: bool = False,
    ) -> None:
        self.clock, self.environ = StillClock(), environ or {}
        self.out, self.errors = io.StringIO(), io.StringIO()
        self.renderer = make_renderer(
            kind,
            stream=out or self.out,
            errors=errors or self.errors,
            environ=self.environ,
            clock=self.clock,
            verbose=verbose,
        )
        self.display = Display(self.renderer, masks=Masks(), clock=self.clock)
