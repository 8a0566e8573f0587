"""The commands deploy, build and rollback: their output and their exit codes."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import beanpod
from tests.cli.commands.sandbox_stage import SandboxStage
from tests.cli.output.runner import ActionsRunner, read_file_command
from tests.deploy.clocks import VirtualClock
from tests.deploy.engine import Engine
from tests.deploy.registry import LocalRegistry, local_registry
from tests.deploy.rollout.sandbox import UPDATE_SECONDS, handling

PRODUCT = Path(str(beanpod.__file__)).parent
READS = ("Describe", "Get", "List", "Head")
OLD, NEW = f"guestbook-{'a' * 16}", f"guestbook-{'b' * 16}"


@pytest.fixture(scope="module")
def versions(stage: SandboxStage) -> tuple[str, ...]:
    for label in (OLD, NEW):
        stage.make_version(label)
    return OLD, NEW


@pytest.fixture
def released(stage: SandboxStage, versions: tuple[str, ...]) -> SandboxStage:
    """An environment that runs NEW, and OLD before, whatever another test left."""
    if _newest_event(stage) not in _PREPARED:
        for label in versions:
            ended = stage.run("rollback", label)
            assert ended.code == 0, ended.stderr
        _PREPARED.append(_newest_event(stage))
    return stage


# The newest event after each preparation: half of the tests add none.
_PREPARED: list[Any] = []


def _newest_event(stage: SandboxStage) -> Any:
    return stage.sandbox.beanstalk.describe_events(EnvironmentName=stage.target.environment, MaxRecords=1)["Events"]


def _runs(stage: SandboxStage) -> str:
    label: str = stage.run("status", "--json").document["version_label"]
    return label


def test_rollback_deploys_the_previous_version(released: SandboxStage) -> None:
    result = released.run("rollback")
    assert (result.code, result.stderr) == (0, "")
    assert f"Deployed {OLD} to {released.target.url}, health Ok" in result.stdout.splitlines()[-1]
    assert _runs(released) == OLD
    document = released.run("rollback", NEW, "--json").document
    assert (document["version_label"], document["previous_version"]) == (NEW, OLD)
    assert (document["changed"], document["health"]) == (True, "Ok")
    assert set(document["phases"]) == {"Preflight", "Roll out", "Verify"}


def test_rollback_to_an_unknown_version_is_refused(released: SandboxStage) -> None:
    result = released.run("rollback", "guestbook-nowhere")
    assert result.code == 2
    assert result.stderr.startswith("beanpod: application ")
    assert "has no version guestbook-nowhere" in result.stderr


def test_failed_release_sets_outputs_and_json(released: SandboxStage, tmp_path: Path) -> None:
    broken = f"guestbook-{'c' * 16}"
    released.make_version(broken)
    released.emulator.inject_fault("error-event", version_label=broken, environment=released.target.environment)
    files = {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    result = released.run("rollback", broken, "--json", environ={"GITHUB_ACTIONS": "true", **files})
    assert result.code == 5
    assert (result.document["exit_code"], result.document["rolled_back"]) == (5, True)
    assert (result.document["version_label"], result.document["previous_version"]) == (broken, NEW)
    assert (result.document["changed"], bool(result.document["events"])) == (False, True)
    assert set(result.document["phases"]) == {"Preflight", "Roll out", "Verify", "Roll back"}
    outputs = read_file_command((tmp_path / "output").read_text())
    assert (outputs["changed"], outputs["rolled-back"]) == ("false", "true")
    assert (outputs["version-label"], outputs["previous-version"]) == (broken, NEW)
    obeyed = ActionsRunner().read(result.stderr)
    assert obeyed.named("group") == ["Preflight", "Roll out", "Verify", "Roll back"]
    assert len(obeyed.named("error")) == 1
    assert obeyed.named("error")[0].startswith(f"{broken} failed on {released.target.environment}")
    assert "| Roll back |" in (tmp_path / "summary").read_text()
    assert _runs(released) == NEW


def test_accepted_health_is_a_success(released: SandboxStage) -> None:
    unwell = f"guestbook-{'d' * 16}"
    released.make_version(unwell)
    released.emulator.inject_fault("yellow", version_label=unwell, environment=released.target.environment)
    result = released.run("rollback", unwell, "--accept-health", "Warning")
    assert (result.code, result.stderr) == (0, "")
    assert "health Warning" in result.stdout.splitlines()[-1]


def test_rollout_is_aborted_at_the_timeout(released: SandboxStage) -> None:
    slow = f"guestbook-{'e' * 16}"
    released.make_version(slow)
    released.emulator.inject_fault("never-ready", version_label=slow, environment=released.target.environment)
    result = released.run("rollback", slow, "--wait-timeout", "120")
    assert result.code == 5
    assert "the update took too long and was aborted" in result.stderr
    assert "not finished after 120 s: aborting it" in result.stdout + result.stderr
    assert _runs(released) == NEW


def test_another_rollout_is_waited_for_as_long_as_one_may_take(released: SandboxStage) -> None:
    emulator, environment = released.emulator, released.target.environment
    emulator.set_pace(update=1500)
    released.sandbox.beanstalk.update_environment(EnvironmentName=environment, VersionLabel=NEW)
    emulator.set_pace(update=UPDATE_SECONDS)
    assert released.run("rollback").code == 0
    assert _runs(released) == OLD


class HurriedClock(VirtualClock):
    """Polls once a minute."""

    def sleep(self, seconds: float) -> None:
        super().sleep(12 * seconds)


def test_the_evaluation_of_traffic_splitting_may_end_before_the_timeout(released: SandboxStage) -> None:
    slow = f"guestbook-{'9' * 16}"
    released.make_version(slow)
    released.emulator.inject_fault("never-ready", version_label=slow, environment=released.target.environment)
    manifest = released.project.folder / "beanpod.toml"
    before = manifest.read_text()
    production = before.replace('preset = "small"', 'preset = "production"')
    settings = '[environment]\ndeployment_policy = "TrafficSplitting"\nevaluation_minutes = 3\n'
    manifest.write_text(f"{production}\n{settings}")
    try:
        result = released.run("rollback", slow, clock=HurriedClock(released.emulator))
    finally:
        manifest.write_text(before)
    assert result.code == 5
    assert "not finished after 1980 s: aborting it" in result.stdout + result.stderr


def test_dry_run_shows_the_plan_and_changes_nothing(released: SandboxStage) -> None:
    released.emulator.clear_calls()
    result = released.run("deploy", "--dry-run")
    assert (result.code, result.stderr) == (0, "")
    assert [call.action for call in released.emulator.calls() if not call.action.startswith(READS)] == []
    assert "  build        Dockerfile, for linux/amd64" in result.stdout
    assert "  push         to example/guestbook" in result.stdout
    assert f"  replaces     {NEW}" in result.stdout
    assert f"  roll back    to {NEW}, if the release fails" in result.stdout
    document = released.run("deploy", "--dry-run", "--json").document
    assert (document["version_label"], document["can_roll_back"]) == (NEW, True)
    assert document["build"] == ["Dockerfile"]


def test_another_version_in_the_requirements_is_a_warning(released: SandboxStage) -> None:
    requirements = released.project.folder / "requirements.txt"
    requirements.write_text("beanpod[cdk]==9.9.9\n")
    try:
        result = released.run("deploy", "--dry-run")
    finally:
        requirements.unlink()
    assert result.code == 0
    assert "requirements.txt names 9.9.9: name one version in requirements.txt" in result.stdout + result.stderr


def test_a_repository_that_git_does_not_read_is_a_warning(released: SandboxStage) -> None:
    git = released.project.folder / ".git"
    git.write_text("gitdir: /gone\n")
    try:
        result = released.run("deploy", "--dry-run")
    finally:
        git.unlink()
    assert result.code == 0
    assert "the commit is not known, so an older one deployed later" in result.stdout + result.stderr


@pytest.mark.parametrize(("policy", "warns"), [("TrafficSplitting", True), ("Rolling", False)])
def test_a_session_that_may_end_before_the_rollback_is_a_warning(
    released: SandboxStage, policy: str, warns: bool
) -> None:
    manifest = released.project.folder / "session.toml"
    text = (released.project.folder / "beanpod.toml").read_text()
    manifest.write_text(f'{text}\n[environment]\ntype = "LoadBalanced"\ndeployment_policy = "{policy}"\n')
    result = released.run("deploy", "--dry-run", "--manifest", str(manifest), environ={"AWS_ROLE_SECONDS": "3600"})
    assert result.code == 0, result.stderr
    assert ("set the variable AWS_ROLE_SECONDS" in result.stdout + result.stderr) == warns


@pytest.fixture
def registry(tmp_path: Path, docker_engine: Engine) -> Iterator[LocalRegistry]:
    with local_registry(tmp_path / "registry", username="me", password="hunter22") as running:
        yield running


def _manifest(stage: SandboxStage, registry: LocalRegistry) -> Path:
    """The stage's manifest, with an image in the registry."""
    text = (stage.project.folder / "beanpod.toml").read_text()
    path = stage.project.folder / "local.toml"
    path.write_text(text.replace("example/guestbook", f"{registry.host}/me/guestbook"))
    return path


