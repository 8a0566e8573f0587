"""The instances of an environment: how many, and which of them a deployment changes, adds and takes away."""

import math
from dataclasses import dataclass, field

from beanpod_emulator.beanstalk.state import Deployment, Environment, Instance, random_id
from beanpod_emulator.clock import CLOCK

_COMMAND = "aws:elasticbeanstalk:command"
_HEX = "0123456789abcdef"


def scale(environment: Environment, region: str, deployment: Deployment) -> None:
    """Have as many instances as the settings ask for at least; new ones run `deployment`."""
    size = environment.option("aws:autoscaling:asg", "MinSize", "1") if environment.load_balanced else "1"
    kept = environment.instances[: max(int(size), 1)]
    missing = max(int(size), 1) - len(kept)
    environment.instances = kept + _launched(environment, region, deployment, missing)


def _launched(environment: Environment, region: str, deployment: Deployment, count: int) -> list[Instance]:
    types = environment.option("aws:ec2:instances", "InstanceTypes", "t3.micro")
    kind = types.split(",")[0].strip()
    zones = (f"{region}{'ab'[number % 2]}" for number in range(count))
    return [Instance(random_id("i-0", 16, _HEX), CLOCK.now(), kind, zone, deployment) for zone in zones]


@dataclass
class Plan:
    """How a deployment policy changes instances.

    batches: those that are told to deploy, in this order; numbered: whether events count them. fresh: those launched
    for it. leaving: those that go when it has succeeded. announced: what the events say of it beforehand.
    """

    batches: list[list[Instance]]
    announced: str = "Deploying new version to instance(s)."
    numbered: bool = False
    fresh: list[Instance] = field(default_factory=list)
    leaving: list[Instance] = field(default_factory=list)


def plan(environment: Environment, region: str, deployment: Deployment) -> Plan:
    """The plan of the environment's deployment policy. deployment: what new instances are told to run.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.rolling-version-deploy.html
    """
    policy = environment.option(_COMMAND, "DeploymentPolicy", "AllAtOnce")
    instances = list(environment.instances)
    if policy in ("Immutable", "TrafficSplitting"):
        fresh = _launched(environment, region, deployment, len(instances))
        return Plan([fresh], _REPLACING[policy], fresh=fresh, leaving=instances)
    if policy == "AllAtOnce":
        return Plan([instances])
    batches = _batches(environment, instances)
    if policy == "Rolling":
        return Plan(batches, numbered=True)
    extra = _launched(environment, region, deployment, len(batches[0]))
    said = f"Rolling with Additional Batch deployment policy enabled. Launching a new batch of {len(extra)} "
    # As many leave as were added: the last ones, which are then not worth a deployment.
    kept = _batches(environment, instances[: len(instances) - len(extra)])
    return Plan([extra, *kept], f"{said}additional instance(s).", True, extra, instances[len(instances) - len(extra) :])


_REPLACING = {
    "Immutable": "Immutable deployment policy enabled. Launching one instance with the new settings to verify health.",
    "TrafficSplitting": "Traffic splitting deployment policy enabled. Launching new instances with the new version.",
}


def _batches(environment: Environment, instances: list[Instance]) -> list[list[Instance]]:
    size = int(environment.option(_COMMAND, "BatchSize", "100"))
    if environment.option(_COMMAND, "BatchSizeType", "Percentage") == "Percentage":
        size = math.ceil(len(environment.instances) * size / 100)
    size = max(size, 1)
    return [instances[start : start + size] for start in range(0, len(instances), size)]
