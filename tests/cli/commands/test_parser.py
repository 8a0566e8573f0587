import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from beanpod.cli.parser import COMMANDS, Options, parse
from beanpod.deploy.preflight import Settings

ROOT = Path(__file__).resolve().parents[3]
HEAVY = {"boto3", "botocore", "rich", "pydantic", "yaml", "aws_cdk", "jsii", "shtab"}


def test_no_arguments_print_the_help_and_fail(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse([])
    assert caught.value.code == 2
    out, errors = capsys.readouterr()
    assert (out, "usage: beanpod COMMAND [OPTIONS]" in errors) == ("", True)


def test_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["--version"])
    assert (caught.value.code, capsys.readouterr().out) == (0, f"beanpod {version('beanpod')}\n")


def test_common_options_may_precede_the_command() -> None:
    expected = Options("status", stage="prod", json=True)
    assert parse(["--stage", "prod", "status", "--json"]) == expected
    assert parse(["status", "--json", "--stage", "prod"]) == expected


def test_rollout_options_are_parsed() -> None:
    given = ["--force", "--no-rollback", "--wait-timeout", "60", "--recovery", "0", "--accept-health", "Warning"]
    assert parse(["deploy", *given, "--accept-health", "Degraded"]) == Options(
        "deploy", force=True, roll_back=False, wait_timeout=60, recovery=0, accept_health=("Warning", "Degraded")
    )


def test_rollback_takes_a_label() -> None:
    assert parse(["rollback", "app-1"]).label == "app-1"
    assert parse(["rollback"]).label is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stage", "prod"], "beanpod: no command given: see beanpod --help"),
        (["--force", "status"], "beanpod: unknown option or argument: --force: see beanpod --help"),
        (["status", "--force"], "beanpod: unknown option or argument: --force: see beanpod status --help"),
        (["events", "--wait-timeout=5"], "beanpod: unknown option or argument: --wait-timeout=5: see beanpod events"),
        (["frobnicate"], "beanpod: argument COMMAND: invalid choice: 'frobnicate'"),
        (["--stag=prod"], "beanpod: unknown option or argument: --stag"),
        (["status", "x"], "beanpod: unknown option or argument: x"),
        (["deploy", "--wait-timeout", "soon"], "argument --wait-timeout: must be a number of seconds, got 'soon'"),
        (["deploy", "--recovery", "-1"], "argument --recovery: must be a number of seconds, got '-1'"),
        (["deploy", "--recovery", "inf"], "argument --recovery: must be a number of seconds, got 'inf'"),
        (["deploy", "--accept-health", "Ok"], "argument --accept-health: invalid choice: 'Ok'"),
        (["deploy", "--output", "html"], "argument --output: invalid choice: 'html'"),
    ],
)
def test_mistake_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(arguments)
    assert caught.value.code == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


# The help of `beanpod cdk` is the CDK CLI's.
@pytest.mark.parametrize("command", [None, *sorted(COMMANDS.keys() - {"cdk"})])
def test_help_fits_a_screen(
    command: str | None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as caught:
        parse([command, "--help"] if command else ["--help"])
    assert caught.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert (len(lines) <= 40, max(map(len, lines)) <= 80) == (True, True)
    assert command is None or lines[-1] == f"example: {COMMANDS[command][1]}"


def test_examples_are_valid() -> None:
    for _, example in COMMANDS.values():
        parse(example.split()[1:])


def test_defaults_are_those_of_the_rollout() -> None:
    options = Options("deploy")
    assert Settings() == Settings(
        recovery=options.recovery,
        accepted_health=options.accept_health,
        roll_back=options.roll_back,
    )


def test_help_imports_no_slow_package() -> None:
    code = "import sys, beanpod.cli.main; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
