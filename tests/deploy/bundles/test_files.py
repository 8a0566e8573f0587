"""Files that go into a bundle: what cannot be read is named, what Beanstalk would not take is refused before it is."""

import os
from pathlib import Path

import pytest

from beanpod.deploy.bundles.files import env_values, folder_files, too_large
from tests.cli.commands.test_build import contents, run_process
from tests.deploy.bundles.cases import copied
from tests.deploy.bundles.projects import compose_bundle, refused, write

DATA = (
    'services:\n  web:\n    build: .\n    ports: ["80:8080"]\n'
    '  search:\n    image: busybox:stable\n    volumes: ["./data:/data"]\n'
)
MIB = 1024 * 1024


def test_folder_that_this_user_cannot_read_is_one_line(tmp_path: Path) -> None:
    project = copied("unreadable-folder", tmp_path)
    private = project / "data/private"
    private.chmod(0)
    try:
        ended = run_process(project, "--bundle", "../bundle")
    finally:
        private.chmod(0o700)
    assert (ended.code, len(ended.stderr.splitlines())) == (3, 1)
    denied = "data/private: cannot be read: Permission denied: grant this user read permission, or remove it"
    assert denied in ended.stderr
    # The remedy.
    assert run_process(project, "--bundle", "../bundle").code == 0
    assert "data/private/segment" in contents(tmp_path / "bundle")


@pytest.mark.parametrize("name", ["data/private/segment", "data", "Dockerfile", "compose.yaml", "beanpod.toml", "."])
def test_whatever_this_user_cannot_read_is_named(tmp_path: Path, name: str) -> None:
    project = copied("unreadable-folder", tmp_path)
    mode = (project / name).stat().st_mode
    (project / name).chmod(0o444 if (project / name).is_dir() else 0)
    try:
        ended = run_process(project, "--manifest", str(project / "beanpod.toml"))
    finally:
        (project / name).chmod(mode)
    assert ended.code in (2, 3)
    assert "unexpected" not in ended.stderr
    assert any(word in ended.stderr for word in ("cannot be read", "no such f", "permission denied"))


def test_files_that_vanish_while_they_are_read_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, {f"data/{name}": name for name in "abc"})
    problems: list[str] = []
    taken = folder_files(tmp_path, tmp_path / "data", problems)
    assert next(taken)[0] == "data/a"
    (tmp_path / "data/b").unlink()
    assert [name for name, _ in taken] == ["data/c"]
    assert problems == []


def test_a_folder_over_beanstalks_limit_is_refused_without_reading_it(tmp_path: Path) -> None:
    write(tmp_path, {"data/small": "1", "data/old/a": "", "data/new/b": ""})
    for name, size in (("old/a", 400), ("new/b", 200)):
        os.truncate(tmp_path / "data" / name, size * MIB)
    (problem,) = refused(lambda: compose_bundle(tmp_path, DATA))
    assert problem == (
        "compose.yaml: service search, volumes: the bundle has 600.0 MiB, and Elastic Beanstalk accepts 500 MiB: "
        "remove what is not needed; the largest files are data/old/a, data/new/b, data/small"
    )
    # The limit is for the whole bundle.
    assert too_large({"a": 300 * MIB, "b": 200 * MIB}) is None
    assert too_large({"a": 300 * MIB, "b": 200 * MIB + 1})


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("A=1", {"A": "1"}),
        (" export A = '1 # 2' # three", {"A": "1 # 2"}),
        ('A="1#2"', {"A": "1#2"}),
        ("A=1#2 # three", {"A": "1#2"}),
        ("A=", {"A": ""}),
        ("discovery.type=single-node", {"discovery.type": "single-node"}),
        ("# A=1", {}),
        ("A", {}),
    ],
)
def test_a_line_of_an_env_file_is_read_as_compose_reads_it(line: str, values: dict[str, str]) -> None:
    assert env_values(f"{line}\n") == values
