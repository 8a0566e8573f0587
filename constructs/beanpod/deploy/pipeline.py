"""From the plan of a bundle to the bundle: build and push its images, and name them; or a preview of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from beanpod.deploy.bundles import Bundle, BundlePlan
from beanpod.deploy.errors import BuildError
from beanpod.deploy.images import Docker, Image, Repository, build_and_push, connect, given_credentials, is_public
from beanpod.deploy.report import Phase, Reporter


@dataclass(frozen=True)
class Built:
    """What was built.

    Attributes:
        images: In their registry, by Compose service; None for the one Dockerfile.
        bundle: Names the images.
    """

    images: Mapping[str | None, Image]
    bundle: Bundle


def build(plan: BundlePlan, docker: Docker, *, application: str) -> Built:
    """Build and push the images, and make the bundle.

    Args:
        plan: What to build.
        docker: With the variables of this process, which may hold the login at the registry.
        application: Its name on Elastic Beanstalk.

    Raises:
        BuildError: When an image or the bundle cannot be made.
        UsageError: For a login that does not work.
    """
    plan.check_pulls(is_public=_anonymous_pulls(docker))
    if not plan.specs:
        # Nothing is built, so that neither an engine nor a registry is needed.
        with docker.report.phase(Phase.BUNDLE):
            return Built({}, _bundle(plan, {}, application, docker))
    with connect(docker, plan.stage.service.image) as builder:
        images = build_and_push(plan.specs, builder)
    with docker.report.phase(Phase.BUNDLE):
        return Built(images, _bundle(plan, images, application, docker))


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


def _bundle(plan: BundlePlan, images: Mapping[str | None, Image], application: str, docker: Docker) -> Bundle:
    bundle = plan.bundle(
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


def preview(plan: BundlePlan, environ: Mapping[str, str], *, report: Reporter) -> Bundle:
    """Make the bundle that a release would deploy, with digests of zeros for images that are not built yet.

    Asks neither AWS nor Docker nor a registry. Raises what a release would be refused with: BuildError, and UsageError
    for half a login.
    """
    given_credentials(environ)
    with report.phase(Phase.BUNDLE):
        bundle = plan.preview()
        _report_notes(bundle, report)
        zeros = ", with digests of zeros for what is not built yet" if plan.specs else ""
        report.say(f"{_size(bundle)}{zeros}")
        return bundle


def _report_notes(bundle: Bundle, report: Reporter) -> None:
    for note in bundle.notes:
        report.say(note)


def _size(bundle: Bundle) -> str:
    return f"{len(bundle.files)} files, {len(bundle.data):,} bytes"
