"""deploy.yaml: what a push does, with which secrets, and what an interruption does to it."""

import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beanpod.cli.parser import Options
from tests.workflows.workflow import DEPLOY, ROOT, Runner, environment_of, jobs_that_run, load, step_of

WORKFLOW = load(DEPLOY)
SECRETS = {
    name: f"secret {name}" for name in ("AWS_ACCESS_KEY", "AWS_SECRET_KEY", "DOCKER_USERNAME", "DOCKER_PASSWORD")
}
PUSH = {"event_name": "push", "ref": "refs/heads/main"}
BY_HAND = {"event_name": "workflow_dispatch", "ref": "refs/heads/main"}
ENABLED = {"DEPLOY_PROD": "true"}


def contexts(**given: Any) -> dict[str, Any]:
    return {"github": PUSH, "inputs": {}, "vars": {}, "secrets": SECRETS, "steps": {}, **given}


def deploy_step(stage: str = "dev") -> Any:
    return step_of(WORKFLOW["jobs"][stage]["steps"], "Deploy")


def test_a_push_to_main_and_a_person_start_it() -> None:
    assert set(WORKFLOW["on"]) == {"push", "workflow_dispatch"}
    assert WORKFLOW["on"]["push"] == {"branches": ["main"]}


@pytest.mark.parametrize(
    ("given", "jobs"),
    [
        (contexts(), ["test", "dev"]),
        (contexts(vars=ENABLED), ["test", "dev", "prod"]),
        (contexts(github=BY_HAND, inputs={"stage": "dev"}), ["test", "dev"]),
        (contexts(github=BY_HAND, inputs={"stage": "dev"}, vars=ENABLED), ["test", "dev"]),
        (contexts(github=BY_HAND, inputs={"stage": "prod"}), ["test", "prod"]),
        (contexts(github={**BY_HAND, "ref": "refs/heads/topic"}, inputs={"stage": "prod"}), ["test"]),
    ],
    ids=["push", "push-with-prod", "dev-by-hand", "dev-by-hand-only", "prod-by-hand", "prod-from-another-branch"],
)
def test_event_deploys_its_stages(given: dict[str, Any], jobs: list[str]) -> None:
    assert jobs_that_run(WORKFLOW, given) == jobs


@pytest.mark.parametrize(("failing", "jobs"), [("test", ["test"]), ("dev", ["test", "dev"])])
def test_a_failure_stops_the_push(failing: str, jobs: list[str]) -> None:
    assert jobs_that_run(WORKFLOW, contexts(vars=ENABLED), failing) == jobs


def test_prod_by_hand_needs_the_tests_too() -> None:
    given = contexts(github=BY_HAND, inputs={"stage": "prod"})
    assert jobs_that_run(WORKFLOW, given, "test") == ["test"]


def test_prod_does_what_dev_did() -> None:
    dev, prod = WORKFLOW["jobs"]["dev"], WORKFLOW["jobs"]["prod"]
    assert dev["steps"] == prod["steps"]
    assert (dev["env"], prod["env"]) == ({"STAGE": "dev"}, {"STAGE": "prod"})


def test_prod_waits_for_its_reviewers_and_shows_its_address() -> None:
    assert "environment" not in WORKFLOW["jobs"]["dev"]
    assert WORKFLOW["jobs"]["prod"]["environment"] == {"name": "prod", "url": "${{ steps.deploy.outputs.url }}"}


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_no_rollout_is_cancelled_and_stages_do_not_wait_for_each_other(stage: str) -> None:
    assert WORKFLOW["jobs"][stage]["concurrency"] == {"group": f"deploy-{stage}", "cancel-in-progress": False}
    assert "concurrency" not in WORKFLOW


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_script_ends_before_github_ends_the_job(stage: str) -> None:
    times = Options("deploy")
    longest = times.ready_timeout + 2 * (times.wait_timeout + times.recovery)
    build = 30 * 60
    assert WORKFLOW["jobs"][stage]["timeout-minutes"] * 60 >= longest + build


def test_the_deploy_step_alone_sees_the_secrets() -> None:
    found = re.findall(r"secrets\.(\w+)", DEPLOY.read_text())
    per_stage = [re.findall(r"secrets\.(\w+)", str(deploy_step(stage)["env"])) for stage in ("dev", "prod")]
    assert set(found) == set(SECRETS)
    assert sorted(found) == sorted(per_stage[0] + per_stage[1])


def test_the_key_of_the_secrets_is_used_without_a_role() -> None:
    seen = environment_of(deploy_step(), contexts())
    assert seen["AWS_ACCESS_KEY_ID"] == SECRETS["AWS_ACCESS_KEY"]
    assert seen["AWS_SECRET_ACCESS_KEY"] == SECRETS["AWS_SECRET_KEY"]
    assert seen["AWS_SESSION_TOKEN"] == ""
    assert (seen["DOCKER_USERNAME"], seen["DOCKER_PASSWORD"]) == (
        SECRETS["DOCKER_USERNAME"],
        SECRETS["DOCKER_PASSWORD"],
    )


def test_the_role_is_used_where_there_is_one() -> None:
    assumed = {"aws-access-key-id": "role id", "aws-secret-access-key": "role key", "aws-session-token": "role token"}
    seen = environment_of(deploy_step(), contexts(steps={"role": {"outputs": assumed}}))
    assert [seen[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")] == [
        "role id",
        "role key",
        "role token",
    ]


def test_the_role_is_assumed_only_where_the_variable_is_set() -> None:
    step = step_of(WORKFLOW["jobs"]["dev"]["steps"], "Assume the role")
    assert step["if"] == "vars.AWS_ROLE_ARN != ''"
    # In the environment of the whole job the role's credentials would be the tests' and the builds' too.
    assert (step["with"]["output-credentials"], step["with"]["output-env-credentials"]) == (True, False)


@pytest.fixture
def silent_aws() -> Iterator[socket.socket]:
    """An AWS that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(120)
        yield server


def test_an_interruption_reaches_the_script(silent_aws: socket.socket, tmp_path: Path) -> None:
    # As ProcessInvoker.cs of actions/runner cancels: SIGINT to the shell that it started, and to nobody else.
    variables = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent_aws.getsockname()[1]}", "STAGE": "dev"}
    runner = Runner(ROOT, tmp_path, {**variables, "PATH": f"{ROOT / '.venv/bin'}:/usr/bin:/bin"})
    with runner.start(deploy_step(), contexts(vars={"AWS_REGION": "eu-central-1"})) as process:
        call, _ = silent_aws.accept()
        with call:
            process.send_signal(signal.SIGINT)
            printed, _ = process.communicate(timeout=120)
    assert process.returncode == 130, printed
    assert "::error title=Deployment interrupted::" in printed
