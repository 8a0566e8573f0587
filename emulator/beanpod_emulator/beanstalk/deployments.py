"""Deployments of a version to an environment's instances: the deployment policies, and the events that tell of them.

The events and their order are those of real deployments, as users of `eb deploy` and of other tools show them.
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.rolling-version-deploy.html
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from beanpod_emulator.beanstalk.state import Deployment, Environment, Event, Health, Instance, Location, random_id
from beanpod_emulator.fault_injection import Fault

OK = Health("Ok")
_COMMAND = "aws:elasticbeanstalk:command"
_HEX = "0123456789abcdef"
_FAILING = ("error-event", "with-errors-silently")
_ENGINE_ERROR = "Engine execution has encountered an error."
# The policies that replace all instances, and how they announce it.
REPLACING = {
    "Immutable": "Immutable deployment policy enabled. Launching one instance with the new settings to verify health.",
    "TrafficSplitting": "Traffic splitting deployment policy enabled. Launching new instances with the new version.",
}


@dataclass
class EventLog:
    """The events of an environment, with the changes of status and health that cause them.

    Attributes:
        events: Those of all environments of the region.
    """

    location: Location
    events: list[Event]
    environment: Environment

    def append(self, message: str, severity: str = "INFO", *, monitor: bool = False) -> None:
        """Append an event.

        Args:
            monitor: Whether it is the health monitor's, whose events carry no request id.
        """
        environment = self.environment
        self.events.append(
            Event(
                date=self.location.now(),
                message=message,
                severity=severity,
                request_id="" if monitor else environment.operation or "",
                application_name=environment.application,
                environment_name=environment.name,
                environment_id=environment.environment_id,
                version_label=environment.version_label,
            )
        )

    def begin(self, status: str, request_id: str, *, abortable: bool = False) -> None:
        """Begin an operation, which gives the environment a status other than Ready."""
        environment = self.environment
        environment.status, environment.operation, environment.abortable = status, request_id, abortable
        environment.updated = self.location.now()

    def end(self, status: str, message: str, severity: str = "INFO") -> None:
        """End the operation with a status and an event."""
        environment = self.environment
        environment.status, environment.abortable = status, False
        environment.updated = self.location.now()
        self.append(message, severity)
        environment.operation = None

    def schedule(self, seconds: float, action: Callable[[], None]) -> None:
        """Run an action on the clock, unless another operation has begun by then."""
        environment, operation = self.environment, self.environment.operation
        self.location.emulator.clock.after(seconds, lambda: action() if environment.operation == operation else None)

    def set_health(self, health: Health) -> None:
        """Set the environment's health, with an event if its status changes."""
        before, self.environment.health = self.environment.health, health
        if before.status != health.status:
            text = f"Environment health has transitioned from {before.status} to {health.status}."
            severity = "INFO" if health.color == "Green" else "WARN"
            self.append(" ".join([text, *health.causes]), severity, monitor=True)


def scale(environment: Environment, location: Location) -> None:
    """Set the number of instances to the minimum that the settings require; new ones run the version that runs."""
    size = environment.option("aws:autoscaling:asg", "MinSize", "1") if environment.load_balanced else "1"
    kept = environment.instances[: max(int(size), 1)]
    missing = max(int(size), 1) - len(kept)
    environment.instances = kept + _launch(environment, location, environment.running, missing)


def _launch(environment: Environment, location: Location, deployment: Deployment, count: int) -> list[Instance]:
    kind = environment.option("aws:ec2:instances", "InstanceTypes", "t3.micro").partition(",")[0].strip()
    zones = (f"{location.region}{'ab'[number % 2]}" for number in range(count))
    return [Instance(random_id("i-0", 16, _HEX), location.now(), kind, zone, deployment) for zone in zones]


@dataclass
class DeploymentPlan:
    """How a deployment policy changes instances.

    Attributes:
        batches: The instances that deploy, batch by batch.
        announcement: The event at the start.
        numbered: Whether events number the batches.
        launched: Instances launched for the deployment.
        terminating: Instances that are terminated once the deployment has succeeded.
    """

    batches: list[list[Instance]]
    announcement: str = "Deploying new version to instance(s)."
    numbered: bool = False
    launched: list[Instance] = field(default_factory=list)
    terminating: list[Instance] = field(default_factory=list)


def plan_deployment(environment: Environment, location: Location, deployment: Deployment) -> DeploymentPlan:
    """Return the plan of the environment's deployment policy; new instances run `deployment`."""
    policy = environment.deployment_policy
    instances = list(environment.instances)
    if policy in REPLACING:
        launched = _launch(environment, location, deployment, len(instances))
        return DeploymentPlan([launched], REPLACING[policy], launched=launched, terminating=instances)
    if policy == "AllAtOnce":
        return DeploymentPlan([instances])
    batches = _batches(environment, instances)
    if policy == "Rolling":
        return DeploymentPlan(batches, numbered=True)
    extra = _launch(environment, location, deployment, len(batches[0]))
    # As many are terminated as were launched: the last ones, which then need no deployment.
    remaining = len(instances) - len(extra)
    return DeploymentPlan(
        [extra, *_batches(environment, instances[:remaining])],
        "Rolling with Additional Batch deployment policy enabled. "
        f"Launching a new batch of {len(extra)} additional instance(s).",
        numbered=True,
        launched=extra,
        terminating=instances[remaining:],
    )


def _batches(environment: Environment, instances: list[Instance]) -> list[list[Instance]]:
    size = int(environment.option(_COMMAND, "BatchSize", "100"))
    if environment.option(_COMMAND, "BatchSizeType", "Percentage") == "Percentage":
        size = math.ceil(len(environment.instances) * size / 100)
    size = max(size, 1)
    return [instances[start : start + size] for start in range(0, len(instances), size)]


