"""Files of the project for the bundle, and the files of a bundle in a folder."""

import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from beanpod.deploy.bundles import hooks
from beanpod.deploy.bundles.bundle import HASH_PLACEHOLDER, Bundle, BundleFile, hash_of
from beanpod.deploy.errors import UsageError

# Files of desktops and git, which would make a bundle depend on the machine.
_LITTER = frozenset({".DS_Store", "Thumbs.db", ".gitkeep", ".gitignore"})
# https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/applications-sourcebundle.html: "Not exceed 500 MB", which
# CreateApplicationVersion counts as 524,288,000 bytes.
_LARGEST = 524_288_000
_MIB = 1024 * 1024
_NAMED = 3
# A line of an env file: NAME="value" # comment
_ENV_LINE = re.compile(
    r"""^[ \t]*(?:export )?(?P<name>[\w.-]+)[ \t]*=[ \t]*(?P<value>"[^"\n]*"|'[^'\n]*'|.*?)[ \t]*(?:(?<=[ \t])#.*)?$""",
    re.MULTILINE,
)


def printable(text: str) -> str:
    """Replace what would move a terminal's cursor by spaces."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def text_of(path: Path) -> str:
    """Return a file's text; "" where it cannot be read, and for a pipe, whose writer would be waited for."""
    try:
        # With or without a byte order mark, which editors on Windows write.
        return path.read_text(encoding="utf-8-sig", errors="replace") if path.is_file() else ""
    except OSError:
        return ""


def env_values(text: str) -> dict[str, str]:
    """Return what an env file sets, by the variables' names.

    https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax
    """
    return {match["name"]: match["value"].strip("\"'") for match in _ENV_LINE.finditer(text)}


def folder_files(root: Path, folder: Path, problems: list[str]) -> Iterator[tuple[str, BundleFile]]:
    """Yield every file below the folder, or the one file, by its path from the root.

    Links are followed, as long as they lead to something below the root. Files that vanish meanwhile are left out.

    Args:
        root: The manifest's folder.
        folder: A folder or a file below it.
        problems: Where files that a bundle cannot contain are added.
    """
    walked = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    files = walked if os.path.isdir(folder) else [folder]
    problem = too_large({_inside(root, path): os.path.getsize(path) for path in files if os.path.isfile(path)})
    if problem:
        problems.append(problem)
    else:
        yield from _taken(root, folder, problems, ())


def too_large(sizes: Mapping[str, int]) -> str | None:
    """Say why Elastic Beanstalk refuses files of these sizes in bytes, by their paths; None if it does not."""
    weight = sum(sizes.values())
    if weight <= _LARGEST:
        return None
    named = ", ".join(printable(name) for name in sorted(sizes, key=lambda name: -sizes[name])[:_NAMED])
    return (
        f"the bundle has {weight / _MIB:,.1f} MiB, and Elastic Beanstalk accepts {_LARGEST / _MIB:,.0f} MiB: remove "
        f"what is not needed; the largest files are {named}"
    )


def _taken(root: Path, path: Path, problems: list[str], above: tuple[Path, ...]) -> Iterator[tuple[str, BundleFile]]:
    """Yield the files at the path. above: the folders that contain it, without links."""
    name = _inside(root, path)
    try:
        if path.is_symlink():
            problem = _problem_of_link(root, path, above)
            if problem:
                problems.append(f"{printable(name)}: {problem}")
                return
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            for entry in sorted(os.listdir(path)):
                yield from _taken(root, path / entry, problems, (*above, path.resolve()))
        elif path.name not in _LITTER:
            problem = _problem_of_file(path, name, kind)
            if problem:
                problems.append(f"{printable(name)}: {problem}")
            else:
                yield name, BundleFile(path.read_bytes(), bool(kind & stat.S_IXUSR))
    except FileNotFoundError:
        return
    except OSError as error:
        problems.append(
            f"{printable(name)}: cannot be read: {error.strerror}: grant this user read permission, or remove it"
        )


def _problem_of_link(root: Path, path: Path, above: tuple[Path, ...]) -> str | None:
    target = Path(os.path.realpath(path))
    shown = printable(os.readlink(path))
    if os.path.isabs(os.readlink(path)) or not target.is_relative_to(root.resolve()):
        return f"a link to {shown}, which is outside the project: replace it with the file"
    if not target.exists():
        return f"a link to {shown}, which does not exist: fix the link, or remove it"
    if target in above:
        return f"a link to {shown}, a folder that contains it: remove it"
    return None


def _problem_of_file(path: Path, name: str, kind: int) -> str | None:
    if not stat.S_ISREG(kind):
        return "not a regular file: remove it"
    if not name.isprintable() or "\\" in name:
        # A zip needs UTF-8, unzip reads backslashes as slashes, and a message shows only printable names.
        return "its name cannot be displayed or unzipped: rename it"
    if ".env" in (path.name, path.resolve().name):
        return "contains secrets: move them to [secrets], and remove the file"
    return None


def _inside(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


_HASH = re.compile(rb"^release='([0-9a-f]{16})'$", re.MULTILINE)


def check_folder(folder: Path, inputs: tuple[Path, ...]) -> None:
    """Raise UsageError if a bundle cannot be written into the folder without a loss.

    Args:
        folder: It may be new, empty, or contain exactly what an earlier run wrote.
        inputs: The folders that images and bundles are made from: what is written there would be part of the next ones.
    """
    # Path.resolve() raises RuntimeError for a link to itself, in Python before 3.13.
    place = Path(os.path.realpath(folder))
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
    """Replace what an earlier run wrote by the bundle's files. Raises UsageError if the folder cannot be written.

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
    """Whether the folder contains a bundle and nothing else: its clean-up script names the hash of all files."""
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
        data = data.replace(digits, HASH_PLACEHOLDER.encode())
    return BundleFile(data, bool(path.stat().st_mode & 0o100))


def _unusable(folder: Path, error: OSError) -> UsageError:
    return UsageError(f"--bundle {folder} cannot be written: {error.strerror or error}: name another folder")
