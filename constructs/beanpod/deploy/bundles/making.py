"""From a stage and its pushed images to a bundle."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from beanpod.deploy.bundles import hooks
from beanpod.deploy.bundles.archive import BundleFile
from beanpod.deploy.bundles.bundle import Bundle, label_of
from beanpod.deploy.bundles.compose import Findings, Lifetime, Setting, production
from beanpod.deploy.bundles.dockerfiles import check_dockerfile, exposed_ports
from beanpod.deploy.bundles.dockerrun import dockerrun
from beanpod.deploy.bundles.extras import extra_files, extra_notes
from beanpod.deploy.bundles.files import too_large
from beanpod.deploy.bundles.problems import refuse
from beanpod.deploy.bundles.pulling import ecr_notes, is_ecr, logs_in_for, pull_problems
from beanpod.deploy.bundles.stamp import BLANK
from beanpod.deploy.errors import BuildError
from beanpod.deploy.images import BuildSpec, Image, needs_buildkit, platform_of, tag_of

if TYPE_CHECKING:
    from beanpod.manifest import StageConfig

_LOGIN = ("DOCKER_USERNAME", "DOCKER_PASSWORD")
# Values that stand for those of the environment when Docker Compose checks a file.
_DATABASE = {"RDS_HOSTNAME": "x", "RDS_PORT": "3306", "RDS_DB_NAME": "x", "RDS_USERNAME": "x", "RDS_PASSWORD": "x"}
# https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/create_deploy_docker.container.console.html
_BEANSTALKS_OWN = {"EB_LOG_BASE_DIR": "/var/log/eb-docker/containers"}
_MOST_PORTS = 5
_ZEROS = "sha256:" + "0" * 64

Images = Mapping[str | None, str]


def build_specs(stage: StageConfig, root: Path) -> tuple[BuildSpec, ...]:
    """What has to be built before there can be a bundle: the Dockerfile, or every compose service with `build`.

    root: the folder of the manifest. Raises BuildError with every problem that the bundle will have, so that none
    shows only after minutes of building.
    """
    return _plan(stage, root).specs


def build_inputs(stage: StageConfig, root: Path) -> tuple[Path, ...]:
    """The folders that images and bundle are made of. Raises BuildError with every problem."""
    plan = _plan(stage, root)
    taken = {root / name.partition("/")[0] for name in plan.files if "/" in name}
    return (*dict.fromkeys(spec.context for spec in plan.specs), *sorted(taken))


def preview_bundle(stage: StageConfig, root: Path) -> Bundle:
    """The bundle that a release would deploy, with digests of zeros in the place of what is not built yet.

    Nobody is asked whether the image is private: it has the login for the instances where the manifest has one.
    Raises BuildError with every problem that a release would be refused for.
    """
    specs = build_specs(stage, root)
    images = {spec.name: _unbuilt(stage, spec).reference for spec in specs}
    login = bool(images) and not tuple(_missing_login(stage))
    bundle = make_bundle(stage, root, images, application=stage.service.name, login_hooks=login)
    return replace(bundle, notes=(*bundle.notes, *_buildkit_notes(specs)))


def _unbuilt(stage: StageConfig, spec: BuildSpec) -> Image:
    return Image(stage.service.image, tag_of(spec.name, _ZEROS), _ZEROS, pushed=False)


def check_pulls(stage: StageConfig, root: Path, *, is_public: Callable[[str], bool | None]) -> None:
    """Raise BuildError where the instances could not pull an image that is not built here.

    is_public: whether anybody may pull an image, by its reference; None where the registry does not say.
    """
    plan = _plan(stage, root)
    problems = pull_problems(
        _by_service(plan),
        stage.service.image,
        has_login=not tuple(_missing_login(stage)),
        files=plan.files,
        is_public=is_public,
    )
    refuse(_subject(stage), problems)


def check_login(stage: StageConfig, *, private: Callable[[], bool]) -> None:
    """Raise BuildError where the image is private and the instances have no login to pull it with.

    private: asked only where the manifest has none.
    """
    problems = () if is_ecr(stage.service.image) else tuple(_missing_login(stage))
    if problems and private():
        raise BuildError(*problems)


def make_bundle(stage: StageConfig, root: Path, images: Images, *, application: str, login_hooks: bool) -> Bundle:
    """The bundle of a stage.

    root: the folder of the manifest. images: references by digest, by the names in `build_specs`. application: its
    name on Beanstalk. login_hooks: whether the instances need a login to pull, because the repository is private.
    Raises BuildError with every problem.
    """
    plan = _plan(stage, root)
    # Beanstalk logs in at Amazon ECR itself.
    login_hooks = (login_hooks and not is_ecr(stage.service.image)) or _logs_in_for_pulled(stage, plan)
    problems = [*_missing_images(plan, images), *(_missing_login(stage) if login_hooks else ())]
    refuse(_subject(stage), problems)
    service = stage.service.name
    released = {spec.name: images[spec.name] for spec in plan.specs}
    name, data = plan.definition(images)
    files = {
        **plan.files,
        name: BundleFile(data, stamped=True),
        **(hooks.release_hook(label_of(service, BLANK), released) if released else {}),
        **hooks.logs_hook(_log_folders(plan, released)),
        **hooks.verify_hooks(
            plan.kinds,
            image="" if plan.kinds else released.get(None, ""),
            health_path=stage.service.health_check_path,
            health_codes=stage.health_codes,
        ),
        **hooks.cleanup_hook([*released.values(), *plan.pulled.values()]),
        **(hooks.login_hooks(stage.service.image) if login_hooks else {}),
    }
    serving = _settled({**plan.pulled, **released}.get(plan.web, ""), stage.variables)
    return Bundle.of(files, service=service, application=application, notes=plan.notes, image=serving)


@dataclass(frozen=True)
class _Plan:
    """A bundle that lacks its images.

    definition: name and content of the file that Beanstalk runs. web: the service that requests reach; None for the
    one Dockerfile. pulled: images that are not built here, by their services. logs: folders of logs, each with its
    service and its user. kinds: of compose services, as the hook knows them.
    """

    specs: tuple[BuildSpec, ...]
    definition: Callable[[Images], tuple[str, bytes]]
    files: Mapping[str, BundleFile] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    web: str | None = None
    pulled: Mapping[str | None, str] = field(default_factory=dict)
    logs: tuple[tuple[str, str, str], ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)


def _plan(stage: StageConfig, root: Path) -> _Plan:
    problems: list[str] = []
    beside: list[str] = []
    extras = extra_files(root, beside)
    plan = (_compose_plan if stage.service.compose else _dockerfile_plan)(stage, root, problems)
    files = {**extras, **plan.files}
    problems += _collisions(files)
    weight = too_large({name: len(file.data) for name, file in files.items()})
    refuse(_subject(stage), problems, beside=[*beside, *([weight] if weight else [])])
    ecr = ecr_notes({"service.image": stage.service.image} if plan.specs else {})
    pulled = ecr_notes({f"service {name}": image for name, image in plan.pulled.items()})
    notes = extra_notes(root, extras, compose=bool(stage.service.compose))
    return replace(plan, files=files, notes=(*plan.notes, *ecr, *pulled, *notes))


def _settled(image: str, variables: Mapping[str, str]) -> str:
    """An image's name as compose reads it on the instance, as far as the manifest's variables make it."""
    return re.sub(r"\$\{?(\w+)(?::?-[^}]*)?\}?", lambda match: variables.get(match[1], match[0]), image)


def _by_service(plan: _Plan) -> dict[str, str]:
    return {str(name): image for name, image in plan.pulled.items()}


def _logs_in_for_pulled(stage: StageConfig, plan: _Plan) -> bool:
    """Whether the manifest has a login, and an image that is not built here comes from its registry."""
    return not tuple(_missing_login(stage)) and logs_in_for(_by_service(plan), stage.service.image)


def _log_folders(plan: _Plan, released: Images) -> Iterator[hooks.LogFolder]:
    images = {**plan.pulled, **released}
    return (hooks.LogFolder(folder, images[name], user) for folder, name, user in plan.logs if name in images)


def _subject(stage: StageConfig) -> str:
    """The file that a bundle is made from, as messages name it."""
    return stage.service.compose or stage.service.dockerfile or "Dockerfile"


def _dockerfile_plan(stage: StageConfig, root: Path, problems: list[str]) -> _Plan:
    spec = _dockerfile_spec(stage, root)
    missing = list(_missing_build_files(stage, spec))
    problems += missing
    notes: list[str] = []
    port = stage.service.port if missing else _container_port(stage, spec, problems, notes)

    def name_context(folder: Path) -> str:
        return f'write context = "{Path(os.path.relpath(folder, root)).as_posix()}" in [service]'

    if not missing:
        problems += _dockerfile_problems(stage, spec, _subject(stage), name_context)
    return _Plan(
        specs=(spec,),
        definition=lambda images: ("Dockerrun.aws.json", dockerrun(images[None], port)),
        notes=tuple(notes),
    )


def _container_port(stage: StageConfig, spec: BuildSpec, problems: list[str], notes: list[str]) -> int:
    """Where the container listens: what the manifest says, else the one port that the Dockerfile exposes, else 8080."""
    port, name = stage.service.port, _subject(stage)
    exposed = exposed_ports(spec, platform_of(stage.environment.architecture))
    if not exposed or port in exposed:
        return port
    ports = _listed(exposed)
    if "port" in stage.service.model_fields_set:
        notes.append(f"{name}: EXPOSE names {ports}, but service.port is {port}: requests are sent to {port}")
        return port
    if len(exposed) > 1:
        problems.append(f"{name}: EXPOSE names {ports}: set port in [service] to the one that serves HTTP")
        return port
    notes.append(
        f"{name}: requests are sent to port {ports}, which EXPOSE names; to change that, set port in [service]"
    )
    return exposed[0]


def _listed(ports: tuple[int, ...]) -> str:
    named = [str(port) for port in ports[:_MOST_PORTS]]
    if ports[_MOST_PORTS:]:
        named.append("others")
    return " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))


def _context_of_compose(folder: Path, spec: BuildSpec) -> Callable[[Path], str]:
    """What to write in the compose file of this folder to build from another one."""

    def name_context(context: Path) -> str:
        there = Path(os.path.relpath(context, folder)).as_posix()
        dockerfile = Path(os.path.relpath(spec.dockerfile, context)).as_posix()
        return f"write context: {there} and dockerfile: {dockerfile} in its build"

    return name_context


def _dockerfile_problems(
    stage: StageConfig, spec: BuildSpec, heading: str, name_context: Callable[[Path], str]
) -> Iterator[str]:
    for text in check_dockerfile(spec, platform_of(stage.environment.architecture), name_context=name_context):
        yield f"{heading}: {text}"


def _buildkit_notes(specs: Iterable[BuildSpec]) -> Iterator[str]:
    for spec in specs:
        need = needs_buildkit(spec)
        if need:
            yield f"{spec.title}: {need}, needs BuildKit: `docker buildx version` must succeed where it is built"


def _dockerfile_spec(stage: StageConfig, root: Path) -> BuildSpec:
    service = stage.service
    path = _inside(root, service.dockerfile or "Dockerfile")
    return BuildSpec(
        name=None,
        context=_inside(root, service.context) if service.context else path.parent,
        dockerfile=path,
        args=service.args,
        target=service.target,
    )


def _inside(root: Path, path: str) -> Path:
    """The place that the manifest names, without `..` in its path."""
    return Path(os.path.normpath(root / path))


def _missing_build_files(stage: StageConfig, spec: BuildSpec) -> Iterator[str]:
    # os.path takes what cannot be looked into for a file that is not there; pathlib raises.
    name, context = stage.service.dockerfile or "Dockerfile", stage.service.context
    if os.path.isdir(spec.dockerfile):
        yield f'{name}: is a folder: write service.dockerfile = "{posixpath.normpath(f"{name}/Dockerfile")}"'
    elif not os.path.isfile(spec.dockerfile):
        below = posixpath.normpath(f"{context}/{name}")
        meant = below if context and os.path.isfile(spec.context / name) else _meant(spec.dockerfile, name)
        remedy = f'service.dockerfile = "{meant}"' if meant else "service.dockerfile, its path relative to the manifest"
        yield f"{name}: no such file: write {remedy}"
    if not os.path.isdir(spec.context):
        yield f"{name}: service.context {context}: no such folder: write its path relative to the manifest"


def _meant(path: Path, name: str) -> str:
    """The Dockerfile beside it that is written in other letters, or that is called as other tools call theirs."""
    try:
        beside = sorted(os.listdir(path.parent))
    except OSError:
        return ""
    found = [other for other in beside if other.lower() in (path.name.lower(), "containerfile")]
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), found[0])) if found else ""


def _compose_plan(stage: StageConfig, root: Path, problems: list[str]) -> _Plan:
    path = root / _subject(stage)
    findings = Findings()
    made = production(path, _setting(stage, root, path), findings)
    problems += findings.problems
    notes = list(made.notes)
    for spec in () if findings.problems else made.specs:
        heading = f"{spec.title}, {os.path.relpath(spec.dockerfile, root)}"
        problems += _dockerfile_problems(stage, spec, heading, _context_of_compose(path.parent, spec))
        exposed = exposed_ports(spec, platform_of(stage.environment.architecture))
        if spec.name == made.web and made.web_port and exposed and made.web_port not in exposed:
            told = f"EXPOSE names {_listed(exposed)}, but ports names {made.web_port}"
            notes.append(f"{heading}: {told}: requests are sent to {made.web_port}")
    return _Plan(
        specs=made.specs,
        files=made.files,
        notes=tuple(notes),
        web=made.web,
        pulled=dict(made.images.items()),
        logs=made.logs,
        kinds=made.kinds,
        definition=lambda images: ("docker-compose.yml", made.text(images).encode()),
    )


def _setting(stage: StageConfig, root: Path, path: Path) -> Setting:
    database = stage.database
    return Setting(
        root=root,
        folder=path.parent,
        variables={
            **dict.fromkeys(stage.secrets, "x"),
            **(_DATABASE if database else {}),
            **_BEANSTALKS_OWN,
            **stage.variables,
        },
        port=stage.service.port,
        port_said="port" in stage.service.model_fields_set,
        database_service=database.compose_service if database else None,
        platform=platform_of(stage.environment.architecture),
        lifetime=Lifetime(
            policy=stage.environment.deployment_policy,
            most=stage.environment.max_size,
            updated=stage.environment.managed_updates is not None,
        ),
    )


def _missing_images(plan: _Plan, images: Images) -> Iterator[str]:
    for spec in plan.specs:
        if spec.name not in images:
            yield f"{spec.title}: no image of it was pushed: build and push it first"


def _missing_login(stage: StageConfig) -> Iterator[str]:
    missing = [f"secrets.{name}" for name in _LOGIN if name not in stage.secrets and name not in stage.variables]
    if missing:
        are, them = ("is", "it") if len(missing) == 1 else ("are", "them")
        yield (
            f"{stage.service.image} is private, and {' and '.join(missing)} {are} missing: "
            f"the instances need {them} to pull"
        )


def _collisions(files: Mapping[str, BundleFile]) -> Iterator[str]:
    for name in sorted(hooks.OWN_FILES & files.keys()):
        yield f"{name}: the deploy script writes a file of this name: choose another"
