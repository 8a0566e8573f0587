"""From Dockerfiles to images in a registry: find the builder and the login, build, push."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from beanpod.deploy.errors import BuildError
from beanpod.deploy.images import commands
from beanpod.deploy.images.commands import BuildSpec, Image, tag_of
from beanpod.deploy.images.docker import Docker, causes, checked, failure
from beanpod.deploy.images.dockerfile import platform_arguments
from beanpod.deploy.images.process import temporary_folder
from beanpod.deploy.images.registry import (
    Repository,
    given_credentials,
    log_in,
    published_digest,
    temporary_configuration,
)
from beanpod.deploy.report import Phase

_LOOKING = "looking for the Docker engine"
_UNKNOWN = re.compile(r"unknown (?:instruction|flag)", re.IGNORECASE)
_INSTALL_BUILDX = (
    "this Docker has only its classic builder: install buildx, https://docs.docker.com/go/buildx/, "
    "or set DOCKER_BUILDKIT=1 where Docker is older than 23"
)
_UNSET = "DOCKER_BUILDKIT=0 asks for the classic builder: unset it"
# https://docs.docker.com/build/buildkit/dockerfile-release-notes/: here-documents came with 1.4, which Docker 23 has.
_UPDATE = (
    "is newer than the BuildKit of this engine: begin the Dockerfile with `# syntax=docker/dockerfile:1`, "
    "or update Docker"
)


@dataclass(frozen=True)
class Builder:
    """A Docker engine that answers, and the login to the repository for its images.

    Attributes:
        docker: The docker command.
        repository: Where images are pushed.
        buildx: Whether buildx builds, rather than `docker build`.
        github_cache: Whether buildx keeps the layers in GitHub's cache.
    """

    docker: Docker
    repository: Repository
    buildx: bool
    github_cache: bool = False

    @property
    def is_classic(self) -> bool:
        """Whether Docker's classic builder builds. A docker command older than 23 has BuildKit in itself."""
        return not self.buildx and self.docker.environment.get("DOCKER_BUILDKIT") != "1"

    def check(self, spec: BuildSpec) -> None:
        """Raise BuildError for a Dockerfile that needs BuildKit where there is none."""
        need = spec.parsed.needs_buildkit(spec.target) if self.is_classic else None
        if need:
            remedy = _UNSET if self.docker.environment.get("DOCKER_BUILDKIT") == "0" else _INSTALL_BUILDX
            raise BuildError(f"{spec.title}: {need}, needs BuildKit, and {remedy}")

    def build(self, spec: BuildSpec) -> str:
        """Build an image into the engine and return its id. BuildError also where it is for another platform."""
        aim = f"building {spec.title}"
        if self.is_classic:
            spec = _with_platform_arguments(spec)
        variables = {**self.docker.environment, **commands.build_environment(spec.args)}
        with temporary_folder("beanpod-build-") as folder:
            result = folder / "result"
            docker = replace(self.docker, environment=variables)
            finished = docker.retry(self._command(spec, result), aim, show=True)
            need = spec.parsed.needs_buildkit(spec.target) if finished.code else None
            if need and _UNKNOWN.search("\n".join(finished.lines)):
                raise BuildError(f"{spec.title}: {need}, {_UPDATE}", causes=causes(finished.lines))
            checked(finished, aim)
            ids = _ids_in_metadata(result.read_text()) if self.buildx else (result.read_text().strip(),)
        image = self._inspect(*ids)
        built = f"{image['Os']}/{image['Architecture']}"
        if built != spec.platform:
            raise BuildError(
                f"{spec.title}: the image is for {built}, the instances are {spec.platform}: install buildx, "
                "leave --platform out of the FROM lines, or choose other instance types"
            )
        return str(image["Id"])

    def push(self, image_id: str, tag: str) -> Image:
        """Push an image unless the registry has it already under this tag."""
        name = f"{self.repository}:{tag}"
        digest = published_digest(self.docker, name, image_id)
        if digest:
            self.docker.report.say(f"{name} is in the registry already")
            return Image(str(self.repository), tag, digest, pushed=False)
        checked(self.docker.run(["docker", "tag", image_id, name], f"tagging {name}"), f"tagging {name}")
        aim = f"pushing {name}"
        finished = checked(self.docker.retry(["docker", "push", name], aim, show=True), aim)
        known = {reference.rpartition("@")[2] for reference in self._inspect(image_id).get("RepoDigests") or ()}
        # An image that was pushed before may have several digests; Docker prints the one of this push.
        printed = "\n".join(finished.lines)
        digest = next((digest for digest in sorted(known) if digest in printed), None)
        if digest is None:
            raise BuildError(
                f"{name} was pushed, but Docker does not show its digest: update Docker, then deploy again"
            )
        published = Image(str(self.repository), tag, digest, pushed=True)
        self.docker.report.say(f"pushed {published.reference}")
        return published

    def _inspect(self, *ids: str) -> dict[str, Any]:
        """Return the image with one of these ids, as the engine describes it."""
        aim = f"looking at the image {ids[-1]}"
        finished = self.docker.run(["docker", "image", "inspect", *ids], aim)
        found = json.loads(finished.stdout or "[]")
        if not found:
            raise failure(aim, finished)
        return dict(found[0])

    def _command(self, spec: BuildSpec, result: Path) -> list[str]:
        if not self.buildx:
            return commands.build(spec, id_file=result)
        # Only where a workflow sets this variable: with false times Python compiles its modules anew at every start,
        # and browsers keep files that have changed.
        reproducible = bool(self.docker.environment.get("SOURCE_DATE_EPOCH"))
        return commands.buildx_build(
            spec, metadata_file=result, github_cache=self.github_cache, reproducible=reproducible
        )


