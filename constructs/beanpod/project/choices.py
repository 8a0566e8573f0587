"""What is written into a project: what was found, completed by options and answers."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from beanpod.deploy.bundles.compose.development import is_named_for_development
from beanpod.manifest import ServiceConfig, service_problem
from beanpod.project.discovery import ComposeDatabase, ComposeFacts, Discovery, DockerfileFacts
from beanpod.project.health_check import health_route
from beanpod.rules.database import ENGINES

# A tag of Docker Hub such as `16-alpine` names a version, `latest` does not.
_VERSION = re.compile(r"\d+(?:\.\d+)?")
_NUMBER = re.compile(r"[0-9]{1,9}")
_NAME_LENGTH = 24
# Of a manifest that names none.
_HEALTH_PATH = ServiceConfig.model_fields["health_check_path"].default


@dataclass(frozen=True)
class Choices:
    """The values of a new project; None where nothing is known.

    Attributes:
        name: Name of the service.
        image: Repository of the image, such as `ada/shop`.
        dockerfile: Dockerfile, relative to the project's folder; None with a compose file.
        compose: Compose file, relative to the project's folder; None with a Dockerfile.
        port: Port on which the container listens.
        health_check_path: Path that answers 200; None where the project's files name no health check.
        engine: `mysql`, `mariadb`, `postgres`, or `none` for no database.
        version: Version of the database. Default: the newest that Beanpod knows well.
        compose_service: Service of the compose file that RDS replaces.
        arm64: Whether the image is for arm64, which the presets' instances do not run.
        branch: The branch that is deployed.
    """

    name: str | None = None
    image: str | None = None
    dockerfile: str | None = None
    compose: str | None = None
    port: int | None = None
    health_check_path: str | None = None
    engine: str | None = None
    version: str | None = None
    compose_service: str | None = None
    arm64: bool = False
    branch: str = "main"


@dataclass(frozen=True)
class Question:
    """A value that a project needs and that nothing shows.

    Attributes:
        option: The option of `beanpod init` that gives it.
        question: The question on a terminal.
        choices: The possible answers, of a port the likely ones; empty where anything may be written.
    """

    option: str
    question: str
    choices: tuple[str, ...] = ()

    def problem(self, answer: str) -> str | None:
        """Return what to write instead of an answer; None if it can be taken."""
        if self.option == "--port":
            return service_problem("port", int(answer)) if _NUMBER.fullmatch(answer) else "write a number"
        if self.choices:
            return None if answer in self.choices else f"write one of {', '.join(self.choices)}"
        return service_problem("image", answer)


def propose(found: Discovery, given: Choices) -> Choices:
    """Complete the given values by those of a manifest that is there already, then by those that were found."""
    given = _with_manifest(found, given)
    name = given.name or _service_name(found)
    compose = _compose_file(found, given)
    choices = replace(
        given,
        name=name,
        image=given.image or _image_of(found.docker_user, name),
        compose=compose.path if compose else given.compose,
        branch=found.branch or given.branch,
    )
    if choices.compose is None:
        return _with_dockerfile(found, choices)
    return _with_compose(found, compose, choices) if compose else choices


def _with_manifest(found: Discovery, given: Choices) -> Choices:
    service, database = (found.manifest.get(key, {}) for key in ("service", "database"))
    written: dict[str, Any] = {
        **{key: service.get(key) for key in ("name", "image", "dockerfile", "compose", "port")},
        "health_check_path": service.get(
            "health_check_path", service.get("health_path", _HEALTH_PATH if service else None)
        ),
        "engine": database.get("engine", "none" if found.manifest else None),
        "version": database.get("version"),
        "compose_service": database.get("compose_service"),
    }
    if given.dockerfile or given.compose:
        written |= {"dockerfile": None, "compose": None}
    absent: dict[str, Any] = {key: value for key, value in written.items() if getattr(given, key) is None}
    return replace(given, **absent)


def missing(found: Discovery, choices: Choices) -> Iterator[Question]:
    """Yield what has to be asked for, in the order of the questions."""
    if choices.dockerfile is None and choices.compose is None:
        paths = tuple(one.path for one in found.dockerfiles)
        yield Question("--dockerfile", "Which Dockerfile is deployed?", paths)
        return
    if choices.image is None:
        yield Question("--image", f"Repository of the image on Docker Hub, such as USER/{choices.name}")
    compose = found.compose if choices.compose else None
    if choices.port is None and compose:
        ports = _web_ports(compose)
        yield Question("--port", "Which container port do users reach?", tuple(str(port) for port in ports))
    if choices.port is None and not compose:
        facts = chosen_dockerfile(found, choices)
        if facts and len(facts.ports) > 1:
            yield Question("--port", "Which port serves HTTP?", tuple(str(port) for port in facts.ports))
    if choices.engine is None and compose and len(compose.databases) > 1:
        services = tuple(one.service for one in compose.databases)
        yield Question("--compose-service", "Which of the databases is to be RDS?", services)


def answered(found: Discovery, choices: Choices, option: str, answer: str) -> Choices:
    """Return the choices with the answer to a question, and with what follows from it."""
    if option == "--dockerfile":
        return propose(found, replace(choices, dockerfile=answer))
    if option == "--port":
        return propose(found, replace(choices, port=int(answer)))
    if option == "--compose-service":
        return propose(found, replace(choices, compose_service=answer))
    return replace(choices, image=answer)


def _service_name(found: Discovery) -> str:
    """Return the repository's name, or that of a folder in it, as a service may be named: `my-shop` for `My_Shop`."""
    # Several folders of a repository may be services: of one name, they would share their stacks.
    name = "" if found.prefix else (found.repository or "").rpartition("/")[2]
    name = name or found.root.resolve().name
    name = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    name = re.sub(r"^[0-9-]+", "", name)
    if len(name) > _NAME_LENGTH:
        # At the end of a word, unless little would be left of the name.
        words = name[: _NAME_LENGTH + 1].rpartition("-")[0]
        name = words if len(words) > _NAME_LENGTH / 2 else name[:_NAME_LENGTH]
    return name if len(name) > 1 else "app"


