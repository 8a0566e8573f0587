"""Finds the engine, the builder and the login, before anything is built."""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from beanpod.deploy.clock import Clock, SystemClock
from beanpod.deploy.images import _commands as commands
from beanpod.deploy.images._client import Client
from beanpod.deploy.images._configuration import logged_in
from beanpod.deploy.images._credentials import Credentials, given_credentials, own_credentials
from beanpod.deploy.images._docker import Builder, Docker
from beanpod.deploy.images._process import ProcessRunner, Runner
from beanpod.deploy.images._registry import Registry
from beanpod.deploy.images._repository import Repository
from beanpod.deploy.report import Reporter

_ENGINE = "looking for the Docker engine"
# The docker driver, which builds inside the engine, cannot export its cache.
# https://docs.docker.com/build/builders/drivers/
_DRIVER = re.compile(r"^Driver:\s+(\S+)", re.MULTILINE)
_NO_CACHE_DRIVER = "docker"
_FIRST_WITHOUT_BUILDKIT = 23


@contextmanager
def connect(
    repository: str,
    *,
    environment: Mapping[str, str],
    report: Reporter,
    runner: Runner | None = None,
    clock: Clock | None = None,
) -> Iterator[tuple[Docker, Registry]]:
    """The engine and the registry of `repository`, logged in until the end of the block.

    environment: the script's variables. DOCKER_USERNAME and DOCKER_PASSWORD are the login, by way of a temporary
    configuration; without them the user's own `docker login` serves. Raises UsageError for a login that is refused or
    incomplete, BuildError when the engine or the registry does not answer.
    """
    place, runner, clock = Repository(repository), runner or ProcessRunner(), clock or SystemClock()
    given = given_credentials(environment)
    own = None if given else own_credentials(environment, place.login_key, runner)
    login = given or own
    registry = Registry(place, login, clock=clock)
    for secret in filter(None, (login.password, login.refresh_token) if login else ()):
        report.mask(secret)
    with _variables(environment, given, place) as variables:
        docker = _find(Client(runner, variables), report, clock)
        if given:
            docker.login(place, given)
        registry.check()
        yield docker, registry


def _variables(
    environment: Mapping[str, str], given: Credentials | None, place: Repository
) -> AbstractContextManager[Mapping[str, str]]:
    if given is None:
        return nullcontext(environment)
    return logged_in(environment, given, place.login_key)


def _find(client: Client, report: Reporter, clock: Clock) -> Docker:
    version = client.must(commands.version(), _ENGINE).stdout
    builder = _builder(client)
    buildkit = builder is Builder.BUILDX or _engines_buildkit(client, version)
    cache = builder is Builder.BUILDX and _github_cache(client)
    return Docker(client, builder, report, clock, github_cache=cache, buildkit=buildkit)


def _builder(client: Client) -> Builder:
    # DOCKER_BUILDKIT=0 is how a user asks for the classic builder.
    if client.environment.get("DOCKER_BUILDKIT") == "0":
        return Builder.ENGINE
    return Builder.ENGINE if client.run(commands.buildx_version(), _ENGINE).code else Builder.BUILDX


def _engines_buildkit(client: Client, version: str) -> bool | None:
    """Whether `docker build` builds with BuildKit; None where the engine's own settings decide.

    From 23 on the client has it in buildx alone: https://docs.docker.com/engine/release-notes/23.0/
    """
    asked, major = client.environment.get("DOCKER_BUILDKIT"), re.match(r"\d+", version)
    if asked == "0":
        return False
    if major and int(major[0]) >= _FIRST_WITHOUT_BUILDKIT:
        return None if asked else False
    return True if asked == "1" else None


def _github_cache(client: Client) -> bool:
    """GitHub shows the cache's address and token to a command only where the workflow passes them on, for this use."""
    given = client.environment.get
    offered = given("ACTIONS_RUNTIME_TOKEN") and (given("ACTIONS_RESULTS_URL") or given("ACTIONS_CACHE_URL"))
    if not offered:
        return False
    driver = _DRIVER.search(client.run(commands.buildx_inspect(), _ENGINE).stdout)
    return driver is not None and driver[1] != _NO_CACHE_DRIVER
