"""Paths of a bundle are paths of the instance."""

import io
import json
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from emulator.tests.docker_runtime.sample_app import SINGLE, Environment, SampleApp, bundle

WEB = ["sh", "-c", "touch /index.html; httpd -f -p 8080 -h /"]


@pytest.fixture(scope="module")
def environment(app: SampleApp) -> Environment:
    return app.launch("places", options=SINGLE)


def project(**service: Any) -> dict[str, str]:
    """A bundle whose page /see/... shows what is mounted at /see."""
    web = {"image": "busybox:stable", "ports": ["80:8080"], "command": WEB, "init": True, **service}
    return {"docker-compose.yml": json.dumps({"services": {"web": web}})}


def deploy(environment: Environment, label: str, files: Mapping[str, str]) -> None:
    environment.update(VersionLabel=environment.app.version(label, "", files=files))
    assert environment.causes() == ""


def test_mounts_of_services_are_paths_of_the_instance(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "canary").write_text("planted")
    up = "../" * 12
    volumes = [
        f"{tmp_path}:/see/absolute",
        f"./{up}{str(tmp_path)[1:]}:/see/relative",
        {
            "type": "bind",
            "source": f"{up}{str(tmp_path)[1:]}",
            "target": "/see/long",
            "bind": {"create_host_path": True},
        },
        "way:/see/device",
        "/:/see/root:ro",
        "/etc/localtime:/see/localtime:ro",
        "/etc/hostname:/see/hostname:ro",
        "/proc/:/see/proc:ro",
        "/mnt/efs:/see/efs",
        "./own:/see/own",
        "/var/run/docker.sock:/var/run/docker.sock:ro",
    ]
    files = project(volumes=volumes)
    compose = json.loads(files["docker-compose.yml"])
    options = {"type": "none", "o": "bind", "device": str(tmp_path)}
    compose["volumes"] = {"way": {"driver": "local", "driver_opts": options}}
    files |= {"docker-compose.yml": json.dumps(compose), "own/page": "ours"}
    files[".platform/hooks/prebuild/01.sh"] = f"#!/bin/sh\nmkdir -p /mnt/efs {tmp_path}; echo shared > /mnt/efs/page\n"
    deploy(environment, "mounts", files)
    assert environment.page("/see/own/page") == (200, "ours")
    assert environment.page("/see/efs/page") == (200, "shared\n")
    (instance,) = environment.instances()
    assert environment.page("/see/hostname")[1] in (f"{instance['InstanceId']}\n", "")
    assert environment.page("/see/localtime")[0] == 200
    for kind in ("absolute", "relative", "long", "device", f"root{tmp_path}"):
        assert environment.page(f"/see/{kind}/canary")[0] == 404, kind
    assert environment.page("/see/proc/1/environ")[0] == 404
    assert list(tmp_path.iterdir()) == [tmp_path / "canary"]


def test_a_volume_of_dockerrun_is_a_path_of_the_instance(
    app: SampleApp, environment: Environment, tmp_path: Path
) -> None:
    (tmp_path / "canary").write_text("planted")
    sources = {"up": "/../../../../../../.." + str(tmp_path), "absolute": str(tmp_path), "etc": "/../../../../etc"}
    volumes = [{"HostDirectory": source, "ContainerDirectory": f"/www/{name}"} for name, source in sources.items()]
    definition = json.dumps({**json.loads(app.dockerrun("Volumes")), "Volumes": volumes})
    deploy(environment, "volumes", {"Dockerrun.aws.json": definition})
    assert environment.page("/up/canary")[0] == 404
    assert environment.page("/absolute/canary")[0] == 404
    # Of the instance's own /etc, not of this machine's.
    assert "ec2-user" in environment.page("/etc/passwd")[1]


@pytest.mark.parametrize("kind", ["env_file", "secret", "config", "extends", "include"])
def test_compose_reads_files_of_the_instance(environment: Environment, tmp_path: Path, kind: str) -> None:
    (tmp_path / "canary").write_text("PLANTED=planted\n")
    (tmp_path / "service.yml").write_text("services: {web: {environment: {PLANTED: planted}}}\n")
    far = "../" * 12 + str(tmp_path)[1:]
    kinds: dict[str, dict[str, Any]] = {
        "env_file": {"env_file": f"{far}/canary"},
        "secret": {"secrets": ["s"]},
        "config": {"configs": ["s"]},
        "extends": {"extends": {"file": f"{far}/service.yml", "service": "web"}},
        "include": {},
    }
    used = kinds[kind]
    document = json.loads(project(**used)["docker-compose.yml"])
    document |= {f"{kind}s": {"s": {"file": f"{far}/canary"}}} if used.keys() & {"secrets", "configs"} else {}
    document |= {"include": [f"{far}/service.yml"]} if kind == "include" else {}
    environment.update(
        VersionLabel=environment.app.version(f"reads-{kind}", "", files={"docker-compose.yml": json.dumps(document)})
    )
    assert "planted" not in environment.causes()
    found = environment.causes()
    assert any(word in found for word in ("not found", "no such file", "does not exist")), found


def test_links_of_a_bundle_point_to_the_instance(app: SampleApp, environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "canary").write_text("planted")
    data = io.BytesIO(bundle(project(volumes=["./way:/see/way", "./near:/see/near"]) | {"folder/page": "ours"}))
    with zipfile.ZipFile(data, "a") as archive:
        for name, target in (("way", str(tmp_path)), ("near", "folder")):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, target)
    environment.update(VersionLabel=app.zipped("links", data.getvalue()))
    assert environment.page("/see/near/page") == (200, "ours"), environment.causes()
    assert environment.page("/see/way/canary")[0] == 404


def test_access_to_the_host_fails_the_deployment(environment: Environment) -> None:
    # Compose names a container otherwise while it takes another one's place.
    deploy(environment, "before-refused", project())
    environment.update(VersionLabel=environment.app.version("refused", "", files=project(privileged=True)))
    error = (
        "Error response from daemon: current-web-1: privileged: true is refused by the emulated AWS: it would give "
        "access to this machine, not only to the instance. AWS allows it: leave privileged out for the rehearsal"
    )
    assert environment.causes().endswith(f"with exit status 1 and error: {error}")
    assert (
        "Instance deployment failed to run the Docker Compose services. The deployment failed." in environment.errors()
    )
    # Left out, it is deployed.
    deploy(environment, "not-refused", project())
