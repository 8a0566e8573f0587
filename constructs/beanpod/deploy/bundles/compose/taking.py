"""Files and folders of the project that a service needs beside its image."""

import os
from pathlib import Path

from beanpod.deploy.bundles.compose.draft import Draft
from beanpod.deploy.bundles.files import folder_files


def take(draft: Draft, where: str, source: str, *, or_else: str = "") -> str | None:
    """Take what `source` names from the compose file's folder into the bundle; its path there, None if it cannot.

    The bundle mirrors the manifest's folder. or_else: what else to do where there is no such file.
    """
    path = _path(draft, source)
    problem = _problem(draft, path, source, or_else)
    if problem or path is None:
        draft.findings.problem(where, problem)
        return None
    problems: list[str] = []
    draft.files.update(folder_files(draft.setting.root, path, problems))
    for text in problems:
        draft.findings.problem(where, text)
    return path.relative_to(draft.setting.root).as_posix()


def inside(draft: Draft, source: str) -> str | None:
    """The path in the bundle of what `source` names, be there anything or not; None outside of the project."""
    path = _path(draft, source)
    return path.relative_to(draft.setting.root).as_posix() if path else None


def is_file(draft: Draft, source: str) -> bool:
    """Whether `source` names a file of the project that is there."""
    path = _path(draft, source)
    return path is not None and os.path.isfile(path)


def is_whole_project(draft: Draft, source: str) -> bool:
    """Whether `source` names the compose file's folder, or one above it."""
    path = _path(draft, source)
    return path is not None and draft.setting.folder.is_relative_to(path)


def has_files(draft: Draft, source: str) -> bool:
    """Whether there is a file in the folder that `source` names, at any depth."""
    path = _path(draft, source)
    return path is not None and any(files for _, _, files in os.walk(path))


def is_inside(draft: Draft, source: str) -> bool:
    """Whether `source` names a place in the project, be there anything or not."""
    return _path(draft, source) is not None


def _path(draft: Draft, source: str) -> Path | None:
    """The place in the project, without its `..`; None outside of it."""
    # The compose file may stand above the manifest, and name what stands below that.
    place = Path(os.path.normpath(draft.setting.folder / source))
    inside = not Path(source).is_absolute() and place.is_relative_to(draft.setting.root)
    return place if inside else None


def _problem(draft: Draft, path: Path | None, source: str, or_else: str) -> str:
    if path is None or "$" in source or source.startswith("~"):
        return f"{source} is outside the project: move it next to or below the manifest"
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return f"{source}: no such file or folder: create it, in CI too, or {or_else or 'remove the reference'}"
    except OSError as error:
        return f"{source}: cannot be read: {error.strerror}: grant this user read permission, or remove the reference"
    if is_whole_project(draft, source):
        return f"{source} is the whole project: name the folder in it that the service needs"
    return ""
