"""Compose files of real projects, released and run."""

from pathlib import Path

import pytest

from beanpod.deploy.bundles import plan_bundle
from beanpod.manifest import Manifest
from emulator.tests.docker_runtime.sample_app import Environment, SampleApp
from tests.deploy.bundles.cases import copied


@pytest.fixture(scope="module")
def images_only(app: SampleApp, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A version whose image is not built here."""
    return version(app, copied("images-only", tmp_path_factory.mktemp("first")))


@pytest.fixture(scope="module")
def environment(app: SampleApp, images_only: str) -> Environment:
    """An environment of one instance."""
    return app.launch("cases", images_only)


def version(app: SampleApp, project: Path) -> str:
    """A version of a project, as a release makes it; what is built there is an image that has a page."""
    stage = Manifest.read(project / "beanpod.toml").stage()
    plan = plan_bundle(stage, project)
    images: dict[str | None, str] = {spec.name: app.image("ok") for spec in plan.specs}
    bundle = plan.bundle(images, application="shop", login_hooks=False)
    return app.version(bundle.label, "", files={name: file.data.decode() for name, file in bundle.files.items()})


def change(project: Path, old: str, new: str) -> None:
    file = project / "compose.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_runs_an_image_from_the_registry(environment: Environment, images_only: str) -> None:
    if environment.described()["VersionLabel"] != images_only:
        environment.update(VersionLabel=images_only)
    assert "nginx" in environment.page()[1]


def test_an_app_that_is_not_root_writes_logs(app: SampleApp, environment: Environment, tmp_path: Path) -> None:
    environment.update(VersionLabel=version(app, copied("host-logs", tmp_path)))
    assert environment.page() == (200, "ok\n")
    (instance,) = environment.instances()
    log = "/var/log/eb-docker/containers/web/app.log"
    assert app.engine.run("exec", instance["InstanceId"], "cat", log) == "start\n"


def test_a_service_on_the_host_network_responds(app: SampleApp, environment: Environment, tmp_path: Path) -> None:
    environment.update(VersionLabel=version(app, copied("host-network", tmp_path)))
    assert (environment.page(), environment.described()["Health"]) == ((200, "ok\n"), "Green")


def test_a_service_is_reached_by_the_name_of_its_container(
    app: SampleApp, environment: Environment, tmp_path: Path
) -> None:
    project = copied("container-name-as-host", tmp_path)
    asking = 'sh -c "ping -c 1 -W 5 $$CACHE_HOST > /www/index.html && httpd -f -p 8080 -h /www"'
    change(project, "    environment:\n", f"    depends_on: [cache]\n    command: {asking}\n    environment:\n")
    # As below: or the next test waits for `sleep` to take no SIGTERM.
    change(project, "image: busybox:stable\n", "image: busybox:stable\n    stop_signal: SIGKILL\n")
    environment.update(VersionLabel=version(app, project))
    assert "shop_cache" in environment.page()[1]


def test_data_is_kept_as_the_notes_say(app: SampleApp, environment: Environment, tmp_path: Path) -> None:
    project = copied("written-bind-mount", tmp_path)
    change(project, "date +%s >>", "date +%s | tee -a /data/kept/index.html >>")
    change(project, '"./data:/data"', '"./data:/data", "kept:/data/kept"')
    change(project, "services:\n", "volumes: {kept: }\nservices:\n")
    # A first process without a handler takes no SIGTERM: a stop would wait for 10 s.
    change(project, "image: busybox:stable\n", "image: busybox:stable\n    stop_signal: SIGKILL\n")
    environment.update(VersionLabel=version(app, project))
    assert [len(environment.page(path)[1].splitlines()) for path in ("/", "/kept/")] == [1, 1]
    change(project, 'version: "1"', 'version: "2"')
    environment.update(VersionLabel=version(app, project))
    assert [len(environment.page(path)[1].splitlines()) for path in ("/", "/kept/")] == [1, 2]


def test_the_folder_of_a_volume_with_a_device_is_there(
    app: SampleApp, environment: Environment, tmp_path: Path
) -> None:
    project = copied("volume-with-a-device", tmp_path, {"data/index.html": "index"})
    environment.update(VersionLabel=version(app, project))
    assert environment.page("/seed.txt") == (200, "seed\n")
