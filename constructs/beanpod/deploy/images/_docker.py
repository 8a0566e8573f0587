"""The Docker engine: what a deployment asks of it."""

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from beanpod.deploy.clock import Clock
from beanpod.deploy.errors import BuildError, UsageError
from beanpod.deploy.images import _commands as commands
from beanpod.deploy.images._buildkit import NEWER, REMEDY, UNSET, needs_buildkit, with_platform_arguments
from beanpod.deploy.images._client import Client, failure
from beanpod.deploy.images._credentials import Credentials
from beanpod.deploy.images._diagnosis import causes, diagnose
from beanpod.deploy.images._metadata import ids_in_metadata
from beanpod.deploy.images._process import Finished
from beanpod.deploy.images._repository import Repository
from beanpod.deploy.images._scratch import scratch
from beanpod.deploy.images._spec import BuildSpec, LocalImage
from beanpod.deploy.report import Reporter

# An hour is beyond what a deployment should wait for; a hung command would hold a CI job for six.
_LONGEST_SECONDS = 3600.0
_PUSH_PAUSES = (2.0, 8.0)
# How a builder says that it does not know a line of the Dockerfile, or the classic one takes it for another.
_UNKNOWN = re.compile(r"unknown (?:instruction|flag)", re.IGNORECASE)
_MISTAKEN = re.compile(r"requires BuildKit|failed to parse platform|(?:COPY|ADD) failed", re.IGNORECASE)
_STEP_OF_BUILDKIT = re.compile(r"#\d+ ")
_REFUSED = re.compile(r"unauthorized|denied|incorrect username", re.IGNORECASE)


class Builder(StrEnum):
    """What builds: buildx, or the engine's own `docker build`."""

    BUILDX = "docker buildx build"
    ENGINE = "docker build"


@dataclass(frozen=True)
class Docker:
    """A Docker engine that answers.

    github_cache: whether buildx keeps its layers in GitHub's cache. buildkit: whether it builds with BuildKit; None
    where that is not known before it has built.
    """

    client: Client
    builder: Builder
    report: Reporter = field(repr=False)
    clock: Clock = field(repr=False)
    github_cache: bool = False
    buildkit: bool | None = None

    def login(self, repository: Repository, credentials: Credentials) -> None:
        """Have the registry check the login. UsageError when it refuses, BuildError when it does not answer."""
        aim = f"logging in to {repository.registry}"
        command = commands.login(credentials.username, None if repository.on_hub else repository.host)
        finished = self.client.run(command, aim, stdin=credentials.password)
        if finished.code and _REFUSED.search("\n".join(finished.lines)):
            raise UsageError(
                f"{repository.registry} refuses the login of {credentials.username}: "
                "check DOCKER_USERNAME and DOCKER_PASSWORD"
            )
        if finished.code:
            raise failure(aim, finished)

    def check_builder(self, spec: BuildSpec) -> None:
        """Raise BuildError where only BuildKit builds the Dockerfile and this is the classic builder."""
        need = needs_buildkit(spec) if self.buildkit is False else None
        if need:
            raise self._without_buildkit(spec, need)

    def build(self, spec: BuildSpec, platform: str) -> LocalImage:
        """Build an image into the engine. BuildError names the spec and says why it failed."""
        if not self.buildkit:
            spec = with_platform_arguments(spec, platform)
        client = self.client.with_variables(commands.build_environment(spec.args))
        with scratch("beanpod-build-") as folder:
            result = folder / "result"
            command = self._build_command(spec, platform, result)
            aim = f"building {spec.title}"
            finished = client.run(command, aim, timeout=_LONGEST_SECONDS, show=self.report.output)
            if finished.code:
                raise self._too_old(spec, finished) or failure(aim, finished)
            text = result.read_text()
        return self.inspect(*ids_in_metadata(text) if self.builder is Builder.BUILDX else (text.strip(),))

    def _without_buildkit(self, spec: BuildSpec, need: str, why: tuple[str, ...] = ()) -> BuildError:
        remedy = UNSET if self.client.environment.get("DOCKER_BUILDKIT") == "0" else REMEDY
        return BuildError(f"{spec.title}: {need}, needs BuildKit, and {remedy}", causes=why)

    def _too_old(self, spec: BuildSpec, finished: Finished) -> BuildError | None:
        """What to raise where a build failed for what this builder does not know; None where it failed otherwise."""
        need, why = needs_buildkit(spec), causes(finished.lines)
        text = "\n".join(why)
        if need and (self.buildkit or any(_STEP_OF_BUILDKIT.match(line) for line in finished.lines)):
            return BuildError(f"{spec.title}: {need}, {NEWER}", causes=why) if _UNKNOWN.search(text) else None
        return (
            self._without_buildkit(spec, need, why)
            if need and (_UNKNOWN.search(text) or _MISTAKEN.search(text))
            else None
        )

    def inspect(self, *ids: str) -> LocalImage:
        """The image with one of these ids. BuildError when the engine has none of them."""
        aim = f"looking at the image {ids[-1]}"
        finished = self.client.run(commands.inspect(*ids), aim)
        found = json.loads(finished.stdout or "[]")
        if not found:
            raise failure(aim, finished)
        image = found[0]
        return LocalImage(image["Id"], image["Os"], image["Architecture"], tuple(image.get("RepoDigests") or ()))

    def push(self, image: LocalImage, reference: str) -> LocalImage:
        """Name the image, send it, and look at it again. What fails for the moment only is tried twice more."""
        self.client.must(commands.tag(image.id, reference), f"naming the image {reference}")
        aim = f"pushing {reference}"
        finished = self._push(reference, aim)
        for pause in _PUSH_PAUSES:
            if not _may_succeed_later(finished):
                break
            self.report.warn(f"{aim} failed, next attempt in {pause:.0f} s")
            self.clock.sleep(pause)
            finished = self._push(reference, aim)
        if finished.code:
            raise failure(aim, finished)
        return self.inspect(image.id)

    def _push(self, reference: str, aim: str) -> Finished:
        return self.client.run(commands.push(reference), aim, timeout=_LONGEST_SECONDS, show=self.report.output)

    def _build_command(self, spec: BuildSpec, platform: str, result: Path) -> list[str]:
        if self.builder is Builder.BUILDX:
            # Only where a workflow asks for it by this variable: times that lie make Python compile its modules anew
            # at every start, and browsers keep files that have changed.
            reproducible = bool(self.client.environment.get("SOURCE_DATE_EPOCH"))
            return commands.buildx_build(
                spec,
                platform=platform,
                metadata_file=result,
                github_cache=self.github_cache,
                reproducible=reproducible,
            )
        return commands.build(spec, platform=platform, id_file=result)


def _may_succeed_later(finished: Finished) -> bool:
    diagnosis = diagnose(finished.lines) if finished.code else None
    return diagnosis is not None and diagnosis.transient
