from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class ManifestError(Exception):
    """A manifest that cannot be used.

    path: the manifest's file. problems: one line a problem. `str()` is the list for a terminal.
    """

    def __init__(self, path: Path, problems: Iterable[str]) -> None:
        self.path = path
        self.problems = tuple(problems)
        super().__init__(path, self.problems)

    def __str__(self) -> str:
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        return "\n".join([f"{self.path}: {count}", *(f"  - {problem}" for problem in self.problems)])
