"""A version on its way into an environment: its steps on the clock, and the ways it can end.

While it is under way the environment carries the new label: so AWS's example of UpdateEnvironment shows it,
https://docs.aws.amazon.com/elasticbeanstalk/latest/api/API_UpdateEnvironment.html.
"""

from collections.abc import Callable
from functools import partial

from beanpod_emulator.beanstalk.batches import Batches
from beanpod_emulator.beanstalk.hosts import PLACE
from beanpod_emulator.beanstalk.narrator import Narrator
from beanpod_emulator.beanstalk.state import Deployment, Environment, Health
from beanpod_emulator.clock import CLOCK
from beanpod_emulator.faults import Fault
from beanpod_emulator.settings import PACE

# What passes before the instances are told to deploy: about 5 s on AWS.
_PREPARING_SECONDS = 5.0
# Of the rest, what the batches take; then Beanstalk looks at the result.
_BATCHES_SHARE = 0.95
_SEE = "For more information, see troubleshooting documentation."
_WITH_ERRORS = f"Update environment operation is complete, but with errors. {_SEE}"
_COMPLETED = "Environment update completed successfully."
_FAILED = "Failed to deploy application."


class VersionUpdate:
    """One deployment of the label its environment has just been given.

    fault: what was ordered to go wrong. obstacle: the error event that says why it cannot even begin. Default: none.
    """

    def __init__(
        self, narrator: Narrator, environment: Environment, fault: Fault | None, obstacle: str | None = None
    ) -> None:
        self._narrator = narrator
        self._environment = environment
        self._kind = fault.kind if fault else ""
        self._details = fault.details if fault else {}
        self._obstacle = obstacle
        self._batches = Batches(narrator, environment, fault)

    def begin(self, *, done: Callable[[], None], then: Callable[[], None]) -> None:
        """Put every step on the clock. done: called when the instances have the version; then: after the end."""
        prepared = min(_PREPARING_SECONDS, PACE.update / 4)
        if self._obstacle:
            self._at(prepared, self._end_before_the_instances)
            return
        if PLACE.hosts and not self._kind:
            PLACE.hosts.roll_out(self._environment, self._batches, lambda well: self._end_of_batches(well, done, then))
            return
        self._at(prepared, self._batches.prepare)
        if self._kind != "never-ready":
            self._plan(prepared, (PACE.update - prepared) * _BATCHES_SHARE)
            self._at(PACE.update, lambda: self._end(done, then))

    def _end_of_batches(self, well: bool, done: Callable[[], None], then: Callable[[], None]) -> None:
        if well:
            self._end(done, then)
        else:
            self._end_with_error_event()

    def _plan(self, begins: float, seconds: float) -> None:
        share = seconds / self._batches.count
        for number in range(self._batches.count):
            self._at(begins + number * share, partial(self._batches.begin, number))
            self._at(begins + (number + 1) * share, partial(self._batches.end, number))

    def _end(self, done: Callable[[], None], then: Callable[[], None]) -> None:
        failed = {
            "error-event": self._end_with_error_event,
            "with-errors-silently": self._end_with_errors_silently,
            "reverts": self._end_reverted,
        }.get(self._kind)
        if failed:
            failed()
            return
        environment = self._environment
        environment.expected = Deployment(environment.version_label, environment.deployments, CLOCK.now())
        self._batches.succeed()
        done()
        self._tell("New application version was deployed to running EC2 instances.")
        self._finish(_COMPLETED)
        self._assess()
        then()

    def _end_before_the_instances(self) -> None:
        self._tell(self._obstacle or "", "ERROR")
        self._tell(_FAILED, "ERROR")
        self._take_the_label_back()
        self._finish(_WITH_ERRORS, "ERROR")

    def _end_with_error_event(self) -> None:
        self._tell(_FAILED, "ERROR")
        self._batches.give_up()
        incorrect = self._batches.incorrect()
        # Where new instances were to replace the old ones, the old ones are all there is.
        if not incorrect or self._details.get("label") == "previous":
            self._take_the_label_back()
        self._turn("Degraded" if incorrect else "Ok", *incorrect)
        self._finish(_WITH_ERRORS, "ERROR")

    def _end_with_errors_silently(self) -> None:
        self._take_the_label_back()
        self._batches.give_up()
        incorrect = self._batches.incorrect()
        self._turn("Degraded" if incorrect else "Ok", *incorrect)
        self._finish(_WITH_ERRORS, "WARN")

    def _end_reverted(self) -> None:
        self._take_the_label_back()
        self._batches.restore()
        self._finish(_COMPLETED)
        self._turn("Ok")

    def _assess(self) -> None:
        """The health after a deployment that went through."""
        if self._kind == "unhealthy":
            self._turn_everything("Severe", "100.0 % of the requests are failing with HTTP 5xx.")
        elif self._kind == "yellow":
            self._turn_everything("Warning", "5.0 % of the requests are failing with HTTP 4xx.")
        elif self._kind == "instance-behind":
            self._turn("Degraded", *self._batches.incorrect())
        elif self._kind == "slow-green":
            late = "ELB health is failing or not available for all instances."
            self._turn_everything(self._details.get("health", "Warning"), late)
            self._at(self._details.get("seconds", 60), lambda: self._turn_everything("Ok"))
        else:
            self._turn("Ok")

    def _turn(self, status: str, *causes: str) -> None:
        self._narrator.turn(self._environment, Health(status, causes))

    def _turn_everything(self, status: str, *causes: str) -> None:
        for instance in self._environment.instances:
            instance.health = Health(status, causes)
        self._turn(status, *causes)

    def _take_the_label_back(self) -> None:
        self._environment.version_label = self._environment.running.version_label

    def _finish(self, message: str, severity: str = "INFO") -> None:
        self._narrator.end(self._environment, "Ready", message, severity)

    def _tell(self, message: str, severity: str = "INFO") -> None:
        self._narrator.tell(self._environment, message, severity)

    def _at(self, seconds: float, action: Callable[[], None]) -> None:
        self._narrator.later(seconds, self._environment, action)
