"""Deployments of versions on a virtual clock, and the faults in them."""

import pytest

from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import Clients, Emulators, option, refusal
from emulator.tests.deployments import Deployments, Seen

COMMAND = "aws:elasticbeanstalk:command"
LABELS = iter(f"v{number}" for number in range(1000))


@pytest.fixture(scope="module")
def aws(emulators: Emulators) -> EmbeddedAws:
    return emulators(virtual_clock=True)


@pytest.fixture(scope="module")
def environment(aws: EmbeddedAws, clients: Clients) -> Deployments:
    """Two instances, one batch each."""
    rolling = [option(COMMAND, "DeploymentPolicy", "Rolling"), option(COMMAND, "BatchSize", "50")]
    return Deployments.launch(aws, clients, "rolling-dev", option("aws:autoscaling:asg", "MinSize", "2"), *rolling)


@pytest.fixture
def label(aws: EmbeddedAws, environment: Deployments) -> str:
    """A version's label nobody has used; the environment runs the one before."""
    aws.clear_faults()
    environment.deployed(next(LABELS))
    return next(LABELS)


def _all(label: str, health: str = "Ok") -> list[tuple[str, str, str]]:
    return [(label, "Deployed", health)] * 2


def _before(label: str) -> str:
    return f"v{int(label[1:]) - 1}"


def test_a_launch_takes_the_set_time(aws: EmbeddedAws, clients: Clients) -> None:
    launched = Deployments(aws, clients, clients.launch("slow-dev"))
    aws.advance(239)
    assert launched.look().status == "Launching"
    aws.advance(1)
    assert launched.look().status == "Ready"


def test_a_rolling_deployment_has_events_for_each_batch(aws: EmbeddedAws, environment: Deployments, label: str) -> None:
    request_id = environment.deploy(label)
    old = _all(_before(label))
    assert environment.look() == Seen("Updating", label, "Ok", abortable=True, instances=old)
    aws.advance(60)
    seen = environment.look()
    assert seen.health == "Info"
    assert seen.instances == [(label, "In Progress", "Info"), (_before(label), "Deployed", "Ok")]
    aws.advance(60)
    assert environment.look().instances == [(label, "Deployed", "Ok"), (label, "In Progress", "Info")]
    aws.advance(62.9)
    assert environment.look().status == "Updating"
    aws.advance(0.1)
    assert environment.look() == Seen("Ready", label, "Ok", abortable=False, instances=_all(label))
    events = environment.events(RequestId=request_id)
    assert [(second, message.split(" on instance")[0]) for second, _, message in events] == [
        (0, "Environment update is starting."),
        (5, "Deploying new version to instance(s)."),
        (5, "Batch 1: Starting application deployment"),
        (89.55, "Batch 1: Completed application deployment."),
        (89.55, "Batch 2: Starting application deployment"),
        (174.1, "Batch 2: Completed application deployment."),
        (183, "New application version was deployed to running EC2 instances."),
        (183, "Environment update completed successfully."),
    ]
    assert {severity for _, severity, _ in events} == {"INFO"}


def test_finds_events_by_time(aws: EmbeddedAws, environment: Deployments, label: str) -> None:
    environment.deploy(label)
    aws.advance(183)
    late = [message for second, _, message in environment.events() if second > 180]
    assert late[-1] == "Environment health has transitioned from Info to Ok."


def test_pace_can_be_set_for_each_update(aws: EmbeddedAws, environment: Deployments, label: str) -> None:
    aws.set_pace(update=60)
    environment.deploy(label)
    aws.set_pace(update=183)
    aws.advance(60)
    assert environment.look().status == "Ready"


def test_an_abort_restores_the_previous_version(
    aws: EmbeddedAws, clients: Clients, environment: Deployments, label: str
) -> None:
    environment.deploy(label)
    aws.advance(100)
    clients("elasticbeanstalk").abort_environment_update(EnvironmentName="rolling-dev")
    assert environment.look().status == "Aborting"
    aws.advance(100)
    seen = environment.look()
    assert (seen.status, seen.label, seen.instances) == ("Ready", _before(label), _all(_before(label)))


NEW, OLD = "the new version's label", "the label of the version before"
OTHER_HALF = (OLD, "Deployed", "Ok")
FAILED = {
    "ERROR": [
        "Command failed on instance. Return code: 1",
        "Failed to deploy application.",
        "complete, but with errors.",
    ]
}


