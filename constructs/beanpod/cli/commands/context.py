"""What every command is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from beanpod.cli.commands.connection import Connection
from beanpod.cli.output.answers import Answers, OutcomeAnswer
from beanpod.cli.output.display import Display
from beanpod.cli.parser import Options
from beanpod.deploy.clock import Clock
from beanpod.deploy.report import Outcome

if TYPE_CHECKING:
    from beanpod.deploy.aws import Aws
    from beanpod.deploy.rollout import Settings, Target
    from beanpod.manifest import StageConfig


@dataclass
class Known:
    """What is known of the release that is under way: for the last word, should it fail."""

    outcome: Callable[[], Outcome | None] = lambda: None


@dataclass(frozen=True)
class Context:
    """A command's surroundings. environ: may hold secrets."""

    options: Options
    environ: Mapping[str, str] = field(repr=False)
    clock: Clock
    display: Display
    answers: Answers
    connection: Connection
    known: Known = field(default_factory=Known)

    @property
    def root(self) -> Path:
        """The manifest's folder, which its paths start from."""
        return self.options.manifest.resolve().parent

    @cached_property
    def stage(self) -> "StageConfig":
        """The stage that was asked for. Raises ManifestError."""
        from beanpod.manifest import Manifest

        return Manifest.read(self.options.manifest).stage(self.options.stage)

    @cached_property
    def aws(self) -> "Aws":
        """AWS in the stage's region. Raises UsageError."""
        return self.connection.aws(self.stage.region, self.clock)

    @cached_property
    def target(self) -> "Target":
        """Where the stage is deployed to. Raises UsageError where it is not."""
        from beanpod.deploy.rollout import Target

        return Target.find(self.stage, self.aws)

    @property
    def settings(self) -> "Settings":
        """How patient a rollout is."""
        from beanpod.deploy.rollout import Settings

        options = self.options
        return Settings(
            ready_timeout=options.ready_timeout,
            wait_timeout=options.wait_timeout,
            recovery=options.recovery,
            accepted_health=options.accept_health,
            roll_back=options.roll_back,
        )

    def succeed(self, outcome: Outcome) -> None:
        """The last word on a release that serves."""
        self.display.finish(outcome)
        self.answers.give(OutcomeAnswer(replace(outcome, phases=self.display.phases)))
