"""What of a Dockerfile can be told before it is built: what Docker would refuse, and the port that it exposes."""

import os
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from beanpod.deploy.images import (
    INSTRUCTIONS,
    BuildSpec,
    BuildStage,
    Dockerfile,
    Instruction,
    platform_arguments,
    read_dockerfile,
)

# How far above its context a file is looked for that a COPY names.
_LEVELS = 3


def check_dockerfile(spec: BuildSpec, platform: str, *, name_context: Callable[[Path], str]) -> Iterator[str]:
    """What Docker would refuse in the Dockerfile, a line each with what to write.

    platform: of the instances, such as linux/amd64. name_context: what the owner writes to build from another folder.
    Raises BuildError where the file cannot be read.
    """
    file = read_dockerfile(spec.dockerfile)
    if file.is_foreign:
        return
    problems = list(_misread(file))
    yield from problems
    arguments = _arguments(spec, platform)
    stages, number = file.stages(arguments), file.built(arguments, spec.target)
    if number is None and not problems:
        names = ", ".join(stage.name for stage in stages if stage.name)
        remedy = f"set target to one of {names}" if names else f"write FROM ... AS {spec.target}, or remove target"
        yield f"target stage {spec.target} not found: {remedy}"
    if number is not None:
        yield from _missing_sources(spec, file.needed(arguments, spec.target), name_context)


def exposed_ports(spec: BuildSpec, platform: str) -> tuple[int, ...] | None:
    """The TCP ports that the image exposes by its Dockerfile, None where that is not known."""
    return read_dockerfile(spec.dockerfile).exposed(_arguments(spec, platform), spec.target)


def _arguments(spec: BuildSpec, platform: str) -> Mapping[str, str]:
    return {**platform_arguments(platform), **spec.args}


def _misread(file: Dockerfile) -> Iterator[str]:
    """The first instruction that Docker does not know, or that stands before the first FROM."""
    begun = False
    for one in file.instructions:
        if one.keyword not in INSTRUCTIONS:
            nearest = get_close_matches(one.keyword, sorted(INSTRUCTIONS), n=1)
            remedy = f"write {nearest[0]}" if nearest else "end the previous line with a backslash, or remove it"
            yield f"line {one.line}: unknown instruction {one.keyword[:40]}: {remedy}"
            return
        begun = begun or one.keyword == "FROM"
        if not begun and one.keyword != "ARG":
            yield f"line {one.line}: {one.keyword} before the first FROM: begin with FROM and the base image"
            return
    if not begun:
        yield "no FROM instruction: begin with FROM and the base image"


def _missing_sources(
    spec: BuildSpec, stages: Iterable[BuildStage], name_context: Callable[[Path], str]
) -> Iterator[str]:
    for one in (one for stage in stages for one in stage.instructions):
        for source in _sources(one):
            if not os.path.lexists(spec.context / _cleaned(source)):
                remedy = _found_above(spec.context, source, name_context)
                yield f"line {one.line}: {one.keyword} {source}: not found in the build context: {remedy}"


def _sources(one: Instruction) -> Iterator[str]:
    """The files of the context that a COPY or ADD names outright: no patterns, variables, addresses, other stages."""
    if one.keyword not in ("ADD", "COPY") or "from" in one.flags or one.heredoc or "parents" in one.flags:
        return
    for word in one.words[:-1]:
        if not any(letter in word for letter in "*?[$\\:<"):
            yield word


def _cleaned(source: str) -> str:
    """The path in the context: it is its own root."""
    return posixpath.normpath(f"/{source}").lstrip("/") or "."


def _found_above(context: Path, source: str, name_context: Callable[[Path], str]) -> str:
    above = [place for place in list(context.parents)[:_LEVELS] if place not in (Path(place.anchor), Path.home())]
    holder = next((place for place in above if os.path.lexists(place / _cleaned(source))), None)
    return name_context(holder) if holder else "create it, in CI too, or remove the line"
