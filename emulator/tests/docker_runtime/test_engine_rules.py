"""What containers of an instance may do, by the bodies of Engine API requests."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from beanpod_emulator.docker_runtime import engine_rules
from beanpod_emulator.docker_runtime.docker import Engine
from beanpod_emulator.docker_runtime.engine_view import RefusedError, View


class FakeView(View):
    """An instance whose disk is below /disk, with a container `web` and a network `current_default`."""

    def __init__(self) -> None:
        super().__init__(
            engine=Engine(""),
            instance_id="i-1",
            run_label="run=1",
            network="vpc",
            container_id="instance",
            paths={},
            socket="",
            trusted=({"CA": "/ca"}, "/ca:/ca:ro"),
            find=lambda paths, _: list(paths),
        )

    def container(self, reference: str) -> str:
        if reference != "web":
            raise RefusedError(f"No such container: {reference}", 404)
        return "id-of-web"

    def engine_network(self, reference: str) -> str:
        if reference != "current_default":
            raise RefusedError(f"network {reference} not found", 404)
        return "i-1-current_default"

    def disk(self, paths: Sequence[str], *, create: bool) -> list[str]:
        return [f"/disk{path}" for path in paths]

    def make_volume(self, name: str) -> None:
        """Do nothing."""


def container(host: Mapping[str, Any], name: str = "", **body: Any) -> dict[str, Any]:
    return engine_rules.container({"Image": "busybox", **body, "HostConfig": dict(host)}, name, FakeView())


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ({"Privileged": True}, "privileged: true"),
        ({"PidMode": "host"}, "pid: host"),
        ({"IpcMode": "host"}, "ipc: host"),
        ({"UTSMode": "host"}, "uts: host"),
        ({"UsernsMode": "host"}, "userns_mode: host"),
        ({"CgroupnsMode": "host"}, "cgroup: host"),
        ({"CgroupParent": "/x"}, "cgroup_parent: /x"),
        ({"Devices": [{"PathOnHost": "/dev/sda"}]}, "devices: /dev/sda"),
        ({"DeviceRequests": [{"Driver": "nvidia"}]}, "gpus: all"),
        ({"DeviceCgroupRules": ["c 1:3 rwm"]}, "device_cgroup_rules: c 1:3 rwm"),
        ({"CapAdd": ["SYS_ADMIN"]}, "cap_add: SYS_ADMIN"),
        ({"CapAdd": ["ALL"]}, "cap_add: ALL"),
        ({"CapAdd": ["CAP_SYS_PTRACE"]}, "cap_add: CAP_SYS_PTRACE"),
        ({"CapAdd": ["dac_read_search"]}, "cap_add: dac_read_search"),
        ({"SecurityOpt": ["seccomp=unconfined"]}, "security_opt: seccomp=unconfined"),
        ({"SecurityOpt": ["seccomp={}"]}, "security_opt: seccomp="),
        ({"SecurityOpt": ["apparmor:unconfined"]}, "security_opt: apparmor:unconfined"),
        ({"MaskedPaths": []}, "security_opt: systempaths: unconfined"),
        ({"Runtime": "nvidia"}, "runtime: nvidia"),
        ({"VolumeDriver": "rexray"}, "driver: rexray"),
        ({"OomScoreAdj": -1000}, "oom_score_adj: -1000"),
        ({"LogConfig": {"Type": "syslog", "Config": {"syslog-address": "unix:///run/x"}}}, "logging: driver: syslog"),
        ({"LogConfig": {"Type": "fluentd", "type": "json-file"}}, "logging: driver: fluentd"),
        ({"LogConfig": {"type": "gelf", "Type": "", "Config": {}}}, "logging: driver: gelf"),
        ({"Mounts": [{"Type": "npipe", "Source": "/x"}]}, "type: npipe"),
        ({"WhateverComesNext": "host"}, "WhateverComesNext: host"),
    ],
)
def test_access_to_the_host_is_refused(host: dict[str, Any], words: str) -> None:
    with pytest.raises(RefusedError) as raised:
        container(host)
    message = str(raised.value)
    assert words in message
    assert "refused by the emulated AWS" in message
    assert f"leave {words.partition(':')[0]} out for the rehearsal" in message


def test_settings_of_the_container_itself_are_passed_on() -> None:
    host = {
        "CapAdd": ["NET_ADMIN", "CAP_CHOWN"],
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true"],
        "PidMode": "container:web",
        "IpcMode": "private",
        "CgroupnsMode": "private",
        "Runtime": "runc",
        "Memory": 100,
        "Ulimits": [{"Name": "nofile"}],
        "ShmSize": 0,
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
        "Privileged": False,
    }
    changed = container(host)["HostConfig"]
    assert changed["PidMode"] == "container:id-of-web"
    assert {key: changed[key] for key in host} == {**host, "PidMode": "container:id-of-web"}


def test_keys_in_another_case_are_dropped() -> None:
    body = {"hostconfig": {"Privileged": True}, "HostConfig": {"maskedpaths": [], "Memory": 1}, "Image": "busybox"}
    changed = engine_rules.container(body, "", FakeView())
    assert "hostconfig" not in changed
    assert "maskedpaths" not in changed["HostConfig"]
    mount = {"Type": "tmpfs", "type": "bind", "source": "/etc", "Target": "/x"}
    assert container({"Mounts": [mount]})["HostConfig"]["Mounts"] == [{"Type": "tmpfs", "Target": "/x"}]
    with pytest.raises(RefusedError, match="privileged: true is refused"):
        container({"privileged": True})
    with pytest.raises(RefusedError, match="No such container: others"):
        engine_rules.connection({"Container": "others", "container": "web"}, FakeView())


def test_paths_are_the_instances() -> None:
    mounts = [
        {"Type": "bind", "Source": "/var/app/current/../../../etc", "Target": "/a"},
        {"Type": "volume", "Source": "data", "Target": "/b"},
        {"Type": "tmpfs", "Target": "/c"},
    ]
    changed = container({"Binds": ["/etc:/etc:ro", "pages:/pages", "/anonymous"], "Mounts": mounts})["HostConfig"]
    assert changed["Binds"] == ["/disk/etc:/etc:ro", "i-1-pages:/pages", "/anonymous", "/ca:/ca:ro"]
    assert [mount.get("Source") for mount in changed["Mounts"]] == [
        "/disk/var/app/current/../../../etc",
        "i-1-data",
        None,
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"type": "none", "o": "bind", "device": "/etc"}, {"type": "none", "o": "bind", "device": "/disk/etc"}),
        ({"type": "none", "o": "rbind,ro", "device": "/etc"}, {"type": "none", "o": "rbind,ro", "device": "/disk/etc"}),
        ({"type": "nfs4", "o": "addr=fs-1.efs.eu-central-1.amazonaws.com", "device": ":/"}, {}),
        ({"type": "ext4", "device": "/dev/sda1"}, {}),
        ({"type": "overlay", "o": "lowerdir=/etc,upperdir=/u,workdir=/w", "device": "overlay"}, {}),
        ({"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}, {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}),
        # mount(2) ignores the type where MS_BIND is set.
        ({"type": "tmpfs", "o": "bind", "device": "/etc"}, {"type": "tmpfs", "o": "bind", "device": "/disk/etc"}),
        ({"type": "tmpfs", "o": "ro,rbind", "device": "etc"}, {}),
        ({"type": "overlay", "o": "lowerdir=/etc:/etc/bind", "device": "/x"}, {}),
        ({"type": "devtmpfs", "o": "mpol=bind:0", "device": "/x"}, {}),
        ({"type": "debugfs", "o": "unbind", "device": "/x"}, {}),
    ],
)
def test_a_volume_is_of_the_instances_disk(options: dict[str, str], expected: dict[str, str]) -> None:
    made = engine_rules.volume({"Name": "data", "DriverOpts": options}, FakeView())
    assert (made["Name"], made["DriverOpts"]) == ("i-1-data", expected)
    mount = {"Type": "volume", "Source": "data", "VolumeOptions": {"DriverConfig": {"Options": options}}}
    (changed,) = container({"Mounts": [mount]})["HostConfig"]["Mounts"]
    assert changed["VolumeOptions"]["DriverConfig"]["Options"] == expected


def test_no_port_is_published_on_this_machine() -> None:
    bindings = {"8080/tcp": [{"HostIp": "", "HostPort": "80"}], "22/tcp": [{"HostPort": "22"}], "1/tcp": None}
    changed = container({"PortBindings": bindings, "PublishAllPorts": True})["HostConfig"]
    assert changed["PortBindings"] == {}
    assert changed["PublishAllPorts"] is False


def test_network_mode_host_is_the_instances_network() -> None:
    bindings = {"80/tcp": [{"HostPort": "80"}]}
    host = {"NetworkMode": "host", "PortBindings": bindings, "ExtraHosts": ["a:1.2.3.4"]}
    changed = container(host, Hostname="x", ExposedPorts={"80/tcp": {}})
    assert changed["HostConfig"]["NetworkMode"] == "container:instance"
    assert not {"Hostname", "ExposedPorts", "NetworkingConfig"} & changed.keys()
    assert not {"PortBindings", "ExtraHosts"} & changed["HostConfig"].keys()


def test_a_container_is_known_by_its_name_on_its_networks() -> None:
    endpoints = {"current_default": {"Aliases": ["db"], "Links": ["web:w"]}}
    changed = container({"NetworkMode": "current_default"}, "mysql", NetworkingConfig={"EndpointsConfig": endpoints})
    assert changed["HostConfig"]["NetworkMode"] == "i-1-current_default"
    expected = {"Aliases": ["db", "mysql"], "Links": ["id-of-web:w"]}
    assert changed["NetworkingConfig"]["EndpointsConfig"] == {"i-1-current_default": expected}


@pytest.mark.parametrize("mode", ["", "default", "bridge"])
def test_without_a_network_it_is_on_the_vpcs(mode: str) -> None:
    assert container({"NetworkMode": mode})["HostConfig"]["NetworkMode"] == "vpc"


@pytest.mark.parametrize(
    "host",
    [
        {"NetworkMode": "others"},
        {"NetworkMode": "container:others"},
        {"PidMode": "container:others"},
        {"IpcMode": "container:others"},
        {"VolumesFrom": ["others:ro"]},
        {"Links": ["others:alias"]},
    ],
)
def test_resources_of_other_instances_are_not_found(host: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="others") as raised:
        container(host)
    assert raised.value.status == 404


@pytest.mark.parametrize("driver", ["host", "macvlan", "ipvlan", "overlay"])
def test_a_network_of_another_kind_is_refused(driver: str) -> None:
    with pytest.raises(RefusedError, match=f"networks: driver: {driver} is refused"):
        engine_rules.network({"Name": "a", "Driver": driver}, FakeView())


def test_a_network_is_the_instances_and_no_bridge_of_the_machine() -> None:
    options = {"com.docker.network.bridge.name": "docker0", "com.docker.network.driver.mtu": "1400"}
    made = engine_rules.network({"Name": "a", "Driver": "bridge", "Options": options}, FakeView())
    assert (made["Name"], made["Options"]) == ("i-1-a", {"com.docker.network.driver.mtu": "1400"})
    assert made["Labels"] == {"run": "1", "beanpod.instance": "i-1"}


def test_an_update_adds_no_device() -> None:
    given = {"RestartPolicy": {"Name": "always"}, "Memory": 0}
    assert engine_rules.update({**given, "Devices": []}) == given
    with pytest.raises(RefusedError, match="devices: /dev/sda is refused"):
        engine_rules.update({"Devices": [{"PathOnHost": "/dev/sda"}]})


def test_a_privileged_command_is_refused() -> None:
    with pytest.raises(RefusedError, match="docker exec: privileged: true is refused"):
        engine_rules.command({"Cmd": ["sh"], "Privileged": True})