def test_deploy_builds_pushes_and_deploys(
    released: SandboxStage, registry: LocalRegistry, docker_engine: Engine, tmp_path: Path
) -> None:
    environ = docker_engine.variables(tmp_path) | registry.login
    arguments = ("--manifest", str(_manifest(released, registry)))

    built = released.run("build", "--json", "--bundle", str(tmp_path / "bundle"), *arguments, environ=environ)
    assert built.code == 0, built.stderr
    image = built.document["images"][0]["image"]
    assert image in (tmp_path / "bundle/Dockerrun.aws.json").read_text()
    assert built.document["images"][0]["image"].startswith(f"{registry.host}/me/guestbook:")
    label = built.document["version_label"]

    first = released.run("deploy", "--json", *arguments, environ=environ)
    assert first.code == 0, first.stderr
    assert (first.document["version_label"], first.document["changed"]) == (label, True)
    assert (first.document["image"], image.partition("@")[2]) == (image, first.document["digest"])
    assert first.document["previous_version"] == NEW
    assert _runs(released) == label

    again = released.run("deploy", *arguments, environ=environ)
    assert again.code == 0
    assert f"Nothing to do: {label} is deployed already" in again.stdout.splitlines()[-1]
    assert "hunter22" not in json.dumps([built.stdout, built.stderr, first.stdout, first.stderr, again.stdout])


