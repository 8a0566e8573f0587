"""The plan of a project with a Dockerfile: missing files, the exposed port, and `Dockerrun.aws.json`."""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from beanpod._docs import DOCS
from beanpod.deploy.bundles.bundle import METADATA_MOUNT, metadata_folder
from beanpod.deploy.bundles.files import env_values, text_of
from beanpod.deploy.bundles.plan import BundlePlan
from beanpod.deploy.images import BuildSpec, Dockerfile, Instruction, platform_of
from beanpod.manifest.secret_like import looks_secret

if TYPE_CHECKING:
    from beanpod.manifest import StageConfig

# How many folders above the context are searched for a file that a COPY names.
_LEVELS = 3
_MOST_PORTS = 5
_ENV = ".env"
_UNIX_LINES = re.compile(r"dos2unix|\\r|\\015")
_PATTERN = re.compile(r"[*?\[$\\]")


def plan(stage: StageConfig, root: Path, problems: list[str]) -> BundlePlan:
    """Plan the bundle of a project with a Dockerfile.

    Args:
        stage: Of the manifest.
        root: The manifest's folder.
        problems: Where what Docker would refuse is added.
    """
    service = stage.service
    name = service.dockerfile or "Dockerfile"
    path = _inside(root, name)
    context = _inside(root, service.context) if service.context else path.parent
    platform = platform_of(stage.environment.architecture)
    spec = BuildSpec(None, context, path, platform, args=service.args, target=service.target)
    port, notes, missing = service.port, list[str](), list(_missing_files(stage, spec))

    def name_context(folder: Path) -> str:
        return f'write context = "{Path(os.path.relpath(folder, root)).as_posix()}" in [service]'

    problems += missing
    if not missing:
        port = _container_port(stage, spec, problems, notes)
        problems += (f"{name}: {text}" for text in check_sources(spec, name_context=name_context))
        if problem := start_problem(spec):
            problems.append(f"{name}: {problem}")
        if text := starts_nothing(spec):
            notes.append(f"{name}: {text}: write CMD and the command that starts the app")
        notes += (f"{name}: {text}" for text in (*secrets_in_image(spec), *_lost_volumes(spec)))
    return BundlePlan(
        stage,
        root,
        specs=(spec,),
        definition=lambda images: ("Dockerrun.aws.json", dockerrun(images[None], port)),
        notes=tuple(notes),
    )


def check_sources(spec: BuildSpec, *, name_context: Callable[[Path], str]) -> Iterator[str]:
    """Yield what Docker would refuse to build, and what is copied but not in the build context, with what to write.

    Args:
        spec: What is built.
        name_context: Says what to write to build from another folder.

    Raises:
        BuildError: If the file cannot be read.
    """
    file = spec.parsed
    if problem := None if file.is_foreign else _problem_of_stages(file, spec.target):
        yield problem
    for one, source in () if file.is_foreign else absent_sources(file, spec.target, spec.context):
        remedy = _found_above(spec.context, source, name_context)
        yield f"line {one.line}: {one.keyword} {source}: not found in the build context: {remedy}"


def absent_sources(file: Dockerfile, target: str | None, context: Path) -> Iterator[tuple[Instruction, str]]:
    """Yield what is copied but not in a build context, with the instructions that copy it."""
    for one in (one for stage in file.needed(target) for one in stage.instructions):
        yield from ((one, source) for source in copied(one) if not os.path.lexists(context / _cleaned(source)))


def start_problem(spec: BuildSpec, *, overridden: Collection[str] = ()) -> str | None:
    """Say why an image cannot start the script that it copies from the build context; None where it may.

    Args:
        spec: What is built.
        overridden: The keys of its service in the Compose file, such as `command`.
    """
    file = spec.parsed
    stages = () if file.is_foreign or "entrypoint" in overridden else file.needed(spec.target)
    unused = "CMD" if "command" in overridden else ""
    instructions = [one for one in stages[-1].instructions if one.keyword != unused] if stages else []
    path = _started(instructions, spec.context)
    # A link out of the build context leads to another file in the container than on this machine.
    if path is None or not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(spec.context)):
        return None
    name = path.relative_to(spec.context).as_posix()
    runs = " ".join(one.value for one in instructions if one.keyword == "RUN")
    try:
        with path.open("rb") as stream:
            first, mode = stream.readline(200), os.stat(path).st_mode
    except OSError:
        return None
    if first.startswith(b"#!") and first.endswith(b"\r\n") and not _UNIX_LINES.search(runs):
        return (
            f"starts {name}, whose lines end as on Windows, so that its program is not found: save it with LF, and "
            f"write `*{path.suffix} text eol=lf` into .gitattributes"
        )
    changed = re.search(rf"chmod|{re.escape(path.name)}", runs) or any("chmod" in one.flags for one in instructions)
    # Docker makes every file executable that it copies from Windows.
    if mode & 0o111 or changed or os.name == "nt":
        return None
    how = f"run `chmod +x {name}`, or on Windows `git add --chmod=+x {name}`"
    return f"starts {name}, which is not executable: {how}, and commit it"


