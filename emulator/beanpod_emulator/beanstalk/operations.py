"""The operations that change an environment's state: launch, update, restart, rebuild, abort, terminate.

Each starts at once and ends on the clock, with events in between. During a deployment the environment carries the new
label, as AWS's example of UpdateEnvironment shows:
https://docs.aws.amazon.com/elasticbeanstalk/latest/api/API_UpdateEnvironment.html
"""

import secrets
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from beanpod_emulator.beanstalk.deployments import Batches, EventLog, scale
from beanpod_emulator.beanstalk.launch_checks import launch_problems
from beanpod_emulator.beanstalk.listeners import listener_problems
from beanpod_emulator.beanstalk.state import SAMPLE_VERSION, Environment, Event, Health, Location, random_id
from beanpod_emulator.fault_injection import Fault

# What passes before the instances begin to deploy: about 5 s on AWS.
_PREPARING_SECONDS = 5.0
# Share of the rest that the batches take; then Beanstalk checks the result.
_BATCHES_SHARE = 0.95
_SEE = "For more information, see troubleshooting documentation."
_WITH_ERRORS = f"Update environment operation is complete, but with errors. {_SEE}"
_COMPLETED = "Environment update completed successfully."
_FAILED = "Failed to deploy application."


class ComputeBackend(Protocol):
    """Runs the instances of environments. No method blocks; callbacks are called with the emulator's lock held."""

    def endpoint(self, environment: Environment) -> str:
        """Return where the environment will respond, such as localhost:20001."""

    def reconcile(self, environment: Environment, done: Callable[[], None]) -> None:
        """Start and stop instances until they are the environment's, each with its version and settings."""

    def deploy(self, environment: Environment, batches: Batches, done: Callable[[bool], None]) -> None:
        """Deploy the environment's version batch by batch. Call done() with whether every batch succeeded."""

    def failures(self, environment: Environment) -> dict[str, str]:
        """Return why instances do not run what they should, by instance id."""

    def addresses(self) -> dict[str, dict[str, str]]:
        """Return URLs of `environments` and host:port of `databases`, each by its name.

        Of `domains`: URL of the `proxy` to them, file of the certificate `authority`, and its `key_hash` for Chromium.
        """


