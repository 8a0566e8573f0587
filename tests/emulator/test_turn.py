"""Requests one at a time, and what happens beside them."""

from threading import Event

from beanpod_emulator.turn import Turn

_SECONDS = 60


def test_work_beside_a_request_gets_its_turn_while_the_request_waits_for_it() -> None:
    turn, done = Turn(), []

    def work() -> None:
        with turn:
            done.append("work")

    with turn, turn:
        turn.beside(work)
        assert done == []
        while turn.wait():
            pass
        assert done == ["work"]


def test_there_is_nothing_to_wait_for_when_nothing_runs() -> None:
    turn, go_on = Turn(), Event()
    assert turn.wait() is False

    def work() -> None:
        go_on.wait(_SECONDS)

    turn.beside(work)
    assert turn.wait() is True
    go_on.set()
    while turn.wait():
        pass
