"""An interrupted `beanpod demo`."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
MARK = "BEANPOD_DEMO_TEST"


def marked(mark: str) -> list[Path]:
    """Every process that inherited this mark. Linux only."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append(process)
        except OSError:
            continue
    return found


def test_an_interrupted_demo_leaves_nothing_running(tmp_path: Path) -> None:
    environment = os.environ | {MARK: str(tmp_path), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "beanpod", "demo"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as demo:
        assert demo.stdout
        for line in demo.stdout:
            if line.endswith("  Stacks\n"):
                break
        deadline = time.monotonic() + 120
        while len(marked(str(tmp_path))) < 3 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(marked(str(tmp_path))) >= 3
        demo.send_signal(signal.SIGINT)
        output = demo.stdout.read()
    assert demo.returncode == 130
    assert output.endswith("beanpod: interrupted: nothing is left running\n")
    # A killed process is in /proc until the kernel has torn it down; one that lives on stays there.
    deadline = time.monotonic() + 120
    while marked(str(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert marked(str(tmp_path)) == []
    assert list(tmp_path.glob("beanpod-demo-*")) == []
