"""Platform hooks: what Beanstalk runs on the instance around a deployment.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.hooks.html
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from deploy.bundles.archive import BundleFile

_SCRIPTS = Path(__file__).parent / "scripts"


# Beanstalk runs the hooks of a folder by name: the login comes before anybody else's.
_LOGINS = tuple(f".platform/{hooks}/prebuild/00_beanpod_login.sh" for hooks in ("hooks", "confighooks"))
_CLEANUP = ".platform/hooks/postdeploy/99_beanpod_cleanup.sh"

# Names in a bundle that nobody else can have.
OWN_FILES = frozenset({*_LOGINS, _CLEANUP, "docker-compose.yml", "Dockerrun.aws.json"})


def login_hooks(repository: str) -> Mapping[str, BundleFile]:
    """Log in at the repository's registry with DOCKER_USERNAME and DOCKER_PASSWORD, secrets of the environment.

    In both folders: a change of configuration pulls as well when it replaces an instance.
    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/docker-configuration.remote-repo.html
    """
    registry = _registry(repository)
    script = _script("login.sh", REGISTRY=f" {registry}".rstrip(), TITLE=registry or "Docker Hub")
    return dict.fromkeys(_LOGINS, script)


def cleanup_hook(images: Iterable[str]) -> Mapping[str, BundleFile]:
    """Remove what earlier releases left on the disk, except the images of this one and of the one before."""
    return {_CLEANUP: _script("cleanup.sh", IMAGES=" ".join(sorted(set(images))))}


def _script(name: str, **values: str) -> BundleFile:
    text = (_SCRIPTS / name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"__{key}__", value)
    return BundleFile(text.encode(), executable=True)


def _registry(repository: str) -> str:
    """The registry as `docker login` takes it: a first part with a dot or a port, nothing for Docker Hub."""
    first, slash, _ = repository.partition("/")
    return first if slash and ("." in first or ":" in first) else ""
