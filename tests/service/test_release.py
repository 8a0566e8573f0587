"""The service's compose file as the deploy script would release it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from beanpod.deploy.bundles import plan_bundle
from beanpod.manifest import Manifest
from tests.service.machine import ROOT, copy_service

IMAGE = f"ada/guestbook:app-1@sha256:{'ab' * 32}"


@pytest.fixture
def released(tmp_path: Path) -> Any:
    """docker-compose.yml for a manifest that names the compose file in the Dockerfile's place."""
    copy_service(tmp_path)
    manifest = (
        (ROOT / "beanpod.toml")
        .read_text()
        .replace('dockerfile = "service/Dockerfile"', 'compose = "service/compose.yaml"')
    )
    manifest = manifest.replace("[database]\n", '[database]\ncompose_service = "database"\n')
    (tmp_path / "beanpod.toml").write_text(manifest)
    stage = Manifest.read(tmp_path / "beanpod.toml").stage()
    images = {spec.name: IMAGE for spec in plan_bundle(stage, tmp_path).specs}
    assert list(images) == ["app"]
    bundle = plan_bundle(stage, tmp_path).bundle(images, application="guestbook-dev", login_hooks=False)
    return yaml.safe_load(bundle.files["docker-compose.yml"].data)


def test_the_app_alone_is_released_on_port_80(released: Any) -> None:
    assert list(released["services"]) == ["app"]
    assert released["services"]["app"]["image"] == IMAGE
    assert released["services"]["app"]["ports"] == ["80:8080"]


def test_nothing_of_development_is_released(released: Any) -> None:
    app = released["services"]["app"]
    assert app["command"] == ["node", "server.js"]
    assert "environment" not in app
    assert not [volume for volume in app["volumes"] if "node_modules" in volume or volume.startswith(".")]
    assert "volumes" not in released
