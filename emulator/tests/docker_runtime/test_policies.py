"""Deployment policies on real containers, under load."""

import pytest

from emulator.tests.docker_runtime.sample_app import Environment, SampleApp, several
from tools.load_generator import GuestbookClient, LoadGenerator

POLICIES = ("AllAtOnce", "Rolling", "RollingWithAdditionalBatch", "Immutable", "TrafficSplitting")


PAGES = {"one": "First of all", "two": "Second to none"}


@pytest.fixture(scope="module")
def versions(app: SampleApp) -> SampleApp:
    for label, text in PAGES.items():
        app.version(label, text)
    app.version("broken", "Third time unlucky", command="sleep 0.3; exit 3")
    return app


@pytest.fixture(scope="module")
def environments() -> dict[str, Environment]:
    return {}


@pytest.fixture(params=POLICIES)
def environment(
    versions: SampleApp, environments: dict[str, Environment], request: pytest.FixtureRequest
) -> Environment:
    policy: str = request.param
    if policy not in environments:
        environments[policy] = versions.launch(f"policy-{policy}"[:40], "one", several(policy))
    return environments[policy]


def ids(environment: Environment) -> set[str]:
    return {instance["InstanceId"] for instance in environment.instances()}


def test_every_policy_deploys_to_all_instances_without_a_failed_request(environment: Environment) -> None:
    before, (status, page) = ids(environment), environment.page()
    old, new = ("one", "two") if page == f"{PAGES['one']}\n\n" else ("two", "one")
    assert (status, page) == (200, f"{PAGES[old]}\n\n")
    with LoadGenerator(GuestbookClient(environment.url), ("First", "Second")) as load:
        environment.update(VersionLabel=new)
    assert load.failed == {}
    assert load.responses[PAGES[old].split()[0]] > 0
    assert environment.page() == (200, f"{PAGES[new]}\n\n")
    assert environment.described()["HealthStatus"] == "Ok"
    assert {instance["Deployment"]["VersionLabel"] for instance in environment.instances()} == {new}
    assert environment.containers() == ids(environment)
    replaced = {"RollingWithAdditionalBatch": 1, "Immutable": 2, "TrafficSplitting": 2}
    assert len(before - ids(environment)) == replaced.get(environment.name.removeprefix("policy-"), 0)


def test_a_version_that_does_not_start_keeps_the_previous_one(environment: Environment) -> None:
    before, word = ids(environment), environment.page()[1].split()[0]
    with LoadGenerator(GuestbookClient(environment.url), (word,)) as load:
        environment.update(VersionLabel="broken")
    assert load.failed == {}
    assert ids(environment) == before
    assert environment.containers() == before
    errors = environment.errors()
    assert errors[0] == "Instance deployment failed to run the Docker container. The deployment failed."
    assert "Failed to deploy application." in errors
    failed = [instance for instance in environment.instances() if instance["Deployment"]["Status"] == "Failed"]
    policy = environment.name.removeprefix("policy-")
    assert len(failed) == {"AllAtOnce": 2, "Rolling": 1}.get(policy, 0)
    for instance in failed:
        assert "error: the container has ended with exit code 3" in instance["Causes"][0]
