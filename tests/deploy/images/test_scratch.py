"""Temporary folders after a kill."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beanpod.deploy.images._scratch import scratch

_ROOT = Path(__file__).parents[3]
_CHILD = """
import sys
from pathlib import Path
from beanpod.deploy.images._scratch import scratch

with scratch("used-", parent=Path(sys.argv[1])) as folder:
    (folder / "settings").write_text("{}")
    print(folder, flush=True)
    sys.stdin.read()
"""


@contextmanager
def _running(parent: Path) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """A process that uses a folder, which looks as if it had done so for long."""
    command = [sys.executable, "-c", _CHILD, str(parent)]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        folder = Path(process.stdout.readline().strip())
        assert folder.is_relative_to(parent)
        os.utime(folder, (0, 0))
        yield process, folder
        process.kill()


def _next_run(parent: Path) -> None:
    with scratch("used-", parent=parent):
        pass


def test_a_folder_goes_with_its_block(tmp_path: Path) -> None:
    with scratch("used-", parent=tmp_path) as folder:
        (folder / "settings").write_text("{}")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_goes_with_the_next(tmp_path: Path) -> None:
    with _running(tmp_path) as (process, folder):
        process.kill()
        process.wait()
        assert (folder / "settings").exists()
        _next_run(tmp_path)
        assert not folder.exists()


def test_a_folder_in_use_stays_however_old(tmp_path: Path) -> None:
    with _running(tmp_path) as (_, folder):
        _next_run(tmp_path)
        assert (folder / "settings").exists()


def test_what_may_just_be_made_and_what_is_another_thing_stay(tmp_path: Path) -> None:
    young, target, file = tmp_path / "used-young", tmp_path / "target", tmp_path / "used-file"
    young.mkdir()
    target.mkdir()
    file.touch()
    (tmp_path / "used-link").symlink_to(target)
    for path in (target, file):
        os.utime(path, (0, 0))
    _next_run(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["target", "used-file", "used-link", "used-young"]
