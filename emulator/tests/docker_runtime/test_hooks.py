"""Hooks: root on the instance, without access to the host."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.tests.docker_runtime.sample_app import Environment, SampleApp
from tests.deploy.engine import Engine
from tests.deploy.registry import local_registry

SINGLE = {("aws:elasticbeanstalk:environment", "EnvironmentType"): "SingleInstance"}
OUTPUT = "/var/lib/beanpod/output"


@pytest.fixture(scope="module")
def environment(app: SampleApp) -> Environment:
    return app.launch("hooks", app.version("plain", "Plain"), SINGLE)


@pytest.fixture(scope="module")
def others(docker_engine: Engine) -> Iterator[str]:
    """A container of the developer's."""
    name = docker_engine.run("run", "--detach", "busybox:stable", "sleep", "1000").strip()
    yield name
    docker_engine.run("rm", "--force", "--volumes", name)


def hook_output(environment: Environment, phase: str, script: str) -> str:
    """What a hook prints, and its errors, in a deployment that goes well."""
    app = environment.app
    label = f"hook-{len(app.images)}-{abs(hash(script))}"
    definition = {
        **json.loads(app.dockerrun("Hooks")),
        "Volumes": [{"HostDirectory": OUTPUT, "ContainerDirectory": "/www/output"}],
    }
    hook = f"#!/bin/bash\nmkdir -p {OUTPUT}\nexec > {OUTPUT}/{phase} 2>&1\n{script}\ntrue\n"
    files = {"Dockerrun.aws.json": json.dumps(definition), f".platform/hooks/{phase}/01.sh": hook}
    environment.update(VersionLabel=app.version(label, "", files=files))
    status, text = environment.page(f"/output/{phase}")
    assert status == 200, (environment.errors(), [instance["Causes"] for instance in environment.instances()])
    return text


def test_a_hook_reads_no_file_of_the_host(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "canary").write_text("planted")
    ways = [
        f"cat {tmp_path}/canary",
        f"docker run --rm -v {tmp_path}:/below busybox:stable cat /below/canary",
        f"docker run --rm --mount type=bind,src={tmp_path},dst=/below busybox:stable cat /below/canary",
        f"ln -s ../../../../../../../../../../{tmp_path} /var/app/way",
        "docker run --rm -v /var/app/way:/below busybox:stable cat /below/canary",
        f"docker volume create --opt type=none --opt o=bind --opt device={tmp_path} way",
        "docker run --rm -v way:/below busybox:stable cat /below/canary",
        f"docker run --rm -v /:/below busybox:stable cat /below{tmp_path}/canary",
        f"docker run --rm -v /proc:/below busybox:stable cat /below/1/root{tmp_path}/canary",
        f"docker run --rm --pid host busybox:stable cat /proc/1/root{tmp_path}/canary",
    ]
    output = hook_output(environment, "prebuild", "\n".join(ways))
    assert "No such file or directory" in output
    assert "planted" not in output


def test_a_hook_sees_the_containers_of_its_instance_and_no_others(
    app: SampleApp, environment: Environment, others: str
) -> None:
    second = app.launch("others", "plain", SINGLE)
    (instance,) = second.instances()
    theirs = f"{instance['InstanceId']}-current-app-1"
    ways = [f"docker {what} {name}" for what in ("inspect", "logs", "rm -f", "stop") for name in (others, theirs)]
    ways += [f"docker exec {others} true", f"docker run --rm --volumes-from {others} busybox:stable true"]
    ways += [f"docker run --rm --network container:{others} busybox:stable true", "docker ps -aq | wc -l"]
    output = hook_output(environment, "postdeploy", "\n".join(ways)).splitlines()
    # The one that it has deployed, and the one that is about to end.
    assert output[-1] == "2"
    rest = [line for line in output[:-1] if line not in ("[]", "See 'docker run --help'.")]
    assert [line for line in rest if "No such" not in line] == []
    assert second.page()[0] == 200
    assert app.engine.run("inspect", "--format", "{{.State.Running}}", others).strip() == "true"


def test_a_hook_runs_the_programs_of_the_platform(environment: Environment) -> None:
    script = """\
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
    output = hook_output(environment, "postdeploy", script).splitlines()
    assert output[:4] == ["/var/app/current", "root", "/root", "Dockerrun.aws.json"]
    for line in ("Hooks", "from standard input", "always", "python", "1", "curl is /usr/bin/curl"):
        assert line in output
    assert "/current-app-" in "".join(output)
    assert "Total reclaimed space: 0B" in output


def test_a_hook_logs_in_and_pulls_a_private_image(environment: Environment, tmp_path: Path) -> None:
    with local_registry(tmp_path / "private", username="ada", password="open sesame") as registry:
        name = f"{registry.host}/ada/private:1"
        environment.app.engine.run("tag", "busybox:stable", name)
        login = ["login", "--username", "ada", "--password", "open sesame", registry.host]
        for command in (login, ["push", "--quiet", name], ["rmi", name]):
            environment.app.docker(*command)
        script = f"docker pull -q {name}\necho 'open sesame' | docker login -u ada --password-stdin {registry.host}\n"
        script += f"docker pull -q {name}\ndocker rmi busybox:stable"
        output = hook_output(environment, "prebuild", script)
    assert "no basic auth credentials" in output
    assert "Login Succeeded" in output
    assert name in output
    assert "it was on this machine before the instance, and images are shared" in output


def test_a_hook_with_windows_line_endings_runs(environment: Environment) -> None:
    assert hook_output(environment, "prebuild", "echo one \r\nprintf two\r\n") == "one\ntwo"


@pytest.mark.parametrize(
    ("label", "hook", "words"),
    [
        ("no-program", "echo\n", "exec format error"),
        ("fails", "#!/bin/bash\necho no luck >&2\nexit 3\n", "no luck"),
    ],
)
def test_a_hook_that_does_not_start_fails_the_deployment(
    app: SampleApp, environment: Environment, label: str, hook: str, words: str
) -> None:
    files = {"Dockerrun.aws.json": app.dockerrun("Hooks"), ".platform/hooks/prebuild/10_hello.sh": hook}
    environment.update(VersionLabel=app.version(label, "", files=files))
    (instance,) = environment.instances()
    assert words in instance["Causes"][0]
    event = "Instance deployment failed to run the hook .platform/hooks/prebuild/10_hello.sh. The deployment failed."
    assert event in environment.errors()
