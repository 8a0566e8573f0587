"""The status of an environment: the version that each instance runs, and the versions before."""

from itertools import islice

from beanpod.deploy.preflight import Target
from beanpod.deploy.status import follow_events, read_events, read_status, read_versions
from tests.deploy.rollout.sandbox import Sandbox, bundle


def test_status_has_what_each_instance_runs(sandbox: Sandbox) -> None:
    target = sandbox.environment(instances=2)
    sandbox.release(target, "standing")
    clock = sandbox.clock()
    status = read_status(target, sandbox.aws(), clock)
    assert (status.environment.version_label, status.environment.health) == (bundle("standing").label, "Ok")
    assert status.instances.on(bundle("standing").label) == len(status.instances.all) == 2
    assert (status.causes, status.lock_owner) == ((), None)


def test_status_has_the_causes_of_poor_health(sandbox: Sandbox, target: Target) -> None:
    clock = sandbox.clock()
    assert "HTTP 4xx" in read_status(target, sandbox.aws(), clock).causes[0]


def test_versions_are_marked_current_and_previous(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "first of all", "second of all")
    lines = {line.label: line for line in read_versions(target, sandbox.aws())}
    assert lines[bundle("second of all").label].current
    assert lines[bundle("first of all").label].previous
    assert sum(line.current or line.previous for line in lines.values()) == 2
    created = [line.created for line in lines.values()]
    assert created == sorted(created, reverse=True)


def test_events_are_the_latest_oldest_first(sandbox: Sandbox, target: Target) -> None:
    events = read_events(target, sandbox.aws(), limit=2)
    assert len(events) == 2
    assert events[-1].message.startswith("Successfully launched environment")


def test_each_event_is_followed_once(sandbox: Sandbox, target: Target) -> None:
    clock = sandbox.clock()
    sandbox.release(target, "one")
    sandbox.beanstalk.update_environment(EnvironmentName=target.environment, VersionLabel=bundle("one").label)
    followed = follow_events(target, sandbox.aws(), clock, limit=1)
    sandbox.emulator.inject_fault("throttles", action="DescribeEvents", after=1)
    messages = [event.message for event in islice(followed, 6)]
    assert messages[0] == "Environment update is starting."
    assert "Environment update completed successfully." in messages
    assert len(set(messages)) == 6
