"""Files and folders of the project that a service needs beside its image."""

from pathlib import Path

from deploy.bundles.compose.draft import Draft
from deploy.bundles.files import folder_files, one_file


def take(draft: Draft, where: str, source: str) -> str | None:
    """Take what `source` names from the compose file's folder into the bundle; its path there, None if it cannot.

    The bundle mirrors the manifest's folder.
    """
    path = _path(draft, source)
    problem = _problem(draft, path, source)
    if problem or path is None:
        draft.findings.problem(where, problem)
        return None
    problems: list[str] = []
    taken = folder_files if path.is_dir() else one_file
    draft.files.update(taken(draft.setting.root, path, problems))
    for text in problems:
        draft.findings.problem(where, text)
    return path.relative_to(draft.setting.root).as_posix()


def is_inside(draft: Draft, source: str) -> bool:
    """Whether `source` names a place in the project, be there anything or not."""
    return _path(draft, source) is not None


def _path(draft: Draft, source: str) -> Path | None:
    """The place in the project, without its `..`; None outside of it."""
    parts: list[str] = []
    folder = draft.setting.folder.relative_to(draft.setting.root)
    for part in (*folder.parts, *Path(source).parts):
        if part == ".." and not parts:
            return None
        parts = parts[:-1] if part == ".." else [*parts, part]
    return None if Path(source).is_absolute() else draft.setting.root.joinpath(*parts)


def _problem(draft: Draft, path: Path | None, source: str) -> str:
    if path is None or "$" in source or source.startswith("~"):
        return f"{source} is outside of the bundle: put it into the project, beside or below the manifest"
    if not path.exists():
        return f"{source}: no such file: put it there, also for CI, or take the reference out"
    if draft.setting.folder.is_relative_to(path):
        return f"{source} is the whole project: name the folder in it that the service needs"
    return ""
