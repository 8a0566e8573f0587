"""The lock of the services' state, and work in the background."""

from threading import Event

from beanpod_emulator.state import StateLock

_SECONDS = 60


def test_background_work_acquires_the_lock_while_a_request_waits() -> None:
    lock, done = StateLock(), []

    def work() -> None:
        with lock:
            done.append("work")

    with lock, lock:
        lock.run_in_background(work)
        assert done == []
        while lock.wait_for_background():
            pass
        assert done == ["work"]


def test_wait_returns_false_without_background_work() -> None:
    lock, go_on = StateLock(), Event()
    assert lock.wait_for_background() is False

    def work() -> None:
        go_on.wait(_SECONDS)

    lock.run_in_background(work)
    assert lock.wait_for_background() is True
    go_on.set()
    while lock.wait_for_background():
        pass
