"""deploy.yaml: what a push does, with which secrets, and what an interruption does to it."""

import json
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beanpod.cli.parser import Options
from beanpod.manifest import Manifest
from tests.waiting import SECONDS
from tests.workflows.workflow import ACTION, DEPLOY, ROOT, RecordedWorkflow, WorkflowRunner, load, step_of
from tools.github import git

WORKFLOW = load(DEPLOY)
SECRETS = {
    name: f"secret {name}" for name in ("AWS_ACCESS_KEY", "AWS_SECRET_KEY", "DOCKER_USERNAME", "DOCKER_PASSWORD")
}
PROD = {"DEPLOY_PROD": "true"}
BY_HAND = "workflow_dispatch"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> RecordedWorkflow:
    made = RecordedWorkflow.make(tmp_path_factory.mktemp("recorded"))
    for name, value in SECRETS.items():
        made.repository.set_secret(name, value)
    return made


@pytest.fixture
def workflow(recorded: RecordedWorkflow) -> RecordedWorkflow:
    """The workflow, whose deploy command records its calls; without variables and earlier calls."""
    for file in (recorded.repository.folder / "variables").iterdir():
        file.unlink()
    (recorded.repository.folder.parent / "calls").unlink(missing_ok=True)
    recorded.set_environment(NPM_FAILS="nothing", DEPLOY_CODE="0")
    recorded.repository.set_variable("AWS_REGION", "eu-central-1")
    return recorded


def jobs(workflow: RecordedWorkflow, event: str = "push", **given: Any) -> list[str]:
    """The jobs that ran."""
    run = workflow.run(event, **given)
    return list(run.jobs)


def test_a_push_to_main_and_a_person_start_it() -> None:
    assert set(WORKFLOW["on"]) == {"push", "workflow_dispatch"}
    assert WORKFLOW["on"]["push"] == {"branches": ["main"]}


@pytest.mark.parametrize(
    ("event", "given", "variables", "expected"),
    [
        ("push", {}, {}, ["test", "dev"]),
        ("push", {}, PROD, ["test", "dev", "prod"]),
        (BY_HAND, {"inputs": {"stage": "dev"}}, {}, ["test", "dev"]),
        (BY_HAND, {"inputs": {"stage": "dev"}}, PROD, ["test", "dev"]),
        (BY_HAND, {"inputs": {"stage": "prod"}}, {}, ["test", "prod"]),
        (BY_HAND, {"inputs": {"stage": "prod"}, "branch": "topic"}, {}, ["test"]),
        (BY_HAND, {"inputs": {"stage": "dev"}, "branch": "topic"}, {}, ["test"]),
    ],
    ids=[
        "push",
        "push-with-prod",
        "dev-by-hand",
        "dev-by-hand-only",
        "prod-by-hand",
        "prod-elsewhere",
        "dev-elsewhere",
    ],
)
def test_event_deploys_its_stages(
    workflow: RecordedWorkflow, event: str, given: dict[str, Any], variables: dict[str, str], expected: list[str]
) -> None:
    for name, value in variables.items():
        workflow.repository.set_variable(name, value)
    assert jobs(workflow, event, **given) == expected
    stages = [call["arguments"][call["arguments"].index("--stage") + 1] for call in workflow.calls()]
    assert stages == [job for job in expected if job != "test"]


@pytest.mark.parametrize(
    ("failing", "expected"), [({"NPM_FAILS": "test"}, ["test"]), ({"DEPLOY_CODE": "3"}, ["test", "dev"])]
)
def test_a_failure_stops_the_push(workflow: RecordedWorkflow, failing: dict[str, str], expected: list[str]) -> None:
    workflow.repository.set_variable("DEPLOY_PROD", "true")
    workflow.set_environment(**failing)
    run = workflow.run()
    assert list(run.jobs) == expected
    assert run.jobs[expected[-1]] == "failure"


def test_prod_by_hand_needs_the_tests_too(workflow: RecordedWorkflow) -> None:
    workflow.set_environment(NPM_FAILS="test")
    assert jobs(workflow, BY_HAND, inputs={"stage": "prod"}) == ["test"]


def test_prod_does_what_dev_did() -> None:
    assert WORKFLOW["jobs"]["dev"]["steps"] == WORKFLOW["jobs"]["prod"]["steps"]


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_each_stage_has_a_github_environment_that_shows_its_address(stage: str) -> None:
    environment = {"name": stage, "url": "${{ steps.deploy.outputs.url }}"}
    assert WORKFLOW["jobs"][stage]["environment"] == environment


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_no_rollout_is_cancelled_and_stages_do_not_wait_for_each_other(stage: str) -> None:
    assert WORKFLOW["jobs"][stage]["concurrency"] == {"group": f"deploy-{stage}", "cancel-in-progress": False}
    assert "concurrency" not in WORKFLOW


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_script_ends_before_github_ends_the_job(stage: str) -> None:
    times, update = Options("deploy"), Manifest.read(ROOT / "beanpod.toml").stage(stage).environment.update_seconds
    # The wait for another rollout, this one, and its rollback with an abort. After an abort there is no rollback.
    longest = update + update + (update + max(times.recovery, update))
    build = 30 * 60
    assert WORKFLOW["jobs"][stage]["timeout-minutes"] * 60 >= longest + build


