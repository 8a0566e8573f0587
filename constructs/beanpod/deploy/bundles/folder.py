"""The files of a bundle in a folder, for a person to look at."""

import os
import re
import shutil
from pathlib import Path

from beanpod.deploy.bundles import hooks
from beanpod.deploy.bundles.archive import BundleFile
from beanpod.deploy.bundles.bundle import Bundle, hash_of
from beanpod.deploy.bundles.stamp import BLANK
from beanpod.deploy.errors import UsageError

_HASH = re.compile(rb"^release='([0-9a-f]{16})'$", re.MULTILINE)


def check_folder(folder: Path, inputs: tuple[Path, ...]) -> None:
    """Raise UsageError where a bundle cannot be written into the folder without a loss.

    It may be new, empty, or hold exactly what an earlier run wrote. inputs: the folders that images and bundles are
    made from: what is written there would be part of the next ones.
    """
    place = folder.resolve()
    for name in inputs:
        if place == name.resolve() or name.resolve() in place.parents:
            raise UsageError(
                f"--bundle {folder} is inside {name}, which the release is built from: name a folder outside it, "
                "such as ../bundle"
            )
    try:
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"--bundle {folder} is a file: name a folder")
        if folder.is_dir() and any(folder.iterdir()) and not _is_written(folder):
            raise UsageError(f"--bundle {folder} is not empty: name a new or an empty folder")
        if not _is_writable(folder):
            raise UsageError(f"--bundle {folder} cannot be written: name another folder")
    except OSError as error:
        raise _unusable(folder, error) from None


def write_folder(bundle: Bundle, folder: Path) -> None:
    """Write the bundle's files, in the place of those that an earlier run wrote. Raises UsageError where it cannot.

    The folder has passed `check_folder`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for name, file in bundle.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
            path.chmod(file.mode)
    except OSError as error:
        raise _unusable(folder, error) from None


def _is_writable(folder: Path) -> bool:
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _is_written(folder: Path) -> bool:
    """Whether the folder holds a bundle and nothing else: its clean-up script names the hash of all files."""
    try:
        named = _HASH.search((folder / hooks.CLEANUP).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return False
    if not named:
        return False
    paths = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    if any(path.is_symlink() or not path.is_file() for path in paths):
        return False
    files = {path.relative_to(folder).as_posix(): _file(folder, path, named[1]) for path in paths}
    return hash_of(files) == named[1].decode()


def _file(folder: Path, path: Path, digits: bytes) -> BundleFile:
    data = path.read_bytes()
    if path.relative_to(folder).as_posix() in hooks.OWN_FILES:
        data = data.replace(digits, BLANK.encode())
    return BundleFile(data, bool(path.stat().st_mode & 0o100))


def _unusable(folder: Path, error: OSError) -> UsageError:
    return UsageError(f"--bundle {folder} cannot be written: {error.strerror or error}: name another folder")
