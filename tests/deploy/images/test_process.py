"""Processes are run to their end, or ended with their children; temporary folders do not outlive their run for long."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from beanpod.deploy.images import Finished, ProcessRunner, TimedOutError
from beanpod.deploy.images.process import temporary_folder

_RUNNER = ProcessRunner(grace=0.3)
# A shell prints a word within milliseconds, except on a busy machine.
_UNTIL_IT_PRINTED = 2.0


def _run(script: str, *, timeout: float = 20.0, stdin: str = "", show: Callable[[str], None] | None = None) -> Finished:
    return _RUNNER.run(["sh", "-c", script], environment=dict(os.environ), timeout=timeout, stdin=stdin, show=show)


def _lives(process_id: str) -> bool:
    # A killed process is a zombie until its parent waits for it.
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


def test_both_outputs_are_shown_and_standard_output_is_kept_apart() -> None:
    shown: list[str] = []

    finished = _run("echo answer; sleep 0.05; echo warning >&2; exit 3", show=shown.append)

    assert finished == Finished(3, "answer\n", ("answer", "warning"))
    assert shown == ["answer", "warning"]


def test_lines_are_shown_when_they_are_printed(tmp_path: Path) -> None:
    seen = tmp_path / "seen"

    finished = _run(f"echo one; until [ -e {seen} ]; do sleep 0.02; done; echo two", show=lambda line: seen.touch())

    assert finished.lines == ("one", "two")


@pytest.mark.parametrize(
    ("script", "stdin", "lines"),
    [
        (r"printf '10 %%\r20 %%\r\ndone'", "", ("10 %", "20 %", "done")),
        (r"printf 'a\377b'", "", ("a\ufffdb",)),
        ("cat", "given", ("given",)),
    ],
    ids=["a carriage return ends a line", "bytes that are no text are replaced", "standard input is read"],
)
def test_output_is_read_in_lines(script: str, stdin: str, lines: tuple[str, ...]) -> None:
    assert _run(script, stdin=stdin).lines == lines


def test_much_output_on_both_sides_does_not_block() -> None:
    finished = _run("seq 1 50000; seq 1 50000 >&2")

    assert len(finished.lines) == 100_000
    assert finished.stdout.splitlines()[-1] == "50000"


def test_a_process_that_does_not_read_its_input_is_no_error() -> None:
    assert _run("exec true", stdin="x" * 1_000_000).code == 0


def test_a_timeout_ends_the_process_with_its_children() -> None:
    with pytest.raises(TimedOutError, match=r"timed out after 2 s") as caught:
        _run("echo $$; sleep 60 & echo $!; wait", timeout=_UNTIL_IT_PRINTED)

    leader, child = caught.value.lines
    _assert_dead(leader)
    _assert_dead(child)


def test_an_interruption_ends_the_process_with_its_children() -> None:
    shown: list[str] = []

    def interrupt(line: str) -> None:
        shown.append(line)
        if len(shown) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run("echo $$; sleep 60 & echo $!; wait", show=interrupt)

    for process_id in shown:
        _assert_dead(process_id)


def test_a_process_that_ignores_sigterm_is_killed() -> None:
    with pytest.raises(TimedOutError) as caught:
        _run("trap '' TERM; echo $$; sleep 60; sleep 60", timeout=_UNTIL_IT_PRINTED)

    _assert_dead(caught.value.lines[0])


def test_a_program_that_does_not_exist_raises_file_not_found() -> None:
    with pytest.raises(FileNotFoundError):
        _RUNNER.run(["no-such-program"], environment={"PATH": "/nowhere"}, timeout=1)


_ROOT = Path(__file__).parents[3]
_CHILD = """
import sys
from pathlib import Path
from beanpod.deploy.images.process import temporary_folder

with temporary_folder("used-", parent=Path(sys.argv[1])) as folder:
    (folder / "settings").write_text("{}")
    print(folder, flush=True)
    sys.stdin.read()
"""


@contextmanager
def _running(parent: Path) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """A process that uses a folder, and the folder, made to look old."""
    command = [sys.executable, "-c", _CHILD, str(parent)]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        folder = Path(process.stdout.readline().strip())
        assert folder.is_relative_to(parent)
        os.utime(folder, (0, 0))
        yield process, folder
        process.kill()


def _next_run(parent: Path) -> None:
    with temporary_folder("used-", parent=parent):
        pass


def test_a_folder_is_removed_after_its_block(tmp_path: Path) -> None:
    with temporary_folder("used-", parent=tmp_path) as folder:
        (folder / "settings").write_text("{}")
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_killed_run_is_removed_by_the_next(tmp_path: Path) -> None:
    with _running(tmp_path) as (process, folder):
        process.kill()
        process.wait()
        assert (folder / "settings").exists()
        _next_run(tmp_path)
        assert not folder.exists()


def test_a_folder_in_use_is_not_removed_however_old(tmp_path: Path) -> None:
    with _running(tmp_path) as (_, folder):
        _next_run(tmp_path)
        assert (folder / "settings").exists()


def test_new_folders_links_and_files_are_not_removed(tmp_path: Path) -> None:
    young, target, file = tmp_path / "used-young", tmp_path / "target", tmp_path / "used-file"
    young.mkdir()
    target.mkdir()
    file.touch()
    (tmp_path / "used-link").symlink_to(target)
    for path in (target, file):
        os.utime(path, (0, 0))
    _next_run(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["target", "used-file", "used-link", "used-young"]
