"""A version on its way to an environment's instances: batch by batch, event by event, and as it was ordered to fail.

The events and their order are those of real deployments, as users of `eb deploy` and of other tools show them.
"""

import math
from collections.abc import Callable

from emulator.beanstalk.narrator import Narrator
from emulator.beanstalk.state import Deployment, Environment, Health, Instance
from emulator.clock import CLOCK
from emulator.faults import Fault
from emulator.pace import PACE

_COMMAND = "aws:elasticbeanstalk:command"
# Of an update, what passes before the instances are told to deploy: about 5 s on AWS.
_PREPARING_SECONDS = 5.0
_FAILING = ("error-event", "with-errors-silently")
_SEE = "For more information, see troubleshooting documentation."
_WITH_ERRORS = f"Update environment operation is complete, but with errors. {_SEE}"
_COMPLETED = "Environment update completed successfully."
_ENGINE = "Engine execution has encountered an error."
_ELB_FAILS = "ELB health is failing or not available for all instances."
_OK = Health("Ok")


class VersionUpdate:
    """One deployment. fault: what goes wrong in it. Default: nothing."""

    def __init__(self, narrator: Narrator, environment: Environment, label: str, fault: Fault | None) -> None:
        self._narrator = narrator
        self._environment = environment
        self._kind = fault.kind if fault else None
        self._details = fault.details if fault else {}
        self._label = label
        self._done: Callable[[], None] = lambda: None
        self._next: Callable[[], None] = lambda: None

    def begin(self, done: Callable[[], None]) -> None:
        """Put every step on the clock. done: called when all instances have the version."""
        self._done = done
        environment = self._environment
        environment.version_label = self._label
        environment.deployments += 1
        begins = min(_PREPARING_SECONDS, PACE.update / 4)
        self._at(begins, self._deploying)
        if self._kind == "never-ready":
            return
        batches = self._batches()
        share = (PACE.update - begins) * 0.95 / len(batches)
        for number, batch in enumerate(batches):
            self._plan(batch, number, begins + number * share, share)
        self._at(PACE.update, self._ended)

    def then(self, action: Callable[[], None]) -> None:
        """What follows at once when the deployment has ended well."""
        self._next = action

    def _at(self, seconds: float, action: Callable[[], None]) -> None:
        self._narrator.later(seconds, self._environment, action)

    def _tell(self, message: str, severity: str = "INFO") -> None:
        self._narrator.tell(self._environment, message, severity)

    def _batches(self) -> list[list[Instance]]:
        instances = self._environment.instances
        size = self._batch_size(len(instances))
        return [instances[start : start + size] for start in range(0, len(instances), size)]

    def _batch_size(self, instances: int) -> int:
        if not self._rolling:
            return max(instances, 1)
        size = int(self._environment.option(_COMMAND, "BatchSize", "100"))
        if self._environment.option(_COMMAND, "BatchSizeType", "Percentage") == "Percentage":
            size = math.ceil(instances * size / 100)
        return max(min(size, instances), 1)

    @property
    def _rolling(self) -> bool:
        return self._environment.option(_COMMAND, "DeploymentPolicy", "AllAtOnce").startswith("Rolling")

    def _plan(self, batch: list[Instance], number: int, begins: float, seconds: float) -> None:
        if self._kind in _FAILING and number > 0:
            # A batch that fails ends the deployment: the others keep what they run.
            return
        self._at(begins, lambda: self._batch_begun(batch, number))
        self._at(begins + seconds, lambda: self._batch_ended(batch, number))

    def _deploying(self) -> None:
        self._tell("Deploying new version to instance(s).")
        self._turn("Info", "Application update in progress (running for 1 seconds).")

    def _batch_begun(self, batch: list[Instance], number: int) -> None:
        if self._rolling:
            ids = ", ".join(instance.instance_id for instance in batch)
            self._tell(f"Batch {number + 1}: Starting application deployment on instance(s) [{ids}].")
        for instance in batch:
            self._set(instance, "In Progress", Health("Info", ("Application deployment in progress.",)))

    def _batch_ended(self, batch: list[Instance], number: int) -> None:
        if self._kind in _FAILING:
            self._fail(batch)
            return
        for instance in batch:
            if not self._left_behind(instance):
                self._set(instance, "Deployed", _OK)
        if self._rolling:
            self._tell(f"Batch {number + 1}: Completed application deployment.")
        else:
            self._tell("Instance deployment completed successfully.")

    def _left_behind(self, instance: Instance) -> bool:
        if self._kind != "instance-behind" or instance is not self._environment.instances[-1]:
            return False
        instance.deployment = self._previous()
        instance.health = Health("Degraded", (self._incorrect_version(),))
        return True

    def _fail(self, batch: list[Instance]) -> None:
        when = CLOCK.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        cause = f"Application deployment failed at {when} with exit status 1 and error: {_ENGINE}."
        for instance in batch:
            self._set(instance, "Failed", Health("Degraded", (cause,)))
        if self._kind == "error-event":
            self._tell_failure(batch)

    def _tell_failure(self, batch: list[Instance]) -> None:
        self._tell("Instance deployment failed. For details, see 'eb-engine.log'.", "ERROR")
        for instance in batch:
            failed = f"[Instance: {instance.instance_id}] Command failed on instance. Return code: 1 Output: {_ENGINE}."
            self._tell(failed, "ERROR")
        everywhere = f"Summary: [Successful: 0, Failed: {len(batch)}]."
        self._tell(f"Command execution completed on all instances. {everywhere}")
        ids = ", ".join(f"'{instance.instance_id}'" for instance in batch)
        self._tell(f"Unsuccessful command execution on instance id(s) {ids}. Aborting the operation.", "ERROR")

    def _ended(self) -> None:
        ending = {
            "error-event": self._ended_with_error_event,
            "with-errors-silently": self._ended_with_errors_silently,
            "reverts": self._ended_reverted,
        }.get(self._kind or "", self._ended_deployed)
        ending()

    def _ended_deployed(self) -> None:
        self._environment.expected = self._deployment("Deployed")
        self._done()
        self._tell("New application version was deployed to running EC2 instances.")
        self._end(_COMPLETED)
        self._recover()
        self._next()

    def _ended_with_error_event(self) -> None:
        if self._details.get("label") == "previous":
            self._environment.version_label = self._previous().version_label
        self._tell("Failed to deploy application.", "ERROR")
        self._turn("Degraded", "Command failed on all instances.", self._incorrect_version())
        self._end(_WITH_ERRORS, "ERROR")

    def _ended_with_errors_silently(self) -> None:
        self._environment.version_label = self._previous().version_label
        self._turn("Degraded", self._incorrect_version())
        self._end(_WITH_ERRORS, "WARN")

    def _ended_reverted(self) -> None:
        previous = self._previous()
        self._environment.version_label = previous.version_label
        for instance in self._environment.instances:
            instance.deployment, instance.health = previous, _OK
        self._end(_COMPLETED)
        self._turn("Ok")

    def _recover(self) -> None:
        """The health after a deployment that went through."""
        if self._kind == "unhealthy":
            self._turn_everything("Severe", "100.0 % of the requests are failing with HTTP 5xx.")
        elif self._kind == "yellow":
            self._turn_everything("Warning", "5.0 % of the requests are failing with HTTP 4xx.")
        elif self._kind == "instance-behind":
            self._turn("Degraded", self._incorrect_version())
        elif self._kind == "slow-green":
            self._turn(
                self._details.get("health", "Warning"), "ELB health is failing or not available for all instances."
            )
            self._at(self._details.get("seconds", 60), lambda: self._turn("Ok"))
        else:
            self._turn("Ok")

    def _turn(self, status: str, *causes: str) -> None:
        self._narrator.turn(self._environment, Health(status, causes))

    def _turn_everything(self, status: str, *causes: str) -> None:
        for instance in self._environment.instances:
            instance.health = Health(status, causes)
        self._turn(status, *causes)

    def _end(self, message: str, severity: str = "INFO") -> None:
        self._narrator.end(self._environment, "Ready", message, severity)

    def _set(self, instance: Instance, status: str, health: Health) -> None:
        instance.deployment, instance.health = self._deployment(status), health

    def _deployment(self, status: str) -> Deployment:
        return Deployment(self._label, self._environment.deployments, CLOCK.now(), status)

    def _previous(self) -> Deployment:
        expected = self._environment.expected
        if expected is None:
            raise ValueError(f"environment {self._environment.name} was never launched: nothing can be deployed to it")
        return expected

    def _incorrect_version(self) -> str:
        expected = self._environment.expected
        if expected is None:
            return ""
        return (
            f"Incorrect application version found on {self._behind()} out of {len(self._environment.instances)} "
            f'instances. Expected version "{expected.version_label}" (deployment {expected.deployment_id}).'
        )

    def _behind(self) -> int:
        expected = self._previous().version_label
        return sum(instance.deployment.version_label != expected for instance in self._environment.instances)
