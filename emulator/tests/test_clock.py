from datetime import datetime, timedelta

import pytest

from beanpod_emulator.clock import Clock


class Wall:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1)

    def __call__(self) -> datetime:
        return self.time

    def pass_seconds(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def clock(wall: Wall) -> Clock:
    """A clock in real time."""
    clock = Clock(wall)
    clock.run_in_real_time()
    return clock


def test_actions_in_real_time_run_in_order_when_due(clock: Clock, wall: Wall) -> None:
    done = list[str]()
    clock.after(20, lambda: done.append("second"))
    clock.after(10, lambda: done.append("first"))
    wall.pass_seconds(9)
    clock.run_due()
    assert done == []
    wall.pass_seconds(11)
    clock.run_due()
    assert done == ["first", "second"]


def test_an_action_that_runs_late_sees_the_time_it_was_due(clock: Clock, wall: Wall) -> None:
    dates = list[datetime]()
    due = clock.now() + timedelta(seconds=5)
    clock.after(5, lambda: dates.append(clock.now()))
    wall.pass_seconds(100)
    clock.run_due()
    assert dates == [due]
    assert clock.now() == wall()


def test_finish_runs_actions_until_the_condition_holds(clock: Clock) -> None:
    done = list[str]()
    clock.after(600, lambda: done.append("updated"))
    clock.after(900, lambda: done.append("somebody else's"))
    clock.finish(lambda: "updated" in done)
    assert done == ["updated"]
