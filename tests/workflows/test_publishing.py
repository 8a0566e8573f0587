"""release.yaml: what is published is the version of its tag, with that version's notes."""

from pathlib import Path

import pytest

from tests.workflows.workflow import RELEASE, Ran, WorkflowRunner, load, step_of

JOBS = load(RELEASE)["jobs"]
CHANGELOG = "# Changelog\n\n## Unreleased\n\n- soon\n\n## 1.2.0\n\n- A feature\n\n## 1.1.0\n\n- Older\n"


def run(job: str, name: str, folder: Path, tag: str) -> Ran:
    """Run a step in a checkout with two wheels of version 1.2.0."""
    (folder / "dist").mkdir()
    for package in ("beanpod", "beanpod_emulator"):
        (folder / f"dist/{package}-1.2.0-py3-none-any.whl").touch()
    (folder / "CHANGELOG.md").write_text(CHANGELOG)
    for program, text in (("python", ":"), ("gh", 'echo "$*"; cat')):
        (folder / program).write_text(f"#!/bin/sh\n{text}\n")
        (folder / program).chmod(0o755)
    variables = {"PATH": f"{folder}:/usr/bin:/bin", "TAG": tag, "GITHUB_REPOSITORY": "beanpod/beanpod"}
    return WorkflowRunner(folder, folder, variables).run(step_of(JOBS[job]["steps"], name))


def test_the_tags_version_is_checked(tmp_path: Path) -> None:
    ran = run("build", "Check", tmp_path, "v1.2.0")
    assert (ran.code, ran.printed) == (0, "")


@pytest.mark.parametrize(
    ("tag", "words"), [("v1.1.0", "beanpod is not 1.1.0"), ("v1.3.0", "CHANGELOG.md has no heading ## 1.3.0")]
)
def test_another_version_is_not_released(tag: str, words: str, tmp_path: Path) -> None:
    ran = run("build", "Check", tmp_path, tag)
    assert ran.code == 1
    assert f"::error::{words}" in ran.printed


def test_the_notes_are_the_versions_section(tmp_path: Path) -> None:
    ran = run("github", "Release", tmp_path, "v1.2.0")
    assert ran.code == 0
    command, _, notes = ran.printed.partition("\n")
    assert command.startswith(
        "release create v1.2.0 --repo beanpod/beanpod --title v1.2.0 --verify-tag --notes-file - dist/"
    )
    assert notes.strip() == "- A feature"
