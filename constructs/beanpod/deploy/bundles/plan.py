"""A bundle that lacks its images, and what it becomes with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from beanpod.deploy.bundles import hooks
from beanpod.deploy.bundles.bundle import HASH_PLACEHOLDER, Bundle, BundleFile, label_of
from beanpod.deploy.errors import BuildError
from beanpod.deploy.images import BuildSpec, Image, Platform, Repository, platform_of, tag_of

if TYPE_CHECKING:
    from beanpod.manifest import StageConfig

_LOGIN = ("DOCKER_USERNAME", "DOCKER_PASSWORD")
_ZEROS = "sha256:" + "0" * 64
# Account and region may be variables.
_ECR = re.compile(r"[^/.]+\.dkr\.ecr(?:-fips)?\.[^/]+\.amazonaws\.com(?:\.cn)?")
# What a script of the project does that logs in at a registry.
_LOGS_IN = (b"docker login", b"credHelpers", b"docker-credential", b".docker/config.json")

Images = Mapping[str | None, str]


@dataclass(frozen=True)
class BundlePlan:
    """A bundle that lacks its images.

    Attributes:
        stage: Of the manifest.
        root: The manifest's folder.
        specs: What has to be built: the Dockerfile, or every compose service with `build`.
        definition: Makes the name and the content of the file that Elastic Beanstalk runs.
        files: The project's files in the bundle, by their paths.
        notes: What the bundle leaves out or changes of the project.
        web: The service that receives requests; None for the one Dockerfile.
        pulled: Images that are not built here, by their services.
        logs: Folders of logs, each with its service and its user.
        kinds: Of compose services, as the verify hook knows them.
    """

    stage: StageConfig
    root: Path
    specs: tuple[BuildSpec, ...]
    definition: Callable[[Images], tuple[str, bytes]] = field(repr=False)
    files: Mapping[str, BundleFile] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()
    web: str | None = None
    pulled: Mapping[str, str] = field(default_factory=dict)
    logs: tuple[tuple[str, str, str], ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        """The file that the bundle is made from, as messages name it."""
        return self.stage.service.compose or self.stage.service.dockerfile or "Dockerfile"

    @property
    def builds(self) -> tuple[str, ...]:
        """The names of the images to build, for messages."""
        return tuple(spec.title for spec in self.specs)

    @property
    def platform(self) -> Platform:
        """The platform of the instances, such as linux/amd64."""
        return platform_of(self.stage.environment.architecture)

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The folders that images and bundle are made from."""
        folders = {self.root / name.partition("/")[0] for name in self.files if "/" in name}
        return (*dict.fromkeys(spec.context for spec in self.specs), *sorted(folders))

    def check_pulls(self, *, is_public: Callable[[str], bool | None]) -> None:
        """Raise BuildError if the instances could not pull an image that is not built here.

        Args:
            is_public: Whether anybody may pull an image, by its reference; None if the registry does not say.
        """
        refuse(self.subject, self._pull_problems(is_public))

    def bundle(self, images: Images, *, application: str, login_hooks: bool | None) -> Bundle:
        """Make the bundle.

        Args:
            images: References by digest, by the names of the specs.
            application: Its name on Elastic Beanstalk.
            login_hooks: Whether the instances need a login to pull, because the repository is private. None: that is
                not known, and they log in if the manifest has a login.

        Raises:
            BuildError: If an image or the login is missing.
        """
        stage = self.stage
        if login_hooks is None:
            login_hooks = not self._missing_login
        serves_pulled = any(map(self._login_serves, self.pulled.values()))
        # Elastic Beanstalk logs in at Amazon ECR itself.
        login_hooks = (login_hooks and not is_ecr(stage.service.image)) or serves_pulled
        missing = [spec for spec in self.specs if spec.name not in images]
        problems = [f"{spec.title}: no image of it was pushed: build and push it first" for spec in missing]
        refuse(self.subject, [*problems, *(self._missing_login if login_hooks else ())])
        released = {spec.name: images[spec.name] for spec in self.specs}
        everything = {**dict[str | None, str](self.pulled.items()), **released}
        name, data = self.definition(images)
        logs = [(path, everything[name], user) for path, name, user in self.logs if name in everything]
        files = {
            **self.files,
            name: BundleFile(data, has_placeholder=True),
            **(hooks.release_hook(label_of(stage.service.name, HASH_PLACEHOLDER), released) if released else {}),
            **hooks.logs_hook(logs),
            **hooks.verify_hooks(
                self.kinds,
                image="" if self.kinds else released.get(None, ""),
                health_path=stage.service.health_check_path,
                health_codes=stage.health_codes,
            ),
            **hooks.cleanup_hook(everything.values()),
            **(hooks.login_hooks(stage.service.image) if login_hooks else {}),
        }
        serving = _interpolated(everything.get(self.web, ""), stage.variables)
        return Bundle.of(files, service=stage.service.name, application=application, notes=self.notes, image=serving)

    def preview(self) -> Bundle:
        """Make the bundle that a release would deploy, with digests of zeros for what is not built yet.

        No registry is asked whether the image is private: the bundle has the login if the manifest has one.
        """
        repository = self.stage.service.image
        images = {
            spec.name: Image(repository, tag_of(spec.name, _ZEROS), _ZEROS, pushed=False).reference
            for spec in self.specs
        }
        login_hooks = None if images else False
        bundle = self.bundle(images, application=self.stage.service.name, login_hooks=login_hooks)
        needs = ((spec, spec.parsed.needs_buildkit(spec.target)) for spec in self.specs)
        buildkit = (
            f"{spec.title}: {need}, needs BuildKit: `docker buildx version` must succeed where it is built"
            for spec, need in needs
            if need
        )
        return replace(bundle, notes=(*bundle.notes, *buildkit))

    @property
    def _missing_login(self) -> tuple[str, ...]:
        """What the instances lack to log in at the registry, in one line; () if the manifest has a login."""
        stage = self.stage
        missing = [f"secrets.{name}" for name in _LOGIN if name not in stage.secrets and name not in stage.variables]
        are, them = ("is", "it") if len(missing) == 1 else ("are", "them")
        text = f"{stage.service.image} is private, and {' and '.join(missing)} {are} missing"
        return (f"{text}: the instances need {them} to pull",) if missing else ()

    def _login_serves(self, image: str) -> bool:
        """Whether the manifest has the login for an image that is not built here; Docker's own images need none."""
        place, own = Repository.of_image(image)[0], Repository(self.stage.service.image)
        return "$" not in image and place.host == own.host and not place.is_official and not self._missing_login

    def _pull_problems(self, is_public: Callable[[str], bool | None]) -> Iterator[str]:
        own = Repository(self.stage.service.image)
        scripts = [file.data for name, file in self.files.items() if name.startswith((".platform/", ".ebext"))]
        logs_in = any(text in data for data in scripts for text in _LOGS_IN)
        for service, image in self.pulled.items():
            if "$" in image:
                continue
            place, _ = Repository.of_image(image)
            served = logs_in or is_ecr(image) or place.is_official or self._login_serves(image)
            if served or is_public(image) is not False:
                continue
            closed = f"service {service}: {image} is private or does not exist on {place.registry}"
            if place.host == own.host:
                yield f"{closed}: add DOCKER_USERNAME and DOCKER_PASSWORD of an account that can pull it to [secrets]"
            else:
                yield (
                    f"{closed}, and the instances log in to {own.registry} only: push it to {own.registry}, or run "
                    f"docker login {place.host} in a hook of your own, such as .platform/hooks/prebuild/10_login.sh"
                )


