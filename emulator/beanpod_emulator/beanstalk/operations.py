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
from beanpod_emulator.beanstalk.state import SAMPLE_VERSION, Environment, Health, random_id
from beanpod_emulator.fault_injection import Fault

# What passes before the instances begin to deploy: about 5 s on AWS.
_PREPARING_SECONDS = 5.0
# Share of the rest that the batches take; then Beanstalk checks the result.
_BATCHES_SHARE = 0.95
# Connections to it fail at once, so that a release need not wait for its health check to time out. An HTTP proxy on the
# way may accept connections to the addresses that RFC 5737 reserves for documentation.
_NOWHERE = "255.255.255.255"
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


class Operations:
    """Changes an environment, and appends to its events."""

    # Of the last deployment of a version: its steps, and the fault that decides how it ends.
    _batches: Batches
    _fault: Fault

    def __init__(self, log: EventLog) -> None:
        self._log, self._environment = log, log.environment
        self._location, self._emulator = log.location, log.location.emulator
        self._compute: ComputeBackend | None = self._emulator.compute

    def launch(self, request_id: str) -> None:
        """Start to launch a new environment."""
        self._start("Launching", request_id, "createEnvironment is starting.")
        self._log.schedule(self._emulator.pace.launch, self._launched)

    def update(self, request_id: str, changes: dict[str, Any], error_event: str | None = None) -> None:
        """Start an update.

        Args:
            changes: The attributes of the environment that the update changes.
            error_event: The error event that will stop the deployment of a version. Default: it succeeds.
        """
        self._log.begin("Updating", request_id, abortable=True)
        self._log.append("Environment update is starting.")
        label = changes.pop("version_label", None)
        self._environment.before = {name: getattr(self._environment, name) for name in changes}
        # A configuration that cannot be is refused before a version is deployed with it.
        if label and not self._listener_problems(changes):
            self._deploy(label, changes, error_event)
        else:
            self._environment.health = Health("Info")
            self._log.schedule(self._emulator.pace.update, lambda: self._configured(changes))

    def start_concurrent_update(self, label: str) -> None:
        """Start another client's update, if the fault busy-before-update was injected for this one."""
        fault = self._emulator.faults.next("update", environment=self._environment.name, version_label=label)
        if fault and self._environment.status == "Ready":
            other = fault.details.get("label", self._environment.version_label)
            self.update(str(uuid.uuid4()), {"version_label": other})

    def restart(self, request_id: str) -> None:
        """Start a restart of the application servers."""
        self._start("Updating", request_id, "restartAppServer is starting.")
        self._log.schedule(self._emulator.pace.update, self._restarted)

    def rebuild(self, request_id: str) -> None:
        """Start to rebuild the environment, with new instances."""
        self._environment.instances = []
        self._start("Updating", request_id, "rebuildEnvironment is starting.")
        self._log.schedule(self._emulator.pace.launch, self._launched)

    def terminate(self, request_id: str) -> None:
        """Start to terminate the environment."""
        self._start("Terminating", request_id, "terminateEnvironment is starting.")
        self._log.schedule(self._emulator.pace.terminate, self._terminated)

    def abort(self, request_id: str) -> None:
        """Start to abort the update that is in progress."""
        self._log.begin("Aborting", request_id)
        self._log.append("The environment update is being aborted.")
        self._log.schedule(self._emulator.pace.update / 3, self._aborted)

    def _start(self, status: str, request_id: str, message: str) -> None:
        self._log.begin(status, request_id)
        self._environment.health = Health("Pending" if status == "Launching" else "Info")
        self._log.append(message)

    def _deploy(self, label: str, changes: dict[str, Any], error_event: str | None) -> None:
        """Schedule every step of the deployment of a version. error_event: see update()."""
        fault = self._emulator.faults.next("deployment", environment=self._environment.name, version_label=label)
        self._environment.version_label = label
        self._environment.deployments += 1
        self._environment.change(changes)
        self._batches, self._fault = Batches(self._log, fault), fault or Fault("")
        configured = "settings" in changes
        prepared = min(_PREPARING_SECONDS, self._emulator.pace.update / 4)
        if error_event:
            self._log.schedule(prepared, lambda: self._end_before_the_instances(error_event))
        elif self._compute and not fault:
            self._compute.deploy(
                self._environment,
                self._batches,
                lambda succeeded: self._end_update(configured) if succeeded else self._end_with_errors(),
            )
        else:
            self._schedule_batches(prepared, lambda: self._end_update(configured))
        if self._fault.kind == "terminated":
            half = self._emulator.pace.update / 2
            self._log.schedule(half, lambda: self.terminate(str(uuid.uuid4())))

    def _schedule_batches(self, prepared: float, end: Callable[[], None]) -> None:
        self._log.schedule(prepared, self._batches.prepare)
        if self._fault.kind == "never-ready":
            return
        update = self._emulator.pace.update
        share = (update - prepared) * _BATCHES_SHARE / self._batches.count
        for number in range(self._batches.count):
            self._log.schedule(prepared + number * share, partial(self._batches.begin, number))
            self._log.schedule(prepared + (number + 1) * share, partial(self._batches.end, number))
        self._log.schedule(update, end)

    def _end_update(self, configured: bool) -> None:
        """End a deployment whose batches have ended. configured: whether settings change too."""
        failed = {
            "error-event": self._end_with_errors,
            "with-errors-silently": lambda: self._end_with_errors("WARN"),
            "reverts": self._end_reverted,
        }.get(self._fault.kind)
        if failed:
            failed()
            return
        self._environment.expected = self._environment.deployment(self._location.now())
        self._batches.succeed()
        if configured:
            self._follow_settings(self._end_deployed)
        else:
            self._end_deployed()

    def _end_deployed(self) -> None:
        self._log.append("New application version was deployed to running EC2 instances.")
        self._log.end("Ready", _COMPLETED)
        self._assess()
        if self._fault.kind == "overtaken":
            other = self._fault.details.get("label", "somebody-elses")
            self.update(str(uuid.uuid4()), {"version_label": other})

    def _end_before_the_instances(self, error_event: str) -> None:
        self._log.append(error_event, "ERROR")
        self._log.append(_FAILED, "ERROR")
        self._restore()
        self._log.end("Ready", _WITH_ERRORS, "ERROR")

    def _end_with_errors(self, severity: str = "ERROR") -> None:
        silently = severity == "WARN"
        if not silently:
            self._log.append(_FAILED, "ERROR")
        self._batches.give_up()
        incorrect = self._batches.incorrect()
        # Where new instances were to replace the old ones, only the old ones remain.
        self._restore(label=silently or not incorrect or self._fault.details.get("label") == "previous")
        self._set_health("Degraded" if incorrect else "Ok", *incorrect)
        self._log.end("Ready", _WITH_ERRORS, severity)

    def _end_reverted(self) -> None:
        self._restore()
        self._batches.restore()
        self._log.end("Ready", _COMPLETED)
        self._set_health("Ok")

    def _assess(self) -> None:
        """Set the health after a deployment that succeeded."""
        kind, details = self._fault.kind, self._fault.details
        if kind == "unhealthy":
            self._set_health_everywhere("Severe", "100.0 % of the requests are failing with HTTP 5xx.")
        elif kind == "yellow":
            self._set_health_everywhere("Warning", "5.0 % of the requests are failing with HTTP 4xx.")
        elif kind == "instance-behind":
            self._set_health("Degraded", *self._batches.incorrect())
        elif kind == "slow-green":
            late = "ELB health is failing or not available for all instances."
            self._set_health_everywhere(details.get("health", "Warning"), late)
            self._log.schedule(details.get("seconds", 60), lambda: self._set_health_everywhere("Ok"))
        else:
            self._set_health("Ok")

    def _set_health(self, status: str, *causes: str) -> None:
        self._log.set_health(Health(status, causes))

    def _set_health_everywhere(self, status: str, *causes: str) -> None:
        for instance in self._environment.instances:
            instance.health = Health(status, causes)
        self._set_health(status, *causes)

    def _restore(self, *, label: bool = True) -> None:
        """Restore what the update changed, and the label unless instances are left with the new version."""
        self._environment.change(self._environment.before)
        if label:
            self._environment.version_label = self._environment.running.version_label

    def _launched(self) -> None:
        if problems := launch_problems(self._environment):
            for problem in problems:
                self._log.append(problem, "ERROR")
            self._environment.health = Health("NoData")
            self._log.end("Terminated", "Failed to launch environment.")
            return
        self._environment.expected = self._environment.deployment(self._location.now())
        self._environment.endpoint = None
        self._follow_settings(self._ready)

    def _ready(self) -> None:
        first = self._environment.instances[0].instance_id
        self._log.append(f"Added instance [{first}] to your environment.")
        if self._environment.version_label == SAMPLE_VERSION:
            self._log.append(f"Deployed version: {SAMPLE_VERSION}.")
        self._log.append(f"Application available at {self._environment.cname}.")
        self._end(f"Successfully launched environment: {self._environment.name}")

    def _endpoint(self) -> str:
        if self._compute:
            return self._compute.endpoint(self._environment)
        if not self._environment.load_balanced:
            return _NOWHERE
        current, region = self._environment.endpoint, self._environment.region
        new = f"awseb--AWSEB-{random_id('', 12)}-{secrets.randbelow(10**9)}.{region}.elb.amazonaws.com"
        return new if current in (None, _NOWHERE) else current

    def _reconcile(self, done: Callable[[], None]) -> None:
        if self._compute:
            self._compute.reconcile(self._environment, done)
        else:
            done()

    def _follow_settings(self, done: Callable[[], None]) -> None:
        """Have the number of instances, the load balancer and the address follow the settings."""
        scale(self._environment, self._location)
        self._environment.endpoint = self._endpoint()
        self._reconcile(done)

    def _listener_problems(self, changes: dict[str, Any]) -> list[str]:
        return list(listener_problems(replace(self._environment, **changes)))

    def _configured(self, changes: dict[str, Any]) -> None:
        if problems := self._listener_problems(changes):
            for problem in [*problems, "Failed to deploy configuration."]:
                self._log.append(problem, "ERROR")
            self._end(_WITH_ERRORS)
            return
        self._environment.change(changes)
        self._follow_settings(lambda: self._end(_COMPLETED))

    def _restarted(self) -> None:
        self._reconcile(lambda: self._end("restartAppServer has completed."))

    def _aborted(self) -> None:
        self._restore()
        for instance in self._environment.instances:
            instance.deployment = self._environment.running
        self._follow_settings(lambda: self._end("The environment update was aborted."))

    def _terminated(self) -> None:
        self._environment.instances, self._environment.endpoint = [], None
        self._reconcile(self._gone)

    def _gone(self) -> None:
        self._environment.health = Health("NoData")
        self._log.end("Terminated", "terminateEnvironment completed successfully.")

    def _end(self, message: str) -> None:
        """End an operation: Ready, with the health that the instances have now."""
        # The sample application answers "/" and nothing else.
        health = Health("Ok")
        if self._environment.version_label == SAMPLE_VERSION and _sample_fails(self._environment):
            health = Health("Severe", ("100.0 % of the requests to the ELB are failing with HTTP 4xx.",))
        failures = self._compute.failures(self._environment) if self._compute else {}
        for instance in self._environment.instances:
            failed = instance.instance_id in failures
            instance.health = Health("Severe", (failures[instance.instance_id],)) if failed else health
        self._log.set_health(Health("Severe", tuple(failures.values())) if failures else health)
        self._log.end("Ready", message)


def _sample_fails(environment: Environment) -> bool:
    process = "aws:elasticbeanstalk:environment:process:default"
    path = environment.option(process, "HealthCheckPath", "/")
    accepted = environment.option(process, "MatcherHTTPCode", "200")
    return environment.load_balanced and path != "/" and "404" not in accepted
