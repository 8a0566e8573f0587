import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from beanpod.cli.parser import COMMANDS, HEALTHS, Options, parse
from beanpod.deploy.rollout import HEALTHS as ALL_HEALTHS
from beanpod.deploy.rollout import Settings

ROOT = Path(__file__).resolve().parents[3]
HEAVY = {"boto3", "botocore", "rich", "pydantic", "yaml", "aws_cdk", "jsii"}


def test_no_command_means_deploy() -> None:
    assert parse([]) == Options(command="deploy")


def test_options_stand_before_or_after_the_command() -> None:
    expected = Options(command="status", stage="prod", json=True)
    assert parse(["--stage", "prod", "status", "--json"]) == expected
    assert parse(["status", "--json", "--stage", "prod"]) == expected


def test_rollout_options_are_understood() -> None:
    given = ["--force", "--no-rollback", "--wait-timeout", "60", "--recovery", "0", "--accept-health", "Warning"]
    assert parse([*given, "--accept-health", "Degraded"]) == Options(
        force=True, roll_back=False, wait_timeout=60, recovery=0, accept_health=("Warning", "Degraded")
    )


def test_rollback_takes_a_label() -> None:
    assert parse(["rollback", "app-1"]).label == "app-1"
    assert parse(["rollback"]).label is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--force", "status"], "deploy: --force does not go with status: see beanpod --help"),
        (["status", "--force"], "deploy: --force does not go with status: see beanpod --help"),
        (["events", "--wait-timeout=5"], "deploy: --wait-timeout does not go with events"),
        (["frobnicate"], "deploy: argument COMMAND: invalid choice: 'frobnicate'"),
        (["--stag=prod"], "deploy: unrecognized arguments: --stag"),
        (["status", "x"], "deploy: unrecognized arguments: x"),
        (["--wait-timeout", "soon"], "argument --wait-timeout: must be a number of seconds, got 'soon'"),
        (["--recovery", "-1"], "argument --recovery: must be a number of seconds, got '-1'"),
        (["--recovery", "inf"], "argument --recovery: must be a number of seconds, got 'inf'"),
        (["--accept-health", "Ok"], "argument --accept-health: invalid choice: 'Ok'"),
        (["--output", "html"], "argument --output: invalid choice: 'html'"),
    ],
)
def test_slip_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(arguments)
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse([command, "--help"])
    assert caught.value.code == 0
    assert f"beanpod {command}" in capsys.readouterr().out


def test_defaults_are_those_of_the_rollout() -> None:
    options = Options()
    assert Settings() == Settings(
        ready_timeout=options.ready_timeout,
        wait_timeout=options.wait_timeout,
        recovery=options.recovery,
        accepted_health=options.accept_health,
        roll_back=options.roll_back,
    )
    assert len(fields(Settings)) == 5
    assert ("Ok", "Info", *HEALTHS) == ALL_HEALTHS


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, beanpod.cli.main; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
