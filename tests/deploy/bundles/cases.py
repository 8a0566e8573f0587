"""The projects in tests/cases: small ones, of the shape that people have."""

import shutil
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from beanpod.deploy.bundles import Bundle, BundlePlan, plan_bundle
from beanpod.manifest import Manifest
from tests.deploy.bundles.compose_command import require_compose
from tests.deploy.bundles.projects import composed, pushed, refused, write

_CASES = Path(__file__).resolve().parents[2] / "cases"


def copied(name: str, folder: Path, files: Mapping[str, str] | None = None) -> Path:
    """A copy of a case in the folder. files: written over it, by their paths."""
    place = folder / name
    if any((_CASES / name).glob("**/*compose*.y*ml")):
        require_compose()
    shutil.copytree(_CASES / name, place, symlinks=True)
    write(place, files or {})
    return place


def plan_of(project: Path, manifest: str = "beanpod.toml") -> BundlePlan:
    """The plan of a project's first stage."""
    path = project / manifest
    return plan_bundle(Manifest.read(path).stage(), path.parent)


def bundle_of(project: Path, manifest: str = "beanpod.toml") -> Bundle:
    """The bundle of a project, with an image for everything that is built; made once for the same files."""
    content = {str(path): path.read_bytes() if path.is_file() else b"" for path in project.rglob("*")}
    return _bundle_of(project / manifest, hash(frozenset(content.items())))


@cache
def _bundle_of(path: Path, _content: int) -> Bundle:
    return pushed(plan_of(path.parent, path.name))


def problems_of(project: Path, manifest: str = "beanpod.toml") -> list[str]:
    """What the bundle of the project is refused for."""
    return refused(lambda: bundle_of(project, manifest))


def services_of(project: Path, manifest: str = "beanpod.toml") -> Any:
    """The services in the compose file of the project's bundle."""
    return composed(bundle_of(project, manifest))["services"]


def change(project: Path, old: str, new: str, name: str = "compose.yaml") -> None:
    """Change a file of the project, as its owner would."""
    text = (project / name).read_text()
    assert old in text
    (project / name).write_text(text.replace(old, new))


def notes_of(project: Path, about: str = "") -> list[str]:
    """The notes of the project's bundle about a place in it."""
    return [note for note in bundle_of(project).notes if about in note]


def services_with(keys: Iterable[str], build: str = "build: .") -> str:
    """Services s0, s1, ... with these keys."""
    return "".join(f"  s{number}:\n    {build}\n    {one}\n" for number, one in enumerate(keys))