@pytest.mark.parametrize(
    ("fault", "options", "shown", "instances", "events"),
    [
        ("error-event", {}, (NEW, "Degraded"), [(NEW, "Failed", "Degraded"), OTHER_HALF], FAILED),
        ("error-event", {"label": "previous"}, (OLD, "Degraded"), [(NEW, "Failed", "Degraded"), OTHER_HALF], FAILED),
        ("with-errors-silently", {}, (OLD, "Degraded"), [(NEW, "Failed", "Degraded"), OTHER_HALF],
         {"ERROR": [], "WARN": ["Update environment operation is complete, but with errors."]}),
        ("reverts", {}, (OLD, "Ok"), [OTHER_HALF] * 2, {"ERROR": [], "WARN": []}),
        ("instance-behind", {}, (NEW, "Degraded"), [(NEW, "Deployed", "Ok"), (OLD, "Deployed", "Degraded")],
         {"ERROR": []}),
        ("unhealthy", {}, (NEW, "Severe"), [(NEW, "Deployed", "Severe")] * 2, {}),
        ("yellow", {}, (NEW, "Warning"), [(NEW, "Deployed", "Warning")] * 2, {}),
    ],
)  # fmt: skip
def test_a_fault_shows_when_the_update_has_ended(
    aws: EmbeddedAws, environment: Deployments, label: str, fault: str, options: dict[str, str],
    shown: tuple[str, str], instances: list[tuple[str, str, str]], events: dict[str, list[str]],
) -> None:  # fmt: skip
    names = {NEW: label, OLD: _before(label)}
    aws.inject_fault(fault, **options)
    environment.deploy(label)
    aws.advance(183)
    found = [(names[of], status, health) for of, status, health in instances]
    ended = Seen("Ready", names[shown[0]], shown[1], abortable=False, instances=found)
    assert environment.look() == ended
    for severity, words in events.items():
        messages = environment.messages(severity)
        assert bool(messages) is bool(words)
        assert [word for word in words if not any(word in message for message in messages)] == []
    aws.advance(10_000)
    assert environment.look() == ended


def test_slow_green_becomes_healthy_later(aws: EmbeddedAws, environment: Deployments, label: str) -> None:
    aws.inject_fault("slow-green", seconds=100, health="Severe")
    environment.deploy(label)
    aws.advance(183 + 99)
    assert (environment.look().status, environment.look().health) == ("Ready", "Severe")
    aws.advance(1)
    assert environment.look().health == "Ok"


def test_never_ready_can_be_aborted(aws: EmbeddedAws, clients: Clients, environment: Deployments, label: str) -> None:
    aws.inject_fault("never-ready")
    environment.deploy(label)
    aws.advance(100_000)
    assert (environment.look().status, environment.look().abortable) == ("Updating", True)
    clients("elasticbeanstalk").abort_environment_update(EnvironmentName="rolling-dev")
    aws.advance(100)
    assert environment.look().status == "Ready"


def test_busy_before_update_starts_another_update(aws: EmbeddedAws, environment: Deployments, label: str) -> None:
    aws.inject_fault("busy-before-update")
    message = "Environment named rolling-dev is in an invalid state for this operation. Must be Ready."
    assert refusal(environment.deploy, label=label) == ("InvalidParameterValue", message)
    assert environment.look().status == "Updating"
    aws.advance(183)
    environment.deploy(label, exists=True)
    aws.advance(183)
    assert environment.look().label == label


def test_another_update_starts_at_the_end(
    aws: EmbeddedAws, clients: Clients, environment: Deployments, label: str
) -> None:
    aws.inject_fault("overtaken", label=clients.version("theirs"))
    environment.deploy(label)
    aws.advance(184)
    assert (environment.look().status, environment.look().label) == ("Updating", "theirs")
    aws.advance(183)
    assert (environment.look().status, environment.look().label) == ("Ready", "theirs")


def test_a_fault_matches_a_version_label(aws: EmbeddedAws, environment: Deployments, label: str) -> None:
    aws.inject_fault("unhealthy", version_label=label, times=None)
    for _ in range(2):
        environment.deployed(next(LABELS))
        assert environment.look().health == "Ok"
    environment.deployed(label)
    assert environment.look().health == "Severe"


def test_an_environment_is_not_terminated_during_an_update(
    aws: EmbeddedAws, clients: Clients, environment: Deployments, label: str
) -> None:
    environment.deploy(label)
    refused = refusal(clients("elasticbeanstalk").terminate_environment, EnvironmentName="rolling-dev")
    message = "Cannot terminate environment named rolling-dev. It is currently pending deployment."
    assert refused == ("InvalidParameterValue", message)
    aws.advance(200)


def test_terminated_ends_the_environment_during_the_update(aws: EmbeddedAws, clients: Clients) -> None:
    doomed = Deployments.launch(aws, clients, "doomed-dev")
    aws.clear_faults()
    aws.inject_fault("terminated", environment="doomed-dev")
    doomed.deploy(next(LABELS))
    aws.advance(100)
    assert doomed.look().status == "Terminating"
    aws.advance(100)
    assert clients.environment("doomed-dev") == {}


