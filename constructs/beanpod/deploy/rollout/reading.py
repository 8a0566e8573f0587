"""What runs where: read, and never changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from beanpod.deploy.aws import Aws, Environment, Event, Instances, UnansweredError
from beanpod.deploy.clock import Clock
from beanpod.deploy.report import EnvironmentEvent
from beanpod.deploy.rollout.health_path import Answer
from beanpod.deploy.rollout.ledger import Holder, Ledger
from beanpod.deploy.rollout.target import Target

_FOLLOW_SECONDS = 5.0


@dataclass(frozen=True)
class Standing:
    """What an environment runs and how it is. causes: of its health. holder: who is deploying to it, if anybody is.

    health_path: what it answers at the public address, see `HealthPath.answer`; None where it was not asked.
    """

    target: Target
    environment: Environment
    instances: Instances
    causes: tuple[str, ...]
    holder: Holder | None
    health_path: Answer | None = None


@dataclass(frozen=True)
class VersionLine:
    """A version that can be rolled out. current: the environment runs it. previous: where `rollback` goes."""

    label: str
    description: str
    created: datetime
    current: bool = False
    previous: bool = False


def read_standing(target: Target, aws: Aws, clock: Clock) -> Standing:
    """What runs where at this moment. Five calls, and the health path."""
    environment = target.look(aws)
    return Standing(
        target=target,
        environment=environment,
        instances=aws.instances(target.environment),
        causes=aws.health_causes(target.environment),
        holder=Ledger(target, aws).read().holder_at(clock.now()),
        health_path=target.health_path.answer() if target.health_path else None,
    )


def read_versions(target: Target, aws: Aws) -> tuple[VersionLine, ...]:
    """The application's versions, newest first."""
    current = target.look(aws).version_label
    previous = Ledger(target, aws).read().before(current)
    return tuple(
        VersionLine(
            version.label,
            version.description,
            version.created,
            current=version.label == current,
            previous=version.label == previous,
        )
        for version in aws.versions(target.application)
    )


def read_events(target: Target, aws: Aws, *, limit: int = 50) -> tuple[EnvironmentEvent, ...]:
    """The environment's latest events, oldest first."""
    return aws.events(target.application, target.environment, limit=limit)


def follow_events(target: Target, aws: Aws, clock: Clock, *, limit: int = 20) -> Iterator[EnvironmentEvent]:
    """The environment's latest events and then every new one, for ever. A call that AWS does not answer is skipped."""
    shown: set[Event] = set()
    since: datetime | None = None
    while True:
        for event in _latest(target, aws, since, limit):
            if event not in shown:
                shown.add(event)
                yield event
            since = event.time
        clock.sleep(_FOLLOW_SECONDS)


def _latest(target: Target, aws: Aws, since: datetime | None, limit: int) -> tuple[Event, ...]:
    try:
        # From the last one seen on, by AWS's clock: several may carry the same time.
        return aws.once().events(target.application, target.environment, since=since, limit=100 if since else limit)
    except UnansweredError:
        return ()
