"""From build specs to images in the registry."""

from collections.abc import Sequence

from beanpod.deploy.errors import BuildError
from beanpod.deploy.images._docker import Docker
from beanpod.deploy.images._registry import Registry
from beanpod.deploy.images._spec import BuildSpec, Image, LocalImage, Platform, tag_of
from beanpod.deploy.report import Phase, Reporter


def build_and_push(
    specs: Sequence[BuildSpec], *, platform: Platform, docker: Docker, registry: Registry, report: Reporter
) -> dict[str | None, Image]:
    """The images of all specs, by their names. What the registry has already is not pushed again.

    Several specs share the registry's repository; their tags begin with their names. Raises BuildError for what cannot
    be built, is of another platform, or does not arrive.
    """
    with report.phase(Phase.BUILD):
        _check_files(specs)
        for spec in specs:
            docker.check_builder(spec)
        report.say(f"building with {docker.builder}")
        built = {spec.name: _build(spec, platform, docker, report) for spec in specs}
    with report.phase(Phase.PUSH):
        return {name: _publish(name, image, docker, registry, report) for name, image in built.items()}


def _check_files(specs: Sequence[BuildSpec]) -> None:
    for spec in specs:
        if not spec.context.is_dir():
            raise BuildError(f"{spec.title}: the build context {spec.context} is no folder: correct its path")
        if not spec.dockerfile.is_file():
            raise BuildError(f"{spec.title}: there is no Dockerfile {spec.dockerfile}: write it or correct its path")


def _build(spec: BuildSpec, platform: Platform, docker: Docker, report: Reporter) -> LocalImage:
    image = docker.build(spec, platform)
    if image.platform != platform:
        raise BuildError(
            f"{spec.title}: the image is for {image.platform}, the instances are {platform}: install buildx, leave "
            "--platform out of the FROM lines, or choose other instance types"
        )
    report.say(f"built {spec.title} for {platform}")
    return image


def _publish(name: str | None, image: LocalImage, docker: Docker, registry: Registry, report: Reporter) -> Image:
    repository, tag = str(registry.repository), tag_of(name, image.id)
    digest = registry.digest(tag)
    if digest and image.id in registry.ids(digest):
        report.say(f"{repository}:{tag} is in the registry already")
        return Image(repository, tag, digest, pushed=False)
    pushed = docker.push(image, f"{repository}:{tag}")
    published = Image(repository, tag, _confirmed(pushed, tag, registry), pushed=True)
    report.say(f"pushed {published.reference}")
    return published


def _confirmed(image: LocalImage, tag: str, registry: Registry) -> str:
    """The digest the registry gives the tag, which must be one that Docker pushed."""
    digest, name = registry.digest(tag), f"{registry.repository}:{tag}"
    if digest is None:
        raise BuildError(
            f"{name} was pushed but {registry.repository.registry} does not show it to this login: give the access "
            "token read rights too"
        )
    if digest not in {known.rpartition("@")[2] for known in image.digests}:
        raise BuildError(
            f"{name} is {digest} in the registry, which is not what Docker pushed: run the deployment again"
        )
    return digest
