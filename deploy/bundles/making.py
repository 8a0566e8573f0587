"""From a stage and its pushed images to a bundle."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.bundles import hooks
from deploy.bundles.archive import BundleFile
from deploy.bundles.bundle import Bundle
from deploy.bundles.dockerrun import dockerrun
from deploy.bundles.extras import extra_files
from deploy.bundles.problems import refuse
from deploy.images import BuildSpec
from manifest import StageConfig

_LOGIN = ("DOCKER_USERNAME", "DOCKER_PASSWORD")


def build_specs(stage: StageConfig, root: Path) -> tuple[BuildSpec, ...]:
    """What has to be built before there can be a bundle: the Dockerfile, or every compose service with `build`.

    root: the folder of the manifest. Raises BuildError with every problem.
    """
    dockerfile = root / (stage.service.dockerfile or "Dockerfile")
    if not dockerfile.is_file():
        refuse("service.dockerfile", [f"{stage.service.dockerfile}: no such file: write its path from the manifest"])
    return (BuildSpec(name=None, context=dockerfile.parent, dockerfile=dockerfile),)


def make_bundle(
    stage: StageConfig,
    root: Path,
    images: Mapping[str | None, str],
    *,
    application: str,
    login_hooks: bool,
) -> Bundle:
    """The bundle of a stage.

    root: the folder of the manifest. images: references by digest, by the names in `build_specs`. application: its
    name on Beanstalk. login_hooks: whether the instances need a login to pull, because the repository is private.
    Raises BuildError with every problem.
    """
    problems: list[str] = []
    extras = extra_files(root, problems)
    ours = {
        "Dockerrun.aws.json": BundleFile(dockerrun(images[None], stage.service.port)),
        **hooks.cleanup_hook(images.values()),
    }
    if login_hooks:
        problems += _missing_login(stage)
        ours |= hooks.login_hooks(stage.service.image)
    problems += _collisions(ours, extras)
    refuse("the bundle", problems)
    return Bundle.of({**extras, **ours}, service=stage.service.name, application=application)


def _missing_login(stage: StageConfig) -> Iterator[str]:
    for name in _LOGIN:
        if name not in stage.secrets and name not in stage.variables:
            yield f"{stage.service.image} is private, and secrets.{name} is missing: the instances need it to pull"


def _collisions(ours: Mapping[str, BundleFile], theirs: Mapping[str, BundleFile]) -> Iterator[str]:
    for name in sorted(ours.keys() & theirs.keys()):
        yield f"{name}: the deploy script writes a file of this name: choose another"
