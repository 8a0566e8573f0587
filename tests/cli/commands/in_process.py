"""The command beanpod in the tests' process: no interpreter is started for it."""

import io
import json
from collections.abc import Mapping
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beanpod.cli.commands.context import Connection
from beanpod.cli.main import main
from beanpod.deploy.clock import Clock


@dataclass(frozen=True)
class Result:
    """The exit code and the output of a command."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        return json.loads(self.stdout)


def run(
    folder: Path,
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    stdout: io.StringIO | None = None,
    clock: Clock | None = None,
    connection: Connection | None = None,
) -> Result:
    """Run a command in a folder, with these variables only."""
    out, errors = stdout or io.StringIO(), io.StringIO()
    with chdir(folder):
        code = main(arguments, environ=environ or {}, stdout=out, stderr=errors, clock=clock, connection=connection)
    return Result(code, out.getvalue(), errors.getvalue())
