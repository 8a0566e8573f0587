import errno
import json
import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from beanpod.cli.commands.context import Connection
from beanpod.deploy.errors import BusyError, InterruptionError, RolledBackError, UsageError
from tests.cli.commands import in_process
from tests.cli.output.streams import FullDisk
from tests.waiting import SECONDS

ROOT = Path(__file__).resolve().parents[3]


class Broken(Connection):
    """A connection that raises an error."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def aws(self, region: str | None) -> Any:
        raise self._error

    def client(self, service: str, region: str) -> Any:
        raise self._error


def run(error: BaseException, *arguments: str, **variables: str) -> tuple[int, str, str]:
    ended = in_process.run(ROOT, "status", *arguments, environ=variables, connection=Broken(error))
    return ended.code, ended.stdout, ended.stderr


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UsageError("no region: set one"), 2, "beanpod: no region: set one\n"),
        (BusyError("ann deploys", causes=("since noon",)), 4, "beanpod: ann deploys\n  since noon\n"),
        (InterruptionError("stopped; nothing was changed"), 130, "beanpod: stopped; nothing was changed\n"),
        (KeyboardInterrupt(), 130, "beanpod: interrupted\n"),
        (
            OSError(errno.EROFS, "Full", "/c"),
            2,
            "beanpod: [Errno 30] Full: '/c': free space there, or set TMPDIR and HOME to folders that can be written\n",
        ),
        (
            ZeroDivisionError("by zero"),
            1,
            "beanpod: unexpected ZeroDivisionError: by zero; run again with --verbose for the trace\n",
        ),
    ],
)
def test_failure_is_one_line_and_an_exit_code(error: BaseException, code: int, message: str) -> None:
    assert run(error) == (code, "", message)


def test_verbose_shows_the_trace() -> None:
    code, _, errors = run(ZeroDivisionError("by zero"), "--verbose")
    assert code == 1
    assert errors.startswith("Traceback (most recent call last):\n")
    assert errors.endswith("beanpod: unexpected ZeroDivisionError: by zero\n")


def test_failure_is_written_as_json() -> None:
    code, out, errors = run(RolledBackError("app-2 failed", causes=("disk full",)), "--json")
    assert code == 5
    assert out == (
        '{\n  "error": "app-2 failed",\n  "causes": [\n    "disk full"\n  ],\n'
        '  "exit_code": 5,\n  "rolled_back": true\n}\n'
    )
    assert errors == "beanpod: app-2 failed\n  disk full\n"


_SECRETS = (
    "DOCKER_PASSWORD",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "CI_JOB_TOKEN",
    "STRIPE_SECRET_KEY",
)


@pytest.mark.parametrize("more", [(), ("--json",), ("--verbose",), ("--output", "github")])
def test_secret_variable_is_masked_in_all_output(more: tuple[str, ...]) -> None:
    for name in _SECRETS:
        _, out, errors = run(ValueError("https://me:hunter22@host"), *more, **{name: "hunter22"})
        assert "me:***@host" in out + errors, name
        assert "hunter22" not in out + errors, name


_LOGIN = b64encode(b"ada:hunter22").decode()


@pytest.mark.parametrize(
    "variables",
    [
        {"DOCKER_AUTH_CONFIG": json.dumps({"auths": {"localhost:5000": {"auth": _LOGIN}}})},
        {"DOCKER_AUTH_CONFIG": '{"auths": {"localhost:5000": {"username": "ada", "password": "hunter22"}}}'},
        {"HTTPS_PROXY": "http://ada:hunter22@proxy:3128"},
        {"ADDRESS": "hunter22", "AWS_WEB_IDENTITY_TOKEN_FILE": "{folder}/token"},
        {"ADDRESS": "hunter22", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{folder}/token"},
    ],
    ids=["docker's login", "docker's password", "proxy", "web identity", "container"],
)
def test_secret_in_a_variables_value_or_file_is_masked(variables: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hunter22\n")
    given = {name: value.replace("{folder}", str(tmp_path)) for name, value in variables.items()}
    _, out, errors = run(ValueError(f"hunter22, that is {_LOGIN}"), "--json", **given)
    assert "hunter22" not in out + errors
    assert "DOCKER_AUTH_CONFIG" not in given or "password" in given["DOCKER_AUTH_CONFIG"] or _LOGIN not in out + errors


@pytest.mark.parametrize(
    "variables",
    [
        {"DOCKER_AUTH_CONFIG": "[]"},
        {"DOCKER_AUTH_CONFIG": '{"auths": {"x": {"auth": "no base64"}, "y": 1}}'},
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere"},
        {"TOKEN_TTL": "environment", "DATABASE_URL": "postgres://postgres:postgres@db/environment"},
    ],
)
def test_ordinary_words_are_not_masked(variables: dict[str, str]) -> None:
    _, _, errors = run(ValueError("postgres environment"), **variables)
    assert "postgres environment" in errors


def _process(*arguments: str, **streams: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "beanpod", *arguments]
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "constructs")}
    return subprocess.Popen(command, cwd=ROOT, env=variables, text=True, **streams)


def test_missing_packages_are_named_with_the_command_to_install_them() -> None:
    bare = subprocess.run(
        [sys.executable, "-S", "-m", "beanpod", "status"],
        cwd=ROOT / "constructs",
        capture_output=True,
        text=True,
        check=False,
    )
    assert bare.returncode == 2
    assert bare.stderr == (
        f"beanpod: boto3, pydantic, rich, yaml not installed: run {sys.executable} -m pip install beanpod\n"
    )


def test_closed_output_does_not_change_the_exit_code() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with _process("status", "--stage", "nowhere", stdout=writing, stderr=writing) as process:
        os.close(writing)
        assert process.wait(timeout=SECONDS) == 2


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_a_full_disk_does_not_change_the_exit_code_of_the_help(option: str, unbuffered: str) -> None:
    command = [sys.executable, "-m", "beanpod", option]
    environ = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=environ, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", ["init", "rehearse"])
def test_a_deleted_working_directory_is_named(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    script = f'rmdir "$PWD" && {sys.executable} -m beanpod {command} --output lines'
    done = subprocess.run(
        ["sh", "-c", script], cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    message = "beanpod: the working directory was deleted: change to one that exists\n"
    assert (done.returncode, done.stderr) == (2, message)


def test_missing_streams_do_not_change_the_exit_code() -> None:
    """As of a job that is started with `>&-`: Python has no streams then."""
    code = "import os, sys; os.closerange(0, 3); os.execv(sys.executable, sys.argv[1:])"
    for arguments, wanted in ((["status", "--stage", "nowhere"], 2), (["check", "--json"], 0)):
        command = [sys.executable, "-c", code, sys.executable, "-m", "beanpod", *arguments]
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == wanted


@pytest.mark.parametrize("arguments", [["completion", "bash"], ["check", "--json"]])
def test_result_that_cannot_be_written_is_a_failure(arguments: list[str]) -> None:
    failed = in_process.run(ROOT, *arguments, stdout=FullDisk())
    message = "beanpod: standard output cannot be written: No space left on device"
    assert (failed.code, failed.stderr.splitlines()[-1]) == (1, message)


def test_commands_need_nothing_that_windows_lacks() -> None:
    """`deploy` and `build` import there too, and name WSL."""
    code = """
import importlib, os, pkgutil, signal, sys
sys.modules |= dict.fromkeys(("fcntl", "grp", "pty", "pwd", "resource", "termios"))
for name in ("SIGHUP", "SIGKILL"):
    delattr(signal, name)
for name in ("O_DIRECTORY", "O_NOFOLLOW", "fork", "killpg", "getuid"):
    delattr(os, name)
import beanpod
for package in ("beanpod.cli", "beanpod.deploy", "beanpod.manifest", "beanpod.project"):
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        if ".templates." not in module.name:
            importlib.import_module(module.name)
from beanpod.cli.main import main
sys.exit(main(["check"]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "no problems in dev, prod" in done.stdout
