"""Files of the project that go into the bundle."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from deploy.bundles.archive import BundleFile
from deploy.bundles.problems import printable

# What desktops and git leave in folders: it would make a bundle depend on the machine.
_LITTER = frozenset({".DS_Store", "Thumbs.db", ".gitkeep", ".gitignore"})


def folder_files(root: Path, folder: Path, problems: list[str]) -> Iterator[tuple[str, BundleFile]]:
    """Every file below the folder, by its path from the root. Adds what cannot be taken to the problems."""
    if folder.is_symlink():
        problems.append(_linked(root, folder))
        return
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from folder_files(root, path, problems)
        elif entry.name not in _LITTER:
            yield from one_file(root, path, problems)


def one_file(root: Path, path: Path, problems: list[str]) -> Iterator[tuple[str, BundleFile]]:
    """The file by its path from the root, if it can be taken."""
    kind = path.lstat()
    if stat.S_ISLNK(kind.st_mode):
        problems.append(_linked(root, path))
    elif not stat.S_ISREG(kind.st_mode):
        problems.append(f"{_inside(root, path)}: no regular file: take it out of the folder")
    elif not _inside(root, path).isprintable():
        # A zip has room for UTF-8 only, and a message for what can be shown.
        problems.append(f"{printable(_inside(root, path))}: a name that cannot be shown: rename it")
    elif path.name == ".env":
        problems.append(f"{_inside(root, path)}: holds secrets: move them to [secrets], and the file out of the folder")
    else:
        yield _inside(root, path), BundleFile(path.read_bytes(), bool(kind.st_mode & stat.S_IXUSR))


def _linked(root: Path, path: Path) -> str:
    # Where it points to may not exist in CI, or lie outside the project.
    return f"{_inside(root, path)}: a symbolic link: put the file itself there"


def _inside(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
