import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from beanpod.deploy.aws import assemble, configuration
from beanpod.deploy.signals import Interruptions, deferred_interruption

ROOT = Path(__file__).resolve().parents[2]
# Waits for a signal, cleans up for a while, and says that it did.
_PROGRAM = """
import sys, time
from beanpod.deploy.signals import Interruptions
# Signals are together by this clock however late they come on a busy machine.
Interruptions(monotonic=lambda: 0.0).install()
try:
    print("ready", flush=True)
    time.sleep(120)
except KeyboardInterrupt:
    print("cleaning", flush=True)
    time.sleep(float(sys.argv[1]))
    print("clean", flush=True)
    sys.exit(130)
"""
_IN_A_LONG_BLOCK = _PROGRAM.replace("time.sleep(120)", "with deferred_interruption(): time.sleep(120)").replace(
    "import Interruptions", "import Interruptions, deferred_interruption"
)


def _start(cleaning: float, program: str = _PROGRAM) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(cleaning)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert _line(process) == "ready"
    return process


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


# SIGINT is the first of those that are repeated.
@pytest.mark.parametrize(("number", "program"), [(signal.SIGHUP, _PROGRAM), (signal.SIGTERM, _IN_A_LONG_BLOCK)])
def test_signal_lets_the_program_clean_up(number: signal.Signals, program: str) -> None:
    with _start(0, program) as process:
        process.send_signal(number)
        assert (_line(process), _line(process)) == ("cleaning", "clean")
        assert process.wait(60) == 130


def test_repeated_signals_within_a_second_are_ignored() -> None:
    with _start(0.2) as process:
        process.send_signal(signal.SIGINT)
        assert _line(process) == "cleaning"
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        assert _line(process) == "clean"
        assert process.wait(60) == 130


def test_ignored_signal_stays_ignored() -> None:
    command = f'trap "" HUP; exec "{sys.executable}" -c "$PROGRAM" 0'
    process = subprocess.Popen(
        ["sh", "-c", command], cwd=ROOT, env={"PROGRAM": _PROGRAM}, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert _line(process) == "ready"
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert _line(process) == "cleaning"


@pytest.mark.parametrize(("number", "seconds", "left"), [(signal.SIGINT, 1.5, [130]), (signal.SIGTERM, 7.5, [])])
def test_later_ctrl_c_exits_at_once_and_later_sigterm_is_ignored(
    number: signal.Signals, seconds: float, left: list[int]
) -> None:
    codes: list[int] = []
    times = iter([0.0, seconds])
    interruptions = Interruptions(monotonic=lambda: next(times), leave=codes.append)
    with pytest.raises(KeyboardInterrupt):
        interruptions.handle(signal.SIGINT, None)
    interruptions.handle(number, None)
    assert codes == left


def test_aws_call_ends_before_the_interruption() -> None:
    """Interrupted in the middle, it may leave the lock of boto3's connection pool taken, and the next call hangs."""
    session = boto3.Session("id", "secret", region_name="us-east-1")
    aws = assemble(lambda service: session.client(service, config=configuration()))  # type: ignore[call-overload]
    ended: list[str] = []

    def respond(**_: object) -> Any:
        Interruptions().handle(signal.SIGTERM, None)
        ended.append("response")
        return type("Response", (), {"status_code": 200})(), {"Arn": "arn:aws:iam::123456789012:user/me"}

    aws.sts.meta.events.register("before-call.sts.GetCallerIdentity", respond)
    aws.sts.meta.events.register("after-call.sts.GetCallerIdentity", lambda **_: ended.append("call"))
    with pytest.raises(KeyboardInterrupt):
        aws.identity()
    assert ended == ["response", "call"]
    with deferred_interruption():
        ended.append("the next is not interrupted")
