"""The user's compose file and the one for production over it, read, merged and checked by Docker Compose.

https://docs.docker.com/reference/cli/docker/compose/config/ needs no engine. Neither this machine's variables nor its
`.env` decide what is deployed.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from beanpod.deploy.bundles.compose.interpolation import IN_A_BUILD, ON_THE_INSTANCE, Scope, interpolated
from beanpod.deploy.bundles.compose.model import Findings, Invalid, Port, Tree, Volume, invalid_texts

_READ = ("config", "--format=json", "--no-interpolate", "--no-path-resolution", "--no-normalize")
# The first version that knows `!override`.
_OLDEST = (2, 24, 4)
_SUFFIXES = (".yaml", ".yml")
_DEFAULT_STEMS = ("compose", "docker-compose")
# Texts that are strings in every version of YAML; PyYAML itself quotes `yes` and `no`.
_WORDS = re.compile(r"[A-Za-z_/.][A-Za-z0-9_./-]*(?: [A-Za-z][A-Za-z0-9_./-]*)*")
_FOR_PRODUCTION = re.compile(r"(?:^|[._-])prod(?:uction)?(?:[._-]|$)", re.IGNORECASE)


def docker_compose(
    arguments: Sequence[str], stdin: str, variables: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run `docker compose` to its end. Raises FileNotFoundError where there is no docker.

    Args:
        arguments: Of the command.
        stdin: What it reads from its standard input.
        variables: What compose files find beside the variables of this process.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COMPOSE_")}
    return subprocess.run(  # noqa: S603
        ["docker", "compose", *arguments],  # noqa: S607
        input=stdin,
        env={**environ, **variables},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


Runner = Callable[[Sequence[str], str, Mapping[str, str]], "subprocess.CompletedProcess[str]"]


class ComposeError(Exception):
    """What Docker Compose says is wrong with a file, in one line."""


@dataclass(frozen=True)
class Compose:
    """Docker Compose, for the files of one project.

    Attributes:
        root: The manifest's folder, which error messages leave out.
        run: Runs `docker compose`.
    """

    root: Path
    run: Runner = docker_compose

    def read(self, paths: Iterable[Path], *options: str) -> Tree:
        """Merge files, each over the one before; variables and paths stay as written. Raises ComposeError."""
        files = (f"--file={path}" for path in paths)
        tree: Tree = json.loads(self._called([*files, *_READ, *options]))
        return tree

    def ports(self, texts: Sequence[str]) -> list[Any]:
        """Read ports in the short syntax; what is no port stays a text."""
        services = {str(place): {"image": "x", "ports": [text]} for place, text in enumerate(texts)}
        tree = json.loads(self._called(["--file=-", *_READ], to_yaml({"services": services})))
        return [port for place in services for port in tree["services"][place]["ports"]]

    def check(self, text: str, variables: Mapping[str, str]) -> None:
        """Have a whole file checked as `docker compose up` would. Raises ComposeError."""
        self._called(["--file=-", "--project-name=check", "config", "--quiet"], text, variables)

    def _called(self, arguments: Sequence[str], stdin: str = "", variables: Mapping[str, str] | None = None) -> str:
        _check_version(self.run)
        options = [f"--env-file={os.devnull}", "--profile=*", f"--project-directory={self.root}"]
        done = self.run([*(options if stdin else options[:2]), *arguments], stdin, variables or {})
        if done.returncode:
            raise ComposeError(self._message(done.stderr))
        return done.stdout

    def _message(self, stderr: str) -> str:
        lines = (line.strip() for line in stderr.splitlines() if "level=warning" not in line)
        text = " ".join(filter(None, lines)).replace(f"{os.path.abspath(self.root)}/", "")
        return text.removeprefix("validating ").removeprefix("-: ").removesuffix(": invalid compose project")


@cache
def _check_version(run: Runner) -> None:
    """Raise ComposeError where Docker Compose is missing or too old."""
    try:
        done = run(["version", "--short"], "", {})
        found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", done.stdout.strip()) if done.returncode == 0 else None
    except FileNotFoundError:
        found = None
    oldest = ".".join(map(str, _OLDEST))
    if found is None:
        raise ComposeError(f"docker compose is missing: install Docker Compose {oldest} or newer")
    if tuple(map(int, found.groups())) < _OLDEST:
        raise ComposeError(f"docker compose is version {found[0]}: install Docker Compose {oldest} or newer")


@dataclass(frozen=True)
class Loaded:
    """Compose files as Docker Compose reads them.

    Attributes:
        tree: All files merged, each variable kept if the stage gives it, and replaced by its default otherwise.
        production: What the file for production says itself, {} if there is none.
        paths: The files, each over the one before.
        production_name: Of the file for production, whether it exists or not.
    """

    tree: Tree
    production: Tree
    paths: tuple[Path, ...]
    production_name: str = "compose.prod.yaml"


def load(path: Path, provided: Iterable[str], findings: Findings, compose: Compose) -> Loaded:
    """Read the compose file and the one for production beside it; adds to the findings.

    Args:
        path: The compose file.
        provided: The variables that Compose finds on the instance.
        findings: Where problems and notes are added.
        compose: What reads the files.
    """
    names = frozenset(provided)
    alone = any(_FOR_PRODUCTION.search(file.stem) for file in (path, path.resolve()))
    above = None if alone else _production_file(path, findings)
    paths = (path, above) if above else (path,)
    try:
        tree = _settled(compose.read(paths), names, compose)
    except ComposeError as error:
        file, message = _blamed(above, compose) or (path, str(error))
        findings.problem(file.name, message.removeprefix(f"{os.path.relpath(file, compose.root)}: "))
        return Loaded({}, {}, paths)
    if alone:
        return Loaded(tree, tree, paths, path.name)
    _note_override(path, findings)
    if above is None:
        return Loaded(tree, {}, paths)
    production = _settled(compose.read([above], "--no-consistency"), names, compose)
    _note_overlay(path, above, production, findings)
    return Loaded(tree, production, paths, above.name)


def _blamed(above: Path | None, compose: Compose) -> tuple[Path, str] | None:
    """Return the file for production and its error, if it cannot be read alone either."""
    try:
        if above:
            compose.read([above], "--no-consistency")
    except ComposeError as error:
        return (above, str(error)) if above else None
    return None


def _note_overlay(path: Path, above: Path, production: Tree, findings: Findings) -> None:
    """Name the files that are merged; one that has all it needs may be meant to be deployed alone."""
    services = production["services"].values()
    # Compose writes a context into every build, so that a build alone does not tell.
    complete = any("ports" in service for service in services)
    complete = complete and all("build" in service or "image" in service for service in services)
    instead = f'; to deploy it alone, write compose = "{above.name}"' if complete else ""
    findings.note(above.name, f"merged into {path.name}, as docker compose does with two --file options{instead}")


def _note_override(path: Path, findings: Findings) -> None:
    """Compose merges this file into one of its default names: it is a developer's."""
    if path.stem in _DEFAULT_STEMS:
        names = [f"{stem}.override{suffix}" for stem in _DEFAULT_STEMS for suffix in _SUFFIXES]
        for file in (path.with_name(name) for name in names):
            if file.is_file():
                findings.note(file.name, "not read: it is for development; use compose.prod.yaml for production")


