"""The verdict about a release: by the state of the environment, not by an event's message."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from beanpod.deploy.aws import Environment, Instance, Instances
from beanpod.deploy.errors import DeadlineError
from beanpod.deploy.health_path import HealthPath
from beanpod.deploy.preflight import DeploymentContext, Settings, Target
from beanpod.deploy.verify import State, Update, judge
from tests.deploy.clocks import StillClock
from tests.fake_reporter import FakeReporter

_NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
WELL = Environment("guestbook-dev", "Ready", "Ok", "v2", abortable=False, updated=_NOON)
DONE = Instance("i-1", "Ok", "v2", "Deployed")
STARTING = Instance("i-2", "Pending", "", "")


def _instances(*all_of_them: Instance, after: float = 1) -> Instances:
    return Instances(all_of_them, _NOON + timedelta(seconds=after))


@pytest.mark.parametrize(
    ("changes", "state", "text"),
    [
        ({}, State.GOOD, "it runs v2"),
        ({"status": "Updating"}, State.MOVING, "it is Updating"),
        ({"status": "Aborting"}, State.MOVING, "it is Aborting"),
        ({"status": "Terminating"}, State.GONE, "it is Terminating"),
        ({"version_label": "v1"}, State.OTHER, "it runs v1"),
        ({"version_label": ""}, State.OTHER, "it runs nothing"),
        ({"health": "Severe"}, State.RECOVERING, "its health is Severe"),
        ({"health": "Info"}, State.GOOD, "it runs v2"),
        ({"health": "NoData"}, State.RECOVERING, "its health is NoData"),
        ({"health": "Warning"}, State.RECOVERING, "its health is Warning"),
    ],
)
def test_an_environment_is_judged_by_status_label_and_health(changes: dict[str, Any], state: State, text: str) -> None:
    finding = judge(replace(WELL, **changes), None, "v2", Settings())
    assert (finding.state, finding.text) == (state, text)


def test_warning_health_may_be_accepted() -> None:
    accepting = Settings(accepted_health=("Warning",))
    assert judge(replace(WELL, health="Warning"), None, "v2", accepting).state is State.GOOD


OLD, FAILED = replace(DONE, version_label="v1"), replace(DONE, deployment="Failed")
BEGUN = replace(DONE, deployment="In Progress")


@pytest.mark.parametrize(
    ("instances", "state", "text"),
    [
        (_instances(DONE), State.GOOD, "its instance runs v2"),
        (_instances(DONE, DONE), State.GOOD, "all 2 instances run v2"),
        # It may be on its way out.
        (_instances(DONE, OLD), State.RECOVERING, "1 of 2 instances does not run v2"),
        (_instances(OLD, OLD), State.FAILED, "2 of 2 instances do not run v2"),
        (_instances(FAILED), State.FAILED, "its instance does not run v2"),
        # It has just been started, by a scaling group that grows.
        (_instances(DONE, STARTING), State.STARTING, "1 of 2 instances is starting"),
        (_instances(DONE, replace(STARTING, deployment="In Progress")), State.STARTING, "1 of 2 instances is starting"),
        (_instances(DONE, STARTING, FAILED), State.FAILED, "2 of 3 instances do not run v2"),
        (_instances(STARTING), State.RECOVERING, "its instance does not run v2"),
        (_instances(BEGUN), State.RECOVERING, "its instance does not run v2"),
        # Said before the environment settled: it may be different by now.
        (_instances(OLD, after=-5), State.RECOVERING, "its instance does not run v2"),
        (_instances(), State.RECOVERING, "no instance reports its health"),
        (_instances(DONE, replace(DONE, health="Severe")), State.RECOVERING, "the health of an instance is Severe"),
        (_instances(replace(DONE, health="Severe"), after=-5), State.GOOD, "its instance runs v2"),
        (_instances(replace(DONE, health="Warning")), State.GOOD, "its instance runs v2"),
    ],
)
def test_every_instance_has_to_run_the_version(instances: Instances, state: State, text: str) -> None:
    finding = judge(WELL, instances, "v2", Settings())
    assert (finding.state, finding.text) == (state, text)


def test_the_health_of_an_instance_may_be_accepted() -> None:
    accepting = Settings(accepted_health=("Degraded",))
    for health, state in (("Degraded", State.GOOD), ("Severe", State.RECOVERING)):
        assert judge(WELL, _instances(replace(DONE, health=health)), "v2", accepting).state is state


def test_the_causes_are_those_of_the_instances_that_do_not() -> None:
    sick = Instance("i-2", "Degraded", "v1", "Deployed", ("Incorrect application version.", "Disk full."))
    noisy = replace(DONE, causes=("It is fine.",))
    finding = judge(WELL, _instances(noisy, sick), "v2", Settings())
    assert finding.causes == ("i-2: Incorrect application version.", "i-2: Disk full.")


class _ScriptedAws:
    """Answers with one state of the environment after the other, the last one again and again."""

    def __init__(self, *states: tuple[Environment | None, int]) -> None:
        self._states: Iterator[Environment | None] = (state for state, times in states for _ in range(times))
        self._last = states[-1][0]
        self.launching = self.stale = 0

    def environments(self, _application: str, _name: str) -> tuple[Environment, ...]:
        return tuple(filter(None, (next(self._states, self._last),)))

    def instances(self, _environment: str) -> Instances:
        self.launching -= 1
        self.stale -= 1
        others = [STARTING] if self.launching >= 0 else []
        return _instances(DONE, *others, after=-5 if self.stale >= 0 else 1)


def _update(aws: Any, ask: Callable[[str], int] = lambda _url: 200) -> Update:
    url = "http://guestbook.example.com"
    target = Target("guestbook", WELL.name, "us-east-1", "artifacts", url, HealthPath(f"{url}/health", ask=ask))
    context = DeploymentContext(target, aws, StillClock(), FakeReporter(), Settings(recovery=120))
    return Update(context, "v2")


def test_the_health_has_its_time_after_an_update_of_another_deployer() -> None:
    busy, unwell = replace(WELL, status="Updating"), replace(WELL, health="Warning")
    update = _update(_ScriptedAws((busy, 100), (unwell, 5), (WELL, 1)))
    assert update.verify(WELL).state is State.GOOD


def test_a_container_has_its_time_to_listen_after_an_update_of_another_deployer() -> None:
    answers: Iterator[int] = iter([0, 0, 500])

    def ask(_url: str) -> int:
        if status := next(answers, 500):
            return status
        raise ConnectionRefusedError

    update = _update(_ScriptedAws((replace(WELL, status="Updating"), 100), (WELL, 1)), ask)
    assert update.verify(replace(WELL, status="Updating")).text.endswith("answered 500, expected 200")


def test_an_instance_that_a_scaling_group_launches_is_waited_for() -> None:
    aws = _ScriptedAws((WELL, 1))
    aws.launching = 60
    assert _update(aws).verify(WELL).state is State.GOOD
    unwell = judge(replace(WELL, health="Degraded"), _instances(DONE, STARTING), "v2", Settings())
    assert (unwell.state, unwell.text) == (State.RECOVERING, "its health is Degraded")


@pytest.mark.parametrize(("before", "looks"), [("v2", 6), ("v1", 1)], ids=["again", "for the first time"])
def test_a_version_that_is_deployed_again_is_judged_by_what_its_instances_say_after_it(before: str, looks: int) -> None:
    aws = _ScriptedAws((WELL, 1))
    aws.stale = 4
    update = _update(aws)
    update.before = before
    assert (update.verify(WELL).state, aws.stale) == (State.GOOD, 4 - looks)


def test_the_state_of_an_environment_that_vanishes_is_unknown() -> None:
    with pytest.raises(
        DeadlineError, match=r"its health is not known, .*: environment guestbook-dev .* does not exist"
    ):
        _update(_ScriptedAws((None, 1))).verify(WELL)
