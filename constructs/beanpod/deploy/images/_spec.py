"""What is built, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from beanpod.deploy.errors import BuildError
from beanpod.deploy.images._dockerfile import Dockerfile

Platform = Literal["linux/amd64", "linux/arm64"]

_PLATFORMS: dict[str, Platform] = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
_TAG_DIGITS = 16
_LONGEST_PREFIX = 100


@dataclass(frozen=True)
class BuildSpec:
    """One image to build.

    name: the compose service it is for; None for the one Dockerfile. args: build arguments. target: the stage of the
    Dockerfile to stop at. Default: the last one.
    """

    name: str | None
    context: Path
    dockerfile: Path
    args: Mapping[str, str] = field(default_factory=dict, repr=False)
    target: str | None = None

    @property
    def title(self) -> str:
        """What messages call it: the service, or the Dockerfile as seen from where the script runs."""
        if self.name:
            return f"service {self.name}"
        here = Path.cwd()
        return str(self.dockerfile.relative_to(here) if self.dockerfile.is_relative_to(here) else self.dockerfile)


@dataclass(frozen=True)
class LocalImage:
    """An image in the Docker engine. digests: the RepoDigests it is known by, repository@sha256:..."""

    id: str
    system: str
    architecture: str
    digests: tuple[str, ...] = ()

    @property
    def platform(self) -> str:
        """Such as linux/amd64."""
        return f"{self.system}/{self.architecture}"


@dataclass(frozen=True)
class Image:
    """An image in its registry. pushed: whether this run put it there."""

    repository: str
    tag: str
    digest: str
    pushed: bool

    @property
    def reference(self) -> str:
        """The image for good: the digest decides what runs, the tag is for people."""
        return f"{self.repository}:{self.tag}@{self.digest}"


def read_dockerfile(path: Path) -> Dockerfile:
    """The Dockerfile there. Raises BuildError where it cannot be read, or is no text."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BuildError(f"{path}: cannot be read: {error.strerror}: give this user the right to read it") from None
    if b"\0" in data:
        raise BuildError(f"{path}: no UTF-8, as Docker reads it: save it as UTF-8")
    return Dockerfile.parse(data.decode("utf-8", "replace"))


def platform_of(architecture: str) -> Platform:
    """Docker's name for the architecture of EC2 instances, "x86_64" or "arm64"."""
    return _PLATFORMS[architecture]


def tag_of(name: str | None, image_id: str) -> str:
    """The tag of an image: from its content, so that the same image always has the same one.

    Several services share a repository: the service's name comes first.
    """
    # A tag does not begin with a dot or a hyphen, a compose service may.
    prefix = (name or "").lstrip("-.")[:_LONGEST_PREFIX]
    digits = image_id.removeprefix("sha256:")[:_TAG_DIGITS]
    return f"{prefix}-{digits}" if prefix else digits
