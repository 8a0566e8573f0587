"""Processes that are interrupted: their message, their exit code and the state of the environment."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from beanpod.deploy.clock import Clock
from tests.cli.commands.sandbox_stage import SandboxStage
from tests.waiting import SECONDS, wait_until

ROOT = Path(__file__).resolve().parents[3]
OLD, NEW = f"guestbook-{'1' * 16}", f"guestbook-{'2' * 16}"


@contextmanager
def _started(stage: SandboxStage, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **stage.emulator.environment}
    manifest = str(stage.project.folder / "beanpod.toml")
    process = subprocess.Popen(
        [sys.executable, "-m", "beanpod", *arguments, "--manifest", manifest],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def _rolling_out(stage: SandboxStage, label: str) -> Iterator["subprocess.Popen[str]"]:
    """A rollout that does not end by itself: the emulator's clock does not advance."""
    stage.emulator.clear_calls()
    try:
        with _started(stage, "rollback", label) as process:
            wait_until(
                lambda: "UpdateEnvironment" in (call.action for call in stage.emulator.calls()), stage.emulator.calls
            )
            yield process
            process.send_signal(signal.SIGTERM)
            process.wait(SECONDS)
    finally:
        stage.emulator.advance(600)


@pytest.fixture(scope="module")
def released(stage: SandboxStage) -> SandboxStage:
    stage.release(OLD)
    stage.release(NEW)
    return stage


def test_followed_events_end_with_ctrl_c(released: SandboxStage) -> None:
    with _started(released, "events", "--follow") as process:
        assert process.stdout is not None
        assert "INFO" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, errors) == (130, "beanpod: interrupted\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_rollout_reports_the_state_and_releases_the_lock(
    released: SandboxStage, number: signal.Signals
) -> None:
    with _rolling_out(released, OLD) as process:
        process.send_signal(number)
        _, errors = process.communicate(timeout=SECONDS)
        assert process.returncode == 130
        hint = f"see `beanpod status --manifest {released.project.folder}/beanpod.toml`"
        assert errors == f"beanpod: interrupted: Elastic Beanstalk may still be rolling out {OLD}: {hint}\n"
        # By this machine's clock, as the other process has it.
        status = released.run("status", "--json", clock=Clock()).document
        assert (status["deployment"], status["status"]) == (None, "Updating")


def test_status_shows_a_deployment_in_progress(released: SandboxStage) -> None:
    with _rolling_out(released, NEW):
        status = released.run("status", "--json", clock=Clock()).document
        assert status["deployment"]["version_label"] == NEW
        printed = released.run("status", clock=Clock()).stdout
    assert f"  deployment    {NEW} by " in printed
    assert ", locked until " in printed
