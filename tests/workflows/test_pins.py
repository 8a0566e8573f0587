"""What the workflows trust: actions by commit, the least permissions, no token left behind."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from tests.workflows.workflow import CHECK, DEPLOY, FILES, PAGES, RELEASE, load, steps_of

WORKFLOWS = (DEPLOY, CHECK, RELEASE, PAGES)


def named(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("path", FILES, ids=named)
def test_actions_are_pinned_by_commit_and_say_their_version(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if re.match(r"[ -]*uses: (?!\./)", line)]
    assert lines
    for line in lines:
        assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_an_action_is_the_same_everywhere() -> None:
    pins = defaultdict(set)
    for action, pin in re.findall(
        r"^[ -]*uses: (\S+)@(.+)", "\n".join(path.read_text() for path in FILES), re.MULTILINE
    ):
        pins[action].add(pin)
    assert {action: len(found) for action, found in pins.items()} == dict.fromkeys(pins, 1)


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_nothing_is_permitted_but_by_job(path: Path) -> None:
    assert load(path)["permissions"] == {}


def test_each_job_is_permitted_only_what_it_does() -> None:
    permitted = {name: job["permissions"] for path in WORKFLOWS for name, job in load(path)["jobs"].items()}
    release = {"contents": "read", "id-token": "write"}
    assert permitted == {
        "test": {"contents": "read"},
        "dev": release,
        "prod": release,
        "diff": {"contents": "read"},
        "comment": {"pull-requests": "write"},
        "build": {"contents": "read"},
        "pypi": {"id-token": "write"},
        "site": {"contents": "read"},
        "publish": {"id-token": "write", "pages": "write"},
        "github": {"attestations": "write", "contents": "write", "id-token": "write"},
    }


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_jobs_end_by_themselves(path: Path) -> None:
    assert all(0 < job["timeout-minutes"] <= 150 for job in load(path)["jobs"].values())


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_no_checkout_stores_its_token(path: Path) -> None:
    checkouts = [step for step in steps_of(load(path)) if "checkout" in step.get("uses", "")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
