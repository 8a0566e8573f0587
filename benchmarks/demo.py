"""The time of `make demo` once everything is installed."""

import subprocess
import sys
import time

from benchmarks.stages import ROOT

LIMIT_SECONDS = 60


def main() -> int:
    """Run `make demo` and print its time.

    Returns:
        0 within the limit, 1 beyond it.

    Raises:
        subprocess.CalledProcessError: The demonstration failed.
    """
    start = time.perf_counter()
    subprocess.run((sys.executable, "-m", "beanpod", "demo"), cwd=ROOT, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    print(f"{'make demo':<12}{seconds:>10.2f} s, limit {LIMIT_SECONDS} s")
    return int(seconds > LIMIT_SECONDS)
