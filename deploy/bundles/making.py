"""From a stage and its pushed images to a bundle."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.bundles import hooks
from deploy.bundles.archive import BundleFile
from deploy.bundles.bundle import Bundle
from deploy.bundles.compose import Findings, Production, Setting, production
from deploy.bundles.dockerrun import dockerrun
from deploy.bundles.extras import extra_files
from deploy.bundles.problems import refuse
from deploy.images import BuildSpec, platform_of
from manifest import StageConfig

_LOGIN = ("DOCKER_USERNAME", "DOCKER_PASSWORD")
# https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/create_deploy_docker.container.console.html
_BEANSTALKS_OWN = "EB_LOG_BASE_DIR"
_DATABASES = ("RDS_HOSTNAME", "RDS_PORT", "RDS_DB_NAME", "RDS_USERNAME", "RDS_PASSWORD")


def build_specs(stage: StageConfig, root: Path) -> tuple[BuildSpec, ...]:
    """What has to be built before there can be a bundle: the Dockerfile, or every compose service with `build`.

    root: the folder of the manifest. Raises BuildError with every problem that the bundle will have, so that none
    shows only after minutes of building.
    """
    return _prepare(stage, root).specs


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
    prepared = _prepare(stage, root)
    refuse(prepared.subject, [*_missing_images(prepared, images), *(_missing_login(stage) if login_hooks else ())])
    files = {
        **prepared.files,
        **_definition(stage, prepared, images),
        **hooks.cleanup_hook(images.values()),
        **(hooks.login_hooks(stage.service.image) if login_hooks else {}),
    }
    return Bundle.of(files, service=stage.service.name, application=application, notes=prepared.notes)


@dataclass(frozen=True)
class _Prepared:
    """A bundle without its images. subject: the file it is made from."""

    subject: str
    specs: tuple[BuildSpec, ...]
    files: Mapping[str, BundleFile]
    notes: tuple[str, ...] = ()
    compose: Production | None = None


def _prepare(stage: StageConfig, root: Path) -> _Prepared:
    problems: list[str] = []
    extras = extra_files(root, problems)
    subject = stage.service.compose or stage.service.dockerfile or "Dockerfile"
    prepared = (_from_compose if stage.service.compose else _from_dockerfile)(stage, root, problems)
    problems += _collisions({**extras, **prepared.files})
    refuse(subject, problems)
    return _Prepared(subject, prepared.specs, {**extras, **prepared.files}, prepared.notes, prepared.compose)


def _from_dockerfile(stage: StageConfig, root: Path, problems: list[str]) -> _Prepared:
    path = root / (stage.service.dockerfile or "Dockerfile")
    if not path.is_file():
        problems.append("no such file: write its path from the manifest into service.dockerfile")
    return _Prepared("", (BuildSpec(name=None, context=path.parent, dockerfile=path),), {})


def _from_compose(stage: StageConfig, root: Path, problems: list[str]) -> _Prepared:
    path = root / (stage.service.compose or "")
    findings = Findings()
    found = production(path, _setting(stage, root, path), findings)
    problems += findings.problems
    if found is None:
        return _Prepared("", (), {})
    return _Prepared("", found.specs, found.files, found.notes, found)


def _setting(stage: StageConfig, root: Path, path: Path) -> Setting:
    database = stage.database
    return Setting(
        root=root,
        folder=path.parent,
        provided=frozenset({*stage.variables, *stage.secrets, *(_DATABASES if database else ()), _BEANSTALKS_OWN}),
        port=stage.service.port,
        database_service=database.compose_service if database else None,
        platform=platform_of(stage.environment.architecture),
    )


def _definition(stage: StageConfig, prepared: _Prepared, images: Mapping[str | None, str]) -> dict[str, BundleFile]:
    """What Beanstalk runs."""
    if prepared.compose:
        return {"docker-compose.yml": BundleFile(prepared.compose.text(images).encode())}
    return {"Dockerrun.aws.json": BundleFile(dockerrun(images[None], stage.service.port))}


def _missing_images(prepared: _Prepared, images: Mapping[str | None, str]) -> Iterator[str]:
    for spec in prepared.specs:
        if spec.name not in images:
            yield f"{spec.title}: no image of it was pushed: build and push it first"


def _missing_login(stage: StageConfig) -> Iterator[str]:
    for name in _LOGIN:
        if name not in stage.secrets and name not in stage.variables:
            yield f"{stage.service.image} is private, and secrets.{name} is missing: the instances need it to pull"


def _collisions(files: Mapping[str, BundleFile]) -> Iterator[str]:
    for name in sorted(hooks.OWN_FILES & files.keys()):
        yield f"{name}: the deploy script writes a file of this name: choose another"
