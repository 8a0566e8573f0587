"""What of a Dockerfile only BuildKit builds, which Docker's classic builder refuses or reads as something else.

https://docs.docker.com/reference/dockerfile/ marks what came with which version of BuildKit's syntax.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from beanpod.deploy.images._dockerfile import PLATFORM_ARGUMENTS, Dockerfile, Instruction
from beanpod.deploy.images._spec import BuildSpec, read_dockerfile

# `COPY --chown` and `--from` are older; the classic builder takes no flag of RUN at all.
_FLAGS = {
    "ADD": frozenset({"checksum", "chmod", "exclude", "keep-git-dir", "link", "unpack"}),
    "COPY": frozenset({"chmod", "exclude", "link", "parents"}),
    "RUN": frozenset({"device", "mount", "network", "security"}),
}
_GIT = re.compile(r"git@\S+|\w+://\S+\.git(?:#\S*)?")
_VARIABLE = re.compile(r"\$\{?(\w+)")

REMEDY = (
    "this Docker has only its classic builder: install buildx, https://docs.docker.com/go/buildx/, "
    "or set DOCKER_BUILDKIT=1 where Docker is older than 23"
)
# https://docs.docker.com/build/buildkit/dockerfile-release-notes/: here-documents came with 1.4, which Docker 23 has.
NEWER = (
    "is newer than the BuildKit of this engine: begin the Dockerfile with `# syntax=docker/dockerfile:1`, "
    "or update Docker"
)
UNSET = "DOCKER_BUILDKIT=0 asks for the classic builder: unset it"


def needs_buildkit(spec: BuildSpec) -> str | None:
    """The first thing in the Dockerfile that needs BuildKit, with its line; None where the classic builder will do."""
    file = read_dockerfile(spec.dockerfile)
    return next((f"line {line}, {what}" for line, what in _found(file, spec)), None)


def with_platform_arguments(spec: BuildSpec, platform: str) -> BuildSpec:
    """The spec with the arguments that BuildKit would set by itself: those declared without a default of their own."""
    lines = read_dockerfile(spec.dockerfile).instructions
    declared = {word for one in lines if one.keyword == "ARG" for word in one.words}
    automatic = {name: value for name, value in platform_arguments(platform).items() if name in declared}
    return replace(spec, args={**automatic, **spec.args}) if automatic else spec


def platform_arguments(platform: str) -> dict[str, str]:
    """TARGETPLATFORM, BUILDARCH and the like, for an image that is built on its own platform."""
    system, _, architecture = platform.partition("/")
    parts = {"PLATFORM": platform, "OS": system, "ARCH": architecture}
    return {f"{of}{part}": value for of in ("TARGET", "BUILD") for part, value in parts.items()}


def _found(file: Dockerfile, spec: BuildSpec) -> Iterator[tuple[int, str]]:
    if file.is_foreign:
        yield 1, f"syntax {file.syntax}"
        return
    declared = {word.partition("=")[0] for one in file.global_arguments for word in one.words}
    for one in _built(file, spec.args, spec.target):
        flag = next((name for name in one.flags if name in _FLAGS.get(one.keyword, ())), None)
        if one.heredoc:
            yield one.line, f"a here-document of {one.keyword}"
        elif flag:
            yield one.line, f"{one.keyword} --{flag}"
        elif one.keyword == "FROM" and _automatic(one) - declared:
            yield one.line, f"FROM with {min(_automatic(one) - declared)}"
        elif one.keyword == "ADD" and any(_GIT.fullmatch(word) for word in one.words[:-1]):
            yield one.line, "ADD of a Git repository"


def _automatic(one: Instruction) -> set[str]:
    return set(_VARIABLE.findall(f"{one.flags.get('platform', '')} {one.value}")) & PLATFORM_ARGUMENTS


def _built(file: Dockerfile, arguments: Mapping[str, str], target: str | None) -> Iterator[Instruction]:
    """The instructions that the classic builder gets to: every stage up to the target, here-documents anywhere."""
    stages, number = file.stages(arguments), file.built(arguments, target)
    ends = [stage.line for stage in stages[1 if number is None else number + 1 :]]
    for one in file.instructions:
        if one.heredoc or not ends or one.line < ends[0]:
            yield one
