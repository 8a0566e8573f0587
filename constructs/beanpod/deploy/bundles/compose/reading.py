"""The user's compose file and the one for production over it, read, merged and checked by Docker Compose.

https://docs.docker.com/reference/cli/docker/compose/config/ needs no engine. Neither this machine's variables nor its
`.env` decide what is deployed.
"""

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from beanpod.deploy.bundles.compose.interpolation import interpolated
from beanpod.deploy.bundles.compose.model import Port, TransformContext, Tree, Volume, at
from beanpod.deploy.bundles.files import text_of
from beanpod.deploy.images import CommandResult, CommandRunner, Repository, TimedOutError

_READ = ("config", "--format=json", "--no-interpolate", "--no-path-resolution", "--no-normalize")
# The first version that knows `!override`.
_OLDEST = (2, 24, 4)
_SECONDS = 60.0
# A hundred times what a large file holds; Compose takes some seconds for it.
_MOST_NODES = 100_000
_SUFFIXES = (".yaml", ".yml")
_DEFAULT_STEMS = ("compose", "docker-compose")
# Texts that are strings in every version of YAML; PyYAML itself quotes `yes` and `no`.
_WORDS = re.compile(r"[A-Za-z_/.][A-Za-z0-9_./-]*(?: [A-Za-z][A-Za-z0-9_./-]*)*")
_FOR_PRODUCTION = re.compile(r"(?:^|[._-])prod(?:uction)?(?:[._-]|$)", re.IGNORECASE)


class ComposeError(Exception):
    """What Docker Compose says is wrong with a file, in one line."""


@dataclass(frozen=True)
class Compose:
    """Docker Compose, for the files of one project.

    Attributes:
        root: The manifest's folder, which error messages leave out.
        runner: Runs `docker compose`.
    """

    root: Path
    runner: CommandRunner = field(default_factory=CommandRunner)

    def read(self, paths: Sequence[Path], *options: str) -> Tree:
        """Merge files, each over the one before; variables and paths stay as written. Raises ComposeError."""
        for path in paths:
            if _nodes(text_of(path)) > _MOST_NODES:
                raise ComposeError("aliases (`*name`) of aliases make it too large: write them out")
        tree: Tree = json.loads(self._called([*(f"--file={path}" for path in paths), *_READ, *options]))
        return tree

    def ports(self, texts: Sequence[str]) -> list[Any]:
        """Read ports in the short syntax; what is no port stays a text."""
        services = {str(place): {"image": "x", "ports": [text]} for place, text in enumerate(texts)}
        tree = json.loads(self._called(["--file=-", *_READ], to_yaml({"services": services})))
        return [port for place in services for port in tree["services"][place]["ports"]]

    def check(self, text: str) -> None:
        """Have a whole file checked as `docker compose up` would. Raises ComposeError."""
        self._called(["--file=-", "--project-name=check", "config", "--quiet"], text)

    def version_problem(self) -> str | None:
        """Say what to install where Docker Compose is missing or too old."""
        try:
            done = self._run(["version", "--short"])
            found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", done.stdout.strip()) if done.code == 0 else None
        except (FileNotFoundError, ComposeError):
            found = None
        if found and tuple(map(int, found.groups())) >= _OLDEST:
            return None
        have = f"version {found[0]}" if found else "missing"
        return f"docker compose is {have}: install Docker Compose {'.'.join(map(str, _OLDEST))} or newer"

    def _called(self, arguments: Sequence[str], stdin: str = "") -> str:
        options = [f"--env-file={os.devnull}", "--profile=*"]
        folder = [f"--project-directory={self.root}"] if stdin else []
        done = self._run([*options, *folder, *arguments], stdin)
        if done.code:
            lines = (line.strip() for line in done.lines if "level=warning" not in line)
            text = " ".join(lines).replace(f"{os.path.abspath(self.root)}/", "")
            text = text.removeprefix("validating ").removeprefix("-: ").removesuffix(": invalid compose project")
            raise ComposeError(text)
        return done.stdout

    def _run(self, arguments: Sequence[str], stdin: str = "") -> CommandResult:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COMPOSE_")}
        command = ["docker", "compose", *arguments]
        try:
            return self.runner.run(command, environment=environment, timeout=_SECONDS, stdin=stdin)
        except TimedOutError as error:
            raise ComposeError(
                f"docker compose {error}: aliases (`*name`) of aliases may make it too large: write them out, or try "
                "again where this machine was busy"
            ) from None


def _nodes(text: str) -> int:
    """Count the values of a file with its aliases written out; 0 without any, and where only Compose can read it."""
    sizes: dict[int, int] = {}

    def count(node: yaml.Node) -> int:
        if id(node) not in sizes:
            # Of one that holds itself, which Compose refuses.
            sizes[id(node)] = 1
            parts = node.value if isinstance(node, yaml.CollectionNode) else ()
            pairs = (part if isinstance(part, tuple) else (part,) for part in parts)
            sizes[id(node)] += sum(count(one) for pair in pairs for one in pair)
        return sizes[id(node)]

    try:
        return count(node) if "*" in text and (node := yaml.compose(text, yaml.SafeLoader)) else 0
    except (yaml.YAMLError, RecursionError):
        return 0


