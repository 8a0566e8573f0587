"""Source bundles, Dockerrun.aws.json, health check codes and nginx's pools."""

import io
import json
import stat
import tarfile
import zipfile

import pytest

from beanpod_emulator.docker_runtime.application import Dockerrun
from beanpod_emulator.docker_runtime.load_balancer import BalancerSettings, Pools, configuration
from beanpod_emulator.docker_runtime.release import InstanceError, Release, RuntimeSettings
from emulator.tests.docker_runtime.sample_app import bundle


def archive(data: bytes) -> bytes:
    return Release("one", 1, data, RuntimeSettings("shop", {})).archive("/var/app", {"/opt/config.json": "{}"})


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(archive(data))) as found:
        return {member.name: member for member in found}


def test_scripts_stay_executable() -> None:
    found = members(bundle({"hooks/a.sh": "#!/bin/sh\n", "file": "text"}))
    expected = {"var/app/hooks/a.sh": 0o755, "var/app/file": 0o644, "opt/config.json": 0o600}
    assert {name: member.mode for name, member in found.items()} == expected


def test_links_are_kept() -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as bundled:
        entry = zipfile.ZipInfo("confighooks")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        bundled.writestr(entry, "hooks")
    member = members(data.getvalue())["var/app/confighooks"]
    assert (member.issym(), member.linkname) == (True, "hooks")


@pytest.mark.parametrize("name", ["../escaped", "/etc/escaped", "a/../../escaped"])
def test_rejects_a_path_outside_of_the_bundle(name: str) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as bundled:
        bundled.writestr(name, "text")
    with pytest.raises(InstanceError, match=f"{name} lies outside of the bundle"):
        archive(data.getvalue())


def test_rejects_a_bundle_that_is_not_a_zip_file() -> None:
    with pytest.raises(InstanceError, match="not a zip file") as raised:
        archive(b"text")
    assert raised.value.event == "Instance deployment failed to unpack the source bundle. The deployment failed."


def test_rejects_a_corrupt_and_an_encrypted_bundle() -> None:
    data = bytearray(bundle({"file": "other text"}))
    # The compression, and the flags, in the file's own header and in the directory's.
    compressed, encrypted = data.copy(), data.copy()
    directory = data.index(b"PK\1\2")
    compressed[8] = compressed[directory + 10] = zipfile.ZIP_DEFLATED
    encrypted[6] = encrypted[directory + 8] = 1
    for broken, words in ((compressed, "invalid block type"), (encrypted, "is encrypted")):
        with pytest.raises(InstanceError, match=words):
            archive(bytes(broken))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", r"Image.Name and Ports\[0\].ContainerPort are needed: JSONDecodeError"),
        ('{"Image": {"Name": "a"}}', r"Image.Name and Ports\[0\].ContainerPort are needed: KeyError"),
        ('{"Authentication": {}}', "Authentication: not supported by the emulated AWS"),
    ],
)
def test_rejects_an_invalid_dockerrun(text: str, words: str) -> None:
    with pytest.raises(InstanceError, match=words):
        Dockerrun.parse(text)


def test_reads_a_dockerrun() -> None:
    text = {
        "AWSEBDockerrunVersion": "1",
        "Image": {"Name": "ada/shop", "Update": "true"},
        "Ports": [{"ContainerPort": 8080}, {"ContainerPort": 22}],
        "Command": "serve --all",
        "Volumes": [{"HostDirectory": "/var/x", "ContainerDirectory": "/x"}],
    }
    expected = Dockerrun("ada/shop", 8080, command="serve --all", volumes=(("/var/x", "/x"),))
    assert Dockerrun.parse(json.dumps(text)) == expected


@pytest.mark.parametrize(
    ("codes", "accepted", "refused"),
    [("200", [200], [201, 404, 0]), ("200-299,404", [200, 250, 299, 404], [300, 403]), ("200,302", [200, 302], [301])],
)
def test_health_checks_accept_the_codes_of_the_matcher(codes: str, accepted: list[int], refused: list[int]) -> None:
    setting = RuntimeSettings("environment", {}, health_codes=codes)
    assert [status for status in accepted + refused if setting.accepts(status)] == accepted


def test_settings_do_not_print_variables() -> None:
    assert "planted" not in repr(RuntimeSettings("environment", {"PASSWORD": "planted"}))


def test_responds_503_without_instances() -> None:
    left = Pools({"i-1": "10.0.0.1:80"}).without("i-1")
    assert "return 503" in configuration(left, BalancerSettings())
    assert "Congratulations" not in configuration(left, BalancerSettings())


def test_a_candidate_gets_its_percentage() -> None:
    text = configuration(Pools({"i-1": "10.0.0.1:80"}, {"i-2": "10.0.0.2:80"}, 15), BalancerSettings())
    assert "split_clients $request_id $pool { 15% candidate; * current; }" in text