def _production_file(path: Path, findings: Findings) -> Path | None:
    stems = dict.fromkeys((*_DEFAULT_STEMS, path.stem))
    files = (path.with_name(f"{stem}.prod{suffix}") for stem in stems for suffix in _SUFFIXES)
    # A link, or a name in another case on some file systems, is the same file.
    same = path.resolve()
    found = list({file.resolve(): file for file in files if file.is_file() and file.resolve() != same}.values())
    if len(found) > 1:
        findings.problem(", ".join(file.name for file in found), "more than one file for production: keep one")
    return found[0] if found else None


def _settled(tree: Tree, provided: frozenset[str], compose: Compose) -> Tree:
    def scope_of(path: tuple[str, ...]) -> Scope:
        # A build runs here, without the environment's variables.
        building = path[:1] == ("services",) and path[2:3] == ("build",)
        return Scope((), IN_A_BUILD) if building else Scope(provided, ON_THE_INSTANCE)

    settled = interpolated(tree, scope_of)
    return {**settled, "services": {name: _service(keys, compose) for name, keys in _services(settled)}}


def _services(tree: Tree) -> Iterator[tuple[str, Tree]]:
    yield from ((name, keys or {}) for name, keys in (tree.get("services") or {}).items())


def _service(service: Tree, compose: Compose) -> Tree:
    """Return a service with mappings for `NAME=value`, objects for ports and volumes, and without defaults."""
    forms: dict[str, Callable[[Any], Any]] = {
        "build": lambda build: {**build, "args": _mapping(build.get("args") or {})},
        "configs": lambda items: [_short(item, {}) for item in items],
        "depends_on": lambda names: {name: _without(how, {"required": True}) for name, how in names.items()},
        "env_file": lambda items: [_short(item, {"required": True}, "path") for item in items],
        "environment": _mapping,
        "ports": lambda items: _ports(items, compose),
        "secrets": lambda items: [_short(item, {"target": f"/run/secrets/{item.get('source')}"}) for item in items],
        "volumes": lambda items: [_parsed(item, Volume.of) for item in items],
    }
    return {key: forms[key](value) if key in forms else value for key, value in service.items() if value is not None}


def _without(mapping: Tree, defaults: Tree) -> Tree:
    return {key: value for key, value in mapping.items() if key not in defaults or value != defaults[key]}


def _short(item: Tree, defaults: Tree, key: str = "source") -> Any:
    """Return an entry in the short syntax if that means the same."""
    kept = _without(item, defaults)
    return kept[key] if set(kept) == {key} else kept


def _mapping(value: Any) -> Tree:
    return value if isinstance(value, dict) else dict(_pair(item) for item in value)


def _pair(item: str) -> tuple[str, Any]:
    # In a list names are interpolated, unlike the keys of a mapping.
    name, sign, text = item.partition("=")
    value = Invalid(text, item.problem) if isinstance(item, Invalid) else text if sign else None
    return name.replace("$$", "$"), value


def _ports(items: list[Any], compose: Compose) -> list[Any]:
    # Compose does not parse a list of ports with variables: have it read the others again.
    texts = [item for item in items if isinstance(item, str) and not isinstance(item, Invalid) and "$" not in item]
    read = [item for item in items if item not in texts] + (compose.ports(texts) if texts else [])
    return [item if isinstance(item, str) else _parsed(item, Port.of) for item in read]


def _parsed(entry: Tree, parse: Callable[[Tree], Any]) -> Any:
    for _, problem in invalid_texts(entry):
        return Invalid(str(entry), problem)
    try:
        return parse(entry)
    except ValueError as error:
        return Invalid(str(entry), str(error))


class _Dumper(yaml.SafeDumper):
    """Writes YAML 1.1 that YAML 1.2 reads the same: texts are quoted unless they are plain words."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True

    def represent_str(self, text: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=None if _WORDS.fullmatch(text) else '"')


_Dumper.add_representer(str, _Dumper.represent_str)


def to_yaml(tree: Tree) -> str:
    """Return the tree as YAML, keys in their order."""
    text: str = yaml.dump(tree, Dumper=_Dumper, sort_keys=False, width=float("inf"))
    return text
