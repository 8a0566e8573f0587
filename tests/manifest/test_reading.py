"""A manifest is read from a file, or refused as a whole; the package loads no more than it needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from beanpod.manifest import Manifest, ManifestError
from tests.manifests import SERVICE, Reader

TWO_STAGES = SERVICE + "[stages.qa]\n[stages.dev]\n"


def problem_with(file: Path, content: bytes) -> str:
    file.write_bytes(content)
    with pytest.raises(ManifestError) as caught:
        Manifest.read(file)
    (problem,) = caught.value.problems
    return problem


def test_three_lines_make_one_small_stage(read: Reader) -> None:
    manifest = read(SERVICE)
    stage = manifest.stage()
    assert manifest.stages == ("dev",)
    assert (stage.name, stage.preset, stage.database) == ("dev", "small", None)
    assert (stage.service.dockerfile, stage.service.port) == ("Dockerfile", 8080)


def test_stages_keep_the_order_of_the_file(read: Reader) -> None:
    manifest = read(TWO_STAGES)
    assert manifest.stages == ("qa", "dev")
    assert manifest.stage(None).name == "qa"
    assert manifest.stage("dev").name == "dev"


def test_unknown_stage_names_the_nearest_first(read: Reader) -> None:
    with pytest.raises(ManifestError, match=r"stage 'deb': no such stage; choose one of: dev, qa$"):
        read(TWO_STAGES).stage("deb")


@pytest.mark.parametrize(
    ("settings", "minutes"),
    [
        ("", 30),
        ('deployment_policy = "Immutable"', 30),
        ('deployment_policy = "TrafficSplitting"\nevaluation_minutes = 45', 75),
        ('max_size = 20\ndeployment_policy = "Rolling"', 30),
        ('max_size = 20\ndeployment_policy = "Rolling"\nbatch_size = 10', 50),
        ('max_size = 2\ndeployment_policy = "Rolling"\nbatch_size = 1', 30),
        ('max_size = 20\ndeployment_policy = "RollingWithAdditionalBatch"\nbatch_size_type = "Fixed"', 100),
        ('max_size = 20\nbatch_size_type = "Fixed"\nbatch_size = 3\ndeployment_policy = "Rolling"', 35),
    ],
)
def test_a_release_may_take_as_long_as_its_batches_and_evaluation(read: Reader, settings: str, minutes: int) -> None:
    text = f'{SERVICE}[stages.prod]\npreset = "production"\n[environment]\n{settings}\n'
    assert read(text).stage("prod").environment.update_seconds == minutes * 60


def test_byte_order_mark_is_no_problem(folder: Path) -> None:
    (folder / "beanpod.toml").write_text(SERVICE, encoding="utf-8-sig")
    assert Manifest.read(folder / "beanpod.toml").stages == ("dev",)


def test_path_may_be_a_string(folder: Path) -> None:
    (folder / "beanpod.toml").write_text(SERVICE, encoding="utf-8")
    assert Manifest.read(str(folder / "beanpod.toml")).path == folder / "beanpod.toml"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty: begin with [service], name and image"),
        (b" \n\t\n", "the file is empty: begin with [service], name and image"),
        (
            b"[service]\nname guestbook\n",
            "not TOML: Expected '=' after a key in a key/value pair (at line 2, column 6): write key = value, ",
        ),
        (b"[service]\nname = guestbook\n", "not TOML: Invalid value (at line 2, column 8): write text in quotes"),
        (
            b'[service]\nname = "a"\nname = "b"\n',
            "not TOML: Cannot overwrite a value (at line 3, column 11): it is there already: write it once",
        ),
        (
            b"[service]\n[service]\n",
            "not TOML: Cannot declare [service] twice (at line 2, column 9): it is there already: write it once",
        ),
        (b'{"service": {}}', "not TOML: Invalid statement (at line 1, column 1): write [table], or key = value"),
        (b"[service]\n# caf\xe9\n", "not UTF-8 (at line 2): save the file as UTF-8"),
        (b"a = " + b"[" * 5000, "tables are nested too deeply: write them as in the example"),
        (b"a = " + b"9" * 5000, "a number of more than 4,300 digits: write a smaller one"),
    ],
    ids=[
        "empty",
        "blank",
        "no equals sign",
        "no quotes",
        "key twice",
        "table twice",
        "JSON",
        "latin-1",
        "nested",
        "huge number",
    ],
)
def test_file_that_is_no_manifest(tmp_path: Path, content: bytes, words: str) -> None:
    assert problem_with(tmp_path / "beanpod.toml", content).startswith(words)


def test_deeply_dotted_keys_are_no_traceback(tmp_path: Path) -> None:
    key = b".".join([b"a"] * 1500)
    content = key + b" = 1\n[stages.dev]\n" + key + b" = 1\n"
    assert "nested too deeply" in problem_with(tmp_path / "beanpod.toml", content)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no such file: write one with `beanpod init`, or name another"):
        Manifest.read(tmp_path / "beanpod.toml")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "beanpod.toml")
    with pytest.raises(ManifestError, match="a pipe: name a file"):
        Manifest.read(tmp_path / "beanpod.toml")


def test_directory(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"a directory: name the file in it, e\.g\. beanpod\.toml"):
        Manifest.read(tmp_path)


@pytest.mark.parametrize("name", ["x\0y", "x" * 5000], ids=["null byte", "long"])
def test_path_that_no_file_can_have(name: str) -> None:
    with pytest.raises(ManifestError, match="cannot be read: "):
        Manifest.read(name)


def test_error_lists_every_problem_below_the_file(read: Reader, folder: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        read('color = "green"\n[service]\nname = "guestbook"\n')
    missing, unknown = caught.value.problems
    assert missing == 'service.image: missing: write image = "ada/guestbook"'
    assert str(caught.value) == f"{folder / 'beanpod.toml'}: 2 problems\n  - {missing}\n  - {unknown}"
    with pytest.raises(ManifestError, match=r"/beanpod\.toml: 1 problem\n"):
        read('[service]\nname = "guestbook"\n')


@pytest.mark.parametrize("repository", ["ada/guestbook", "ada@123/guestbook@456"])
def test_a_github_repository_is_written_with_or_without_its_ids(read: Reader, repository: str) -> None:
    github = read(f'{SERVICE}[delivery.github]\nrepository = "{repository}"\nbranch = "main"\n').stage().delivery.github
    assert github is not None
    assert github.repository == repository
