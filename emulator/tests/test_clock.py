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


def test_actions_are_due_at_once_by_default() -> None:
    clock, done = Clock(), list[str]()
    clock.after(3600, lambda: done.append("launched"))
    assert done == []
    clock.run_due()
    assert done == ["launched"]


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


def test_an_action_may_schedule_another() -> None:
    clock, done = Clock(), list[str]()
    clock.after(1, lambda: clock.after(1, lambda: done.append("later")))
    clock.run_due()
    assert done == ["later"]


def test_finish_runs_actions_until_the_condition_holds(clock: Clock) -> None:
    done = list[str]()
    clock.after(600, lambda: done.append("updated"))
    clock.after(900, lambda: done.append("somebody else's"))
    clock.finish(lambda: "updated" in done)
    assert done == ["updated"]


def test_a_stopped_clock_moves_by_advance_only(clock: Clock, wall: Wall) -> None:
    done = list[tuple[str, float]]()
    clock.stop()
    began = clock.now()

    def note(what: str) -> None:
        done.append((what, (clock.now() - began).total_seconds()))

    def first() -> None:
        note("first")
        clock.after(10, lambda: note("between"))

    clock.after(20, lambda: note("second"))
    clock.after(5, first)
    wall.pass_seconds(100)
    clock.run_due()
    assert done == []
    clock.advance(30)
    assert done == [("first", 5), ("between", 15), ("second", 20)]
    assert (clock.now() - began).total_seconds() == 30