@contextmanager
def connect(docker: Docker, repository: str) -> Iterator[Builder]:
    """Find the engine and the builder, and log in to the repository's registry until the end of the block.

    Args:
        docker: With the deployment's variables. DOCKER_USERNAME and DOCKER_PASSWORD are the login; without them the
            user's own `docker login` is used.
        repository: Such as ada/shop or ghcr.io/ada/shop.

    Raises:
        UsageError: The login is refused or incomplete, or Docker's configuration is broken.
        BuildError: The engine or the registry does not answer.
    """
    place, login = Repository(repository), given_credentials(docker.environment)
    if login:
        docker.report.mask(login.password)
    own = docker.environment
    with temporary_configuration(own, place) if login else nullcontext(own) as variables:
        docker = replace(docker, environment=variables)
        checked(docker.run(["docker", "version"], _LOOKING), _LOOKING)
        # DOCKER_BUILDKIT=0 is how a user asks for the classic builder.
        wanted = variables.get("DOCKER_BUILDKIT") != "0"
        buildx = wanted and docker.run(["docker", "buildx", "version"], _LOOKING).code == 0
        if login:
            log_in(docker, place, login)
        yield Builder(docker, place, buildx=buildx, github_cache=buildx and _has_github_cache(docker))


def _has_github_cache(docker: Docker) -> bool:
    """Whether the workflow passes on address and token of GitHub's cache, and the builder can export its cache."""
    given = docker.environment.get
    if not given("ACTIONS_RUNTIME_TOKEN") or not (given("ACTIONS_RESULTS_URL") or given("ACTIONS_CACHE_URL")):
        return False
    driver = re.search(r"^Driver:\s+(\S+)", docker.run(["docker", "buildx", "inspect"], _LOOKING).stdout, re.MULTILINE)
    # The driver "docker" builds inside the engine: https://docs.docker.com/build/builders/drivers/
    return driver is not None and driver[1] != "docker"


def build_and_push(specs: Sequence[BuildSpec], builder: Builder) -> dict[str | None, Image]:
    """Build all images and push those that the registry does not have yet.

    Args:
        specs: What to build. All images are pushed to one repository, with tags that begin with the specs' names.
        builder: From `connect`.

    Returns:
        The images by the names of their specs.

    Raises:
        BuildError: An image cannot be built or pushed.
    """
    report = builder.docker.report
    with report.phase(Phase.BUILD):
        for spec in specs:
            builder.check(spec)
        report.say(f"building with {'docker buildx build' if builder.buildx else 'docker build'}")
        built = {}
        for spec in specs:
            built[spec.name] = builder.build(spec)
            report.say(f"built {spec.title} for {spec.platform}")
    with report.phase(Phase.PUSH):
        return {name: builder.push(image_id, tag_of(name, image_id)) for name, image_id in built.items()}


def _with_platform_arguments(spec: BuildSpec) -> BuildSpec:
    """Add the arguments that BuildKit sets by itself, as far as the Dockerfile declares them."""
    arguments = platform_arguments(spec.platform).items()
    automatic = {name: value for name, value in arguments if spec.parsed.declares(name)}
    return replace(spec, args={**automatic, **spec.args})


def _ids_in_metadata(text: str) -> tuple[str, ...]:
    """Return the ids under which the engine may know an image, from buildx's metadata file.

    They are the digest of the configuration or, with the containerd image store, that of the manifest:
    https://docs.docker.com/reference/cli/docker/buildx/build/#metadata-file
    """
    try:
        metadata: dict[str, Any] = json.loads(text)
        return metadata["containerimage.config.digest"], metadata["containerimage.digest"]
    except (ValueError, KeyError, TypeError):
        raise BuildError(
            "buildx's metadata file names no image: remove BUILDX_* settings that add attestations or platforms, "
            "or update buildx"
        ) from None
