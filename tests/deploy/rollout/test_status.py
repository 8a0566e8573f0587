"""The status of an environment: the version that each instance runs, and the versions before."""

from itertools import islice

from beanpod.deploy.preflight import Target
from beanpod.deploy.status import follow_events, read_status
from tests.deploy.rollout.sandbox import Sandbox, bundle


def test_status_has_the_causes_of_poor_health(sandbox: Sandbox, target: Target) -> None:
    assert "HTTP 4xx" in read_status(target, sandbox.aws()).causes[0]


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
