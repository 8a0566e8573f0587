"""One instance: variables, secrets, hooks, failed deployments, termination."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue
from threading import Event
from types import SimpleNamespace
from typing import Any
from urllib.request import urlopen

import pytest

from beanpod_emulator.beanstalk import state
from beanpod_emulator.beanstalk.deployments import DeploymentPlan
from beanpod_emulator.beanstalk.options import Option
from beanpod_emulator.beanstalk.platforms import PLATFORMS
from beanpod_emulator.docker_runtime.application import Dockerrun, DockerrunApplication
from beanpod_emulator.docker_runtime.backend import EnvironmentRuntime
from beanpod_emulator.docker_runtime.docker import Docker
from beanpod_emulator.docker_runtime.instance import InstanceContainer
from beanpod_emulator.docker_runtime.load_balancer import BalancerSettings, LoadBalancer
from beanpod_emulator.docker_runtime.release import InstanceError, RuntimeSettings
from beanpod_emulator.embedded_aws import ControlError
from beanpod_emulator.state import Emulator
from emulator.tests.clients import option
from emulator.tests.docker_runtime.sample_app import (
    SINGLE,
    VARIABLES,
    Environment,
    SampleApp,
    dockerrun,
    option_settings,
    several,
)

SECRET = {"Namespace": "aws:elasticbeanstalk:application:environmentsecrets", "OptionName": "COLOR"}
PROCESS = "aws:elasticbeanstalk:environment:process:default"
# What the container's page ends with tells what it was given.
ODD = "red $HOME 'q' \"d\" = #1"


@pytest.fixture(scope="module")
def environment(app: SampleApp) -> Environment:
    """An environment of one instance, whose version and variables the tests change."""
    app.version("plain", "Hello")
    return app.launch("single", "plain", {**SINGLE, (VARIABLES, "COLOR"): ODD, (VARIABLES, "SHADE"): ODD})


def set_color(environment: Environment, value: str) -> None:
    environment.update(OptionSettings=[option(VARIABLES, "COLOR", value)], OptionsToRemove=[SECRET])


def test_an_environment_is_launched_updated_aborted_and_terminated(app: SampleApp) -> None:
    options = {
        **several("AllAtOnce", 1),
        (PROCESS, "HealthCheckPath"): "/index.html",
        ("aws:elasticbeanstalk:cloudwatch:logs", "StreamLogs"): "true",
    }
    environment = app.launch("brief", options=options)
    # The sample application responds to its own page only, and not to the health path.
    status, page = environment.page()
    assert status == 200
    assert "sample application" in page
    assert environment.page("/index.html")[0] == 404
    assert environment.described()["EndpointURL"] == environment.url.removeprefix("http://")
    assert environment.described()["Health"] == "Red"
    app.version("talks", "Talks", command="echo one; echo two >&2; exec httpd -f -p 8080 -h /www")
    assert environment.update(VersionLabel="talks").described()["Health"] == "Green"
    slow = app.version("slow", "Slow", command="trap exit TERM; sleep 2; httpd -f -p 8080 -h /www & wait")
    client = app.client("elasticbeanstalk")
    client.update_environment(EnvironmentName=environment.name, VersionLabel=slow)
    client.abort_environment_update(EnvironmentName=environment.name)
    assert environment.settled().described()["VersionLabel"] == "talks"
    url = environment.url
    assert environment.page()[1].startswith("Talks\n")
    app.version("ends", "Ends", command="echo broken; sleep 0.3; exit 1")
    environment.update(VersionLabel="ends")
    (instance,) = environment.instances()
    logs_of_containers_and_failures_are_in_cloudwatch(app, instance["InstanceId"])
    client.terminate_environment(EnvironmentName="brief")
    environment.settled()
    assert instance["InstanceId"] not in app.engine.run("ps", "--all", "--format", "{{.Names}}")
    with pytest.raises(OSError, match="refused"):
        urlopen(url)
    with pytest.raises(ControlError, match="no brief runs here"):
        environment.page()


def logs_of_containers_and_failures_are_in_cloudwatch(app: SampleApp, instance_id: str) -> None:
    logs = app.client("logs")
    messages = {}
    for group in logs.describe_log_groups(logGroupNamePrefix="/aws/elasticbeanstalk/brief/")["logGroups"]:
        (stream,) = logs.describe_log_streams(logGroupName=group["logGroupName"])["logStreams"]
        assert stream["logStreamName"] == instance_id
        found = logs.get_log_events(logGroupName=group["logGroupName"], logStreamName=stream["logStreamName"])
        messages[group["logGroupName"].rpartition("/")[2]] = [event["message"] for event in found["events"]]
    # Docker reads standard output and standard error apart: their order is not known.
    assert {text.rpartition("  | ")[2] for text in messages["stdouterr.log"][:2]} == {"one", "two"}
    assert messages["stdouterr.log"][-1].endswith("broken")
    assert "[ERROR] " in messages["eb-engine.log"][0]


def test_the_container_has_the_variables_unchanged_and_a_changed_one(environment: Environment) -> None:
    label = environment.described()["VersionLabel"]
    set_color(environment, ODD)
    assert environment.page()[1].endswith(f"\n{ODD}\n")
    set_color(environment, "blue")
    assert environment.page()[1].endswith("\nblue\n")
    assert environment.described()["VersionLabel"] == label


def test_a_secret_reaches_the_container_if_the_role_may_read_it(app: SampleApp, environment: Environment) -> None:
    before = environment.page()
    arn = app.client("secretsmanager").create_secret(Name="color", SecretString='{"color": "green"}')["ARN"]
    value = SECRET | {"Value": f"{arn}:color"}
    removed = {"Namespace": VARIABLES, "OptionName": "COLOR"}
    environment.update(OptionSettings=[value], OptionsToRemove=[removed])
    assert environment.page() == before
    assert environment.described()["HealthStatus"] == "Severe"
    assert "is not authorized to perform: secretsmanager:GetSecretValue" in environment.causes()
    statement = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    app.client("iam").put_role_policy(RoleName=app.name, PolicyName="secret", PolicyDocument=policy)
    environment.update(OptionSettings=[value])
    assert environment.page()[1].endswith("\ngreen\n")
    assert environment.described()["HealthStatus"] == "Ok"


def test_hooks_have_the_variables_and_programs(app: SampleApp, environment: Environment) -> None:
    output = "/var/lib/beanpod/output"
    get = "/opt/elasticbeanstalk/bin/get-config"
    say = f'echo "$SHADE $({get} environment -k SHADE) $({get} container -k environment_name)"'
    volume = {"HostDirectory": output, "ContainerDirectory": "/www/output"}
    definition = {**json.loads(app.dockerrun("Hooked")), "Volumes": [volume]}
    files = {
        "Dockerrun.aws.json": json.dumps(definition),
        ".platform/hooks/prebuild/01.sh": f"#!/bin/sh\nmkdir -p {output} && {say} > {output}/first\n",
        ".platform/hooks/postdeploy/01.sh": f"#!/bin/sh\ndocker ps --latest --quiet | wc -l > {output}/last\n",
    }
    environment.update(VersionLabel=app.version("hooked", "Hooked", files=files))
    assert environment.page("/output/first") == (200, f"{ODD} {ODD} single\n")
    assert environment.page("/output/last") == (200, "1\n")


def hook(phase: str) -> dict[str, str]:
    return {f".platform/hooks/{phase}/01.sh": "#!/bin/sh\necho no luck >&2\nexit 1\n"}


@pytest.mark.parametrize(
    ("words", "command", "files", "failed_to", "cause"),
    [
        ("Hooked 1", {}, hook("prebuild"), "run the hook .platform/hooks/prebuild/01.sh", "no luck"),
        ("Hooked 2", {}, hook("predeploy"), "run the hook .platform/hooks/predeploy/01.sh", "no luck"),
        ("Hooked 3", {}, hook("postdeploy"), "run the hook .platform/hooks/postdeploy/01.sh", "no luck"),
        ("Ill", {"command": "mkdir /empty; httpd -f -p 8080 -h /empty"}, {}, "pass the health check",
         "/ answers 404 after 5 s: HealthCheckPath must answer 200; set it to a path that the app answers"),
        ("Loopback", {"command": "httpd -f -p 127.0.0.1:8080 -h /www"}, {}, "pass the health check",
         "/ answers nothing on port 8080 after 5 s: the app must listen there, on 0.0.0.0 and not only on 127.0.0.1"),
        ("Missing", {}, {"Dockerrun.aws.json": dockerrun("registry/none:1")}, "download the Docker image", "/none:"),
    ],
    ids=["prebuild", "predeploy", "postdeploy", "health", "loopback", "image"],
)  # fmt: skip
def test_a_version_that_fails_gets_no_requests(
    app: SampleApp, environment: Environment, words: str, command: dict[str, str], files: dict[str, str],
    failed_to: str, cause: str,
) -> None:  # fmt: skip
    before, errors = environment.page(), len(environment.errors())
    made = {"Dockerrun.aws.json": app.dockerrun(words, **command)} | files
    made = {path: text.replace("registry/", f"{app.registry.host}/") for path, text in made.items()}
    with app.health_timeout(5):
        environment.update(VersionLabel=app.version(words, "", files=made))
    if "postdeploy" in failed_to:
        # Only the hook has failed.
        assert environment.page()[1].startswith(words)
    else:
        assert environment.page() == before
    assert f"Instance deployment failed to {failed_to}. The deployment failed." in environment.errors()[errors:]
    assert cause in environment.causes()


def test_a_health_path_that_redirects_is_named(app: SampleApp, environment: Environment) -> None:
    # A folder redirects to itself with a slash, as a route of many a framework.
    label = app.version("folder", "Folder", command="mkdir -p /www/up; httpd -f -p 8080 -h /www")
    with app.health_timeout(5):
        environment.update(OptionSettings=[option(PROCESS, "HealthCheckPath", "/up")])
        environment.update(VersionLabel=label)
    error = "/up answers 302 after 5 s: HealthCheckPath must answer 200, and not redirect to /up/"
    assert error in environment.causes()
    environment.update(OptionSettings=[option(PROCESS, "HealthCheckPath", "/")])


def test_a_version_runs_and_is_checked_with_the_settings_that_come_with_it(
    app: SampleApp, environment: Environment
) -> None:
    serves = 'mkdir /www/up; cd /www; echo "$COLOR" >> index.html; mv index.html up; httpd -f -p 8080'
    new = option_settings({(PROCESS, "HealthCheckPath"): "/up/", (VARIABLES, "COLOR"): "violet"})
    old = option_settings({(PROCESS, "HealthCheckPath"): "/", (VARIABLES, "COLOR"): "red"})
    label = app.version("moved", "Moved", command=serves)
    environment.update(OptionsToRemove=[SECRET])
    assert environment.update(VersionLabel=label, OptionSettings=new).page("/up/") == (200, "Moved\nviolet\n")
    broken = app.version("moved-and-broken", "Broken", command="exit 1")
    assert environment.update(VersionLabel=broken, OptionSettings=old).page("/up/") == (200, "Moved\nviolet\n")
    environment.update(VersionLabel="plain", OptionSettings=old)
    assert environment.page() == (200, "Hello\nred\n")


class Ended:
    """An engine on which a container ends before its port is asked for."""

    def inspect(self, container: str) -> dict[str, Any]:
        return {"State": {"Status": "exited", "ExitCode": 3}, "NetworkSettings": {"Networks": {}}}


def test_a_container_that_ends_at_once_is_reported_as_one_that_ends_later() -> None:
    instance: Any = SimpleNamespace(
        instance_id="i-1", context=SimpleNamespace(docker=Ended(), network="vpc"), run=lambda *_: ""
    )
    application = DockerrunApplication(instance, RuntimeSettings("shop", {}), Dockerrun("ada/shop", 8080), 4)
    with pytest.raises(InstanceError, match=r"^the container has ended with exit code 3$"):
        application.start()


class Full(Docker):
    """An engine that creates containers, and cannot start them."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def run(self, *arguments: str, **variables: str) -> str:
        if arguments[0] == "run":
            name = arguments[arguments.index("--name") + 1]
            reason = "the name is in use" if name in self.names else "no space left on device"
            self.names.add(name)
            raise OSError(reason)
        if arguments[0] == "rm":
            self.names.discard(arguments[-1])
        return ""

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        return {"OperatingSystem": "Debian"}