def test_a_rate_limit_after_the_push_does_not_end_the_release(
    stage: SandboxStage, registry: LocalRegistry, docker_engine: Engine, tmp_path: Path
) -> None:
    shim = tmp_path / "bin" / "docker"
    shim.parent.mkdir()
    # Only the question without a login names a digest.
    shim.write_text(
        '#!/bin/sh\ncase "$*" in manifest*@sha256:*) echo "toomanyrequests: You have reached your limit" >&2; exit 1;; '
        f'esac\nexec {shutil.which("docker")} "$@"\n'
    )
    shim.chmod(0o755)
    environ = docker_engine.variables(tmp_path) | registry.login
    environ["PATH"] = f"{shim.parent}:{environ['PATH']}"
    arguments = ("--manifest", str(_manifest(stage, registry)), "--bundle", str(tmp_path / "bundle"))
    built = stage.run("build", *arguments, environ=environ)
    assert built.code == 0, built.stderr
    printed = " ".join((built.stdout + built.stderr).split())
    assert "the registry's rate limit for this address is reached (429)" in printed
    assert "so it is not known whether the instances need a login: they use that of [secrets]" in printed
    assert (tmp_path / "bundle/.platform/hooks/prebuild/00_beanpod_login.sh").is_file()


@contextmanager
def _files_between_main_and_aws(stage: SandboxStage) -> Iterator[dict[str, set[str]]]:
    """Record the product's files on the way to each AWS call, up to the first one that changes something."""
    files: dict[str, set[str]] = {}

    def record(model: Any, **_: object) -> None:
        if files and not list(files)[-1].startswith(READS):
            return
        frame: Any = sys._getframe()
        found = files.setdefault(model.name, set())
        while frame:
            path = Path(frame.f_code.co_filename)
            if path.is_relative_to(PRODUCT):
                found.add(path.relative_to(PRODUCT).as_posix())
            frame = frame.f_back

    with handling(stage.sandbox.aws(), "before-call", record):
        yield files


def test_at_most_ten_files_lead_to_the_first_change_on_aws(
    released: SandboxStage, registry: LocalRegistry, docker_engine: Engine, tmp_path: Path
) -> None:
    released.project.greet("few files")
    environ = docker_engine.variables(tmp_path) | registry.login
    with _files_between_main_and_aws(released) as files:
        done = released.run("deploy", "--manifest", str(_manifest(released, registry)), environ=environ)
    assert done.code == 0, done.stderr
    *_, first_change = files
    assert first_change == "PutObject"
    assert {"cli/main.py", "cli/commands/deploy.py", "deploy/rollout.py", "deploy/aws/client.py"} <= files[first_change]
    passed = set().union(*files.values())
    assert len(passed) <= 10, sorted(passed)
