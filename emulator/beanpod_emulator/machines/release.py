"""What a machine is told to run, and how it is told that it cannot."""

import io
import re
import stat
import tarfile
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

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

    def archive(self) -> bytes:
        """The bundle's files as a tar archive, with their modes and links. Raises MachineError for what is no zip, or
        would leave the folder."""
        data = io.BytesIO()
        try:
            with zipfile.ZipFile(io.BytesIO(self.data)) as bundle, tarfile.open(fileobj=data, mode="w") as archive:
                for entry in bundle.infolist():
                    archive.addfile(_member(entry, bundle), io.BytesIO(bundle.read(entry)))
        except (zipfile.BadZipFile, ValueError) as error:
            raise MachineError("unpack the source bundle", str(error)) from error
        return data.getvalue()


@dataclass(frozen=True)
class Setting:
    """An environment's options as a machine needs them.

    environment: its name. variables: plain ones and secrets. health_codes: as in MatcherHTTPCode, "200" or
    "200-299,404". health_seconds: how long a new version may take until it is healthy. drain_seconds: how long
    requests that are under way are waited for.
    """

    environment: str
    variables: Mapping[str, str] = field(repr=False)
    health_path: str = "/"
    health_codes: str = "200"
    health_seconds: float = 60.0
    drain_seconds: float = 20.0

    def accepts(self, status: int) -> bool:
        """Whether a health check that is answered so passes."""
        return any(_within(status, part) for part in self.health_codes.split(","))


def _within(status: int, part: str) -> bool:
    numbers = [int(number) for number in re.findall(r"\d+", part)]
    return bool(numbers) and numbers[0] <= status <= numbers[-1]


def _member(entry: zipfile.ZipInfo, bundle: zipfile.ZipFile) -> tarfile.TarInfo:
    path = PurePosixPath(entry.filename)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{entry.filename} lies outside of the bundle")
    member = tarfile.TarInfo(entry.filename)
    member.mtime = time.mktime((*entry.date_time, 0, 0, -1))
    mode = entry.external_attr >> 16
    if entry.is_dir():
        member.type, member.mode = tarfile.DIRTYPE, stat.S_IMODE(mode) or 0o755
    elif stat.S_ISLNK(mode):
        member.type, member.linkname = tarfile.SYMTYPE, bundle.read(entry).decode()
    else:
        member.size, member.mode = entry.file_size, (stat.S_IMODE(mode) | stat.S_IRUSR) if mode else 0o644
    return member
