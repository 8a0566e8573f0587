"""What a folder says about the app in it.

Reads files, and runs `git`, `docker compose config` (which needs no engine) and Docker's credential helper. Changes
nothing, and asks no network.
"""

import base64
import binascii
import json
import os
import posixpath
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from beanpod.deploy.bundles.compose.development import for_production
from beanpod.deploy.bundles.compose.interpolation import interpolated
from beanpod.deploy.bundles.compose.reading import Compose, ComposeError
from beanpod.deploy.bundles.dockerfiles import absent_sources, copied
from beanpod.deploy.bundles.files import env_values, text_of
from beanpod.deploy.errors import UsageError
from beanpod.deploy.images import Dockerfile, Instruction, read_dockerfile
from beanpod.deploy.images.registry import HUB_KEY, read_configuration
from beanpod.project.frameworks import Framework, find_framework
from beanpod.project.health_check import checked_path
from beanpod.project.source import SKIPPED, git, variables_read

# https://docs.docker.com/compose/intro/compose-application-model/#the-compose-file
COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_EXAMPLES = (".env.example", ".env.sample", ".env.dist", ".env.template", "env.example")
_DEPTH = 2
# For a credential helper, which may wait for a keychain.
_SECONDS = 5
_OTHER_HOSTS = {
    "gitlab": "GitLab",
    "bitbucket": "Bitbucket",
    "codecommit": "AWS CodeCommit",
    "dev.azure.com": "Azure DevOps",
    "visualstudio.com": "Azure DevOps",
}
_ENGINES = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "postgis": "postgres",
    "pgvector": "postgres",
    "mysql": "mysql",
    "mysql-server": "mysql",
    "percona": "mysql",
    "mariadb": "mariadb",
}
# Images that run beside an app and are never what its users reach: stores, brokers, and pages for developers.
_NOT_THE_APP = frozenset(
    (
        *_ENGINES,
        *("redis", "valkey", "memcached", "mongo", "elasticsearch", "opensearch", "meilisearch", "minio", "localstack"),
        *("redis-stack", "redis-stack-server", "redismod"),
        *("rabbitmq", "kafka", "cp-kafka", "zookeeper", "cp-zookeeper", "nats"),
        *("adminer", "pgadmin4", "phpmyadmin", "mongo-express", "redis-commander", "redisinsight", "kibana"),
        *("mailhog", "mailpit", "maildev", "prometheus", "grafana", "jaeger"),
    )
)
# SSH, SMTP, HTTPS, and the ports of databases, brokers and Caddy's admin API.
_NOT_HTTP = frozenset({22, 25, 443, 1025, 1433, 2019, 3306, 5432, 5672, 6379, 27017})
# In a command: `--bind 0.0.0.0:${PORT:-8000}`, or `["--port", "8000"]`.
_LISTENS = re.compile(r"""(?:\b0\.0\.0\.0:|\[::\]:|--port[\s=",']+)(?:\$\{\w+:-)?(\d{2,5})\b""")
_FOR_DOCKER = re.compile(r"(?:^|/)(?:docker|containers?|deploy(?:ment)?|infra|ops)(?:/|$)", re.IGNORECASE)
_NOT_DEPLOYED = re.compile(r"tests?|e2e|examples?|docs?|benchmarks?", re.IGNORECASE)


@dataclass(frozen=True)
class DockerfileFacts:
    """A Dockerfile.

    Attributes:
        path: Relative to the project's folder.
        context: The build context, relative to the project's folder: where the app is. Default: the project's folder.
        ports: The TCP ports that it exposes, without those known for other protocols than HTTP; without EXPOSE the one
            that its command names.
        health_path: The path that its HEALTHCHECK asks for over HTTP; None without one.
        architecture: `amd64` or `arm64`, where `FROM --platform` says so; None otherwise.
    """

    path: str
    context: str = ""
    ports: tuple[int, ...] = ()
    health_path: str | None = None
    architecture: str | None = None


