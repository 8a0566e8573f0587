"""What runs where."""

from itertools import islice

from beanpod.deploy.rollout import follow_events, read_events, read_standing, read_versions
from tests.deploy.rollout.ground import Ground, bundle


def test_the_standing_tells_what_each_instance_runs(ground: Ground) -> None:
    target = ground.environment(instances=2)
    ground.deployed(target, "standing")
    clock = ground.clock()
    standing = read_standing(target, ground.aws(clock), clock)
    assert (standing.environment.version_label, standing.environment.health) == (bundle("standing").label, "Ok")
    assert standing.instances.on(bundle("standing").label) == len(standing.instances.all) == 2
    assert (standing.causes, standing.holder) == ((), None)


def test_the_standing_of_a_sick_environment_tells_why(ground: Ground) -> None:
    target, clock = ground.environment(), ground.clock()
    assert "HTTP 4xx" in read_standing(target, ground.aws(clock), clock).causes[0]


def test_versions_tell_which_runs_and_which_did(ground: Ground) -> None:
    target = ground.environment()
    ground.deployed(target, "first of all", "second of all")
    lines = {line.label: line for line in read_versions(target, ground.aws(ground.clock()))}
    assert lines[bundle("second of all").label].current
    assert lines[bundle("first of all").label].previous
    assert sum(line.current or line.previous for line in lines.values()) == 2
    created = [line.created for line in lines.values()]
    assert created == sorted(created, reverse=True)


def test_events_are_the_latest_oldest_first(ground: Ground) -> None:
    target = ground.environment()
    events = read_events(target, ground.aws(ground.clock()), limit=2)
    assert len(events) == 2
    assert events[-1].message.startswith("Successfully launched environment")


def test_events_are_followed_each_told_once(ground: Ground) -> None:
    target, clock = ground.environment(), ground.clock()
    ground.deployed(target, "one")
    ground.beanstalk.update_environment(EnvironmentName=target.environment, VersionLabel=bundle("one").label)
    followed = follow_events(target, ground.aws(clock), clock, limit=1)
    ground.emulator.order("throttles", action="DescribeEvents", after=1)
    messages = [event.message for event in islice(followed, 6)]
    assert messages[0] == "Environment update is starting."
    assert "Environment update completed successfully." in messages
    assert len(set(messages)) == 6