def load(context: TransformContext, compose: Compose) -> None:
    """Read the stage's compose file and the one for production beside it; no services if a problem is found."""
    path = context.path
    context.paths = (path,)
    if problem := compose.version_problem():
        context.problem(path.name, problem)
        return
    alone = any(_FOR_PRODUCTION.search(file.stem) for file in (path, path.resolve()))
    found = [] if alone else production_files(path)
    if len(found) > 1:
        context.problem(", ".join(file.name for file in found), "more than one file for production: keep one")
    above = found[0] if found else None

    def read(file: Path, files: Sequence[Path], *options: str) -> Tree:
        try:
            return _settled(compose.read(files, *options), context, compose)
        except ComposeError as error:
            context.problem(file.name, str(error).removeprefix(f"{os.path.relpath(file, compose.root)}: "))
            return {}

    if above:
        # Alone first: Compose's message about both files does not say which one is wrong.
        context.production = read(above, [above], "--no-consistency")
        context.production_name = above.name
        context.paths = (path, above)
    if not above or context.production:
        context.tree = read(path, context.paths) or context.tree
    if alone:
        context.production, context.production_name = context.tree, path.name
    else:
        _note_files(context, above)
    _share_builds(context)
    context.built = frozenset(name for name, service in context.services.items() if "build" in service)


def _share_builds(context: TransformContext) -> None:
    """Build a service without `build` whose `image` is the name that the build of another one gives its image."""
    builds: dict[tuple[str, ...], list[Tree]] = {}
    for service in context.services.values():
        build = service.get("build", {})
        for image in filter(None, (service.get("image") if build else None, *build.get("tags", ()))):
            builds.setdefault(_full_name(image), []).append(build)
    for name, service in context.services.items():
        shared = [] if "build" in service else builds.get(_full_name(service.get("image", "")), [])
        if any(build != shared[0] for build in shared):
            text = f"{service['image']} is the name of different builds: give each its own"
            context.problem(at(name, "image"), text)
        elif shared:
            service["build"] = shared[0]


def _full_name(image: str) -> tuple[str, ...]:
    place, reference = Repository.of_image(str(image))
    return place.host, place.path, reference


def _note_files(context: TransformContext, above: Path | None) -> None:
    """Name the files that are merged, and one that Compose merges into its default names, which is a developer's."""
    path = context.path
    if path.stem in _DEFAULT_STEMS:
        names = [f"{stem}.override{suffix}" for stem in _DEFAULT_STEMS for suffix in _SUFFIXES]
        for file in (path.with_name(name) for name in names):
            if file.is_file():
                context.note(file.name, "not read: it is for development; use compose.prod.yaml for production")
    if above and context.production:
        services = context.production["services"].values()
        # A file that has all it needs may be meant to be deployed alone. Compose writes a context into every build.
        complete = any("ports" in service for service in services)
        complete = complete and all("build" in service or "image" in service for service in services)
        instead = f'; to deploy it alone, write compose = "{above.name}"' if complete else ""
        context.note(above.name, f"merged into {path.name}, as docker compose does with two --file options{instead}")


def production_files(path: Path) -> list[Path]:
    """Return the files for production beside a compose file, such as `compose.prod.yaml`."""
    stems = dict.fromkeys((*_DEFAULT_STEMS, path.stem))
    files = (path.with_name(f"{stem}.prod{suffix}") for stem in stems for suffix in _SUFFIXES)
    # A link, or a name in another case on some file systems, is the same file.
    same = path.resolve()
    return list({file.resolve(): file for file in files if file.is_file() and file.resolve() != same}.values())


def _settled(tree: Tree, context: TransformContext, compose: Compose) -> Tree:
    """Interpolate a file, and bring its services into one form."""
    services = {name: service or {} for name, service in (tree.get("services") or {}).items()}
    # A build runs here, where no secret is known.
    values = context.stage.fixed_variables
    builds = {name: interpolated(it["build"], (), values) for name, it in services.items() if "build" in it}
    settled = interpolated({**tree, "services": services}, context.variables)
    for name, build in builds.items():
        settled["services"][name]["build"] = build
    return {**settled, "services": {name: _service(keys, compose) for name, keys in settled["services"].items()}}


def _service(service: Tree, compose: Compose) -> Tree:
    """Return a service with mappings for `NAME=value` and objects for ports and volumes, without Compose's defaults."""
    forms: dict[str, Callable[[Any], Any]] = {
        "build": lambda build: {**build, "args": mapping(build.get("args") or {})},
        "depends_on": lambda names: {name: _without_required(how) for name, how in names.items()},
        "environment": mapping,
        "labels": mapping,
        "ports": lambda items: _ports(items, compose),
        "volumes": lambda items: [Volume.of(item) for item in items],
    }
    return {key: forms[key](value) if key in forms else value for key, value in service.items() if value is not None}


def _without_required(dependency: Tree) -> Tree:
    """Leave out Compose's default."""
    return {key: value for key, value in dependency.items() if (key, value) != ("required", True)}


def mapping(value: Any) -> Tree:
    """Return what a file writes as a mapping or as a list of `NAME=value`."""
    if isinstance(value, dict):
        return value
    # In a list names are interpolated, unlike the keys of a mapping.
    pairs = (item.partition("=") for item in value)
    return {name.replace("$$", "$"): text if sign else None for name, sign, text in pairs}


def _ports(items: list[Any], compose: Compose) -> list[Any]:
    # Compose does not parse a list of ports with variables: have it read the others again.
    texts = [item for item in items if isinstance(item, str) and "$" not in item]
    read = [item for item in items if item not in texts] + (compose.ports(texts) if texts else [])
    return [Port.of(item) if _is_read(item) else item for item in read]


def _is_read(port: Any) -> bool:
    return isinstance(port, dict) and "$" not in str(port) and str(port.get("target")).isdecimal()


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