@dataclass(frozen=True)
class ComposeDatabase:
    """A database server of a compose file.

    Attributes:
        service: Its service's name.
        engine: `mysql`, `mariadb` or `postgres`.
        tag: The tag of its image, such as `16-alpine`.
    """

    service: str
    engine: str
    tag: str


@dataclass(frozen=True)
class ComposeFacts:
    """A compose file.

    Attributes:
        path: Relative to the project's folder.
        services: The services as Docker Compose merges them, variables left as they are.
        apps: The services that may be the app: no database, nor a known store, broker or page for developers.
        ports: Container ports that each of them publishes; of a build for development the one that the build for
            production exposes instead.
        health_paths: The path that the health check of each of them asks for over HTTP, of the compose file or else of
            its Dockerfile.
        databases: The database servers.
        secrets: Names of the secrets that are read from a file.
    """

    path: str
    services: Mapping[str, Mapping[str, Any]]
    apps: tuple[str, ...]
    ports: Mapping[str, tuple[int, ...]]
    health_paths: Mapping[str, str]
    databases: tuple[ComposeDatabase, ...]
    secrets: frozenset[str] = frozenset()

    @property
    def built(self) -> tuple[str, ...]:
        """The services that may be the app and are built from a Dockerfile."""
        return tuple(name for name in self.apps if "build" in self.services[name])

    @property
    def folder(self) -> str:
        """The file's folder, relative to the project's; "" for the same."""
        return posixpath.dirname(self.path)


