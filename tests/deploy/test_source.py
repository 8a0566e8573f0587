import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from beanpod.deploy.source import Source

RUN = {
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "me/app",
    "GITHUB_RUN_ID": "7",
    "GITHUB_ACTOR": "me",
}


def git(folder: Path, *arguments: str, seconds: int = 1_790_000_000) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    environment = {"GIT_COMMITTER_DATE": f"@{seconds} +0000", "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, env=environment)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    return tmp_path


def test_source_names_commit_and_its_time(repository: Path) -> None:
    source = Source.of(repository, {})
    assert (len(source.commit), source.problem) == (40, "")
    assert source.short_commit == source.commit[:12]
    assert source.committed == datetime.fromtimestamp(1_790_000_000, UTC)


@pytest.mark.parametrize("seconds", [4_000_000_000, 999_999_999_999])
def test_a_commit_of_the_future_is_made_tomorrow(repository: Path, seconds: int) -> None:
    git(repository, "commit", "--quiet", "--allow-empty", "-m", "by a wrong clock", seconds=seconds)
    before = datetime.now(UTC)
    committed = Source.of(repository, {}).committed
    assert committed is not None
    assert before <= committed - timedelta(days=1) <= datetime.now(UTC)


def test_a_commit_is_as_new_as_it_is_where_the_clock_is_behind(repository: Path) -> None:
    seconds = int(datetime.now(UTC).timestamp()) + 600
    git(repository, "commit", "--quiet", "--allow-empty", "-m", "fresh", seconds=seconds)
    assert Source.of(repository, {}).committed == datetime.fromtimestamp(seconds, UTC)


def test_a_commit_names_those_before_it_also_in_a_shallow_clone(repository: Path) -> None:
    for seconds in (1_790_000_100, 1_789_000_000):
        git(repository, "commit", "--quiet", "--allow-empty", "-m", "commit 0123\nparent 0123", seconds=seconds)
    parent = Source.of(repository, {}).commit
    git(repository, "commit", "--quiet", "--allow-empty", "-m", "newest")
    git(repository, "clone", "--quiet", "--depth", "1", f"file://{repository}", "shallow")
    newest, shallow = Source.of(repository, {}), Source.of(repository / "shallow", {})
    assert (len(newest.ancestors), newest.commit) == (3, shallow.commit)
    assert shallow.ancestors == {parent} < newest.ancestors


def test_signatures_that_git_shows_are_no_commit(repository: Path) -> None:
    gpg = repository / "gpg"
    gpg.write_text("#!/bin/sh\ncat\nprintf '\\n[GNUPG:] SIG_CREATED \\n' >&2\necho '-----BEGIN PGP SIGNATURE-----'\n")
    gpg.chmod(0o755)
    git(repository, "config", "gpg.program", str(gpg))
    git(repository, "config", "log.showSignature", "true")
    git(repository, "commit", "--quiet", "-S", "--allow-empty", "-m", "signed")
    source = Source.of(repository, {})
    assert (len(source.commit), source.committed) == (40, datetime.fromtimestamp(1_790_000_000, UTC))


def test_changed_files_make_it_dirty_and_unknown_ones_do_not(repository: Path) -> None:
    (repository / "unknown").write_text("x")
    assert not Source.of(repository, {}).commit.endswith("-dirty")
    (repository / "file").write_text("two")
    source = Source.of(repository, {})
    assert source.commit.endswith("-dirty")
    assert source.short_commit == f"{source.commit[:12]}-dirty"


def test_a_folder_without_git_or_commits_has_no_commit(tmp_path: Path) -> None:
    assert Source.of(tmp_path, {"USER": "ann"}) == Source(actor="ann")
    git(tmp_path, "init", "--quiet")
    assert Source.of(tmp_path, {"USER": "ann"}) == Source(actor="ann")


def test_a_repository_of_another_user_is_a_problem_with_what_to_do(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As git itself tests it, since only root could give the repository to another user.
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    source = Source.of(repository, {"USER": "ann"})
    assert (source.commit, source.committed, source.actor) == ("", None, "ann")
    assert source.problem == (
        "the commit is not known, so an older one deployed later would not be refused: git says detected dubious "
        f"ownership in repository at '{repository}', run `git config --global --add safe.directory {repository}`"
    )


def test_a_repository_that_git_cannot_read_is_a_problem(repository: Path) -> None:
    (repository / ".git").rename(repository / "moved")
    (repository / ".git").write_text("gitdir: /gone\n")
    assert Source.of(repository, {}).problem.partition("git says ")[2].startswith("not a git repository")


def test_a_damaged_repository_is_a_problem(repository: Path) -> None:
    (repository / ".git/HEAD").write_text("garbage")
    problem = Source.of(repository, {}).problem
    assert problem.endswith("git says not a git repository (or any of the parent directories): .git")


def test_a_repository_without_git_installed_is_a_problem(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = repository / "folder"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for present in (False, True):
        if present:
            (folder / "git").touch(mode=0o644)
        source = Source.of(folder, {})
        assert (source.commit, source.problem.partition(": ")[2]) == ("", "git is not installed, install it")


def test_names_of_files_may_be_in_any_encoding(repository: Path) -> None:
    name = os.fsdecode("café".encode("latin-1"))
    (repository / name).write_text("x")
    git(repository, "config", "core.quotePath", "false")
    git(repository, "add", name)
    assert Source.of(repository, {}).commit.endswith("-dirty")


def test_a_workflow_run_is_linked(tmp_path: Path) -> None:
    source = Source.of(tmp_path, RUN)
    assert source.run_url == "https://github.com/me/app/actions/runs/7"
    assert source.actor == "me"
