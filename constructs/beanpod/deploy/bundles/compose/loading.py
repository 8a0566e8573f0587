"""The user's compose file, and what a `compose.prod.yaml` beside it changes for production."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beanpod.deploy.bundles.compose.canonical import canonical
from beanpod.deploy.bundles.compose.checking import check
from beanpod.deploy.bundles.compose.findings import Findings, at, place
from beanpod.deploy.bundles.compose.interpolation import IN_A_BUILD, ON_THE_INSTANCE, Scope, interpolated
from beanpod.deploy.bundles.compose.merging import merged, merged_service
from beanpod.deploy.bundles.compose.reading import Override, Reset, UnreadableError, read_documents

Tree = dict[str, Any]

_SUFFIXES = (".yaml", ".yml")
_DEFAULT_STEMS = ("compose", "docker-compose")
_FOR_PRODUCTION = re.compile(r"(?:^|[._-])prod(?:uction)?(?:[._-]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Loaded:
    """tree: all files merged, canonical. production: what the file for production says itself, {} where there is none.

    paths: the files, each over the one before. production_name: of the file for production, also of one to be written.
    """

    tree: Tree
    production: Tree
    paths: tuple[Path, ...]
    production_name: str = "compose.prod.yaml"


def load(path: Path, provided: Collection[str], findings: Findings) -> Loaded:
    """Read the file and the one for production beside it. Adds what is wrong with them to the findings.

    provided: the variables that compose finds on the instance.
    """
    base = _read(path, {}, provided, findings)
    if is_for_production(path):
        return Loaded(base, base, (path,), path.name)
    _note_override(path, findings)
    above = _production_file(path, findings)
    if above is None:
        return Loaded(base, {}, (path,))
    # What is wrong with the upper file is found once, when it is merged.
    production = _read(above, {}, provided, Findings())
    _note_overlay(path, above, production, findings)
    return Loaded(_read(above, base, provided, findings), production, (path, above), above.name)


def is_for_production(path: Path) -> bool:
    """Whether the file is the one for production itself, by its name or by that of what it links to."""
    return any(_FOR_PRODUCTION.search(file.stem) for file in (path, path.resolve()))


def _note_overlay(path: Path, above: Path, production: Tree, findings: Findings) -> None:
    """Say what is laid over what; a file that has all it needs may be meant to stand alone."""
    services = [service for service in (production.get("services") or {}).values() if isinstance(service, dict)]
    alone = bool(services) and all(service.get("build") or service.get("image") for service in services)
    instead = f'; to deploy it alone, write compose = "{above.name}"' if alone else ""
    findings.note(above.name, f"merged into {path.name}, as docker compose does with two --file options{instead}")


def _note_override(path: Path, findings: Findings) -> None:
    """Compose lays this file over one of its own default names: that is a developer's."""
    if path.stem in _DEFAULT_STEMS:
        names = [f"{stem}.override{suffix}" for stem in _DEFAULT_STEMS for suffix in _SUFFIXES]
        for file in (path.with_name(name) for name in names):
            if file.is_file():
                findings.note(file.name, "not read: it is for development; use compose.prod.yaml for production")


def _production_file(path: Path, findings: Findings) -> Path | None:
    stems = dict.fromkeys((*_DEFAULT_STEMS, path.stem))
    names = [f"{stem}.prod{suffix}" for stem in stems for suffix in _SUFFIXES]
    files = (path.with_name(name) for name in names)
    # A link, or a name of another case on some file systems, leads to the same file.
    found = list({file.resolve(): file for file in files if file.is_file() and not _is_same(file, path)}.values())
    if len(found) > 1:
        findings.problem(", ".join(file.name for file in found), "more than one file for production: keep one")
    return found[0] if found else None


def _is_same(file: Path, path: Path) -> bool:
    return path.exists() and file.samefile(path)


def _read(path: Path, below: Tree, provided: Collection[str], findings: Findings) -> Tree:
    """The file over the tree below it; a file may have several documents, each over the one before."""
    tree = below
    try:
        for document in read_documents(path):
            tree = _over(tree, document, provided, findings)
    except UnreadableError as error:
        findings.problem(path.name, str(error))
    return tree


def _over(below: Tree, document: Any, provided: Collection[str], findings: Findings) -> Tree:
    def refuse(path: tuple[str, ...], text: str) -> None:
        findings.problem(place(path), text)

    def scope_of(path: tuple[str, ...]) -> Scope:
        # A build happens here, where the environment's variables are not.
        building = path[:1] == ("services",) and path[2:3] == ("build",)
        return Scope((), IN_A_BUILD) if building else Scope(provided, ON_THE_INSTANCE)

    if not check(document, findings):
        return below
    tree = canonical(interpolated(document, scope_of))
    return merged(below, _extended(tree, findings), refuse)


def _extended(tree: Tree, findings: Findings) -> Tree:
    services = tree.get("services")
    if isinstance(services, dict):
        done = _Extensions(services, findings)
        return {**tree, "services": {name: done.of(name) for name in services}}
    return tree


class _Extensions:
    """Services with what they extend below them: https://docs.docker.com/reference/compose-file/services/#extends."""

    def __init__(self, services: Tree, findings: Findings) -> None:
        self._services = services
        self._findings = findings
        self._open: list[str] = []

    def of(self, name: str) -> Any:
        service = self._services[name]
        if isinstance(service, Reset | Override) or "extends" not in service:
            return service
        own = {key: value for key, value in service.items() if key != "extends"}
        if not self._may_extend(name, service["extends"]):
            return own
        self._open.append(name)
        below = self.of(service["extends"]["service"])
        self._open.pop()
        return merged_service(below, own, name, self._refuse) if isinstance(below, dict) else own

    def _may_extend(self, name: str, extends: Tree) -> bool:
        problems = list(self._problems(name, extends))
        for text in problems:
            self._findings.problem(at(name, "extends"), text)
        return not problems

    def _problems(self, name: str, extends: Tree) -> Iterator[str]:
        service = extends.get("service")
        if extends.get("file") is not None:
            yield "a service of another file is not included: write it in this one"
        elif service not in self._services:
            yield f"there is no service {service}: name one of this file"
        elif service == name or service in self._open:
            yield "is a cycle: remove one of its extends"

    def _refuse(self, path: tuple[str, ...], text: str) -> None:
        self._findings.problem(place(path), text)
