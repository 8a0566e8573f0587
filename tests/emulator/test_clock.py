from datetime import datetime, timedelta

import pytest

from emulator.clock import Clock


class Wall:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1)

    def __call__(self) -> datetime:
        return self.time

    def pass_seconds(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def test_work_is_finished_at_the_next_look_by_default() -> None:
    clock, done = Clock(), list[str]()
    clock.after(3600, lambda: done.append("launched"))
    assert done == []
    clock.run_due()
    assert done == ["launched"]


def test_scaled_work_waits_for_its_time_and_runs_in_order() -> None:
    wall, done = Wall(), list[str]()
    clock = Clock(scale=0.1, wall=wall)
    clock.after(20, lambda: done.append("second"))
    clock.after(10, lambda: done.append("first"))
    wall.pass_seconds(0.9)
    clock.run_due()
    assert done == []
    wall.pass_seconds(1.1)
    clock.run_due()
    assert done == ["first", "second"]


def test_work_may_schedule_more_work() -> None:
    clock, done = Clock(), list[str]()
    clock.after(1, lambda: clock.after(1, lambda: done.append("later")))
    clock.run_due()
    assert done == ["later"]


def test_who_has_to_wait_gets_everything_finished() -> None:
    clock, done = Clock(scale=1.0, wall=Wall()), list[str]()
    clock.after(600, lambda: done.append("updated"))
    clock.finish()
    assert done == ["updated"]


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match=r"scale must be 0 or more, got -1\.0"):
        Clock(scale=-1.0)
