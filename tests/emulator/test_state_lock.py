"""Requests one at a time, and what happens beside them."""

from threading import Event

from beanpod_emulator.state import StateLock

_SECONDS = 60


def test_background_work_acquires_the_lock_while_a_request_waits() -> None:
    turn, done = StateLock(), []

    def work() -> None:
        with turn:
            done.append("work")

    with turn, turn:
        turn.run_in_background(work)
        assert done == []
        while turn.wait_for_background():
            pass
        assert done == ["work"]


def test_wait_returns_false_without_background_work() -> None:
    turn, go_on = StateLock(), Event()
    assert turn.wait_for_background() is False

    def work() -> None:
        go_on.wait(_SECONDS)

    turn.run_in_background(work)
    assert turn.wait_for_background() is True
    go_on.set()
    while turn.wait_for_background():
        pass
