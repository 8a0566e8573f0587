"""What a machine is told to run, and how it is told that it cannot."""

import io
import re
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_TO = "Instance deployment failed to {step}. The deployment failed."


class MachineError(Exception):
    """A deployment failed on a machine. step: what it could not do, as its event says it; the message: why."""

    def __init__(self, step: str, why: str) -> None:
        super().__init__(" ".join(why.split()))
        self.event = _TO.format(step=step)


@dataclass(frozen=True)
class Release:
    """A version. data: its source bundle."""

    label: str
    deployment_id: int
    data: bytes = field(repr=False)

    def unpack(self, folder: Path) -> None:
        """Write the bundle's files into the folder. Raises MachineError for what is no zip, or would leave it."""
        try:
            with zipfile.ZipFile(io.BytesIO(self.data)) as archive:
                for entry in archive.infolist():
                    _extract(archive, entry, folder)
        except (zipfile.BadZipFile, ValueError) as error:
            raise MachineError("unpack the source bundle", str(error)) from error


@dataclass(frozen=True)
class Setting:
    """An environment's options as a machine needs them.

    environment: its name. variables: plain ones and secrets. health_codes: as in MatcherHTTPCode, "200" or
    "200-299,404". health_seconds: how long a new version may take until it is healthy.
    """

    environment: str
    variables: Mapping[str, str] = field(repr=False)
    health_path: str = "/"
    health_codes: str = "200"
    health_seconds: float = 60.0

    def accepts(self, status: int) -> bool:
        """Whether a health check that is answered so passes."""
        return any(_within(status, part) for part in self.health_codes.split(","))


def _within(status: int, part: str) -> bool:
    numbers = [int(number) for number in re.findall(r"\d+", part)]
    return bool(numbers) and numbers[0] <= status <= numbers[-1]


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    target = (folder / entry.filename).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise ValueError(f"{entry.filename} lies outside of the bundle")
    archive.extract(entry, folder)
    mode = entry.external_attr >> 16
    if target.is_file() and stat.S_IMODE(mode):
        target.chmod(stat.S_IMODE(mode) | stat.S_IRUSR)
