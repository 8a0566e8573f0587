"""Deployment policies on real containers, under load."""

import pytest

from emulator.tests.docker_runtime.shop import Shop, Site, several
from tools.load_generator import GuestbookClient, LoadGenerator

POLICIES = ("AllAtOnce", "Rolling", "RollingWithAdditionalBatch", "Immutable", "TrafficSplitting")
REPLACING = ("Immutable", "TrafficSplitting")


@pytest.fixture(scope="module")
def versions(shop: Shop) -> Shop:
    shop.version("one", "First of all")
    shop.version("two", "Second to none")
    shop.version("broken", "Third time unlucky", command="sleep 0.3; exit 3")
    return shop


@pytest.fixture(params=POLICIES, scope="module")
def site(versions: Shop, request: pytest.FixtureRequest) -> Site:
    policy: str = request.param
    return versions.launch(f"policy-{policy}"[:40], "one", several(policy))


def ids(site: Site) -> set[str]:
    return {instance["InstanceId"] for instance in site.instances()}


def test_every_policy_deploys_to_all_instances_without_a_failed_request(site: Site) -> None:
    before = ids(site)
    assert site.page() == (200, "First of all\n\n")
    with LoadGenerator(GuestbookClient(site.url), ("First", "Second")) as load:
        site.update(VersionLabel="two")
    assert load.failed == {}
    assert load.responses["First"] > 0
    assert site.page() == (200, "Second to none\n\n")
    assert site.described()["HealthStatus"] == "Ok"
    assert {instance["Deployment"]["VersionLabel"] for instance in site.instances()} == {"two"}
    assert site.containers() == ids(site)
    replaced = {"RollingWithAdditionalBatch": 1, "Immutable": 2, "TrafficSplitting": 2}
    assert len(before - ids(site)) == replaced.get(site.name.removeprefix("policy-"), 0)


def test_a_version_that_does_not_start_keeps_the_previous_one(site: Site) -> None:
    before, word = ids(site), site.page()[1].split()[0]
    with LoadGenerator(GuestbookClient(site.url), (word,)) as load:
        site.update(VersionLabel="broken")
    assert load.failed == {}
    assert ids(site) == before
    assert site.containers() == before
    errors = site.errors()
    assert errors[0] == "Instance deployment failed to run the Docker container. The deployment failed."
    assert "Failed to deploy application." in errors
    failed = [instance for instance in site.instances() if instance["Deployment"]["Status"] == "Failed"]
    policy = site.name.removeprefix("policy-")
    assert len(failed) == {"AllAtOnce": 2, "Rolling": 1}.get(policy, 0)
    for instance in failed:
        assert "has ended with exit code 3" in instance["Causes"][0]
