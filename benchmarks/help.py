"""How long `beanpod --help` takes, the best of ten runs."""

import subprocess
import sys
import time

from benchmarks.stages import ROOT

LIMIT_SECONDS = 0.15
_RUNS = 10


def main() -> int:
    """0 within the limit, 1 beyond it."""
    seconds = min(_seconds() for _ in range(_RUNS))
    print(f"{'beanpod --help':<14}{seconds:>8.2f} s, limit {LIMIT_SECONDS} s")
    return int(seconds > LIMIT_SECONDS)


def _seconds() -> float:
    start = time.perf_counter()
    subprocess.run((sys.executable, "-m", "beanpod", "--help"), cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - start
