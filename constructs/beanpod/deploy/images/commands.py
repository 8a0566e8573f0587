"""What is built, and Docker's command lines for it: pure functions, and no secret in any of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from beanpod.deploy.images.dockerfile import Dockerfile, platform_arguments, read_dockerfile

Platform = Literal["linux/amd64", "linux/arm64"]

_PLATFORMS: dict[str, Platform] = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
_TAG_DIGITS = 16
_LONGEST_PREFIX = 100
# The docker command reads its own settings from these variables: no build argument may replace one.
_CLIENT_PREFIXES = ("DOCKER_", "BUILDX_", "BUILDKIT_")
_CLIENT_NAMES = frozenset({"HOME", "PATH"})


@dataclass(frozen=True)
class BuildSpec:
    """One image to build.

    Attributes:
        name: The Compose service that it is for; None for the one Dockerfile.
        context: The build context.
        dockerfile: The Dockerfile.
        platform: Of the instances.
        args: The build arguments.
        target: The stage of the Dockerfile to build. Default: the last one.
    """

    name: str | None
    context: Path
    dockerfile: Path
    platform: Platform
    args: Mapping[str, str] = field(default_factory=dict, repr=False)
    target: str | None = None

    @cached_property
    def parsed(self) -> Dockerfile:
        """The Dockerfile's content. Raises BuildError if it cannot be read."""
        return read_dockerfile(self.dockerfile, {**platform_arguments(self.platform), **self.args})

    @property
    def title(self) -> str:
        """Its name in messages: the service, or the Dockerfile as seen from the working directory."""
        if self.name:
            return f"service {self.name}"
        here = Path.cwd()
        return str(self.dockerfile.relative_to(here) if self.dockerfile.is_relative_to(here) else self.dockerfile)


@dataclass(frozen=True)
class Image:
    """An image in its registry.

    Attributes:
        repository: Such as ada/shop.
        tag: For people.
        digest: Of its manifest.
        pushed: Whether this deployment pushed it.
    """

    repository: str
    tag: str
    digest: str
    pushed: bool

    @property
    def reference(self) -> str:
        """REPOSITORY:TAG@DIGEST, of which Docker pulls the digest."""
        return f"{self.repository}:{self.tag}@{self.digest}"


def platform_of(architecture: str) -> Platform:
    """Docker's name for an architecture of EC2 instances, "x86_64" or "arm64"."""
    return _PLATFORMS[architecture]


def tag_of(name: str | None, image_id: str) -> str:
    """The tag of an image: the Compose service's name, if any, and the first digits of the image's id."""
    # A tag does not begin with a dot or a hyphen, a service's name may.
    prefix = (name or "").lstrip("-.")[:_LONGEST_PREFIX]
    digits = image_id.removeprefix("sha256:")[:_TAG_DIGITS]
    return f"{prefix}-{digits}" if prefix else digits


def login(username: str, host: str | None) -> list[str]:
    """Log in, with the password on standard input. host: None for Docker Hub."""
    return ["docker", "login", "--username", username, "--password-stdin", *([host] if host else [])]


def build(spec: BuildSpec, *, id_file: Path) -> list[str]:
    """Build with the classic builder, or with BuildKit where DOCKER_BUILDKIT=1 and the client has it."""
    return ["docker", "build", "--iidfile", str(id_file), *_common(spec)]


def buildx_build(spec: BuildSpec, *, metadata_file: Path, github_cache: bool, reproducible: bool) -> list[str]:
    """Build with buildx, and load the image into the engine, so that its platform can be checked before the push.

    Args:
        spec: What to build.
        metadata_file: Where buildx writes the image's digests.
        github_cache: Whether to keep the layers in GitHub's cache.
        reproducible: Whether to set the files' times to SOURCE_DATE_EPOCH, https://docs.docker.com/build/exporters/.
    """
    output = ["--output", "type=docker,rewrite-timestamp=true"] if reproducible else ["--load"]
    written = ["--progress=plain", "--metadata-file", str(metadata_file)]
    # Attestations would make an index of the image, with another digest after every build.
    attestations = ["--provenance=false", "--sbom=false"]
    # Images that share a scope overwrite each other's cache: https://docs.docker.com/build/cache/backends/gha/.
    scope = f"type=gha,scope={spec.name or 'image'}"
    cache = ["--cache-from", scope, "--cache-to", f"{scope},mode=max,ignore-error=true"] if github_cache else []
    return ["docker", "buildx", "build", *output, *written, *attestations, *cache, *_common(spec)]


def manifest_inspect(reference: str, *, insecure: bool) -> list[str]:
    """An image's manifest in its registry, as JSON with its digest. insecure: also without TLS, or a certificate."""
    return ["docker", "manifest", "inspect", "--verbose", *(["--insecure"] if insecure else []), reference]


def build_environment(args: Mapping[str, str]) -> dict[str, str]:
    """The build arguments that are passed as variables: every user of the machine can read an argument list."""
    return {name: value for name, value in args.items() if not _is_for_client(name)}


def _common(spec: BuildSpec) -> list[str]:
    target = ["--target", spec.target] if spec.target else []
    arguments = [text for name, value in sorted(spec.args.items()) for text in _build_argument(name, value)]
    return ["--platform", spec.platform, "--file", str(spec.dockerfile), *target, *arguments, str(spec.context)]


def _build_argument(name: str, value: str) -> list[str]:
    return ["--build-arg", f"{name}={value}" if _is_for_client(name) else name]


def _is_for_client(name: str) -> bool:
    return name in _CLIENT_NAMES or name.startswith(_CLIENT_PREFIXES)