class Batches:
    """The steps of one deployment: what each batch does to the instances, with its events."""

    def __init__(self, log: EventLog, fault: Fault | None) -> None:
        self._log = log
        self._environment = log.environment
        self._kind = fault.kind if fault else ""
        self.plan = plan_deployment(self._environment, log.location, self._deployment("In Progress"))
        self._finished = 0

    @property
    def count(self) -> int:
        """How many batches there will be. One that fails ends the deployment."""
        return 1 if self._kind in _FAILING else len(self.plan.batches)

    def prepare(self) -> None:
        """Announce the deployment, and launch the instances that it needs."""
        self._environment.instances = self._environment.instances + self.plan.launched
        for instance in self.plan.launched:
            instance.health = Health("Pending")
        self._log.append(self.plan.announcement)
        self._log.set_health(self._progress())

    def begin(self, number: int) -> None:
        """Start a batch, numbered from 0."""
        batch = self.plan.batches[number]
        if self.plan.numbered:
            ids = ", ".join(instance.instance_id for instance in batch)
            self._log.append(f"Batch {number + 1}: Starting application deployment on instance(s) [{ids}].")
        for instance in batch:
            self._set(instance, "In Progress", Health("Info", ("Application deployment in progress.",)))

    def end(self, number: int) -> None:
        """Complete a batch, or fail it if the fault says so."""
        batch = self.plan.batches[number]
        if self._kind in _FAILING:
            self._fail(batch, {}, silently=self._kind == "with-errors-silently")
            return
        for instance in batch:
            if not self._stays_behind(instance):
                self._set(instance, "Deployed", OK)
        self._finished += len(batch)
        self._environment.health = self._progress()
        if self.plan.numbered:
            self._log.append(f"Batch {number + 1}: Completed application deployment.")
        else:
            self._log.append("Instance deployment completed successfully.")

    def fail(self, number: int, causes: Mapping[str, str], events: Iterable[str]) -> None:
        """Fail a batch.

        Args:
            causes: The causes by instance id, of instances that failed.
            events: The error events that come first.
        """
        failed = [instance for instance in self.plan.batches[number] if instance.instance_id in causes]
        for instance in self.plan.batches[number]:
            self._set(instance, "Deployed", OK)
        for event in events:
            self._log.append(event, "ERROR")
        self._fail(failed, causes, silently=False)

    def succeed(self) -> None:
        """Terminate the instances that the new ones replace."""
        self._terminate(self.plan.terminating)

    def give_up(self) -> None:
        """Terminate the instances that were launched for the deployment."""
        self._terminate(self.plan.launched)

    def restore(self) -> None:
        """Restore the previous instances and their version."""
        self.give_up()
        for instance in self._environment.instances:
            instance.deployment, instance.health = self._environment.running, OK

    def incorrect(self) -> tuple[str, ...]:
        """Return the health monitor's cause for instances on another version than it expects; () if there is none."""
        expected, instances = self._environment.running, self._environment.instances
        behind = sum(instance.deployment.version_label != expected.version_label for instance in instances)
        if not behind:
            return ()
        found = f"Incorrect application version found on {behind} out of {len(instances)} instances."
        return (f'{found} Expected version "{expected.version_label}" (deployment {expected.deployment_id}).',)

    def _terminate(self, instances: list[Instance]) -> None:
        self._environment.instances = [item for item in self._environment.instances if item not in instances]

    def _progress(self) -> Health:
        total = sum(len(batch) for batch in self.plan.batches)
        many = "instance" if total == 1 else "instances"
        text = f"Application update in progress on {total} {many}. {self._finished} out of {total} {many} completed."
        return Health("Info", (text,))

    def _stays_behind(self, instance: Instance) -> bool:
        if self._kind != "instance-behind" or instance is not self.plan.batches[-1][-1]:
            return False
        expected = f'Expected version "{self._environment.version_label}" (deployment {self._environment.deployments}).'
        instance.deployment = running = self._environment.running
        text = f'Incorrect application version "{running.version_label}" (deployment {running.deployment_id}).'
        instance.health = Health("Degraded", (f"{text} {expected}",))
        return True

    def _fail(self, batch: list[Instance], causes: Mapping[str, str], *, silently: bool) -> None:
        when = self._log.location.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        failed = f"Application deployment failed at {when} with exit status 1 and error:"
        for instance in batch:
            cause = f"{failed} {causes.get(instance.instance_id, _ENGINE_ERROR)}"
            self._set(instance, "Failed", Health("Degraded", (cause,)))
        if silently:
            return
        self._log.append("Instance deployment failed. For details, see 'eb-engine.log'.", "ERROR")
        for instance in batch:
            output = f"Command failed on instance. Return code: 1 Output: {_ENGINE_ERROR}."
            self._log.append(f"[Instance: {instance.instance_id}] {output}", "ERROR")
        summary = f"Summary: [Successful: 0, Failed: {len(batch)}]."
        self._log.append(f"Command execution completed on all instances. {summary}")
        ids = ", ".join(f"'{instance.instance_id}'" for instance in batch)
        self._log.append(f"Unsuccessful command execution on instance id(s) {ids}. Aborting the operation.", "ERROR")
        many = "all instances" if len(batch) == len(self._environment.instances) else f"{len(batch)} instance(s)"
        self._log.set_health(Health("Degraded", (f"Command failed on {many}.",)))

    def _set(self, instance: Instance, status: str, health: Health) -> None:
        instance.deployment, instance.health = self._deployment(status), health

    def _deployment(self, status: str) -> Deployment:
        return self._environment.deployment(self._log.location.now(), status)
