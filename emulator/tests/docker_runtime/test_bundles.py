"""Source bundles, Dockerrun.aws.json, health check codes and nginx's pools."""

import io
import json
import re
import stat
import zipfile

import pytest

from beanpod_emulator.docker_runtime.application import Dockerrun
from beanpod_emulator.docker_runtime.instance import VARIABLES, InstanceContainer
from beanpod_emulator.docker_runtime.load_balancer import BalancerSettings, Pools, configuration
from beanpod_emulator.docker_runtime.release import InstanceError, Release, RuntimeSettings
from emulator.tests.docker_runtime.sample_app import bundle


def zipped(name: str, text: str = "text", mode: int = stat.S_IFREG | 0o644, *, system: int = 3) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.filename, entry.create_system, entry.external_attr = name, system, mode << 16
        archive.writestr(entry, text)
    return data.getvalue()


def unpack(instance: InstanceContainer, data: bytes) -> None:
    instance.unpack(Release("one", 1, data, RuntimeSettings("shop", {})))


def test_scripts_stay_executable_and_only_root_reads_the_variables(instance: InstanceContainer) -> None:
    unpack(instance, bundle({"hooks/a.sh": "#!/bin/sh\n", "file": "text"}))
    paths = "/var/app/staging/hooks/a.sh", "/var/app/staging/file", VARIABLES
    assert instance.run("stat", "--format", "%a", *paths).split() == ["755", "644", "600"]


def test_links_are_kept(instance: InstanceContainer) -> None:
    unpack(instance, zipped("confighooks", "hooks", stat.S_IFLNK | 0o777))
    assert instance.run("readlink", "/var/app/staging/confighooks") == "hooks"


def broken(where: int, in_directory: int, value: int) -> bytes:
    """A bundle with another value in the file's own header and in the directory's."""
    data = bytearray(bundle({"file": "other text, twelve bytes and more"}))
    data[where] = data[data.index(b"PK\1\2") + in_directory] = value
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (zipped("../escaped"), "../escaped lies outside of the bundle"),
        (zipped("a/../../escaped"), "a/../../escaped lies outside of the bundle"),
        (zipped("/etc/escaped"), "stripped absolute path spec from /etc/escaped"),
        (zipped(r".platform\hooks\a.sh", system=0), "appears to use backslashes as path separators"),
        (b"text", "not a zip file"),
        (broken(8, 10, zipfile.ZIP_DEFLATED), "invalid compressed data"),
        (broken(6, 8, 1), "unable to get password"),
    ],
)
def test_rejects_a_bundle_that_cannot_be_unpacked(instance: InstanceContainer, data: bytes, words: str) -> None:
    with pytest.raises(InstanceError, match=re.escape(words)) as raised:
        unpack(instance, data)
    assert raised.value.event == "Instance deployment failed to unpack the source bundle. The deployment failed."


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
