"""The only place that changes an environment's state: launch, update, terminate.

Each starts at once and is finished on the clock; the events tell the story in between.
"""

import secrets
import uuid
from collections.abc import Callable
from typing import Any

from beanpod_emulator.beanstalk.checks import launch_problems
from beanpod_emulator.beanstalk.hosts import PLACE
from beanpod_emulator.beanstalk.instances import scale
from beanpod_emulator.beanstalk.narrator import Narrator
from beanpod_emulator.beanstalk.state import SAMPLE_VERSION, Deployment, Environment, Event, Health, random_id
from beanpod_emulator.beanstalk.updates import VersionUpdate
from beanpod_emulator.clock import CLOCK
from beanpod_emulator.faults import FAULTS, Fault
from beanpod_emulator.settings import PACE


class Lifecycle:
    """Moves one region's environments through their states. events: where their story is written."""

    def __init__(self, region: str, events: list[Event]) -> None:
        self._region = region
        self._narrator = Narrator(region, events)

    def launch(self, environment: Environment, request_id: str) -> None:
        """Start a new environment."""
        self._start(environment, "Launching", request_id, "createEnvironment is starting.")
        self._narrator.later(PACE.launch, environment, lambda: self._launched(environment))

    def update(
        self, environment: Environment, request_id: str, changes: dict[str, Any], obstacle: str | None = None
    ) -> None:
        """Start an update: `changes` are the attributes that will have changed once it is done.

        obstacle: the error event that will stop the deployment of a version. Default: none, it goes on.
        """
        self._narrator.begin(environment, "Updating", request_id, abortable=True)
        self._narrator.tell(environment, "Environment update is starting.")
        if label := changes.pop("version_label", None):
            self._deploy(environment, label, changes, obstacle)
        else:
            environment.health = Health("Info")
            self._narrator.later(PACE.update, environment, lambda: self._configured(environment, changes))

    def forestall(self, environment: Environment, label: str) -> None:
        """If that was ordered, somebody else's update gets in before the one that is asked for."""
        fault = FAULTS.forestalling(environment.name, label)
        if fault and environment.status == "Ready":
            other = fault.details.get("label", environment.version_label)
            self.update(environment, str(uuid.uuid4()), {"version_label": other})

    def restart(self, environment: Environment, request_id: str) -> None:
        """Start a restart of the application servers."""
        self._start(environment, "Updating", request_id, "restartAppServer is starting.")
        self._narrator.later(PACE.update, environment, lambda: self._restarted(environment))

    def rebuild(self, environment: Environment, request_id: str) -> None:
        """Start again with new instances."""
        environment.instances = []
        self._start(environment, "Updating", request_id, "rebuildEnvironment is starting.")
        self._narrator.later(PACE.launch, environment, lambda: self._launched(environment))

    def terminate(self, environment: Environment, request_id: str) -> None:
        """Start the end of an environment."""
        self._start(environment, "Terminating", request_id, "terminateEnvironment is starting.")
        self._narrator.later(PACE.terminate, environment, lambda: self._terminated(environment))

    def abort(self, environment: Environment, request_id: str) -> None:
        """Give up the update that is under way."""
        self._narrator.begin(environment, "Aborting", request_id)
        self._narrator.tell(environment, "The environment update is being aborted.")
        self._narrator.later(PACE.update / 3, environment, lambda: self._aborted(environment))

    def _start(self, environment: Environment, status: str, request_id: str, message: str) -> None:
        self._narrator.begin(environment, status, request_id)
        environment.health = Health("Pending" if status == "Launching" else "Info")
        self._narrator.tell(environment, message)

    def _deploy(self, environment: Environment, label: str, changes: dict[str, Any], obstacle: str | None) -> None:
        fault = FAULTS.for_update(environment.name, label)
        environment.version_label = label
        environment.deployments += 1
        update = VersionUpdate(self._narrator, environment, fault, obstacle)
        update.begin(
            done=lambda: self._apply(environment, changes),
            then=lambda: self._overtake(environment, fault) if fault and fault.kind == "overtaken" else None,
        )
        if fault and fault.kind == "terminated":
            half = PACE.update / 2
            self._narrator.later(half, environment, lambda: self.terminate(environment, str(uuid.uuid4())))

    def _overtake(self, environment: Environment, fault: Fault) -> None:
        other = fault.details.get("label", "somebody-elses")
        self.update(environment, str(uuid.uuid4()), {"version_label": other})

    def _launched(self, environment: Environment) -> None:
        if problems := launch_problems(environment, self._region):
            for problem in problems:
                self._narrator.tell(environment, problem, "ERROR")
            environment.health = Health("NoData")
            self._narrator.end(environment, "Terminated", "Failed to launch environment.")
            return
        self._build(environment)
        self._settle(environment, lambda: self._built(environment))

    def _built(self, environment: Environment) -> None:
        first = environment.instances[0].instance_id
        self._narrator.tell(environment, f"Added instance [{first}] to your environment.")
        if environment.version_label == SAMPLE_VERSION:
            self._narrator.tell(environment, f"Deployed version: {SAMPLE_VERSION}.")
        self._narrator.tell(environment, f"Application available at {environment.cname}.")
        self._assess(environment)
        self._narrator.end(environment, "Ready", f"Successfully launched environment: {environment.name}")

    def _build(self, environment: Environment) -> None:
        environment.expected = Deployment(environment.version_label, environment.deployments, CLOCK.now())
        scale(environment, self._region, environment.running)
        environment.endpoint = self._endpoint(environment)

    def _endpoint(self, environment: Environment) -> str:
        if PLACE.hosts:
            return PLACE.hosts.endpoint(environment)
        if not environment.load_balanced:
            # Connections to it fail at once, so that a release need not wait for its health check to time out. An HTTP
            # proxy on the way may accept connections to the addresses that RFC 5737 reserves for documentation.
            return "255.255.255.255"
        return f"awseb--AWSEB-{random_id('', 12)}-{secrets.randbelow(10**9)}.{self._region}.elb.amazonaws.com"

    def _settle(self, environment: Environment, done: Callable[[], None]) -> None:
        """Go on once real machines, if there are any, are what the instances should be."""
        if PLACE.hosts:
            PLACE.hosts.settle(environment, done)
        else:
            done()

    def _apply(self, environment: Environment, changes: dict[str, Any]) -> None:
        for name, value in changes.items():
            setattr(environment, name, value)
        if "settings" in changes:
            scale(environment, self._region, environment.running)

    def _configured(self, environment: Environment, changes: dict[str, Any]) -> None:
        self._apply(environment, changes)
        self._settle(environment, lambda: self._back(environment, "Environment update completed successfully."))

    def _restarted(self, environment: Environment) -> None:
        self._settle(environment, lambda: self._back(environment, "restartAppServer has completed."))

    def _back(self, environment: Environment, message: str) -> None:
        self._assess(environment)
        self._narrator.end(environment, "Ready", message)

    def _aborted(self, environment: Environment) -> None:
        environment.version_label = environment.running.version_label
        for instance in environment.instances:
            instance.deployment = environment.running
        scale(environment, self._region, environment.running)
        self._settle(environment, lambda: self._back(environment, "The environment update was aborted."))

    def _terminated(self, environment: Environment) -> None:
        environment.instances, environment.endpoint = [], None
        self._settle(environment, lambda: self._gone(environment))

    def _gone(self, environment: Environment) -> None:
        environment.health = Health("NoData")
        self._narrator.end(environment, "Terminated", "terminateEnvironment completed successfully.")

    def _assess(self, environment: Environment) -> None:
        """Set the health: the sample application answers "/" and nothing else."""
        health = Health("Ok")
        if environment.version_label == SAMPLE_VERSION and self._sample_fails(environment):
            health = Health("Severe", ("100.0 % of the requests to the ELB are failing with HTTP 4xx.",))
        failures = PLACE.hosts.failures(environment) if PLACE.hosts else {}
        for instance in environment.instances:
            failed = instance.instance_id in failures
            instance.health = Health("Severe", (failures[instance.instance_id],)) if failed else health
        self._narrator.turn(environment, Health("Severe", tuple(failures.values())) if failures else health)

    def _sample_fails(self, environment: Environment) -> bool:
        process = "aws:elasticbeanstalk:environment:process:default"
        path = environment.option(process, "HealthCheckPath", "/")
        accepted = environment.option(process, "MatcherHTTPCode", "200")
        return environment.load_balanced and path != "/" and "404" not in accepted
