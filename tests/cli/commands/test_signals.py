import signal
import subprocess
import sys
from pathlib import Path

import pytest

from beanpod.cli.signals import Interruptions

ROOT = Path(__file__).resolve().parents[3]
# Waits for a signal, cleans up for a while, and says that it did.
_PROGRAM = """
import sys, time
from beanpod.cli.signals import Interruptions
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


def _start(cleaning: float) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(cleaning)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert _line(process) == "ready"
    return process


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_lets_the_program_clean_up(number: signal.Signals) -> None:
    with _start(0) as process:
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


class Times:
    def __init__(self) -> None:
        self.now = 0.0
        self.left: list[int] = []
        self.interruptions = Interruptions(monotonic=lambda: self.now, leave=self.left.append)
        with pytest.raises(KeyboardInterrupt):
            self.interruptions.handle(signal.SIGINT, None)


def test_later_ctrl_c_exits_at_once() -> None:
    times = Times()
    times.now = 1.5
    times.interruptions.handle(signal.SIGINT, None)
    assert times.left == [130]


def test_later_sigterm_is_ignored() -> None:
    times = Times()
    times.now = 7.5
    times.interruptions.handle(signal.SIGTERM, None)
    assert times.left == []
