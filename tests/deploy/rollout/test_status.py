"""The status of an environment: the version that each instance runs, and the versions before."""

from itertools import islice
from typing import Any

import pytest

from beanpod.deploy.errors import UsageError
from beanpod.deploy.preflight import Target
from beanpod.deploy.status import follow_events, read_status
from tests.deploy.rollout.sandbox import Sandbox, bundle, handling


def test_status_has_the_causes_of_poor_health(sandbox: Sandbox, target: Target) -> None:
    assert "HTTP 4xx" in read_status(target, sandbox.aws()).causes[0]


def test_basic_health_reporting_is_refused_with_a_remedy(sandbox: Sandbox, target: Target) -> None:
    namespace = "aws:elasticbeanstalk:healthreporting:system"
    sandbox.beanstalk.update_environment(
        EnvironmentName=target.environment,
        OptionSettings=[{"Namespace": namespace, "OptionName": "SystemType", "Value": "basic"}],
    )
    sandbox.emulator.advance(100)
    with pytest.raises(UsageError, match=f"has basic health reporting, .*: set {namespace} SystemType to enhanced"):
        read_status(target, sandbox.aws())


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


def test_an_event_that_appears_late_is_followed_too(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "late")
    aws, held_back = sandbox.aws(), list[Any]()

    def hold_back(parsed: Any, **_: object) -> None:
        """Leave the last but one event out of the first answer."""
        if not held_back:
            held_back.append(parsed["Events"].pop(1))

    count = len(aws.events(target.application, target.environment))
    with handling(aws, "after-call.*.DescribeEvents", hold_back):
        events = list(islice(follow_events(target, aws, sandbox.clock()), count))
    assert events[-1].message == held_back[0]["Message"]
