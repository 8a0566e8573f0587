"""Small projects for the tests of bundles."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from beanpod.deploy.bundles import Bundle, BundlePlan, plan_bundle
from beanpod.deploy.errors import BuildError
from beanpod.manifest import Manifest, StageConfig
from tests.deploy.bundles.compose_command import require_compose

DIGEST = "sha256:" + "ab" * 32
IMAGE = f"ada/guestbook:{'ab' * 8}@{DIGEST}"
SERVICE = '[service]\nname = "guestbook"\nimage = "ada/guestbook"\n'


def write(root: Path, files: Mapping[str, str]) -> None:
    """Writes files by their paths from the root."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def stage_of(root: Path, text: str = SERVICE) -> StageConfig:
    """The first stage of a manifest of this text in the folder."""
    write(root, {"beanpod.toml": text})
    return Manifest.read(root / "beanpod.toml").stage()


def dockerfile_stage(root: Path, text: str = SERVICE) -> StageConfig:
    """The stage of a project that is a Dockerfile."""
    write(root, {"Dockerfile": "FROM busybox:stable\nCMD httpd -f\n"})
    return stage_of(root, text)


def dockerfile_bundle(root: Path, *, login_hooks: bool = False, text: str = SERVICE, image: str = IMAGE) -> Bundle:
    """The bundle of a project that is a Dockerfile."""
    stage = dockerfile_stage(root, text)
    return plan_bundle(stage, root).bundle({None: image}, application="guestbook-dev", login_hooks=login_hooks)


def refused(make: Callable[[], object]) -> list[str]:
    """The problems with which `make` is refused, each once."""
    with pytest.raises(BuildError) as caught:
        make()
    assert caught.value.exit_code == 3
    assert str(caught.value).isprintable()
    return list(caught.value.causes or [str(caught.value)])


COMPOSE = f'{SERVICE}compose = "compose.yaml"\n'
DATABASE = '[database]\nengine = "mysql"\ncompose_service = "db"\n'


def compose_stage(root: Path, compose: str, manifest: str = COMPOSE, **files: str) -> StageConfig:
    """The stage of a project with a compose file, a Dockerfile, and other files by their names."""
    require_compose()
    write(root, {"compose.yaml": compose, "Dockerfile": "FROM busybox:stable AS dev\nCMD httpd -f\n"})
    write(root, {name.replace("__", "."): text for name, text in files.items()})
    return stage_of(root, manifest)


def compose_bundle(root: Path, compose: str, manifest: str = COMPOSE, **files: str) -> Bundle:
    """The bundle of such a project; every service that is built has an image."""
    return pushed(plan_bundle(compose_stage(root, compose, manifest, **files), root))


def pushed(plan: BundlePlan) -> Bundle:
    """The bundle of a plan; everything that is built has an image."""
    images = {spec.name: IMAGE for spec in plan.specs}
    return plan.bundle(images, application="guestbook-dev", login_hooks=False)


def composed(bundle: Bundle) -> Any:
    """The compose file of a bundle."""
    return yaml.safe_load(bundle.files["docker-compose.yml"].data)
