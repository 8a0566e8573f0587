"""The service's compose file as the deploy script would release it."""

from pathlib import Path

from beanpod.deploy.bundles import plan_bundle
from tests.deploy.bundles.projects import IMAGE, composed, pushed, stage_of
from tests.service.machine import ROOT, copy_service


def test_the_app_alone_is_released_on_port_80(tmp_path: Path) -> None:
    copy_service(tmp_path)
    manifest = (ROOT / "beanpod.toml").read_text()
    # The compose file in the Dockerfile's place.
    manifest = manifest.replace('dockerfile = "service/Dockerfile"', 'compose = "service/compose.yaml"')
    manifest = manifest.replace("[database]\n", '[database]\ncompose_service = "database"\n')
    plan = plan_bundle(stage_of(tmp_path, manifest), tmp_path)
    assert [spec.name for spec in plan.specs] == ["app"]
    released = composed(pushed(plan))

    assert list(released["services"]) == ["app"]
    app = released["services"]["app"]
    assert (app["image"], app["ports"]) == (IMAGE, ["80:8080"])
    # Nothing of development.
    assert app["command"] == ["node", "server.js"]
    assert "environment" not in app
    assert not [volume for volume in app["volumes"] if "node_modules" in volume or volume.startswith(".")]
    assert "volumes" not in released
