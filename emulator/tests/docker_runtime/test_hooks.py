"""Hooks: root on the instance, without access to the host."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.tests.docker_runtime.sample_app import SINGLE, Environment, SampleApp
from tests.deploy.engine import Engine
from tests.deploy.registry import local_registry

OUTPUT = "/var/lib/beanpod/output"
PROGRAMS = """\
pwd; id -un; echo "$HOME"; ls Dockerrun.aws.json
container=$(docker ps -q | head -n 1)
docker exec $container cat /www/index.html
echo from standard input | docker exec -i $container cat
docker inspect --format '{{.Name}} {{.State.Running}}' $container
docker update --restart always $container > /dev/null
docker inspect --format '{{.HostConfig.RestartPolicy.Name}}' $container
docker cp $container:/www/index.html /tmp/page && head -n 1 /tmp/page
docker run --rm -v /var/app/current:/app:ro busybox:stable ls /app
docker logs $container; docker image prune --force; sudo docker ps > /dev/null; docker compose version --short
python3 -c 'print("python")'; echo '{"jq": 1}' | jq .jq; type curl
"""


@pytest.fixture(scope="module")
def environment(app: SampleApp) -> Environment:
    return app.launch("hooks", app.version("plain", "Plain"), SINGLE)


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the developer's."""
    path = tmp_path_factory.mktemp("host") / "canary"
    path.write_text("planted")
    return path


@pytest.fixture(scope="module")
def others(app: SampleApp, environment: Environment, docker_engine: Engine) -> Iterator[tuple[str, str]]:
    """A container of the developer's, and one of another environment."""
    name = docker_engine.run("run", "--detach", "busybox:stable", "sleep", "1000").strip()
    (instance,) = app.launch("others", "plain", SINGLE).instances()
    yield name, f"{instance['InstanceId']}-current-app-1"
    docker_engine.run("rm", "--force", "--volumes", name)


@pytest.fixture(scope="module")
def private_image(app: SampleApp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image in a registry that requires a login."""
    folder = tmp_path_factory.mktemp("private")
    with local_registry(folder, username="ada", password="open sesame") as registry:
        name = f"{registry.host}/ada/private:1"
        app.engine.run("tag", "busybox:stable", name)
        login = ["login", "--username", "ada", "--password", "open sesame", registry.host]
        for command in (login, ["push", "--quiet", name], ["rmi", name]):
            app.docker(*command)
        yield name


@pytest.fixture(scope="module")
def outputs(environment: Environment, canary: Path, others: tuple[str, str], private_image: str) -> dict[str, str]:
    """What hooks print, and their errors, in one deployment that succeeds."""
    host, registry = canary.parent, private_image.partition("/")[0]
    prebuild = {
        "files": f"""\
cat {host}/canary
docker run --rm -v {host}:/below busybox:stable cat /below/canary
docker run --rm --mount type=bind,src={host},dst=/below busybox:stable cat /below/canary
ln -s ../../../../../../../../../../{host} /var/app/way
docker run --rm -v /var/app/way:/below busybox:stable cat /below/canary
docker volume create --opt type=none --opt o=bind --opt device={host} way
docker run --rm -v way:/below busybox:stable cat /below/canary
docker run --rm -v /:/below busybox:stable cat /below{host}/canary
docker run --rm -v /proc:/below busybox:stable cat /below/1/root{host}/canary
docker run --rm --pid host busybox:stable cat /proc/1/root{host}/canary""",
        "images": f"""\
docker pull -q {private_image}
echo 'open sesame' | docker login -u ada --password-stdin {registry}
docker pull -q {private_image}
docker rmi busybox:stable""",
        "windows": "echo one \r\nprintf two\r\n",
    }
    ways = [f"docker {what} {name}" for what in ("inspect", "logs", "rm -f", "stop") for name in others]
    ways += [f"docker exec {others[0]} true", f"docker run --rm --volumes-from {others[0]} busybox:stable true"]
    ways += [f"docker run --rm --network container:{others[0]} busybox:stable true", "docker ps -aq | wc -l"]
    postdeploy = {"containers": "\n".join(ways), "programs": PROGRAMS}
    app = environment.app
    volume = {"HostDirectory": OUTPUT, "ContainerDirectory": "/www/output"}
    files = {"Dockerrun.aws.json": json.dumps({**json.loads(app.dockerrun("Hooks")), "Volumes": [volume]})}
    for phase, scripts in (("prebuild", prebuild), ("postdeploy", postdeploy)):
        for name, script in scripts.items():
            begin = f"#!/bin/bash\nmkdir -p {OUTPUT}\nexec > {OUTPUT}/{name} 2>&1\n"
            files[f".platform/hooks/{phase}/{name}.sh"] = f"{begin}{script}\ntrue\n"
    environment.update(VersionLabel=app.version("hooks", "", files=files))
    pages = {name: environment.page(f"/output/{name}") for name in (*prebuild, *postdeploy)}
    assert {status for status, _ in pages.values()} == {200}, (environment.errors(), environment.instances())
    return {name: text for name, (_, text) in pages.items()}


def test_a_hook_reads_no_file_of_the_host(outputs: dict[str, str]) -> None:
    assert "No such file or directory" in outputs["files"]
    assert "planted" not in outputs["files"]


def test_a_hook_sees_the_containers_of_its_instance_and_no_others(
    outputs: dict[str, str], docker_engine: Engine, others: tuple[str, str]
) -> None:
    *lines, count = outputs["containers"].splitlines()
    # The one that it has deployed, and the one that is about to end.
    assert count == "2"
    rest = [line for line in lines if line not in ("[]", "See 'docker run --help'.")]
    assert [line for line in rest if "No such" not in line] == []
    for name in others:
        assert docker_engine.run("inspect", "--format", "{{.State.Running}}", name).strip() == "true"


def test_a_hook_runs_the_programs_of_the_platform(outputs: dict[str, str]) -> None:
    lines = outputs["programs"].splitlines()
    assert lines[:4] == ["/var/app/current", "root", "/root", "Dockerrun.aws.json"]
    for line in ("Hooks", "from standard input", "always", "python", "1", "curl is /usr/bin/curl"):
        assert line in lines
    assert "/current-app-" in "".join(lines)
    assert "Total reclaimed space: 0B" in lines


def test_a_hook_logs_in_and_pulls_a_private_image(outputs: dict[str, str], private_image: str) -> None:
    assert "no basic auth credentials" in outputs["images"]
    assert "Login Succeeded" in outputs["images"]
    assert private_image in outputs["images"]
    assert "it was on this machine before the instance, and images are shared" in outputs["images"]


def test_a_hook_with_windows_line_endings_runs(outputs: dict[str, str]) -> None:
    assert outputs["windows"] == "one\ntwo"


def test_a_hook_without_its_program_fails_the_deployment(app: SampleApp, environment: Environment) -> None:
    files = {"Dockerrun.aws.json": app.dockerrun("Hooks"), ".platform/hooks/prebuild/10_hello.sh": "echo\n"}
    environment.update(VersionLabel=app.version("no-program", "", files=files))
    assert "exec format error" in environment.causes()
    event = "Instance deployment failed to run the hook .platform/hooks/prebuild/10_hello.sh. The deployment failed."
    assert event in environment.errors()