class VersionUpdate:
    """One deployment of the label that its environment has just been given.

    Args:
        fault: The fault that decides how it ends, if any.
        error_event: The error event of a deployment that fails before it reaches the instances, if it does.
    """

    def __init__(
        self, event_log: EventLog, environment: Environment, fault: Fault | None, error_event: str | None
    ) -> None:
        self._event_log = event_log
        self._emulator = event_log.location.emulator
        self._compute: ComputeBackend | None = self._emulator.compute
        self._environment = environment
        self._kind = fault.kind if fault else ""
        self._details = fault.details if fault else {}
        self._error_event = error_event
        self._batches = Batches(event_log, environment, fault)

    def begin(self, *, deployed: Callable[[Callable[[], None]], None], ended: Callable[[], None]) -> None:
        """Schedule every step.

        Args:
            deployed: Called when the instances run the version, with what ends the deployment.
            ended: Called after the end of a deployment that succeeded.
        """
        update = self._emulator.pace.update
        prepared = min(_PREPARING_SECONDS, update / 4)
        if self._error_event:
            self._at(prepared, self._end_before_the_instances)
            return
        if self._compute and not self._kind:
            self._compute.deploy(
                self._environment,
                self._batches,
                lambda succeeded: self._end(deployed, ended) if succeeded else self._end_with_error_event(),
            )
            return
        self._at(prepared, self._batches.prepare)
        if self._kind == "never-ready":
            return
        share = (update - prepared) * _BATCHES_SHARE / self._batches.count
        for number in range(self._batches.count):
            self._at(prepared + number * share, partial(self._batches.begin, number))
            self._at(prepared + (number + 1) * share, partial(self._batches.end, number))
        self._at(update, lambda: self._end(deployed, ended))

    def _end(self, deployed: Callable[[Callable[[], None]], None], ended: Callable[[], None]) -> None:
        failed = {
            "error-event": self._end_with_error_event,
            "with-errors-silently": self._end_with_errors_silently,
            "reverts": self._end_reverted,
        }.get(self._kind)
        if failed:
            failed()
            return
        self._environment.expected = self._environment.deployment(self._event_log.location.now())
        self._batches.succeed()
        deployed(lambda: self._end_deployed(ended))

    def _end_deployed(self, ended: Callable[[], None]) -> None:
        self._append("New application version was deployed to running EC2 instances.")
        self._finish(_COMPLETED)
        self._assess()
        ended()

    def _end_before_the_instances(self) -> None:
        self._append(self._error_event or "", "ERROR")
        self._append(_FAILED, "ERROR")
        self._restore()
        self._finish(_WITH_ERRORS, "ERROR")

    def _end_with_error_event(self) -> None:
        self._append(_FAILED, "ERROR")
        self._batches.give_up()
        incorrect = self._batches.incorrect()
        # Where new instances were to replace the old ones, only the old ones remain.
        self._restore(label=not incorrect or self._details.get("label") == "previous")
        self._set_health("Degraded" if incorrect else "Ok", *incorrect)
        self._finish(_WITH_ERRORS, "ERROR")

    def _end_with_errors_silently(self) -> None:
        self._restore()
        self._batches.give_up()
        incorrect = self._batches.incorrect()
        self._set_health("Degraded" if incorrect else "Ok", *incorrect)
        self._finish(_WITH_ERRORS, "WARN")

    def _end_reverted(self) -> None:
        self._restore()
        self._batches.restore()
        self._finish(_COMPLETED)
        self._set_health("Ok")

    def _assess(self) -> None:
        """Set the health after a deployment that succeeded."""
        if self._kind == "unhealthy":
            self._set_health_everywhere("Severe", "100.0 % of the requests are failing with HTTP 5xx.")
        elif self._kind == "yellow":
            self._set_health_everywhere("Warning", "5.0 % of the requests are failing with HTTP 4xx.")
        elif self._kind == "instance-behind":
            self._set_health("Degraded", *self._batches.incorrect())
        elif self._kind == "slow-green":
            late = "ELB health is failing or not available for all instances."
            self._set_health_everywhere(self._details.get("health", "Warning"), late)
            self._at(self._details.get("seconds", 60), lambda: self._set_health_everywhere("Ok"))
        else:
            self._set_health("Ok")

    def _set_health(self, status: str, *causes: str) -> None:
        self._event_log.set_health(self._environment, Health(status, causes))

    def _set_health_everywhere(self, status: str, *causes: str) -> None:
        for instance in self._environment.instances:
            instance.health = Health(status, causes)
        self._set_health(status, *causes)

    def _restore(self, *, label: bool = True) -> None:
        """Restore what the update changed, and the label unless instances are left with the new version."""
        self._environment.change(self._environment.before)
        if label:
            self._environment.version_label = self._environment.running.version_label

    def _finish(self, message: str, severity: str = "INFO") -> None:
        self._event_log.end(self._environment, "Ready", message, severity)

    def _append(self, message: str, severity: str = "INFO") -> None:
        self._event_log.append(self._environment, message, severity)

    def _at(self, seconds: float, action: Callable[[], None]) -> None:
        self._event_log.schedule(seconds, self._environment, action)


