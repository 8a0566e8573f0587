import json
import subprocess
import sys
from pathlib import Path

import pytest

from beanpod.deploy.bundles import plan_bundle
from tests.deploy.bundles.projects import IMAGE, SERVICE, dockerfile_bundle, dockerfile_stage, refused, stage_of, write

SECRETS = '[secrets]\nDOCKER_USERNAME = { ssm = "/docker/user" }\nDOCKER_PASSWORD = { ssm = "/docker/password" }\n'


def test_a_dockerfile_is_one_image_built_from_its_own_folder(tmp_path: Path) -> None:
    write(tmp_path, {"service/Dockerfile": "FROM busybox:stable\n"})
    stage = stage_of(tmp_path, f'{SERVICE}dockerfile = "service/Dockerfile"\n')
    (spec,) = plan_bundle(stage, tmp_path).specs
    assert spec.name is None
    assert spec.context == tmp_path / "service"
    assert spec.dockerfile == tmp_path / "service" / "Dockerfile"


def test_a_missing_dockerfile_is_named(tmp_path: Path) -> None:
    stage = dockerfile_stage(tmp_path)
    (tmp_path / "Dockerfile").unlink()
    assert refused(lambda: plan_bundle(stage, tmp_path).specs) == [
        "Dockerfile: no such file: write service.dockerfile, its path relative to the manifest"
    ]


def test_dockerrun_has_the_image_by_digest_and_the_port_of_the_container(tmp_path: Path) -> None:
    bundle = dockerfile_bundle(tmp_path, text=f"{SERVICE}port = 3000\n")
    assert json.loads(bundle.files["Dockerrun.aws.json"].data) == {
        "AWSEBDockerrunVersion": "1",
        "Image": {"Name": IMAGE, "Update": "true"},
        "Ports": [{"ContainerPort": 3000}],
        "Volumes": [{"HostDirectory": f"/var/lib/beanpod/{bundle.hash}", "ContainerDirectory": "/run/beanpod"}],
    }


def test_a_public_image_needs_no_login(tmp_path: Path) -> None:
    assert not [name for name in dockerfile_bundle(tmp_path).files if "login" in name]


def test_a_private_image_adds_both_login_hooks(tmp_path: Path) -> None:
    bundle = dockerfile_bundle(tmp_path, login_hooks=True, text=SERVICE + SECRETS)
    hooks = [name for name in bundle.files if "login" in name]
    assert hooks == [
        ".platform/hooks/prebuild/00_beanpod_login.sh",
        ".platform/confighooks/prebuild/00_beanpod_login.sh",
    ]
    assert all(bundle.files[name].executable for name in hooks)


@pytest.mark.parametrize(
    ("secrets", "missing"),
    [
        (
            '[secrets]\nDOCKER_PASSWORD = { ssm = "/docker/password" }\n',
            "secrets.DOCKER_USERNAME is missing: the instances need it to pull",
        ),
        (
            "",
            "secrets.DOCKER_USERNAME and secrets.DOCKER_PASSWORD are missing: the instances need them to pull",
        ),
    ],
)
def test_a_private_image_without_a_login_for_the_instances_is_refused(
    tmp_path: Path, secrets: str, missing: str
) -> None:
    assert refused(lambda: dockerfile_bundle(tmp_path, login_hooks=True, text=SERVICE + secrets)) == [
        f"Dockerfile: ada/guestbook is private, and {missing}"
    ]


def test_label_and_key_are_of_the_content(tmp_path: Path) -> None:
    bundle = dockerfile_bundle(tmp_path)
    assert bundle.label == f"guestbook-{bundle.hash}"
    assert bundle.key == f"bundles/guestbook-dev/{bundle.hash}.zip"
    again = dockerfile_bundle(tmp_path)
    assert (again.label, again.data) == (bundle.label, bundle.data)
    other = dockerfile_bundle(tmp_path, image=IMAGE.replace("ab", "cd"))
    assert other.label != bundle.label


def test_a_project_with_a_dockerfile_loads_nothing_of_compose(tmp_path: Path) -> None:
    dockerfile_stage(tmp_path)
    script = """
import sys
from pathlib import Path
from beanpod.deploy.bundles import plan_bundle
from beanpod.manifest import Manifest
root = Path(sys.argv[1])
plan_bundle(Manifest.read(root / "beanpod.toml").stage(), root).preview()
print([name for name in sys.modules if name.startswith("beanpod.deploy.bundles.compose")])
"""
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
