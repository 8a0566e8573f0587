"""The user's own files for the instance: `.platform/` and `.ebextensions/` beside the manifest."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.bundles.archive import BundleFile
from deploy.bundles.files import folder_files

EXTRA_FOLDERS = (".platform", ".ebextensions")


def extra_files(root: Path, problems: list[str]) -> Mapping[str, BundleFile]:
    """Every file of the two folders by its path, executable where it is so here. Adds to the problems."""
    return dict(_files(root, problems))


def _files(root: Path, problems: list[str]) -> Iterator[tuple[str, BundleFile]]:
    for name in EXTRA_FOLDERS:
        if (root / name).is_symlink() or (root / name).is_dir():
            yield from folder_files(root, root / name, problems)
