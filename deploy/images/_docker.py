"""The Docker engine: what a deployment asks of it."""

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from deploy.clock import Clock
from deploy.errors import UsageError
from deploy.images import _commands as commands
from deploy.images._client import Client, failure
from deploy.images._credentials import Credentials
from deploy.images._diagnosis import diagnose
from deploy.images._metadata import ids_in_metadata
from deploy.images._process import Finished
from deploy.images._repository import Repository
from deploy.images._scratch import scratch
from deploy.images._spec import BuildSpec, LocalImage
from deploy.report import Reporter

# An hour is beyond what a deployment should wait for; a hung command would hold a CI job for six.
_LONGEST_SECONDS = 3600.0
_PUSH_PAUSES = (2.0, 8.0)
_REFUSED = re.compile(r"unauthorized|denied|incorrect username", re.IGNORECASE)


class Builder(StrEnum):
    """What builds: buildx, or the engine's own `docker build`."""

    BUILDX = "docker buildx build"
    ENGINE = "docker build"


@dataclass(frozen=True)
class Docker:
    """A Docker engine that answers. github_cache: whether buildx keeps its layers in GitHub's cache."""

    client: Client
    builder: Builder
    report: Reporter = field(repr=False)
    clock: Clock = field(repr=False)
    github_cache: bool = False

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

    def build(self, spec: BuildSpec, platform: str) -> LocalImage:
        """Build an image into the engine. BuildError names the spec and says why it failed."""
        client = self.client.with_variables(commands.build_environment(spec.args))
        with scratch("beanpod-build-") as folder:
            result = folder / "result"
            command = self._build_command(spec, platform, result)
            client.must(command, f"building {spec.title}", timeout=_LONGEST_SECONDS, show=self.report.output)
            text = result.read_text()
        return self.inspect(*ids_in_metadata(text) if self.builder is Builder.BUILDX else (text.strip(),))

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
