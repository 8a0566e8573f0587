"""A repository on this machine whose pushes run its workflow with act, shown on a small workflow."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.waiting import wait_until
from tools.github import Repository, git

PIN = "0123456789012345678901234567890123456789"
WORKFLOW = f"""\
on:
  push: {{branches: [main]}}
jobs:
  test:
    name: Test
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@{PIN} # v1.0.0
      - name: Unit tests
        run: test "$(cat state)" != untested
  dev:
    name: Deploy dev
    needs: test
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@{PIN} # v1.0.0
      - id: deploy
        uses: ./
        with:
          key: ${{{{ secrets.KEY }}}}
          region: ${{{{ vars.REGION }}}}
      - name: Look
        run: test "$URL" = "http://dev.here"
        env:
          URL: ${{{{ steps.deploy.outputs.url }}}}
  prod:
    needs: dev
    if: vars.DEPLOY_PROD == 'true'
    runs-on: ubuntu-24.04
    steps:
      - run: exit 1
"""
# act may lose what a step prints right before it fails: it returns before it has read the step's terminal to its end.
# https://github.com/nektos/act/blob/master/pkg/container/host_environment.go, exec()
ACTION = f"""\
name: Deploy
inputs: {{key: {{}}, region: {{}}}}
outputs:
  url: {{value: "${{{{ steps.deploy.outputs.url }}}}"}}
runs:
  using: composite
  steps:
    - id: python
      uses: actions/setup-python@{PIN} # v1.0.0
    - name: Deploy
      id: deploy
      shell: bash
      run: |
        test "$(cat state)" != broken || {{ echo "::error title=Deployment failed::broken"; sleep 1; exit 3; }}
        if [ "$(cat state)" = slow ]; then echo $$ > "$PIDS"; sleep 60; fi
        if [ "$(cat state)" = packaged ]; then
          "$PYTHON" -m venv --without-pip "$RUNNER_TEMP/tools"
          "$PYTHON" -m pip --python "$RUNNER_TEMP/tools/bin/python" install --no-index --requirement "$PINS"
        fi
        echo "the key is $KEY"
        echo "url=http://dev.$REGION" >> "$GITHUB_OUTPUT"
        echo "# Deployed" >> "$GITHUB_STEP_SUMMARY"
        env | grep -v ^KEY= > "$SEEN"
      env:
        KEY: ${{{{ inputs.key }}}}
        REGION: ${{{{ inputs.region }}}}
        PYTHON: ${{{{ steps.python.outputs.python-path }}}}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    environment = {
        "SEEN": str(tmp_path / "seen"),
        "PIDS": str(tmp_path / "pids"),
        "PINS": str(Path(__file__).parents[2] / "requirements-deploy.txt"),
    }
    made = Repository.make(tmp_path / "github", environment=environment)
    made.set_secret("KEY", "pl$an\"te'd")
    made.set_variable("REGION", "here")
    git(tmp_path, "clone", "--quiet", str(made.origin), "clone")
    workflow = tmp_path / "clone/.github/workflows/deploy.yaml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(WORKFLOW)
    (tmp_path / "clone/action.yml").write_text(ACTION)
    git(tmp_path / "clone", "checkout", "--quiet", "-b", "main")
    return made


def commit(repository: Repository, state: str) -> Path:
    """Commit a state, and return the clone."""
    clone = repository.folder.parent / "clone"
    (clone / "state").write_text(f"{state}\n")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--allow-empty", "--message", state)
    return clone


def push(repository: Repository, state: str, branch: str = "main") -> str:
    """Commit a state and push it; return what git prints of the remote."""
    command = ["git", "push", "--quiet", "origin", f"main:{branch}"]
    clone = commit(repository, state)
    return subprocess.run(command, cwd=clone, capture_output=True, text=True, check=True).stderr


def test_push_runs_the_steps_and_prints_them(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".actrc").write_text("--dryrun\n")
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SECRET_ACCESS_KEY", "DOCKER_PASSWORD", "BEANPOD_EMULATOR_TOKEN"):
        monkeypatch.setenv(name, "the pusher's")
    monkeypatch.setenv("SSL_CERT_FILE", "/of/this/machine")

    printed = push(repository, "packaged")
    (run,) = repository.runs()
    assert (run.code, run.jobs) == (0, {"test": "success", "dev": "success"}), run.log
    assert run.outputs["dev.deploy"] == {"url": "http://dev.here"}
    for line in ("remote: ✓ Deploy dev", "remote:   ✓ Deploy", "remote:   ✓ Look"):
        assert line in printed
    assert "the key is ***" in run.log
    assert run.summary == "# Deployed\n"
    assert "pl$an" not in printed + run.log
    # Virtual environments of a step have the packages of this machine.
    assert "Requirement already satisfied: boto3" in run.log

    seen = (tmp_path / "seen").read_text()
    assert "the pusher's" not in seen
    assert "GIT_DIR=" not in seen
    for variable in ("SSL_CERT_FILE=/of/this/machine", f"PINS={Path(__file__).parents[2]}", f"HOME={home}\n"):
        assert variable in seen
    assert list(home.rglob("act*")) == []

    files = [repository.folder / "secrets/KEY", repository.folder / "runs/1/secret-file.yaml"]
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600, 0o600]
    assert (repository.folder / "secrets").stat().st_mode & 0o777 == 0o700


def test_each_push_to_main_is_a_run_and_a_failed_step_ends_its_job(repository: Repository) -> None:
    push(repository, "untested")
    push(repository, "fine", branch="other")
    printed = push(repository, "broken")
    assert [run.jobs["test"] for run in repository.runs()] == ["failure", "success"]
    assert repository.runs()[-1].jobs["dev"] == "failure"
    assert "remote:   ✗ Deploy" in printed
    assert "::error title=Deployment failed::broken" in printed
    assert "Look" not in printed


def test_interrupted_push_ends_the_step_that_runs(repository: Repository, tmp_path: Path) -> None:
    clone = commit(repository, "slow")
    pids = tmp_path / "pids"
    with subprocess.Popen(["git", "push", "--quiet", "origin", "main"], cwd=clone, start_new_session=True) as process:
        wait_until(lambda: pids.exists() and pids.read_text().strip() != "")
        os.killpg(process.pid, signal.SIGTERM)
    wait_until(lambda: not Path("/proc", pids.read_text().strip()).exists(), pids.read_text)


def test_unknown_action_is_named(repository: Repository) -> None:
    workflow = repository.folder.parent / "clone/.github/workflows/deploy.yaml"
    workflow.write_text(WORKFLOW.replace("actions/checkout", "somebody/something"))
    printed = push(repository, "fine")
    assert f"the workflow uses somebody/something@{PIN}, which this machine has no replacement for" in printed
    assert repository.runs() == []
