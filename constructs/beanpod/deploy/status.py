"""Read an environment's status, and follow its events; change nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from beanpod.deploy.aws import Aws, Environment, Instances, UnansweredError
from beanpod.deploy.clock import POLL_SECONDS, Clock
from beanpod.deploy.health_path import Answer, current_url
from beanpod.deploy.lock import LockOwner, LockStore
from beanpod.deploy.preflight import Target
from beanpod.deploy.report import EnvironmentEvent

# After a newer event, an older one may still appear.
_LATE = timedelta(seconds=60)


@dataclass(frozen=True)
class EnvironmentStatus:
    """What an environment runs, and how it is.

    Attributes:
        target: Which environment, with the address that it has now.
        environment: Its state.
        instances: The state of each instance.
        causes: Of its health.
        lock_owner: The deployment that has the lock, if any.
        health_path: The answer at the public address; None where it was not requested.
    """

    target: Target
    environment: Environment
    instances: Instances
    causes: tuple[str, ...]
    lock_owner: LockOwner | None
    health_path: Answer | None = None


def read_status(target: Target, aws: Aws) -> EnvironmentStatus:
    """Read an environment's status: four calls, and a request to the health path."""
    environment = target.describe(aws)
    return EnvironmentStatus(
        target=replace(target, url=current_url(target.url, environment.endpoint)),
        environment=environment,
        instances=aws.instances(target.environment),
        causes=aws.health_causes(target.environment),
        lock_owner=LockStore(target, aws).read().current_owner,
        health_path=target.health_path.answer(environment.endpoint) if target.health_path else None,
    )


def follow_events(target: Target, aws: Aws, clock: Clock, *, limit: int = 20) -> Iterator[EnvironmentEvent]:
    """Yield the environment's latest events and then every new one, for ever. Polls without an answer are skipped."""
    shown: set[EnvironmentEvent] = set()
    first = since = None
    while True:
        try:
            events = aws.events(target.application, target.environment, since=since, limit=1000 if since else limit)
        except UnansweredError:
            events = ()
        for event in events:
            if event not in shown:
                shown.add(event)
                yield event
        if events:
            # By AWS's clock. None from before the first that was shown.
            first = first or events[0].time
            since = max(first, events[-1].time - _LATE)
        clock.sleep(POLL_SECONDS)
