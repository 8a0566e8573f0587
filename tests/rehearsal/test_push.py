"""A repository whose pushes start its workflow: jobs and steps as GitHub would run them, shown on a small one."""

import subprocess
from pathlib import Path

import pytest

from beanpod_emulator.github.repository import Repository, git

WORKFLOW = """\
on:
  push: {branches: [main]}
jobs:
  test:
    steps:
      - uses: actions/checkout@0123456789012345678901234567890123456789
      - name: Test
        run: test "$(cat state)" != untested
  dev:
    name: Deploy dev
    needs: test
    env: {STAGE: dev}
    steps:
      - uses: actions/checkout@0123456789012345678901234567890123456789
      - id: role
        if: vars.ROLE != ''
        uses: aws-actions/configure-aws-credentials@0123456789012345678901234567890123456789
      - name: Deploy
        id: deploy
        run: |
          test "$(cat state)" != broken
          echo "url=http://$STAGE.$KEY.$REGION" >> "$GITHUB_OUTPUT"
          env > seen
        env:
          KEY: ${{ secrets.KEY }}
          REGION: ${{ vars.REGION }}
      - name: Look
        run: test "$URL" = "http://dev.planted.here"
        env:
          URL: ${{ steps.deploy.outputs.url }}
  prod:
    needs: dev
    if: vars.DEPLOY_PROD == 'true'
    steps:
      - run: exit 1
"""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository.make(tmp_path / "github", environment={"GIVEN": "to all"})
    made.set_secret("KEY", "planted")
    made.set_variable("REGION", "here")
    git(tmp_path, "clone", "--quiet", str(made.origin), "clone")
    workflow = tmp_path / "clone/.github/workflows/deploy.yaml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(WORKFLOW)
    git(tmp_path / "clone", "checkout", "--quiet", "-b", "main")
    return made


def push(repository: Repository, state: str, branch: str = "main") -> str:
    """Commit a state and push it; what git shows of the far side."""
    clone = repository.folder.parent / "clone"
    (clone / "state").write_text(f"{state}\n")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--allow-empty", "--message", state)
    command = ["git", "push", "--quiet", "origin", f"main:{branch}"]
    return subprocess.run(command, cwd=clone, capture_output=True, text=True, check=True).stderr


def results(repository: Repository) -> dict[str, str]:
    """Of the last run's jobs."""
    return {name: job["result"] for name, job in repository.runs()[-1]["jobs"].items()}


def test_a_push_runs_the_steps_and_shows_them_to_whoever_pushed(repository: Repository) -> None:
    said = push(repository, "fine")
    assert results(repository) == {"test": "success", "dev": "success", "prod": "skipped"}
    assert repository.runs()[-1]["jobs"]["dev"]["outputs"]["deploy"] == {"url": "http://dev.planted.here"}
    for words in ("remote: Deploy dev", "remote:   ✓ Deploy", "remote:   ✓ Look"):
        assert words in said
    assert "planted" not in said


def test_a_job_that_fails_shows_why_and_stops_those_that_need_it(repository: Repository) -> None:
    said = push(repository, "untested")
    assert results(repository) == {"test": "failure", "dev": "skipped", "prod": "skipped"}
    assert "✗ Test" in said


def test_a_step_that_fails_ends_its_job(repository: Repository) -> None:
    said = push(repository, "broken")
    assert results(repository)["dev"] == "failure"
    assert "✗ Deploy" in said
    assert "Look" not in said


def test_each_push_is_a_run_of_its_own_and_only_main_starts_one(repository: Repository) -> None:
    push(repository, "untested")
    push(repository, "fine", branch="other")
    push(repository, "fine")
    assert [run["jobs"]["test"]["result"] for run in repository.runs()] == ["failure", "success"]


def test_the_pushers_own_keys_are_not_the_runners(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the pusher's")
    monkeypatch.setenv("DOCKER_PASSWORD", "the pusher's")
    monkeypatch.setenv("BEANPOD_EMULATOR_TOKEN", "the pusher's")
    monkeypatch.setenv("SSL_CERT_FILE", "/of/this/machine")
    push(repository, "fine")
    seen = (repository.folder / "runs/1/dev/seen").read_text()
    assert "the pusher's" not in seen
    assert "GIT_DIR=" not in seen
    assert "SSL_CERT_FILE=/of/this/machine\n" in seen
    assert "GIVEN=to all\n" in seen


def test_secrets_are_for_their_owners_eyes(repository: Repository) -> None:
    assert (repository.folder / "secrets/KEY").stat().st_mode & 0o777 == 0o600
    assert (repository.folder / "secrets").stat().st_mode & 0o777 == 0o700


def test_an_action_that_nothing_stands_for_is_named(repository: Repository) -> None:
    workflow = repository.folder.parent / "clone/.github/workflows/deploy.yaml"
    workflow.write_text(WORKFLOW.replace("actions/checkout", "somebody/something"))
    said = push(repository, "fine")
    assert "uses somebody/something: nothing on this machine stands for it" in said
    assert repository.runs() == []