def _interpolated(image: str, variables: Mapping[str, str]) -> str:
    """An image's name as Compose reads it on the instance, as far as the manifest gives its variables."""
    return re.sub(r"\$\{?(\w+)(?::?-[^}]*)?\}?", lambda match: variables.get(match[1], match[0]), image)


def is_ecr(image: str) -> bool:
    """Whether an image or a repository is one of Amazon ECR, where no image is public.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/docker-configuration.remote-repo.html: Elastic Beanstalk logs
    in there as the instance profile.
    """
    return _ECR.fullmatch(Repository(image).host) is not None


def refuse(subject: str, problems: Iterable[str], *, elsewhere: Iterable[str] = ()) -> None:
    """Raise BuildError if there are problems: the only one in its message, several as its causes.

    Args:
        subject: The file that the problems are of.
        problems: Of this file.
        elsewhere: Problems of other files, which they name themselves.
    """
    others = tuple(elsewhere)
    found = tuple(_joined((*problems, *others)))
    if len(found) == 1 and found[0] in others:
        raise BuildError(found[0])
    if len(found) == 1:
        raise BuildError(found[0] if found[0].startswith(f"{subject}:") else f"{subject}: {found[0]}")
    if found:
        raise BuildError(f"{subject}: {len(found)} problems, listed below", causes=found)


def _joined(problems: Iterable[str]) -> Iterator[str]:
    """Yield each problem once, also one of several services, as of a YAML anchor: `services app and worker, ...`."""
    services: dict[str, list[str]] = {}
    for problem in dict.fromkeys(problems):
        match = re.fullmatch(r"service ([\w.-]+)(, .+)", problem, re.DOTALL)
        names = services.setdefault(match[2] if match else problem, [])
        names += [match[1]] if match else []
    for text, names in services.items():
        yield f"service{'s' * (len(names) > 1)} {' and '.join(names)}{text}" if names else text
