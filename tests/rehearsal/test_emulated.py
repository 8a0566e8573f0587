"""A project on the emulated AWS: who deploys, and the parameters that it reads."""

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from beanpod.cli.output.display import Display, Event, Message, Renderer
from beanpod.cli.output.text import Masks
from beanpod.cli.rehearsal.emulated import EmulatedProject
from beanpod.cli.rehearsal.processes import Done, Interrupted, ProgramRunner, noted_interruptions
from beanpod.deploy.clock import Clock
from beanpod.deploy.errors import DeployError, InterruptionError
from beanpod.manifest import GitHubConfig, Manifest
from beanpod_emulator import EmbeddedAws
from tests.cli.assemblies import write_assembly
from tests.service.machine import ROOT
from tests.waiting import wait_until

ISSUER = "token.actions.githubusercontent.com"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": {"Ref": "Provider"}},
            "Condition": {
                "StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": "repo:ada/shop:environment:dev"}
            },
        }
    ],
}
KEY = {"AWS_ACCESS_KEY": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws.start() as running:
        yield running


@pytest.fixture
def project(aws: EmbeddedAws, tmp_path: Path) -> EmulatedProject:
    display = Display(Renderer(), masks=Masks(), clock=Clock())
    stage = Manifest.read(ROOT / "beanpod.toml").stage()
    github = GitHubConfig(repository="ada/shop", environment="dev")
    stage = stage.model_copy(update={"delivery": stage.delivery.model_copy(update={"github": github})})
    parameters = {"/shop/a": "GIVEN", "/shop/b": "OTHER", "/shop/c": "C"}
    environ = {**os.environ, "OTHER": "of the shell"}
    return EmulatedProject(
        tmp_path, parameters, stage, aws, ProgramRunner(display, Interrupted(), verbose=False), environ
    )


def test_a_parameter_has_the_given_value_or_that_of_the_shell_or_a_random_one(project: EmulatedProject) -> None:
    assert project.put_parameters({"GIVEN": "as given"}) == ("C",)
    ssm = project.client("ssm")
    values = [ssm.get_parameter(Name=f"/shop/{name}", WithDecryption=True)["Parameter"]["Value"] for name in "abc"]
    assert values[:2] == ["as given", "of the shell"]
    assert len(values[2]) >= 24


def test_a_profile_and_a_region_of_the_cdk_cli_are_not_used(project: EmulatedProject) -> None:
    group = {"Resources": {"Jobs": {"Type": "AWS::Logs::LogGroup"}}}
    write_assembly(project.folder / "app", shop=group)
    # The app may be synthesised already.
    settings = {"app": "app", "profile": "work", "region": "eu-west-1"}
    (project.folder / "cdk.json").write_text(json.dumps(settings))
    (project.folder / "beanpod.toml").write_text((ROOT / "beanpod.toml").read_text())
    project.bootstrap()
    project.deploy_stacks()
    assert [stack.name for stack in project.stacks()] == ["shop"]


class _Printing(ProgramRunner):
    """Every command prints the same."""

    output: str

    def run(self, *_: object, **__: object) -> Done:
        return Done(0, self.output, ())


def test_the_last_lines_of_the_logs_hold_a_whole_error_of_a_node_driver(project: EmulatedProject) -> None:
    runner = _Printing(Display(Renderer(), masks=Masks(), clock=Clock()), Interrupted(), verbose=False)
    # `pg` prints nine lines of where, and eighteen fields.
    lines = ["started", "error: no pg_hba.conf entry", *["    at f (a.js:1:2)"] * 9, *["  where: undefined,"] * 18, "}"]
    runner.output = json.dumps([{"message": line} for line in lines])
    assert "error: no pg_hba.conf entry" in replace(project, runner=runner).logs()


def test_the_last_lines_of_the_logs_hold_the_message_of_an_error_in_ruby(project: EmulatedProject) -> None:
    runner = _Printing(Display(Renderer(), masks=Masks(), clock=Clock()), Interrupted(), verbose=False)
    lines = ["KeyError - key not found", "\tapp.rb:5:in `fetch'", *["\t/usr/gems/rack-2/lib/a.rb:9:in `call'"] * 50]
    runner.output = json.dumps([{"message": line} for line in lines])
    assert replace(project, runner=runner).logs() == lines[:2]


@pytest.mark.parametrize("by_role", [False, True])
def test_the_deployer_is_the_deploy_user_or_a_session_of_githubs_role(project: EmulatedProject, by_role: bool) -> None:
    stack(project, by_role)
    deployer = project.deployer()
    project.client("cloudformation").delete_stack(StackName="delivery")
    if by_role:
        assert deployer["AWS_ACCESS_KEY_ID"].startswith("ASIA")
        assert deployer["AWS_SESSION_TOKEN"]
    else:
        assert deployer == {
            "AWS_ACCESS_KEY_ID": KEY["AWS_ACCESS_KEY"],
            "AWS_SECRET_ACCESS_KEY": KEY["AWS_SECRET_KEY"],
        }


def stack(project: EmulatedProject, by_role: bool) -> None:
    provider = {"Url": f"https://{ISSUER}", "ClientIdList": ["sts.amazonaws.com"]}
    resources: dict[str, Any] = {
        "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": json.dumps(KEY)}},
        "Provider": {"Type": "AWS::IAM::OIDCProvider", "Properties": provider},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
    }
    role = {"DeployRoleArn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}}
    outputs = role if by_role else {"DeployerSecretArn": {"Value": {"Ref": "Secret"}}}
    template = json.dumps({"Resources": resources, "Outputs": outputs})
    project.client("cloudformation").create_stack(
        StackName="delivery", TemplateBody=template, Capabilities=["CAPABILITY_IAM"]
    )


class Lines(Renderer):
    """Remembers the texts that are shown. live: as a terminal."""

    def __init__(self, live: bool) -> None:
        self.live = live
        self.texts: list[str] = []

    def show(self, event: Event) -> None:
        if isinstance(event, Message):
            self.texts.append(event.text)


@pytest.mark.parametrize("live", [True, False])
def test_a_commands_failure_is_shown_once(tmp_path: Path, live: bool) -> None:
    lines = Lines(live)
    runner = ProgramRunner(Display(lines, masks=Masks(), clock=Clock()), Interrupted(), verbose=False)
    script = "echo '12:34:56Z  Build' >&2; echo 'beanpod: broken' >&2; echo '  why' >&2; echo '{}'; exit 3"
    done = runner.run(["sh", "-c", script], environ=os.environ, folder=tmp_path, result=True)
    assert (done.code, done.output, done.tail, done.failure) == (3, "{}\n", ("Build",), ("beanpod: broken", "why"))
    assert lines.texts == (["Build"] if live else [])
    assert str(runner.failed("beanpod deploy", done)) == "beanpod deploy failed with exit code 3"
    assert lines.texts == ["Build", "beanpod: broken", "why"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_noted_in_place_of_an_exception(number: signal.Signals) -> None:
    with noted_interruptions() as interrupted:
        assert not interrupted.is_set()
        signal.raise_signal(number)
        assert interrupted.is_set()


def test_the_end_of_the_terminal_stays_ignored_under_nohup() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with noted_interruptions() as interrupted:
            signal.raise_signal(signal.SIGHUP)
            assert not interrupted.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_full_disk_is_named_from_before_the_last_lines(tmp_path: Path) -> None:
    runner = ProgramRunner(Display(Lines(live=False), masks=Masks(), clock=Clock()), Interrupted(), verbose=False)
    script = "echo 'OSError: [Errno 28] No space left on device'; seq 100; exit 1"
    done = runner.run(["sh", "-c", script], environ=os.environ, folder=tmp_path)
    assert runner.failed("cdk deploy", done).causes == ("OSError: [Errno 28] No space left on device",)


def test_a_command_does_not_wait_for_a_server_that_has_ended(tmp_path: Path) -> None:
    runner = ProgramRunner(Display(Lines(live=False), masks=Masks(), clock=Clock()), Interrupted(), verbose=False)
    with pytest.raises(DeployError, match="the emulated AWS was killed, perhaps for lack of memory"):
        runner.run(["sleep", "600"], environ=os.environ, folder=tmp_path, server_runs=lambda: False)


def test_an_interrupted_command_ends_with_its_children(tmp_path: Path) -> None:
    interrupted, lines = Interrupted(), Lines(live=True)
    runner = ProgramRunner(Display(lines, masks=Masks(), clock=Clock()), interrupted, verbose=False)
    child = tmp_path / "child"
    child.touch()

    def interrupt() -> None:
        wait_until(child.read_text)
        interrupted.set()

    with ThreadPoolExecutor() as pool:
        pool.submit(interrupt)
        with pytest.raises(InterruptionError):
            runner.run(["sh", "-c", "sleep 600 & echo $! > child; wait"], environ=os.environ, folder=tmp_path)
    wait_until(lambda: not Path("/proc", child.read_text().strip()).exists(), child.read_text)