@pytest.fixture
def full(tmp_path: Path) -> Any:
    """The context of a runtime on such an engine."""
    run = SimpleNamespace(folder=tmp_path, label="beanpod.emulator=test")
    return SimpleNamespace(docker=Full(), run=run, network="vpc", emulator=Emulator())


@pytest.mark.parametrize(
    "start",
    [
        lambda context: InstanceContainer.launch(context, "i-0000000050cce7003"),
        lambda context: LoadBalancer(context, "e-1", 20_000, 20_001).start(BalancerSettings()),
    ],
    ids=["instance", "load-balancer"],
)
def test_a_container_that_does_not_start_can_be_started_again(full: Any, start: Callable[[Any], None]) -> None:
    for _ in range(2):
        with pytest.raises(OSError, match="no space left on device"):
            start(full)
    assert full.docker.names == set()
    assert list(full.run.folder.glob("*.sock")) == []


def test_an_operation_ends_whatever_goes_wrong(full: Any) -> None:
    now, policy = datetime.now(UTC), Option("aws:elasticbeanstalk:command", "DeploymentPolicy")
    instance = state.Instance("i-1", now, "t3.micro", "us-east-1a", state.Deployment("one", 1, now))
    arn = "arn:aws:elasticbeanstalk:us-east-1:123456789012:environment/shop/shop"
    settings, named = {policy: "Immutable"}, ("e-1", "shop", "shop", arn, PLATFORMS[0])
    environment = state.Environment(*named, settings, "shop", {}, now, now, "one", instances=[instance])
    runtime, ended = EnvironmentRuntime(full, environment), Event()
    runtime.reconcile(ended.set)
    assert ended.wait(10)
    assert str(runtime.failures["i-1"]) == "no space left on device"
    # An instance that has never been launched.
    batches: Any = SimpleNamespace(prepare=lambda: None, count=0, plan=DeploymentPlan([], launched=[instance]))
    results: Queue[bool] = Queue()
    runtime.deploy(batches, results.put)
    assert results.get(timeout=10) is False
