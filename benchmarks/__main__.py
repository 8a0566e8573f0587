"""`python -m benchmarks [NAME ...]`: all figures, or those named."""

import subprocess
import sys
from importlib import import_module

NAMES = ("synthesis", "demo", "waiting", "help", "rehearsal")


def main(names: list[str]) -> int:
    """Run the benchmarks.

    Args:
        names: Those to run. Default: all.

    Returns:
        0 within the limits, 1 beyond one of them or when a program fails, 2 for an unknown name.
    """
    if unknown := [name for name in names if name not in NAMES]:
        print(f"no such benchmark: {', '.join(unknown)}; choose from: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    return max([_run(name) for name in names or NAMES])


def _run(name: str) -> int:
    print(f"\n{name}", flush=True)
    try:
        return int(import_module(f"benchmarks.{name}").main())
    except subprocess.CalledProcessError as error:
        words = " ".join(error.cmd)
        print(error.stderr, f"failed with exit code {error.returncode}: {words}", sep="\n", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