class Operations:
    """Changes the environments of one region, and appends to their events."""

    def __init__(self, location: Location, events: list[Event]) -> None:
        self._location, self._emulator = location, location.emulator
        self._compute: ComputeBackend | None = self._emulator.compute
        self._event_log = EventLog(location, events)

    def launch(self, environment: Environment, request_id: str) -> None:
        """Start to launch a new environment."""
        self._start(environment, "Launching", request_id, "createEnvironment is starting.")
        self._event_log.schedule(self._emulator.pace.launch, environment, lambda: self._launched(environment))

    def update(
        self, environment: Environment, request_id: str, changes: dict[str, Any], error_event: str | None = None
    ) -> None:
        """Start an update.

        Args:
            changes: The attributes of the environment that the update changes.
            error_event: The error event that will stop the deployment of a version. Default: it succeeds.
        """
        self._event_log.begin(environment, "Updating", request_id, abortable=True)
        self._event_log.append(environment, "Environment update is starting.")
        label = changes.pop("version_label", None)
        environment.before = {name: getattr(environment, name) for name in changes}
        # A configuration that cannot be is refused before a version is deployed with it.
        if label and not self._listener_problems(environment, changes):
            self._deploy(environment, label, changes, error_event)
        else:
            environment.health = Health("Info")
            self._event_log.schedule(
                self._emulator.pace.update, environment, lambda: self._configured(environment, changes)
            )

    def start_concurrent_update(self, environment: Environment, label: str) -> None:
        """Start another client's update, if the fault busy-before-update was injected for this one."""
        fault = self._emulator.faults.before_update(environment.name, label)
        if fault and environment.status == "Ready":
            other = fault.details.get("label", environment.version_label)
            self.update(environment, str(uuid.uuid4()), {"version_label": other})

    def restart(self, environment: Environment, request_id: str) -> None:
        """Start a restart of the application servers."""
        self._start(environment, "Updating", request_id, "restartAppServer is starting.")
        self._event_log.schedule(self._emulator.pace.update, environment, lambda: self._restarted(environment))

    def rebuild(self, environment: Environment, request_id: str) -> None:
        """Start to rebuild the environment, with new instances."""
        environment.instances = []
        self._start(environment, "Updating", request_id, "rebuildEnvironment is starting.")
        self._event_log.schedule(self._emulator.pace.launch, environment, lambda: self._launched(environment))

    def terminate(self, environment: Environment, request_id: str) -> None:
        """Start to terminate the environment."""
        self._start(environment, "Terminating", request_id, "terminateEnvironment is starting.")
        self._event_log.schedule(self._emulator.pace.terminate, environment, lambda: self._terminated(environment))

    def abort(self, environment: Environment, request_id: str) -> None:
        """Start to abort the update that is in progress."""
        self._event_log.begin(environment, "Aborting", request_id)
        self._event_log.append(environment, "The environment update is being aborted.")
        self._event_log.schedule(self._emulator.pace.update / 3, environment, lambda: self._aborted(environment))

    def _start(self, environment: Environment, status: str, request_id: str, message: str) -> None:
        self._event_log.begin(environment, status, request_id)
        environment.health = Health("Pending" if status == "Launching" else "Info")
        self._event_log.append(environment, message)

    def _deploy(self, environment: Environment, label: str, changes: dict[str, Any], error_event: str | None) -> None:
        fault = self._emulator.faults.for_update(environment.name, label)
        environment.version_label = label
        environment.deployments += 1
        environment.change(changes)
        VersionUpdate(self._event_log, environment, fault, error_event).begin(
            deployed=lambda end: self._follow_settings(environment, end) if "settings" in changes else end(),
            ended=lambda: self._overtake(environment, fault) if fault and fault.kind == "overtaken" else None,
        )
        if fault and fault.kind == "terminated":
            half = self._emulator.pace.update / 2
            self._event_log.schedule(half, environment, lambda: self.terminate(environment, str(uuid.uuid4())))

    def _overtake(self, environment: Environment, fault: Fault) -> None:
        other = fault.details.get("label", "somebody-elses")
        self.update(environment, str(uuid.uuid4()), {"version_label": other})

    def _launched(self, environment: Environment) -> None:
        if problems := launch_problems(environment, self._location.region):
            for problem in problems:
                self._event_log.append(environment, problem, "ERROR")
            environment.health = Health("NoData")
            self._event_log.end(environment, "Terminated", "Failed to launch environment.")
            return
        environment.expected = environment.deployment(self._location.now())
        scale(environment, self._location, environment.running)
        environment.endpoint = self._endpoint(environment)
        self._reconcile(environment, lambda: self._ready(environment))

    def _ready(self, environment: Environment) -> None:
        first = environment.instances[0].instance_id
        self._event_log.append(environment, f"Added instance [{first}] to your environment.")
        if environment.version_label == SAMPLE_VERSION:
            self._event_log.append(environment, f"Deployed version: {SAMPLE_VERSION}.")
        self._event_log.append(environment, f"Application available at {environment.cname}.")
        self._end(environment, f"Successfully launched environment: {environment.name}")

    def _endpoint(self, environment: Environment) -> str:
        if self._compute:
            return self._compute.endpoint(environment)
        if not environment.load_balanced:
            # Connections to it fail at once, so that a release need not wait for its health check to time out. An HTTP
            # proxy on the way may accept connections to the addresses that RFC 5737 reserves for documentation.
            return "255.255.255.255"
        return f"awseb--AWSEB-{random_id('', 12)}-{secrets.randbelow(10**9)}.{self._location.region}.elb.amazonaws.com"

    def _reconcile(self, environment: Environment, done: Callable[[], None]) -> None:
        if self._compute:
            self._compute.reconcile(environment, done)
        else:
            done()

    def _follow_settings(self, environment: Environment, done: Callable[[], None]) -> None:
        """Have the number of instances and the load balancer follow the settings."""
        scale(environment, self._location, environment.running)
        self._reconcile(environment, done)

    def _listener_problems(self, environment: Environment, changes: dict[str, Any]) -> list[str]:
        return list(listener_problems(replace(environment, **changes), self._location.region))

    def _configured(self, environment: Environment, changes: dict[str, Any]) -> None:
        if problems := self._listener_problems(environment, changes):
            for problem in [*problems, "Failed to deploy configuration."]:
                self._event_log.append(environment, problem, "ERROR")
            self._end(environment, _WITH_ERRORS)
            return
        environment.change(changes)
        self._follow_settings(environment, lambda: self._end(environment, _COMPLETED))

    def _restarted(self, environment: Environment) -> None:
        self._reconcile(environment, lambda: self._end(environment, "restartAppServer has completed."))

    def _aborted(self, environment: Environment) -> None:
        environment.change({**environment.before, "version_label": environment.running.version_label})
        for instance in environment.instances:
            instance.deployment = environment.running
        scale(environment, self._location, environment.running)
        self._reconcile(environment, lambda: self._end(environment, "The environment update was aborted."))

    def _terminated(self, environment: Environment) -> None:
        environment.instances, environment.endpoint = [], None
        self._reconcile(environment, lambda: self._gone(environment))

    def _gone(self, environment: Environment) -> None:
        environment.health = Health("NoData")
        self._event_log.end(environment, "Terminated", "terminateEnvironment completed successfully.")

    def _end(self, environment: Environment, message: str) -> None:
        """End an operation: Ready, with the health that the instances have now."""
        # The sample application answers "/" and nothing else.
        health = Health("Ok")
        if environment.version_label == SAMPLE_VERSION and _sample_fails(environment):
            health = Health("Severe", ("100.0 % of the requests to the ELB are failing with HTTP 4xx.",))
        failures = self._compute.failures(environment) if self._compute else {}
        for instance in environment.instances:
            failed = instance.instance_id in failures
            instance.health = Health("Severe", (failures[instance.instance_id],)) if failed else health
        self._event_log.set_health(environment, Health("Severe", tuple(failures.values())) if failures else health)
        self._event_log.end(environment, "Ready", message)


def _sample_fails(environment: Environment) -> bool:
    process = "aws:elasticbeanstalk:environment:process:default"
    path = environment.option(process, "HealthCheckPath", "/")
    accepted = environment.option(process, "MatcherHTTPCode", "200")
    return environment.load_balanced and path != "/" and "404" not in accepted
