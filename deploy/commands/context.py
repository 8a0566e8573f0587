"""What every command is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.cli import Options
from deploy.clock import Clock
from deploy.output.answers import Answers
from deploy.output.display import Display

if TYPE_CHECKING:
    from manifest import StageConfig


@dataclass(frozen=True)
class Context:
    """A command's surroundings. environ: may hold secrets."""

    options: Options
    environ: Mapping[str, str] = field(repr=False)
    clock: Clock
    display: Display
    answers: Answers

    @property
    def root(self) -> Path:
        """The manifest's folder, which its paths start from."""
        return self.options.manifest.resolve().parent

    @cached_property
    def stage(self) -> "StageConfig":
        """The stage that was asked for. Raises ManifestError."""
        from manifest import Manifest

        return Manifest.read(self.options.manifest).stage(self.options.stage)
