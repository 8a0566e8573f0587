"""What a container is told of its release: the bundle's hook run for real, and what it leaves on the instance."""

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from beanpod.deploy.bundles import Bundle, BundleFile, plan_bundle
from beanpod.deploy.bundles.bundle import HASH_PLACEHOLDER, zipped
from tests.deploy.bundles.projects import COMPOSE, IMAGE, compose_bundle, compose_stage, composed, dockerfile_bundle

HOOK = ".platform/hooks/prebuild/01_beanpod_release.sh"
CLEANUP = ".platform/hooks/postdeploy/99_beanpod_cleanup.sh"
TWO = 'services:\n  app: {build: ., ports: ["80:8080"]}\n  worker: {build: .}\n  cache: {image: "redis:7"}\n'
GET_CONFIG = '#!/bin/sh\n[ "$*" = "container -k environment_name" ] && echo guestbook-dev-service\n'


class Instance:
    """Where hooks run. state: stands for /var/lib/beanpod."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "state"
        self.programs = folder / "bin"
        self.programs.mkdir(parents=True)
        self.program("get-config", GET_CONFIG)
        self.program("docker", "#!/bin/sh\nexit 1\n")

    def program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def run(self, bundle: Bundle, name: str) -> None:
        hook = self.folder / "hook.sh"
        hook.write_bytes(bundle.files[name].data.replace(b"/var/lib/beanpod", os.fsencode(self.state)))
        hook.chmod(0o755)
        path = f"{self.programs}:{os.environ['PATH']}"
        subprocess.run([hook], env={"PATH": path}, umask=0o077, check=True, capture_output=True)

    def deploy(self, bundle: Bundle) -> None:
        self.run(bundle, HOOK)
        self.run(bundle, CLEANUP)

    def mounted(self, source: str) -> Any:
        """What a container reads that has this folder of the instance as /run/beanpod."""
        return json.loads((self.state / Path(source).relative_to("/var/lib/beanpod") / "release.json").read_text())

    def kept(self) -> set[str]:
        return {path.name for path in self.state.iterdir() if path.is_dir()}


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance(tmp_path / "instance")


def stamp_of(service: Mapping[str, Any]) -> str:
    """The folder that a service of a compose file is given."""
    (source,) = [volume.split(":")[0] for volume in service["volumes"] if volume.endswith(":/run/beanpod:ro")]
    return str(source)


def test_a_container_reads_its_version_image_and_environment(tmp_path: Path, instance: Instance) -> None:
    bundle = dockerfile_bundle(tmp_path)
    instance.run(bundle, HOOK)
    (volume,) = json.loads(bundle.files["Dockerrun.aws.json"].data)["Volumes"]
    assert volume["ContainerDirectory"] == "/run/beanpod"
    expected = {"version": bundle.label, "image": IMAGE, "environment": "guestbook-dev-service"}
    assert instance.mounted(volume["HostDirectory"]) == expected


def bundle_of_two(root: Path) -> Bundle:
    """The bundle of TWO, whose services have images of their own."""
    stage = compose_stage(root, TWO)
    images = {spec.name: f"ada/guestbook:{spec.name}" for spec in plan_bundle(stage, root).specs}
    return plan_bundle(stage, root).bundle(images, application="guestbook-dev", login_hooks=False)


def test_every_built_service_reads_its_own_image(tmp_path: Path, instance: Instance) -> None:
    bundle = bundle_of_two(tmp_path)
    instance.run(bundle, HOOK)
    services = composed(bundle)["services"]
    for name in ("app", "worker"):
        stamp = instance.mounted(stamp_of(services[name]))
        assert stamp["image"] == f"ada/guestbook:{name}"
        assert stamp["version"] == bundle.label
    assert "/run/beanpod" not in str(services["cache"])


def test_any_user_of_a_container_may_read_the_metadata(tmp_path: Path, instance: Instance) -> None:
    bundle = dockerfile_bundle(tmp_path)
    instance.run(bundle, HOOK)
    folder = instance.state / bundle.hash
    assert folder.stat().st_mode & 0o777 == 0o755
    assert (folder / "release.json").stat().st_mode & 0o777 == 0o644


def test_an_unknown_environment_name_does_not_fail_the_hook(tmp_path: Path, instance: Instance) -> None:
    instance.program("get-config", "#!/bin/sh\nexit 1\n")
    bundle = dockerfile_bundle(tmp_path)
    instance.run(bundle, HOOK)
    assert instance.mounted(f"/var/lib/beanpod/{bundle.hash}")["environment"] == ""


def test_a_services_own_mount_at_the_metadatas_path_is_kept(tmp_path: Path) -> None:
    text = 'services:\n  app: {build: ., ports: ["80:80"], volumes: ["own:/run/beanpod/"]}\nvolumes: {own: }\n'
    volumes = composed(compose_bundle(tmp_path, text))["services"]["app"]["volumes"]
    assert volumes == ["own:/run/beanpod", "${EB_LOG_BASE_DIR}/app:/var/log/app"]


def test_a_bundle_without_a_build_has_no_metadata(tmp_path: Path) -> None:
    bundle = compose_bundle(tmp_path, 'services:\n  app: {image: wiki, ports: ["80:80"]}\n', COMPOSE)
    assert HOOK not in bundle.files
    assert b"/run/beanpod" not in bundle.data


def test_the_metadata_of_this_and_the_previous_release_is_kept(tmp_path: Path, instance: Instance) -> None:
    first, second, third = (dockerfile_bundle(tmp_path, image=f"ada/guestbook:{number}") for number in range(3))
    instance.deploy(first)
    assert instance.kept() == {first.hash}
    instance.deploy(second)
    instance.deploy(second)
    assert instance.kept() == {first.hash, second.hash}
    instance.deploy(third)
    assert instance.kept() == {second.hash, third.hash}
    instance.deploy(second)
    assert instance.kept() == {second.hash, third.hash}


def test_the_metadata_of_a_failed_release_is_removed_by_the_next(tmp_path: Path, instance: Instance) -> None:
    first, failed, next_one = (dockerfile_bundle(tmp_path, image=f"ada/guestbook:{number}") for number in range(3))
    instance.deploy(first)
    instance.run(failed, HOOK)
    instance.deploy(next_one)
    assert instance.kept() == {first.hash, next_one.hash}


def test_the_hash_is_that_of_the_zip_without_it(tmp_path: Path) -> None:
    bundle = dockerfile_bundle(tmp_path)
    blank = {
        name: BundleFile(file.data.replace(bundle.hash.encode(), HASH_PLACEHOLDER.encode()), file.executable)
        for name, file in bundle.files.items()
    }
    assert hashlib.sha256(zipped(blank)).hexdigest().startswith(bundle.hash)
    assert HASH_PLACEHOLDER.encode() not in bundle.data


def test_the_placeholder_in_a_users_file_is_not_replaced() -> None:
    files = {
        "theirs": BundleFile(HASH_PLACEHOLDER.encode()),
        "ours": BundleFile(HASH_PLACEHOLDER.encode(), has_placeholder=True),
    }
    bundle = Bundle.of(files, service="guestbook", application="a")
    assert bundle.files["theirs"].data == HASH_PLACEHOLDER.encode()
    assert bundle.files["ours"].data == bundle.hash.encode()


def test_another_service_with_the_same_content_has_another_hash(tmp_path: Path) -> None:
    text = '[service]\nname = "{}"\nimage = "ada/guestbook"\n'
    one, other = (dockerfile_bundle(tmp_path, text=text.format(name)) for name in ("guestbook", "visitors"))
    assert one.hash != other.hash