def has_health_check(spec: BuildSpec) -> bool:
    """Whether the Dockerfile gives its image a HEALTHCHECK."""
    checks = [one.value.upper() for one in _of_image(spec) if one.keyword == "HEALTHCHECK"]
    return checks[-1:] not in ([], ["NONE"])


def _of_image(spec: BuildSpec) -> list[Instruction]:
    stage = next(reversed(spec.parsed.built(spec.target)), None)
    return stage.inherited() if stage else []


def secrets_in_image(spec: BuildSpec) -> Iterator[str]:
    """Yield where the context's `.env` with a secret gets into the image, and so to everybody who may pull it."""
    own = spec.dockerfile.with_name(f"{spec.dockerfile.name}.dockerignore")
    ignored = text_of(own if os.path.isfile(own) else spec.context / ".dockerignore")
    values = env_values(text_of(spec.context / _ENV))
    secret = next((name for name, value in values.items() if value and looks_secret(name, value)), None)
    for one in _of_image(spec) if secret and not _leaves_out(ignored, _ENV) else ():
        if "exclude" not in one.flags and {".", _ENV} & {_cleaned(source) for source in copied(one)}:
            how = f"write {_ENV} into .dockerignore, and what the app needs into [secrets]"
            yield f"line {one.line}: {one.keyword} copies {_ENV}, and with it {secret}, into the image: {how}"


def _leaves_out(ignored: str, name: str) -> bool:
    """Whether a .dockerignore leaves a file at the root of the context out: the last pattern that matches decides.

    https://docs.docker.com/build/concepts/context/#dockerignore-files
    """
    out = False
    for line in (one.strip() for one in ignored.splitlines() if not one.startswith("#")):
        pattern = posixpath.normpath(line.removeprefix("!").strip()).lstrip("/").replace("**/", "")
        if fnmatchcase(name, pattern):
            out = not line.startswith("!")
    return out


def _lost_volumes(spec: BuildSpec) -> Iterator[str]:
    """Yield what becomes of the volumes of an image, each of which a container gets anew."""
    for one in _of_image(spec):
        for path in one.words if one.keyword == "VOLUME" else ():
            if PurePosixPath("/tmp") not in (PurePosixPath(path), *PurePosixPath(path).parents):  # noqa: S108
                yield (
                    f"line {one.line}: VOLUME {path}: is removed with its container, at the next release: store data "
                    f"in the database, S3 or EFS; see {DOCS}/data.md"
                )


def _started(instructions: Sequence[Instruction], context: Path) -> Path | None:
    """Return the file of the build context that a stage starts; None where it starts another program."""
    by_keyword = {one.keyword: one for one in instructions}
    command = by_keyword.get("ENTRYPOINT", by_keyword.get("CMD"))
    if command is None or not command.words:
        return None
    word, folder, found = command.words[0], "/", None
    for one in instructions:
        if one.keyword == "WORKDIR":
            folder = posixpath.join(folder, one.value)
        for source in copied(one):
            path, place = context / _cleaned(source), posixpath.join(folder, one.words[-1])
            inside = posixpath.relpath(posixpath.join(folder, word), place)
            if os.path.isdir(path) and "/" in word and os.path.isfile(path / inside) and not inside.startswith(".."):
                found = path / inside
            elif os.path.isfile(path) and posixpath.basename(word) in (path.name, posixpath.basename(place)):
                found = path
    return found


def may_copy(spec: BuildSpec, path: Path) -> bool:
    """Whether an instruction may put a file or folder, or a part of it, into the image; True where it is not known."""
    if not os.path.isfile(spec.dockerfile):
        return True
    file = spec.parsed
    instructions = [one for stage in file.needed(spec.target) for one in stage.instructions]
    if file.is_foreign or not path.is_relative_to(spec.context):
        return file.is_foreign
    place = Path("/", path.relative_to(spec.context))
    for one in instructions:
        if one.keyword == "RUN" and "mount" in one.flags:
            return True
        if one.keyword not in ("ADD", "COPY") or "from" in one.flags:
            continue
        sources = [Path("/", _cleaned(word)) for word in one.words[:-1]]
        if "parents" in one.flags or any(
            _PATTERN.search(str(it)) or place.is_relative_to(it) or it.is_relative_to(place) for it in sources
        ):
            return True
    return False