@pytest.fixture(scope="module")
def replacing(aws: EmbeddedAws, clients: Clients) -> Deployments:
    """One instance, replaced by a new one at every deployment."""
    return Deployments.launch(aws, clients, "immutable-dev", option(COMMAND, "DeploymentPolicy", "Immutable"))


def test_an_immutable_deployment_replaces_the_instances(aws: EmbeddedAws, replacing: Deployments) -> None:
    aws.clear_faults()
    old = replacing.instance_ids()
    replacing.deploy("replaced-1")
    aws.advance(100)
    assert len(replacing.instance_ids()) == 2
    aws.advance(83)
    assert (replacing.look().label, replacing.look().instances) == ("replaced-1", [("replaced-1", "Deployed", "Ok")])
    assert not set(old) & set(replacing.instance_ids())
    assert any(text.startswith("Immutable deployment policy enabled. ") for text in replacing.messages("INFO"))


def test_a_failed_immutable_deployment_keeps_instances_and_label(aws: EmbeddedAws, replacing: Deployments) -> None:
    replacing.deployed("replaced-2")
    old = replacing.instance_ids()
    aws.inject_fault("error-event")
    replacing.deploy("replaced-3")
    aws.advance(183)
    seen = replacing.look()
    assert (seen.status, seen.label, seen.health) == ("Ready", "replaced-2", "Ok")
    assert replacing.instance_ids() == old
    assert "Failed to deploy application." in replacing.messages("ERROR")


def test_a_version_is_deployed_with_the_settings_that_come_with_it(aws: EmbeddedAws, clients: Clients) -> None:
    both = Deployments.launch(aws, clients, "both-dev")
    old = both.instance_ids()
    both.deploy(
        "both-1", option(COMMAND, "DeploymentPolicy", "Immutable"), option("aws:autoscaling:asg", "MinSize", "2")
    )
    aws.advance(183)
    seen = both.look()
    assert (seen.status, seen.label, len(seen.instances)) == ("Ready", "both-1", 2)
    assert not set(old) & set(both.instance_ids())
    assert any(text.startswith("Immutable deployment policy enabled. ") for text in both.messages("INFO"))


@pytest.mark.parametrize("end", ["error-event", "with-errors-silently", "reverts", "abort", "no bundle"])
def test_an_update_that_fails_or_is_aborted_restores_the_settings(
    aws: EmbeddedAws, clients: Clients, environment: Deployments, label: str, end: str
) -> None:
    before = clients.options(EnvironmentName="rolling-dev")
    clients.version(label)
    if end == "no bundle":
        bucket = clients("elasticbeanstalk").create_storage_location()["S3Bucket"]
        clients("s3").delete_object(Bucket=bucket, Key=f"{label}.zip")
    elif end != "abort":
        aws.inject_fault(end)
    environment.deploy(label, option(COMMAND, "BatchSize", "100"), exists=True)
    aws.advance(100)
    if end == "abort":
        clients("elasticbeanstalk").abort_environment_update(EnvironmentName="rolling-dev")
    aws.advance(100)
    assert environment.look().status == "Ready"
    assert clients.options(EnvironmentName="rolling-dev") == before


def test_a_version_with_a_listener_that_cannot_be_is_not_deployed(
    aws: EmbeddedAws, environment: Deployments, label: str
) -> None:
    environment.deploy(label, option("aws:elbv2:listener:443", "Protocol", "HTTPS"))
    aws.advance(183)
    seen = environment.look()
    assert (seen.status, seen.label, seen.instances) == ("Ready", _before(label), _all(_before(label)))
    assert "A certificate must be specified for HTTPS listeners" in environment.messages("ERROR")[0]


def test_an_additional_batch_keeps_the_capacity(aws: EmbeddedAws, clients: Clients) -> None:
    settings = [
        option(COMMAND, "DeploymentPolicy", "RollingWithAdditionalBatch"),
        option(COMMAND, "BatchSizeType", "Fixed"),
        option(COMMAND, "BatchSize", "1"),
        option("aws:autoscaling:asg", "MinSize", "2"),
    ]
    additional = Deployments.launch(aws, clients, "additional-dev", *settings)
    old = additional.instance_ids()
    additional.deploy("additional-1")
    aws.advance(60)
    assert len(additional.instance_ids()) == 3
    aws.advance(123)
    assert additional.look().instances == _all("additional-1")
    assert len(set(old) & set(additional.instance_ids())) == 1
    assert any("Launching a new batch of 1 additional instance(s)." in text for text in additional.messages("INFO"))


def test_update_seconds_are_real_seconds_without_a_virtual_clock() -> None:
    with EmbeddedAws.start(update_seconds=600, launch_seconds=0) as real:
        clients = Clients(real)
        deployments = Deployments(real, clients, clients.launch("real-dev"))
        assert deployments.look().status == "Ready"
        deployments.deploy("v1")
        assert deployments.look().status == "Updating"
