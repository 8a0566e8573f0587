"""python -m beanpod_emulator.github FOLDER: the hook of a repository, told on standard input what was pushed."""

import signal
import sys
from pathlib import Path

from beanpod_emulator.github.repository import Repository
from beanpod_emulator.github.runs import Run

_MAIN = "refs/heads/main"
_GONE = "0" * 40


def main(folder: str) -> int:
    """Run the workflow for a push to main; the pusher sees what is printed. Exit code 1 when a job failed."""
    # A step that runs has a group of its own, and is ended on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    repository = Repository(Path(folder))
    well = True
    for line in sys.stdin:
        _, commit, reference = line.split()
        if reference == _MAIN and commit != _GONE:
            run = Run(repository, len(repository.runs()) + 1, commit, lambda text: print(text, flush=True))  # noqa: T201
            run.folder.mkdir(parents=True)
            well = run.run() and well
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