def _problem_of_stages(file: Dockerfile, target: str | None) -> str | None:
    if not file.stages:
        return "there is no FROM, so Docker has nothing to build: begin it with FROM and an image"
    if file.built(target):
        return None
    names = ", ".join(stage.name for stage in file.stages if stage.name) or "none has a name"
    return f"there is no build stage {target}: write one of its build stages ({names}), or leave it out"


def starts_nothing(spec: BuildSpec) -> str | None:
    """Say that the image starts no program of its own; None where it does, or may."""
    file = spec.parsed
    stage = next(reversed(file.built(spec.target)), None)
    if file.is_foreign or stage is None or not stage.starts_nothing():
        return None
    return f"neither CMD nor ENTRYPOINT starts the app, and FROM {stage.image} starts none: the container ends at once"


def copied(one: Instruction) -> Iterator[str]:
    """Yield the files of the context that a COPY or ADD names without patterns, variables, URLs or other stages."""
    if one.keyword in ("ADD", "COPY") and not one.heredocs and not one.flags.keys() & {"from", "parents"}:
        yield from (word for word in one.words[:-1] if not any(letter in word for letter in "*?[$\\:<"))


def _cleaned(source: str) -> str:
    """Return the path in the context, which is its own root."""
    return posixpath.normpath(f"/{source}").lstrip("/") or "."


def _found_above(context: Path, source: str, name_context: Callable[[Path], str]) -> str:
    folders = [context, *context.parents][: _LEVELS + 1]
    # Nothing above the repository is there when CI builds.
    top = next((number for number, place in enumerate(folders) if (place / ".git").exists()), _LEVELS)
    above = [place for place in folders[1 : top + 1] if place not in (Path(place.anchor), Path.home())]
    holder = next((place for place in above if os.path.lexists(place / _cleaned(source))), None)
    return name_context(holder) if holder else "create it, in CI too, or remove the line"


def dockerrun(image: str, port: int) -> bytes:
    """Return the file for an image by digest whose container listens on `port`.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/single-container-docker-configuration.html: `Update` is the
    page's own example and its default; a digest never has an update, so it costs one request to the registry.
    `Volumes` are folders of the instance, mounted as `docker run --volume` does: here the metadata of the release.
    Without `Logging`, because a mount over a folder of logs hides what the image keeps there: Beanstalk collects
    what the container writes to its standard output and error.
    """
    content = {
        "AWSEBDockerrunVersion": "1",
        "Image": {"Name": image, "Update": "true"},
        "Ports": [{"ContainerPort": port}],
        "Volumes": [{"HostDirectory": metadata_folder(None), "ContainerDirectory": METADATA_MOUNT}],
    }
    return (json.dumps(content, indent=2) + "\n").encode()


def _container_port(stage: StageConfig, spec: BuildSpec, problems: list[str], notes: list[str]) -> int:
    """Return the port where the container listens: the manifest's, else the one that the Dockerfile exposes."""
    port, name = stage.service.port, stage.service.dockerfile or "Dockerfile"
    exposed = spec.parsed.exposed(spec.target)
    if not exposed or port in exposed:
        return port
    ports = listed(exposed)
    if "port" in stage.service.model_fields_set:
        notes.append(f"{name}: EXPOSE names {ports}, but service.port is {port}: requests are sent to {port}")
        return port
    if len(exposed) > 1:
        problems.append(f"{name}: EXPOSE names {ports}: set port in [service] to the one that serves HTTP")
        return port
    notes.append(
        f"{name}: requests are sent to port {ports}, which EXPOSE names; to change that, set port in [service]"
    )
    return exposed[0]


def listed(ports: tuple[int, ...]) -> str:
    """List ports for a message, the first of many."""
    return " and ".join(map(str, ports[:_MOST_PORTS]))


def _inside(root: Path, path: str) -> Path:
    """Return the path that the manifest names, without `..`."""
    return Path(os.path.normpath(root / path))


def _missing_files(stage: StageConfig, spec: BuildSpec) -> Iterator[str]:
    # os.path treats what cannot be read as missing; pathlib raises.
    name, context = stage.service.dockerfile or "Dockerfile", stage.service.context
    if os.path.isdir(spec.dockerfile):
        yield f'{name}: is a folder: write service.dockerfile = "{posixpath.normpath(f"{name}/Dockerfile")}"'
    elif not os.path.isfile(spec.dockerfile):
        remedy = "service.dockerfile, its path relative to the manifest"
        if context and os.path.isfile(spec.context / name):
            remedy = f'service.dockerfile = "{posixpath.normpath(f"{context}/{name}")}"'
        yield f"{name}: no such file: write {remedy}"
    if not os.path.isdir(spec.context):
        yield f"{name}: service.context {context}: no such folder: write its path relative to the manifest"
