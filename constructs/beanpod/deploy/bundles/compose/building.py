"""What a service's `build` asks for, of which the deploy script does context, dockerfile, args and target.

https://docs.docker.com/reference/compose-file/build/
"""

from collections.abc import Iterator
from pathlib import Path

from beanpod.deploy.bundles.compose.draft import Tree
from beanpod.deploy.bundles.compose.findings import Findings, at
from beanpod.deploy.images import BuildSpec

# Where images are cached, how they are named and for what they are built is the deploy script's own affair.
_DECIDED_HERE = "cache_from cache_to no_cache no_cache_filter platforms provenance pull sbom tags"
_USED = frozenset({"context", "dockerfile", "args", "target"})
_TAKEN = _USED | frozenset(_DECIDED_HERE.split())


def used_of(build: Tree) -> Tree:
    """What of a service's `build` has a part in the image that is built here."""
    return {key: value for key, value in build.items() if key in _USED}


def spec_of(name: str, build: Tree, folder: Path, findings: Findings) -> BuildSpec:
    """The image of a service. folder: the compose file's."""
    context = folder / str(build.get("context", "."))
    spec = BuildSpec(
        name=name,
        context=context,
        dockerfile=context / str(build.get("dockerfile", "Dockerfile")),
        args={key: _text(value) for key, value in (build.get("args") or {}).items()},
        target=str(build["target"]) if build.get("target") else None,
    )
    for key, text in _problems(build, spec):
        findings.problem(at(name, "build", key), text)
    return spec


def _problems(build: Tree, spec: BuildSpec) -> Iterator[tuple[str, str]]:
    for key in build:
        if key not in _TAKEN and not key.startswith("x-"):
            yield key, "the deploy script builds without it: move it into the Dockerfile"
    for key, value in (build.get("args") or {}).items():
        if value is None:
            yield f"args.{key}", "its value would be this machine's: write one"
    context = str(build.get("context", "."))
    if "://" in context or context.startswith("git@"):
        yield "context", f"{context} is elsewhere: name a folder"
    elif not spec.context.is_dir():
        yield "context", f"{context}: no such folder: write its path from the compose file"
    elif not spec.dockerfile.is_file():
        yield "dockerfile", f"{build.get('dockerfile', 'Dockerfile')}: no such file: write its path from the context"


def _text(value: object) -> str:
    # Nothing interpolates this any more, so a doubled dollar is one.
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text.replace("$$", "$")
