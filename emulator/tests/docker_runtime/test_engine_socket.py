"""The Docker socket of an instance against a hostile root user."""

from pathlib import Path

import pytest

from beanpod_emulator.docker_runtime.context import RuntimeContext
from beanpod_emulator.docker_runtime.docker import DockerError
from beanpod_emulator.docker_runtime.engine_socket import EnginePort
from beanpod_emulator.docker_runtime.instance import InstanceContainer
from tests.deploy.engine import Engine

CURL = "curl -s --unix-socket /run/docker.sock"
OWN_PATH = "/opt/elasticbeanstalk/bin/own-path"


def output_of(instance: InstanceContainer, script: str) -> str:
    """What a script prints and what its errors are."""
    return instance.run("sh", "-c", f"exec 2>&1; {script}; true")


def test_a_folder_that_becomes_a_link_is_not_followed(instance: InstanceContainer, tmp_path: Path) -> None:
    (tmp_path / "canary").write_text("planted")
    swap = f"rm -rf /var/app/x; ln -s {tmp_path} /var/app/x; docker start -a swapped"
    script = f"docker create --name swapped -v /var/app/x:/x busybox:stable cat /x/canary; {swap}"
    assert "/var/app/x is a link" in output_of(instance, script)


@pytest.mark.parametrize("path", ["/var/app/{link}", "/var/../../../../../..{folder}", "/etc/../..{folder}", "/usr"])
def test_paths_that_own_path_returns_are_checked(instance: InstanceContainer, tmp_path: Path, path: str) -> None:
    (tmp_path / "canary").write_text("planted")
    path = path.format(link=tmp_path.name, folder=tmp_path)
    forged = f'#!/bin/sh\\necho [\\\\"{path}\\\\"]\\n'
    script = f"ln -s {tmp_path} /var/app/{tmp_path.name}; cp {OWN_PATH} /root/kept; printf '{forged}' > {OWN_PATH}; "
    script += f"docker run --rm -v /x:/x busybox:stable cat /x/canary; cp /root/kept {OWN_PATH}"
    answer = output_of(instance, script)
    assert "is a link" in answer or "is not on the instance's disk" in answer
    assert "planted" not in answer


def test_rejects_ambiguous_requests(instance: InstanceContainer, docker_engine: Engine) -> None:
    others = docker_engine.run("create", "busybox:stable", "true").strip()
    create = '{"Image":"busybox:stable","HostConfig":{"Privileged":true}}'
    ways = [
        f"{CURL} -X POST -d filters={{}} http://d/v1.41/containers/prune",
        f"{CURL} -H 'Upgrade: tcp' -H 'Connection: Upgrade' -d '{create}' http://d/v1.41/containers/create",
        f"{CURL} -d '{create}' http://d/v1.12/containers/create",
        f"{CURL} -X DELETE http://d/v1.41/containers/{others}",
        f"{CURL} --path-as-is -X DELETE http://d/v1.41/images/../containers/{others}",
        f"{CURL} -X DELETE http://d/v1.41/images/..%2fcontainers%2f{others}",
        f"{CURL} -X POST http://d/v1.41/build",
        f"{CURL} http://d/v1.41/containers/{others}/json",
    ]
    answer = output_of(instance, "; ".join(ways))
    assert '"Id"' not in answer
    assert answer.count("privileged: true is refused") == 2
    assert docker_engine.run("rm", others).strip() == others


def test_a_pipelined_request_is_not_passed_on(instance: InstanceContainer) -> None:
    script = r"""printf 'GET /_ping HTTP/1.1\r\nHost: d\r\n\r\nGET /info HTTP/1.1\r\nHost: d\r\n\r\n' |
      socat -t 2 - UNIX-CONNECT:/run/docker.sock"""
    answer = output_of(instance, script)
    assert answer.count("HTTP/1.1") == 1
    assert "OK" in answer


def test_where_no_socket_can_be_mounted_a_port_with_a_token_leads_to_the_engine(context: RuntimeContext) -> None:
    gateway = context.docker.run(
        "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", context.network
    )  # fmt: skip
    port = EnginePort(gateway, gateway)
    instance = InstanceContainer.launch(context, "i-0000000050cce7002", port)
    try:
        assert instance.run("sh", "-c", "echo typed | docker run --rm -i busybox:stable cat") == "typed"
        with pytest.raises(DockerError, match=r"docker\.sock cannot be mounted"):
            instance.run("docker", "run", "--volume", "/var/run/docker.sock:/s", "busybox:stable", "true")
        # Without the token.
        asked = f"curl -s -o /dev/null -w %{{http_code}} http://{gateway}:{port.server_address[1]}/info"
        assert output_of(instance, asked).startswith("000")
    finally:
        instance.remove()
