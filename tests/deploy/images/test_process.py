"""Processes are run to their end, or ended with all they started."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from beanpod.deploy.images import Finished, ProcessRunner, TimedOutError

_RUNNER = ProcessRunner(grace=0.3)
# A shell says a word within milliseconds, but on a busy machine.
_UNTIL_IT_SPOKE = 3.0


def _run(script: str, *, timeout: float = 20.0, stdin: str = "", show: Callable[[str], None] | None = None) -> Finished:
    return _RUNNER.run(["sh", "-c", script], environment=dict(os.environ), timeout=timeout, stdin=stdin, show=show)


def _lives(process_id: str) -> bool:
    # A killed process whose parent has not looked yet is a zombie.
    status = Path(f"/proc/{process_id}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _assert_dead(process_id: str) -> None:
    end = time.monotonic() + 30
    while _lives(process_id) and time.monotonic() < end:
        time.sleep(0.02)
    assert not _lives(process_id)


def test_both_outputs_are_shown_and_only_one_is_the_answer() -> None:
    shown: list[str] = []

    finished = _run("echo answer; sleep 0.05; echo warning >&2; exit 3", show=shown.append)

    assert finished == Finished(3, "answer\n", ("answer", "warning"))
    assert shown == ["answer", "warning"]


def test_lines_are_shown_as_they_come(tmp_path: Path) -> None:
    seen = tmp_path / "seen"

    finished = _run(f"echo one; until [ -e {seen} ]; do sleep 0.02; done; echo two", show=lambda line: seen.touch())

    assert finished.lines == ("one", "two")


def test_a_line_that_is_overwritten_is_a_line_each_time() -> None:
    assert _run(r"printf '10 %%\r20 %%\r\ndone'").lines == ("10 %", "20 %", "done")


def test_what_is_no_text_is_shown_as_well_as_it_can_be() -> None:
    assert _run(r"printf 'a\377b'").lines == ("a\ufffdb",)


def test_much_output_on_both_sides_does_not_block() -> None:
    finished = _run("seq 1 50000; seq 1 50000 >&2")

    assert len(finished.lines) == 100_000
    assert finished.stdout.splitlines()[-1] == "50000"


def test_standard_input_reaches_the_process_and_ends() -> None:
    assert _run("cat", stdin="given").stdout == "given"


def test_a_process_that_does_not_read_its_input_is_no_error() -> None:
    assert _run("exec true", stdin="x" * 1_000_000).code == 0


def test_a_process_that_takes_too_long_is_ended_with_what_it_started() -> None:
    with pytest.raises(TimedOutError, match=r"no end after 3 s") as caught:
        _run("echo $$; sleep 60 & echo $!; wait", timeout=_UNTIL_IT_SPOKE)

    leader, child = caught.value.lines
    _assert_dead(leader)
    _assert_dead(child)


def test_a_process_that_never_stops_talking_is_ended_in_time_too() -> None:
    with pytest.raises(TimedOutError):
        _run("yes", timeout=0.3)


def test_an_interruption_ends_the_process_with_what_it_started() -> None:
    shown: list[str] = []

    def interrupt(line: str) -> None:
        shown.append(line)
        if len(shown) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run("echo $$; sleep 60 & echo $!; wait", show=interrupt)

    for process_id in shown:
        _assert_dead(process_id)


def test_a_process_that_ignores_the_request_to_end_is_killed() -> None:
    with pytest.raises(TimedOutError) as caught:
        _run("trap '' TERM; echo $$; sleep 60; sleep 60", timeout=_UNTIL_IT_SPOKE)

    _assert_dead(caught.value.lines[0])


def test_a_program_that_does_not_exist_is_told_apart() -> None:
    with pytest.raises(FileNotFoundError):
        _RUNNER.run(["no-such-program"], environment={"PATH": "/nowhere"}, timeout=1)
