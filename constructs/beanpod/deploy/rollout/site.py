"""What every part of a rollout works with."""

from collections.abc import Callable
from dataclasses import dataclass

from beanpod.deploy.aws import Aws, Environment
from beanpod.deploy.clock import Clock
from beanpod.deploy.errors import BusyError
from beanpod.deploy.report import Reporter, Status
from beanpod.deploy.rollout.settings import Settings
from beanpod.deploy.rollout.target import Target

_BUSY_POLL = 10.0


@dataclass(frozen=True)
class Site:
    """An environment and the means to work on it."""

    target: Target
    aws: Aws
    clock: Clock
    report: Reporter
    settings: Settings

    def look(self, *, patiently: bool = True) -> Environment:
        """The environment now, shown as its status. patiently: try again what AWS does not answer."""
        environment = self.target.look(self.aws if patiently else self.aws.once())
        self.report.status(Status(environment.status, environment.health))
        return environment

    def await_ready(self, *, each: Callable[[], None] = lambda: None) -> Environment:
        """The environment once it is Ready. each: called at every look. Default: nothing.

        Raises BusyError when it is not Ready within `ready_timeout`.
        """
        environment, since = self.look(), self.clock.monotonic()
        if not environment.ready and not environment.gone:
            self.report.say(f"environment {environment.name} is {environment.status}: waiting until it is Ready")
        while not environment.ready:
            if environment.gone or self.clock.monotonic() - since >= self.settings.ready_timeout:
                raise BusyError(self._still(environment))
            self.clock.sleep(_BUSY_POLL)
            each()
            environment = self.look()
        return environment

    def _still(self, environment: Environment) -> str:
        if environment.gone:
            return f"environment {environment.name} is {environment.status}: nothing can be deployed to it"
        return (
            f"environment {environment.name} is {environment.status}, for {self.settings.ready_timeout:.0f} s already: "
            "see what it does with beanpod events, and deploy again when it is Ready"
        )
