"""Platform hooks: what Beanstalk runs on the instance around a deployment.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.hooks.html
"""

import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from beanpod.deploy.bundles.bundle import METADATA_MOUNT, BundleFile, metadata_folder
from beanpod.deploy.images import Repository

_SCRIPTS = Path(__file__).parent / "scripts"


# Elastic Beanstalk runs the hooks of a folder by name: the login is first.
_LOGINS = tuple(f".platform/{hooks}/prebuild/00_beanpod_login.sh" for hooks in ("hooks", "confighooks"))
_RELEASE = ".platform/hooks/prebuild/01_beanpod_release.sh"
# After the images are pulled, before their containers start.
_LOGS = tuple(f".platform/{hooks}/predeploy/00_beanpod_logs.sh" for hooks in ("hooks", "confighooks"))
# After the user's hooks, which may start something; a change of configuration restarts containers as well.
_VERIFIES = tuple(f".platform/{hooks}/postdeploy/98_beanpod_verify.sh" for hooks in ("hooks", "confighooks"))
CLEANUP = ".platform/hooks/postdeploy/99_beanpod_cleanup.sh"

# A name that needs no quotes in a shell.
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")

# Names in a bundle that files of the project cannot have.
OWN_FILES = frozenset({*_LOGINS, *_LOGS, _RELEASE, *_VERIFIES, CLEANUP, "docker-compose.yml", "Dockerrun.aws.json"})


def login_hooks(repository: str) -> Mapping[str, BundleFile]:
    """Log in at the repository's registry with DOCKER_USERNAME and DOCKER_PASSWORD, secrets of the environment.

    In both folders: a change of configuration pulls as well when it replaces an instance.
    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/docker-configuration.remote-repo.html
    """
    place = Repository(repository)
    script = _script("login.sh", REGISTRY=f" {place.login_host or ''}".rstrip(), TITLE=place.registry)
    return dict.fromkeys(_LOGINS, script)


def release_hook(version: str, images: Mapping[str | None, str]) -> Mapping[str, BundleFile]:
    """Write the release's metadata on the instance: the version, the environment's name, and each service's image.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/custom-platforms-scripts.html has the key of the name.

    Args:
        version: The label, with HASH_PLACEHOLDER in it.
        images: By their services; None for the one Dockerfile.
    """
    stamps = (f"stamp {shlex.quote(metadata_folder(name))} {shlex.quote(image)}" for name, image in images.items())
    return {_RELEASE: _script("release.sh", MOUNT=METADATA_MOUNT, VERSION=version, STAMPS="\n".join(stamps))}


def logs_hook(folders: Iterable[tuple[str, str, str]]) -> Mapping[str, BundleFile]:
    """Let the containers' users write into their log folders, which belong to root on the instance.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/create_deploy_docker.container.console.html: Beanstalk makes
    one for each service below EB_LOG_BASE_DIR.

    Args:
        folders: The name of each, with its container's image, and user in the compose file; "" for the image's.
    """
    lines = [shlex.join(["logs", name, image, user]) for name, image, user in folders if _IMAGE.fullmatch(image)]
    return dict.fromkeys(_LOGS, _script("logs.sh", LOGS="\n".join(lines))) if lines else {}


def verify_hooks(
    kinds: Mapping[str, str], *, image: str, health_path: str, health_codes: str
) -> Mapping[str, BundleFile]:
    """Fail an instance's deployment if a container does not run, or the health path does not answer there.

    "If any hook fails (exits with a non-zero code), the deployment aborts and fails", says the page above; the previous
    version then needs another deployment:
    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environments-health-enhanced-notifications.html.

    Two variables of the environment set the times: BEANPOD_WATCH_SECONDS (15), in which nothing may restart, and
    BEANPOD_SETTLE_SECONDS (60), after which that has to hold.

    Args:
        kinds: Of compose services, by their names; none for one container.
        image: Of the one container.
        health_path: Of the service that receives requests.
        health_codes: As in MatcherHTTPCode.
    """
    script = _script(
        "verify.sh",
        SERVICES="\n".join(f"{name} {kind}" for name, kind in kinds.items()),
        IMAGE=image,
        PATH=shlex.quote(health_path),
        CODES=shlex.quote(health_codes),
    )
    return dict.fromkeys(_VERIFIES, script)


def cleanup_hook(images: Iterable[str]) -> Mapping[str, BundleFile]:
    """Remove what earlier releases left on the disk, except what this one and the previous one need.

    Args:
        images: Of every service; those with a variable in their name are ignored.
    """
    named = sorted({image for image in images if _IMAGE.fullmatch(image)})
    return {CLEANUP: _script("cleanup.sh", IMAGES=" ".join(named))}


def _script(name: str, **values: str) -> BundleFile:
    text = (_SCRIPTS / name).read_text(encoding="utf-8")
    text = re.sub("__([A-Z]+)__", lambda found: values[found[1]], text)
    return BundleFile(text.encode(), executable=True, has_placeholder=True)
