"""Docker's command lines: pure functions of what is wanted. No secret is ever in one."""

from collections.abc import Mapping
from pathlib import Path

from beanpod.deploy.images._spec import BuildSpec

# The client reads its own settings from these: a build argument of that name must not replace one.
_CLIENT_PREFIXES = ("DOCKER_", "BUILDX_", "BUILDKIT_")
_CLIENT_NAMES = frozenset({"HOME", "PATH"})


def version() -> list[str]:
    """Asks client and engine; fails where no engine answers."""
    return ["docker", "version", "--format", "{{.Client.Version}} {{.Server.Version}}"]


def buildx_version() -> list[str]:
    """Succeeds where buildx is installed."""
    return ["docker", "buildx", "version"]


def buildx_inspect() -> list[str]:
    """Describes the builder that would build."""
    return ["docker", "buildx", "inspect"]


def login(username: str, host: str | None) -> list[str]:
    """The password comes by standard input. host: None for Docker Hub."""
    return ["docker", "login", "--username", username, "--password-stdin", *([host] if host else [])]


def build(spec: BuildSpec, *, platform: str, id_file: Path) -> list[str]:
    """The engine's own builder: classic, or BuildKit where DOCKER_BUILDKIT=1 and the client has it."""
    return ["docker", "build", "--iidfile", str(id_file), *_common(spec, platform)]


def buildx_build(
    spec: BuildSpec, *, platform: str, metadata_file: Path, github_cache: bool, reproducible: bool
) -> list[str]:
    """Buildx, into the engine: its architecture is looked at before anything is pushed.

    Without the attestations, which would make an index of the image and give it a new digest at every build.
    reproducible: with every file's time cut to SOURCE_DATE_EPOCH, https://docs.docker.com/build/exporters/.
    """
    attestations = ["--provenance=false", "--sbom=false"]
    output = ["--output", "type=docker,rewrite-timestamp=true"] if reproducible else ["--load"]
    told = ["--progress=plain", "--metadata-file", str(metadata_file)]
    cache = _github_cache(spec) if github_cache else []
    return ["docker", "buildx", "build", *output, *told, *attestations, *cache, *_common(spec, platform)]


def inspect(*image_ids: str) -> list[str]:
    """Describes those of the images that the engine has, as JSON."""
    return ["docker", "image", "inspect", *image_ids]


def tag(image_id: str, reference: str) -> list[str]:
    """Names an image."""
    return ["docker", "tag", image_id, reference]


def push(reference: str) -> list[str]:
    """Sends an image to its registry."""
    return ["docker", "push", reference]


def build_environment(args: Mapping[str, str]) -> dict[str, str]:
    """The build arguments that travel by environment variable: an argument list can be read by everybody."""
    return {name: value for name, value in args.items() if not _is_for_client(name)}


def _common(spec: BuildSpec, platform: str) -> list[str]:
    target = ["--target", spec.target] if spec.target else []
    arguments = [text for name, value in sorted(spec.args.items()) for text in _build_argument(name, value)]
    return ["--platform", platform, "--file", str(spec.dockerfile), *target, *arguments, str(spec.context)]


def _build_argument(name: str, value: str) -> list[str]:
    return ["--build-arg", f"{name}={value}" if _is_for_client(name) else name]


def _is_for_client(name: str) -> bool:
    return name in _CLIENT_NAMES or name.startswith(_CLIENT_PREFIXES)


def _github_cache(spec: BuildSpec) -> list[str]:
    # https://docs.docker.com/build/cache/backends/gha/: images of one repository that share a scope overwrite
    # each other's cache.
    scope = f"type=gha,scope={spec.name or 'image'}"
    return ["--cache-from", scope, "--cache-to", f"{scope},mode=max,ignore-error=true"]
