"""`CommandRunner` ends processes with their children; old temporary folders are removed."""

import errno
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from beanpod.deploy.errors import BuildError
from beanpod.deploy.images import CommandResult, CommandRunner, TimedOutError
from beanpod.deploy.images.process import temporary_folder

_RUNNER = CommandRunner(grace=0.3)
# A shell prints a word within milliseconds, except on a busy machine.
_UNTIL_IT_PRINTED = 3.0


def _run(
    script: str, *, timeout: float = 20.0, stdin: str = "", show: Callable[[str], None] | None = None
) -> CommandResult:
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


def test_lines_of_both_outputs_are_shown_when_they_are_printed(tmp_path: Path) -> None:
    seen, shown = tmp_path / "seen", list[str]()

    def show(line: str) -> None:
        shown.append(line)
        seen.touch()

    finished = _run(f"echo answer; until [ -e {seen} ]; do sleep 0.02; done; echo warning >&2; exit 3", show=show)

    assert finished == CommandResult(3, "answer\n", ("answer", "warning"))
    assert shown == ["answer", "warning"]


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
    with pytest.raises(TimedOutError, match=r"timed out after 3 s") as caught:
        _run("echo $$; sleep 60 & echo $!; wait", timeout=_UNTIL_IT_PRINTED)

    leader, child = caught.value.lines
    _assert_dead(leader)
    _assert_dead(child)


@pytest.mark.parametrize("script", ["", "trap '' TERM; "], ids=["ends at SIGTERM", "ignores SIGTERM"])
def test_an_interruption_ends_the_process_with_its_children(script: str) -> None:
    shown: list[str] = []

    def interrupt(line: str) -> None:
        shown.append(line)
        if len(shown) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run(f"{script}echo $$; sleep 60 & echo $!; wait; sleep 60", show=interrupt)

    for process_id in shown:
        _assert_dead(process_id)


def test_a_program_that_cannot_be_run_raises_file_not_found(tmp_path: Path) -> None:
    """Also one that may not be, as where the PATH names a folder of another user, in which it is looked for."""
    (tmp_path / "program").touch(mode=0o644)
    for program in ("no-such-program", "program"):
        with pytest.raises(FileNotFoundError):
            _RUNNER.run([program], environment={"PATH": str(tmp_path)}, timeout=1)


def test_a_folder_is_removed_after_its_block_and_one_without_a_lock_after_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    young, old, target, file = (tmp_path / name for name in ("used-young", "used-old", "target", "used-file"))
    for folder in (young, old, target):
        folder.mkdir()
        (folder / "settings").write_text("{}")
    file.touch()
    (tmp_path / "used-link").symlink_to(target)
    os.utime(tmp_path / "used-link", (0, 0), follow_symlinks=False)
    for path in (old, target, file):
        os.utime(path, (0, 0))
    with temporary_folder("used-") as folder:
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "settings").write_text("{}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["target", "used-file", "used-link", "used-young"]
    assert (target / "settings").exists()


def test_a_folder_is_removed_once_its_run_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    program = (
        "import sys; from beanpod.deploy.images.process import temporary_folder\n"
        "with temporary_folder('used-'): print('made', flush=True), sys.stdin.read()"
    )
    command, environ = [sys.executable, "-c", program], {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout
        assert running.stdout.readline() == b"made\n"
        (left,) = tmp_path.iterdir()
        os.utime(left, (0, 0))
        with temporary_folder("used-"):
            assert left.exists()
        running.kill()
    assert left.exists()
    with temporary_folder("used-"):
        assert not left.exists()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"),
    ],
)
def test_a_full_disk_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with (
        pytest.raises(
            BuildError, match=r"(No space|No usable temporary dir).*: free space there, or set TMPDIR and HOME"
        ),
        temporary_folder("used-"),
    ):
        raise error
    with pytest.raises(IsADirectoryError), temporary_folder("used-") as folder:
        folder.read_bytes()