def _image_of(docker_user: str | None, name: str) -> str | None:
    """Return the repository of Docker's login; None without one, and for one that is an e-mail address."""
    image = f"{(docker_user or '').lower()}/{name}"
    return image if docker_user and service_problem("image", image) is None else None


def _compose_file(found: Discovery, given: Choices) -> ComposeFacts | None:
    """Return the compose file, unless a Dockerfile was asked for, or the file is for development only.

    It is where it runs databases only, or stands in a folder below although the app's Dockerfile is known.
    """
    facts = found.compose
    if facts is None or given.dockerfile is not None:
        return None
    if given.compose is not None:
        return facts if given.compose == facts.path else None
    if facts.folder and chosen_dockerfile(found, given):
        return None
    return facts if facts.built or (_web_ports(facts) and not found.dockerfiles) else None


def _with_dockerfile(found: Discovery, choices: Choices) -> Choices:
    facts = chosen_dockerfile(found, choices)
    if facts is None:
        return choices
    framework = found.framework
    ports = facts.ports or (_ports_of(found.compose, facts) if found.compose else ())
    return replace(
        choices,
        dockerfile=facts.path,
        port=choices.port or (ports[0] if len(ports) == 1 else None),
        health_check_path=choices.health_check_path or _health_path(found, facts.health_path, facts.context),
        engine=choices.engine or (framework.engine if framework else None) or _development_engine(found),
        arm64=facts.architecture == "arm64",
    )


def _ports_of(compose: ComposeFacts, dockerfile: DockerfileFacts) -> tuple[int, ...]:
    """Return the container ports that a compose file publishes of the service that a Dockerfile builds."""
    for name in compose.built:
        build: dict[str, Any] = compose.services[name]["build"]
        parts = (build.get("context", "."), build.get("dockerfile", "Dockerfile"))
        if posixpath.normpath(posixpath.join(compose.folder, *map(str, parts))) == dockerfile.path:
            return compose.ports.get(name, ())
    return ()


