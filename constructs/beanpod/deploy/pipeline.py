"""A deployment, one step after another: preflight, build, push, bundle, release."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from beanpod.deploy.bundles import Bundle, BundlePlan, plan_bundle
from beanpod.deploy.clock import Clock
from beanpod.deploy.errors import BuildError
from beanpod.deploy.images import (
    Docker,
    Image,
    Platform,
    Repository,
    build_and_push,
    connect,
    given_credentials,
    is_public,
    platform_of,
)
from beanpod.deploy.report import Outcome, Phase, Reporter

if TYPE_CHECKING:
    from beanpod.deploy.release import Rollout
    from beanpod.manifest import StageConfig


@dataclass(frozen=True)
class Project:
    """A stage of a manifest to deploy.

    Attributes:
        stage: The stage.
        root: The manifest's folder.
        environ: This process's variables; may hold secrets.
    """

    stage: "StageConfig"
    root: Path
    environ: Mapping[str, str] = field(repr=False)

    @cached_property
    def bundle_plan(self) -> BundlePlan:
        """What is built and deployed, read once. Raises BuildError with every problem."""
        return plan_bundle(self.stage, self.root)

    @property
    def builds(self) -> tuple[str, ...]:
        """The names of the images to build, for messages. Raises BuildError where one cannot be built."""
        return tuple(spec.title for spec in self.bundle_plan.specs)

    @property
    def platform(self) -> Platform:
        """The platform of the instances, such as linux/amd64."""
        return platform_of(self.stage.environment.architecture)


@dataclass(frozen=True)
class Built:
    """What was built.

    Attributes:
        images: In their registry, by Compose service; None for the one Dockerfile.
        bundle: Names the images.
    """

    images: Mapping[str | None, Image]
    bundle: Bundle


def build(project: Project, *, application: str, clock: Clock, report: Reporter) -> Built:
    """Build and push the images, and make the bundle.

    Args:
        project: What to build.
        application: Its name on Elastic Beanstalk.
        clock: To wait by.
        report: Shows the progress.

    Raises:
        BuildError: When an image or the bundle cannot be made.
        UsageError: For a login that does not work.
    """
    plan, docker = project.bundle_plan, Docker(project.environ, report, clock)
    plan.check_pulls(is_public=_anonymous_pulls(docker))
    if not plan.specs:
        # Nothing is built, so that neither an engine nor a registry is needed.
        with report.phase(Phase.BUNDLE):
            return Built({}, _bundle(project, {}, application, docker))
    with connect(docker, project.stage.service.image) as builder:
        images = build_and_push(plan.specs, builder)
    with report.phase(Phase.BUNDLE):
        return Built(images, _bundle(project, images, application, docker))


def _anonymous_pulls(docker: Docker) -> Callable[[str], bool | None]:
    """Return what asks registries without a login. One that does not answer once is not asked again."""
    silent: set[str] = set()

    def may_pull(image: str) -> bool | None:
        host = Repository.of_image(image)[0].host
        if host not in silent:
            try:
                return is_public(docker, image)
            except BuildError:
                silent.add(host)
        return None

    return may_pull


def _bundle(project: Project, images: Mapping[str | None, Image], application: str, docker: Docker) -> Bundle:
    bundle = project.bundle_plan.bundle(
        {name: image.reference for name, image in images.items()},
        application=application,
        login_hooks=_need_login(images, docker),
    )
    _report_notes(bundle, docker.report)
    docker.report.say(f"{bundle.label}: {_size(bundle)}")
    return bundle


def _need_login(images: Mapping[str | None, Image], docker: Docker) -> bool | None:
    """Whether an image is private; None where its registry does not say, as at its rate limit."""
    try:
        return not all(is_public(docker, image.reference) for image in images.values())
    except BuildError as error:
        docker.report.warn(
            f"{error}, so it is not known whether the instances need a login: they use that of [secrets], if there is "
            "one"
        )
        return None


def preview(project: Project, *, report: Reporter) -> Bundle:
    """Make the bundle that a release would deploy, with digests of zeros for images that are not built yet.

    Asks neither AWS nor Docker nor a registry. Raises what a release would be refused with: BuildError, and UsageError
    for half a login.
    """
    given_credentials(project.environ)
    with report.phase(Phase.BUNDLE):
        bundle = project.bundle_plan.preview()
        _report_notes(bundle, report)
        zeros = ", with digests of zeros for what is not built yet" if project.builds else ""
        report.say(f"{_size(bundle)}{zeros}")
        return bundle


def _report_notes(bundle: Bundle, report: Reporter) -> None:
    for note in bundle.notes:
        report.say(note)


def _size(bundle: Bundle) -> str:
    return f"{len(bundle.files)} files, {len(bundle.data):,} bytes"


def deploy(project: Project, rollout: "Rollout", *, clock: Clock, report: Reporter, force: bool = False) -> Outcome:
    """Build, push and release.

    Args:
        project: What to deploy.
        rollout: Where to.
        clock: To wait by.
        report: Shows the progress.
        force: Also what runs already, or is older than what runs.

    Raises:
        DeployError: Those of `beanpod.deploy.errors`, each with the exit code that says in what state it ended.
    """
    # First, since it takes no time: what cannot be built, or cannot run on Beanstalk.
    _ = project.bundle_plan
    # Before the build: wrong credentials or a busy environment should not cost a build.
    application = rollout.preflight().application
    bundle = build(project, application=application, clock=clock, report=report).bundle
    return rollout.release(bundle, force=force)