def test_the_deploy_step_alone_sees_the_secrets() -> None:
    found = re.findall(r"secrets\.(\w+)", DEPLOY.read_text())
    assert set(found) == set(SECRETS)
    assert found == re.findall(r"secrets\.(\w+)", str(step_of(WORKFLOW["jobs"]["dev"]["steps"], "Deploy")["with"]))


def test_the_key_of_the_secrets_is_used_without_a_role(workflow: RecordedWorkflow) -> None:
    run = workflow.run()
    (call,) = workflow.calls()
    seen = call["environment"]
    assert (seen["AWS_ACCESS_KEY_ID"], seen["AWS_SECRET_ACCESS_KEY"], seen["AWS_SESSION_TOKEN"]) == (
        SECRETS["AWS_ACCESS_KEY"],
        SECRETS["AWS_SECRET_KEY"],
        "",
    )
    assert (seen["DOCKER_USERNAME"], seen["DOCKER_PASSWORD"]) == (
        SECRETS["DOCKER_USERNAME"],
        SECRETS["DOCKER_PASSWORD"],
    )
    assert (seen["AWS_REGION"], seen["AWS_DEFAULT_REGION"]) == ("eu-central-1", "eu-central-1")
    assert run.code == 0


def test_the_role_takes_the_place_of_the_keys(workflow: RecordedWorkflow) -> None:
    replacement = workflow.repository.folder / "replacement"
    before = (replacement / "action.yml").read_text()
    names = ("aws-access-key-id", "aws-secret-access-key", "aws-session-token")
    outputs = "".join(f"  {name}: {{value: role {name}}}\n" for name in names)
    try:
        (replacement / "action.yml").write_text(before.replace("outputs:\n", f"outputs:\n{outputs}"))
        git(replacement, "commit", "--quiet", "--all", "--message", "Assume the role")
        workflow.repository.set_variable("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/deployer")
        workflow.run()
    finally:
        (replacement / "action.yml").write_text(before)
        git(replacement, "commit", "--quiet", "--all", "--message", "Assume nothing")
    (call,) = workflow.calls()
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    assert [call["environment"][key] for key in keys] == [f"role {name}" for name in names]


_OF_THE_JOB = {
    "AWS_ACCESS_KEY_ID": "job's key",
    "AWS_SECRET_ACCESS_KEY": "job's secret",
    "AWS_SESSION_TOKEN": "job's token",
    "DOCKER_USERNAME": "job's user",
    "DOCKER_PASSWORD": "job's password",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


@pytest.mark.parametrize("given", [False, True], ids=["no input", "inputs"])
def test_credentials_of_the_job_are_used_unless_the_inputs_name_others(tmp_path: Path, given: bool) -> None:
    # As aws-actions/configure-aws-credentials sets them for the steps after it.
    env = "".join(f"  {name}: {json.dumps(value)}\n" for name, value in _OF_THE_JOB.items())
    text = DEPLOY.read_text().replace("permissions: {}\n", f"permissions: {{}}\nenv:\n{env}", 1)
    workflow = RecordedWorkflow.make(tmp_path / "recorded", workflow=text)
    for name, value in SECRETS.items() if given else ():
        workflow.repository.set_secret(name, value)
    if given:
        workflow.repository.set_variable("AWS_REGION", "eu-central-1")
    workflow.run()
    (call,) = workflow.calls()
    seen = [call["environment"][name] for name in _OF_THE_JOB]
    key, secret, user, password = SECRETS.values()
    assert seen == ([key, secret, "", user, password, "eu-central-1"] if given else list(_OF_THE_JOB.values()))


@pytest.fixture
def silent_aws() -> Iterator[socket.socket]:
    """An AWS that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(120)
        yield server


def test_an_interruption_reaches_the_script(silent_aws: socket.socket, tmp_path: Path) -> None:
    # As ProcessInvoker.cs of actions/runner cancels: SIGINT to the shell that it started, and to nothing else.
    (tmp_path / "beanpod").symlink_to(ROOT / ".venv")
    variables = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent_aws.getsockname()[1]}",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "MANIFEST": "beanpod.toml",
        "STAGE": "dev",
        "PYTHONPATH": str(ROOT / "constructs"),
    }
    step = step_of(load(ACTION)["runs"]["steps"], "Deploy")
    with WorkflowRunner(ROOT, tmp_path, variables).start(step, {}) as process:
        call, _ = silent_aws.accept()
        with call:
            process.send_signal(signal.SIGINT)
            printed, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 130, printed
    assert "::error title=Deployment interrupted::" in printed