def chosen_dockerfile(found: Discovery, choices: Choices) -> DockerfileFacts | None:
    """Return the Dockerfile that is deployed; None where it has to be asked for."""
    if choices.dockerfile is not None:
        named = next((one for one in found.dockerfiles if one.path == choices.dockerfile), None)
        return named or DockerfileFacts(choices.dockerfile, context=posixpath.dirname(choices.dockerfile))
    at_root = [one for one in found.dockerfiles if "/" not in one.path]
    if at_root:
        return at_root[0]
    deployed = [one for one in found.dockerfiles if not is_named_for_development(one.path)] or found.dockerfiles
    return deployed[0] if len(deployed) == 1 else None


def _development_engine(found: Discovery) -> str | None:
    """Return the engine of the database that the compose file runs for development."""
    databases = found.compose.databases if found.compose else ()
    return databases[0].engine if len(databases) == 1 else None


def _with_compose(found: Discovery, compose: ComposeFacts, choices: Choices) -> Choices:
    database = _chosen_database(compose, choices)
    wanted = choices.engine != "none"
    version = _version(database) if database and choices.engine in (None, database.engine) else None
    ports = _web_ports(compose) or _exposed_ports(found)
    port = choices.port or (80 if 80 in ports else ports[0] if len(ports) == 1 else None)
    service = _web_service(compose, port)
    build: dict[str, Any] = compose.services[service].get("build", {}) if service else {}
    context = posixpath.join(compose.folder, str(build["context"])) if "context" in build else None
    return replace(
        choices,
        port=port,
        health_check_path=choices.health_check_path
        or _health_path(found, compose.health_paths.get(service or ""), context),
        engine=choices.engine or (database.engine if database else None),
        version=choices.version or version,
        compose_service=database.service if database and wanted else None,
    )


def _health_path(found: Discovery, checked: str | None, folder: str | None) -> str | None:
    """Return the path that a health check asks for, the framework's own, or one that the source in a folder answers."""
    path = checked or (found.framework.health_path if found.framework else None)
    path = path or (health_route(found.root / folder) if folder is not None else None)
    return path if path and service_problem("health_check_path", path) is None else None


def _web_service(compose: ComposeFacts, port: int | None) -> str | None:
    """Return the service that users reach at a container port; of a file that publishes none the only one built."""
    published = [name for name in compose.apps if port in compose.ports.get(name, ())]
    return published[0] if published else compose.built[0] if len(compose.built) == 1 else None


def _version(database: ComposeDatabase) -> str | None:
    """Return the version of RDS that an image's tag names; None where RDS has none of that name."""
    tag = _VERSION.match(database.tag)
    if tag is None:
        return None
    versions = ENGINES[database.engine].versions
    named = [one for one in versions if one == tag[0] or one.startswith(f"{tag[0]}.")]
    return named[-1] if named else next((one for one in versions if tag[0].startswith(f"{one}.")), None)


def _chosen_database(compose: ComposeFacts, choices: Choices) -> ComposeDatabase | None:
    if choices.compose_service is not None:
        return next((one for one in compose.databases if one.service == choices.compose_service), None)
    return compose.databases[0] if len(compose.databases) == 1 else None


def _exposed_ports(found: Discovery) -> list[int]:
    """Return what the only Dockerfile exposes."""
    return list(found.dockerfiles[0].ports) if len(found.dockerfiles) == 1 else []


def _web_ports(compose: ComposeFacts) -> list[int]:
    """Return the container ports that services which may be the app publish."""
    deployed = [name for name in compose.apps if not compose.services[name].get("profiles")]
    return list(dict.fromkeys(port for name in deployed for port in compose.ports.get(name, ())))