@dataclass(frozen=True)
class Discovery:
    """What was found.

    Attributes:
        root: The project's folder.
        dockerfiles: All Dockerfiles, the one that was asked for first, then the nearest.
        compose: The compose file; None without one.
        compose_error: Why the compose file could not be read; "" where it could, or where there is none.
        framework: The app's framework or language; None where nothing shows it.
        repository: OWNER/NAME on GitHub; None without such a remote.
        other_host: Where the remote is that runs no workflows of GitHub, such as GitLab; None where it may.
        prefix: Of the folder in its git repository, such as `services/shop/`; "" at its root.
        branch: The remote's default branch; None where git does not know it.
        docker_user: Whom Docker is logged in as at Docker Hub; None without a login.
        variables: Names and example values of an `.env.example`.
        variables_read: Names of the variables that the app's source reads.
        manifest: The strings and the port in the tables of a `beanpod.toml` that is there already; {} without one.
    """

    root: Path
    dockerfiles: tuple[DockerfileFacts, ...] = ()
    compose: ComposeFacts | None = None
    compose_error: str = ""
    framework: Framework | None = None
    repository: str | None = None
    other_host: str | None = None
    prefix: str = ""
    branch: str | None = None
    docker_user: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    variables_read: Sequence[str] = ()
    manifest: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def discover(
    root: Path,
    *,
    dockerfile: str | None = None,
    compose_file: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Discovery:
    """Look at a project's folder.

    Args:
        root: The folder in which the project's files will be.
        dockerfile: The Dockerfile that was asked for, relative to the folder.
        compose_file: The compose file, relative to the folder. Default: the one that Docker Compose would find there,
            or the only one in a folder below, such as `docker/docker-compose.yml`.
        environ: Variables of the process; DOCKER_CONFIG and HOME say where Docker's login is.
    """
    manifest = _manifest(root / "beanpod.toml")
    compose, error = _compose(root, compose_file or manifest.get("service", {}).get("compose"))
    remote = git(root, "remote", "get-url", "origin").strip()
    found = Discovery(
        root=root,
        dockerfiles=tuple(_dockerfiles(root)),
        compose=compose,
        compose_error=error,
        repository=_github_repository(remote),
        other_host=_other_host(remote),
        # It is written into workflows, which are UTF-8.
        prefix=os.fsencode(git(root, "rev-parse", "--show-prefix").strip()).decode(errors="replace"),
        branch=_branch(root),
        docker_user=_docker_user(environ),
        manifest=manifest,
    )
    return with_dockerfile(found, dockerfile or manifest.get("service", {}).get("dockerfile"))


def with_dockerfile(found: Discovery, path: str | None) -> Discovery:
    """Return what was found with a Dockerfile first, and what the app's own files beside it say; None: the nearest."""
    root, dockerfiles = found.root, found.dockerfiles
    if path and (root / path).is_file():
        dockerfiles = (_dockerfile(root, path), *(one for one in dockerfiles if one.path != path))
    folders = [root / one.context for one in dockerfiles] or [root]
    compose = [root / found.compose.folder] if found.compose else []
    return replace(
        found,
        dockerfiles=dockerfiles,
        framework=next(filter(None, map(find_framework, [*folders, root])), None),
        variables=_example_variables([root, *compose, *folders]),
        variables_read=tuple(variables_read(folders[0])),
    )


def _manifest(path: Path) -> dict[str, dict[str, Any]]:
    """Return a manifest's tables, without values of a wrong type; {} where it cannot be read.

    `beanpod check` says what is wrong with it.
    """
    try:
        tables = tomllib.loads(text_of(path))
    except ValueError:
        return {}
    return {
        name: {key: value for key, value in table.items() if type(value) is (int if key == "port" else str)}
        for name, table in tables.items()
        if isinstance(table, dict)
    }


def _dockerfiles(root: Path) -> Iterable[DockerfileFacts]:
    """Yield the Dockerfiles of a folder and those up to two folders below it, the nearest first; not a database's."""
    folders = [root]
    for _ in range(_DEPTH + 1):
        for folder in folders:
            path = folder / "Dockerfile"
            if path.is_file() and _name_and_tag(_base(path))[0] not in _NOT_THE_APP:
                yield _dockerfile(root, path.relative_to(root).as_posix())
        folders = [below for folder in folders for below in _folders_in(folder)]


def _folders_in(folder: Path) -> list[Path]:
    try:
        folders = [one for one in sorted(folder.iterdir()) if one.is_dir() and not one.is_symlink()]
    except OSError:
        return []
    # A database that a compose file runs may keep its data in a folder of its own user.
    return [
        one for one in folders if not one.name.startswith(".") and one.name not in SKIPPED and os.access(one, os.X_OK)
    ]


def _dockerfile(root: Path, name: str) -> DockerfileFacts:
    parsed = Dockerfile.parse((root / name).read_text(encoding="utf-8", errors="replace"))
    instructions = parsed.stages[-1].instructions if parsed.stages else []
    platform = instructions[0].flags.get("platform", "") if instructions else ""
    exposed = parsed.exposed(None) or ()
    return DockerfileFacts(
        name,
        context=_context(root, posixpath.dirname(name), parsed),
        ports=tuple(port for port in exposed if port not in _NOT_HTTP) or exposed or _ports_of_command(instructions),
        health_path=_health_path(parsed.stages[-1].inherited() if parsed.stages else ()),
        # Perhaps with a variant: linux/arm64/v8.
        architecture=platform.split("/")[1] if platform.startswith(("linux/amd64", "linux/arm64")) else None,
    )


def _context(root: Path, own: str, file: Dockerfile) -> str:
    """Return the folder that has what a Dockerfile copies: its own, or the nearest above, up to the project's.

    Of a Dockerfile that names no file, as in `COPY . .`, and is in a folder such as `docker/`, it is the nearest with
    the app.
    """
    above = [] if own.startswith(("..", "/")) else [path.as_posix() for path in Path(own).parents]
    places = [own, *("" if place == "." else place for place in above)]
    sources = {source for stage in file.needed(None) for one in stage.instructions for source in copied(one)}
    if sources <= {".", "./"} and _FOR_DOCKER.search(own):
        return next((place for place in places if find_framework(root / place)), own)
    return next((place for place in places if not any(absent_sources(file, None, root / place))), own)


def _ports_of_command(instructions: Sequence[Instruction]) -> tuple[int, ...]:
    commands = " ".join(one.value for one in instructions if one.keyword in ("ENTRYPOINT", "CMD"))
    return tuple(dict.fromkeys(map(int, _LISTENS.findall(commands))))


def _health_path(instructions: Sequence[Instruction]) -> str | None:
    checks = [one.value for one in instructions if one.keyword == "HEALTHCHECK"]
    return checked_path(checks[-1]) if checks else None


def _compose(root: Path, given: str | None) -> tuple[ComposeFacts | None, str]:
    name = given or _compose_file(root)
    if name is None or not (root / name).is_file():
        return None, ""
    path = root / name
    compose = Compose(root)
    if problem := compose.version_problem():
        return None, f"{name}: {problem}"
    try:
        document = compose.read([path])
    except ComposeError as error:
        # Most of Compose's messages name the file, too.
        return None, f"{name}: {str(error).removeprefix(f'{name}: ')}"
    services: dict[str, Any] = document.get("services") or {}
    images = {key: _image(path.parent, service) for key, service in services.items()}
    apps = tuple(
        key for key, (image, _) in images.items() if image not in _NOT_THE_APP and not _is_of_others(services[key])
    )
    return ComposeFacts(
        path=name,
        services=services,
        apps=apps,
        ports={key: ports for key in apps if (ports := _ports(services[key], path.parent))},
        health_paths={key: found for key in apps if (found := _checked_path(services[key], path.parent))},
        databases=tuple(
            ComposeDatabase(key, _ENGINES[image], tag) for key, (image, tag) in images.items() if image in _ENGINES
        ),
        secrets=frozenset(key for key, one in (document.get("secrets") or {}).items() if "file" in one),
    ), ""


def _is_of_others(service: Mapping[str, Any]) -> bool:
    """Whether a service is built from a package's folder, as Laravel Sail's, whose image has no code of the app."""
    build: dict[str, Any] = service.get("build") or {}
    return not {"vendor", "node_modules"}.isdisjoint(Path(str(build.get("context", ""))).parts)


def _compose_file(root: Path) -> str | None:
    """Return the compose file of the folder, or the only one in the folders below it, relative to the folder."""
    below = ["", *(one.name for one in _folders_in(root) if not _NOT_DEPLOYED.fullmatch(one.name))]
    files = {folder: next((n for n in COMPOSE_FILES if (root / folder / n).is_file()), None) for folder in below}
    found = [posixpath.join(folder, name) for folder, name in files.items() if name]
    return found[0] if files[""] or len(found) == 1 else None


def _ports(service: Mapping[str, Any], folder: Path) -> tuple[int, ...]:
    """Return the container ports that users reach in production."""
    published = tuple(published_ports(service))
    build: dict[str, Any] = service.get("build") or {}
    changes = for_production(build, folder)
    if not changes or len(published) != 1:
        return published
    build = {**build, **changes}
    exposed = read_dockerfile(_dockerfile_of(build, folder)).exposed(build.get("target")) or ()
    return exposed if len(exposed) == 1 else published


def _checked_path(service: Mapping[str, Any], folder: Path) -> str | None:
    """Return the path that a service's own health check asks for, or else that of the Dockerfile for production."""
    test = (service.get("healthcheck") or {}).get("test") or ""
    if path := checked_path(test if isinstance(test, str) else " ".join(map(str, test))):
        return path
    if test or "build" not in service:
        return None
    dockerfile = _dockerfile_of({**service["build"], **for_production(service["build"], folder)}, folder)
    return _dockerfile(folder, str(dockerfile)).health_path if dockerfile.is_file() else None


def _dockerfile_of(build: Mapping[str, Any], folder: Path) -> Path:
    return folder / str(build.get("context", ".")) / str(build.get("dockerfile", "Dockerfile"))


def published_ports(service: Mapping[str, Any]) -> Iterable[int]:
    """Yield the container ports that a service of a compose file publishes and that may serve HTTP."""
    for port in interpolated(service.get("ports") or [], ()):
        # A port with a variable stays as it was written: "${PORT}:3000".
        target = str(port.get("target") if isinstance(port, dict) else port).partition("/")[0].rpartition(":")[2]
        if target.isdigit() and int(target) not in _NOT_HTTP:
            yield int(target)


def _image(folder: Path, service: Mapping[str, Any]) -> tuple[str, str]:
    """Return the name and the tag of a service's image, of a built one those of the image that it is built from."""
    build = service.get("build")
    if build is None:
        return _name_and_tag(str(interpolated(service.get("image") or "", ())))
    path = _dockerfile_of(build, folder)
    return _name_and_tag(_base(path) if path.is_file() else "")


def _base(dockerfile: Path) -> str:
    stages = Dockerfile.parse(dockerfile.read_text(encoding="utf-8", errors="replace")).stages
    return " ".join(stages[-1].instructions[0].words[:1]) if stages else ""


def _name_and_tag(image: str) -> tuple[str, str]:
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return name, tag


def _github_repository(remote: str) -> str | None:
    """Return OWNER/NAME of a remote on GitHub, written as a URL or as `git@github.com:OWNER/NAME.git`."""
    hosts = r"(?:https?://(?:[^@/]+@)?|ssh://git@|git@)github\.com[:/]"
    match = re.fullmatch(rf"{hosts}([\w.-]+/[\w.-]+?)(?:\.git)?/?", remote)
    return match[1] if match else None


def _other_host(remote: str) -> str | None:
    """Return the name of another host than GitHub, where that of a remote is known to be one."""
    host = re.match(r"(?:[\w+-]+://)?(?:[^@/]+@)?([\w.-]+):?", remote)
    return next((name for word, name in _OTHER_HOSTS.items() if host and word in host[1].lower()), None)


def _branch(root: Path) -> str | None:
    """Return the remote's default branch, or its main or master, or else the branch that is checked out."""
    # A repository that was pushed, not cloned, does not know the default branch.
    usual = (f"refs/remotes/origin/{name}" for name in ("main", "master"))
    remote = git(root, "symbolic-ref", "--short", "refs/remotes/origin/HEAD").partition("/")[2]
    remote = remote or git(root, "for-each-ref", "--count=1", "--format=%(refname:lstrip=3)", *usual)
    branch = (remote or git(root, "symbolic-ref", "--short", "HEAD")).strip()
    # A stranger name would have to be quoted in the workflow, for YAML and for GitHub's expressions.
    return branch if re.fullmatch(r"[\w./-]+", branch) else None


def _docker_user(environ: Mapping[str, str]) -> str | None:
    """Return the user that Docker is logged in as at Docker Hub.

    https://docs.docker.com/reference/cli/docker/login/#credential-stores
    """
    try:
        _, config = read_configuration(environ)
        entry = config.get("auths", {}).get(HUB_KEY, {})
        if entry.get("auth"):
            return base64.b64decode(entry["auth"]).decode().partition(":")[0] or None
        helper = config.get("credHelpers", {}).get(HUB_KEY) or config.get("credsStore")
        return _user_of_helper(str(helper), environ) if helper and HUB_KEY in config.get("auths", {}) else None
    except (UsageError, OSError, ValueError, AttributeError, binascii.Error, subprocess.TimeoutExpired):
        return None


def _user_of_helper(helper: str, environ: Mapping[str, str]) -> str | None:
    program = shutil.which(f"docker-credential-{helper}", path=environ.get("PATH"))
    if program is None:
        return None
    done = subprocess.run(  # noqa: S603
        [program, "list"],
        capture_output=True,
        encoding="utf-8",
        check=False,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        timeout=_SECONDS,
    )
    users: dict[str, str] = json.loads(done.stdout) if done.returncode == 0 else {}
    return users.get(HUB_KEY) or None


def _example_variables(folders: Iterable[Path]) -> dict[str, str]:
    """Return the variables of the first `.env.example` of the folders."""
    path = next((path for folder in folders for name in _EXAMPLES if (path := folder / name).is_file()), None)
    values = env_values(text_of(path)) if path else {}
    return {key: value for key, value in values.items() if key.isidentifier()}
