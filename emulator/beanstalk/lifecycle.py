"""The only place that changes an environment's state: launch, update, terminate.

Each starts at once and is finished on the clock; the events tell the story in between.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emulator.beanstalk.checks import launch_problems
from emulator.beanstalk.state import SAMPLE_VERSION, Environment, Event, Instance, random_id
from emulator.clock import CLOCK

# Seconds of AWS time.
LAUNCH_SECONDS = 180
UPDATE_SECONDS = 60
TERMINATE_SECONDS = 90
_HEX = "0123456789abcdef"


@dataclass
class Lifecycle:
    """Moves one region's environments through their states. events: where their story is written."""

    region: str
    events: list[Event]

    def launch(self, environment: Environment, request_id: str) -> None:
        """Start a new environment."""
        self._start(environment, "Launching", request_id)
        self._tell(environment, "createEnvironment is starting.")
        self._later(LAUNCH_SECONDS, environment, lambda: self._launched(environment))

    def update(self, environment: Environment, request_id: str, changes: dict[str, Any]) -> None:
        """Start an update: `changes` are the attributes that will have changed once it is done."""
        self._start(environment, "Updating", request_id)
        self._tell(environment, "Environment update is starting.")
        if "version_label" in changes:
            self._tell(environment, "Deploying new version to instance(s).")
        self._later(UPDATE_SECONDS, environment, lambda: self._updated(environment, changes))

    def restart(self, environment: Environment, request_id: str) -> None:
        """Start a restart of the application servers."""
        self._start(environment, "Updating", request_id)
        self._tell(environment, "restartAppServer is starting.")
        self._later(UPDATE_SECONDS, environment, lambda: self._restarted(environment))

    def rebuild(self, environment: Environment, request_id: str) -> None:
        """Start again with new instances."""
        environment.instances = []
        self._start(environment, "Updating", request_id)
        self._tell(environment, "rebuildEnvironment is starting.")
        self._later(LAUNCH_SECONDS, environment, lambda: self._launched(environment))

    def terminate(self, environment: Environment, request_id: str) -> None:
        """Start the end of an environment."""
        self._start(environment, "Terminating", request_id)
        self._tell(environment, "terminateEnvironment is starting.")
        self._later(TERMINATE_SECONDS, environment, lambda: self._terminated(environment))

    def abort(self, environment: Environment, request_id: str) -> None:
        """Give up the update that is under way."""
        environment.status, environment.operation = "Aborting", request_id
        self._tell(environment, "The environment update is being aborted.")
        self._later(UPDATE_SECONDS, environment, lambda: self._aborted(environment))

    def _later(self, seconds: float, environment: Environment, action: Callable[[], None]) -> None:
        """Do it on the clock, unless another operation has taken over by then."""
        operation = environment.operation
        CLOCK.after(seconds, lambda: action() if environment.operation == operation else None)

    def _start(self, environment: Environment, status: str, request_id: str) -> None:
        environment.status, environment.operation = status, request_id
        environment.color, environment.health = "Grey", "Pending" if status == "Launching" else "Info"
        environment.updated = CLOCK.now()

    def _finish(self, environment: Environment, status: str, message: str) -> None:
        environment.status = status
        environment.updated = CLOCK.now()
        self._tell(environment, message)
        environment.operation = None

    def _launched(self, environment: Environment) -> None:
        if problems := launch_problems(environment, self.region):
            for problem in problems:
                self._tell(environment, problem, "ERROR")
            environment.color, environment.health = "Grey", "NoData"
            self._finish(environment, "Terminated", "Failed to launch environment.")
            return
        self._build(environment)
        self._tell(environment, f"Added instance [{environment.instances[0].instance_id}] to your environment.")
        if environment.version_label == SAMPLE_VERSION:
            self._tell(environment, f"Deployed version: {SAMPLE_VERSION}.")
        self._tell(environment, f"Application available at {environment.cname}.")
        self._assess(environment)
        self._finish(environment, "Ready", f"Successfully launched environment: {environment.name}")

    def _build(self, environment: Environment) -> None:
        self._scale(environment)
        environment.endpoint = self._endpoint(environment)

    def _scale(self, environment: Environment) -> None:
        """Have as many instances as the settings ask for at least."""
        size = environment.option("aws:autoscaling:asg", "MinSize", "1") if environment.load_balanced else "1"
        wanted, kept = max(int(size), 1), environment.instances
        environment.instances = [*kept[:wanted], *(self._instance(environment, i) for i in range(len(kept), wanted))]

    def _instance(self, environment: Environment, index: int) -> Instance:
        types = environment.option("aws:ec2:instances", "InstanceTypes", "t3.micro")
        zone = f"{self.region}{'ab'[index % 2]}"
        return Instance(random_id("i-0", 16, _HEX), CLOCK.now(), types.split(",")[0].strip(), zone)

    def _endpoint(self, environment: Environment) -> str:
        if not environment.load_balanced:
            # TEST-NET-3: an address nobody has.
            return f"203.0.113.{secrets.randbelow(254) + 1}"
        return f"awseb--AWSEB-{random_id('', 12)}-{secrets.randbelow(10**9)}.{self.region}.elb.amazonaws.com"

    def _updated(self, environment: Environment, changes: dict[str, Any]) -> None:
        for name, value in changes.items():
            setattr(environment, name, value)
        if "settings" in changes:
            self._scale(environment)
        if "version_label" in changes:
            environment.deployment_id += 1
            self._tell(environment, "New application version was deployed to running EC2 instances.")
        self._assess(environment)
        self._finish(environment, "Ready", "Environment update completed successfully.")

    def _restarted(self, environment: Environment) -> None:
        self._assess(environment)
        self._finish(environment, "Ready", "restartAppServer has completed.")

    def _aborted(self, environment: Environment) -> None:
        self._assess(environment)
        self._finish(environment, "Ready", "The environment update was aborted.")

    def _terminated(self, environment: Environment) -> None:
        environment.instances, environment.endpoint = [], None
        environment.color, environment.health, environment.causes = "Grey", "NoData", []
        self._finish(environment, "Terminated", "terminateEnvironment completed successfully.")

    def _assess(self, environment: Environment) -> None:
        """Set the health: the sample application answers "/" and nothing else."""
        before = environment.health
        if environment.version_label == SAMPLE_VERSION and self._sample_fails(environment):
            environment.color, environment.health = "Red", "Severe"
            environment.causes = ["100.0 % of the requests to the ELB are failing with HTTP 4xx."]
        else:
            environment.color, environment.health, environment.causes = "Green", "Ok", []
        if before != environment.health:
            text = f"Environment health has transitioned from {before} to {environment.health}."
            self._tell(environment, " ".join([text, *environment.causes]), "WARN" if environment.causes else "INFO")

    def _sample_fails(self, environment: Environment) -> bool:
        process = "aws:elasticbeanstalk:environment:process:default"
        path = environment.option(process, "HealthCheckPath", "/")
        accepted = environment.option(process, "MatcherHTTPCode", "200")
        return environment.load_balanced and path != "/" and "404" not in accepted

    def _tell(self, environment: Environment, message: str, severity: str = "INFO") -> None:
        self.events.append(
            Event(
                date=CLOCK.now(),
                message=message,
                severity=severity,
                request_id=environment.operation or "",
                application=environment.application,
                environment=environment.name,
                environment_id=environment.environment_id,
                version_label=environment.version_label,
            )
        )
