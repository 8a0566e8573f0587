from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import NamedTuple

from beanpod.manifest._layers import look_up
from beanpod.manifest._presets import Tables
from beanpod.manifest._sections import StageConfig
from beanpod.manifest._wording import Path


class Finding(NamedTuple):
    """Something wrong with the value at `key`.

    reads: the other keys the judgement rests on; if one of them is wrong itself, the finding is dropped.
    of_the_rest: whether it is true of a table even without what is wrong in it.
    """

    key: Path
    text: str
    reads: tuple[Path, ...] = ()
    of_the_rest: bool = False


@dataclass(frozen=True)
class Case:
    """What rules look at. written: what file and stage say, without preset.

    folder: the manifest's, to look for the files that it names; None to leave that.
    own: what the stage's own table says.
    """

    stage: StageConfig
    written: Tables
    folder: FilePath | None
    own: Tables

    def says(self, *path: str) -> bool:
        """Whether the manifest itself gives this key, rather than a preset or a default."""
        return look_up(self.written, path) is not None


Rule = Callable[[Case], Iterator[Finding]]
