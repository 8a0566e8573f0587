"""Which words services start again by: the owner's stays, and a job without one is not run for ever."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from beanpod.deploy.bundles.compose.services import Kind
from tests.deploy.bundles.projects import compose_bundle, composed

WEB = '  web: {build: ., ports: ["80:8080"]}\n'


def made(root: Path, services: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The services of a bundle, and the kinds that its hook knows."""
    bundle = compose_bundle(root, f"services:\n{services}")
    hook = bundle.files[".platform/hooks/postdeploy/98_beanpod_verify.sh"].data.decode()
    kinds = hook.partition("services='")[2].partition("'")[0]
    assert bundle.files[".platform/confighooks/postdeploy/98_beanpod_verify.sh"].data.decode() == hook
    return composed(bundle)["services"], dict(line.split() for line in kinds.splitlines())


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ('"no"', Kind.ONCE),
        ("on-failure", Kind.ONCE),
        ("on-failure:3", Kind.ONCE),
        ("always", Kind.SERVER),
        ("unless-stopped", Kind.SERVER),
    ],
)
def test_the_restart_policy_of_the_file_is_kept(tmp_path: Path, word: str, kind: Kind) -> None:
    services, kinds = made(tmp_path, f"{WEB}  migrate: {{build: ., restart: {word}}}\n")
    assert services["migrate"]["restart"] == yaml.safe_load(word)
    assert kinds == {"web": Kind.SERVER, "migrate": kind}


def test_the_web_service_keeps_its_restart_policy_and_should_run(tmp_path: Path) -> None:
    services, kinds = made(tmp_path, '  web: {build: ., ports: ["80:8080"], restart: "no"}\n')
    assert (services["web"]["restart"], kinds) == ("no", {"web": Kind.SERVER})


@pytest.mark.parametrize(
    ("policy", "kind"),
    [("{condition: none}", Kind.ONCE), ("{condition: on-failure, max_attempts: 2}", Kind.ONCE), ("{}", Kind.SERVER)],
)
def test_the_restart_policy_of_deploy_counts(tmp_path: Path, policy: str, kind: Kind) -> None:
    services, kinds = made(tmp_path, f"{WEB}  seed: {{build: ., deploy: {{restart_policy: {policy}}}}}\n")
    assert "restart" not in services["seed"]
    assert kinds["seed"] == kind


@pytest.mark.parametrize(
    ("keys", "needed", "kind", "word"),
    [
        ("", "", Kind.WORKER, "on-failure"),
        ("", "depends_on: [it]", Kind.WORKER, "on-failure"),
        ("", "depends_on: {it: {condition: service_started}}", Kind.WORKER, "on-failure"),
        ("", "depends_on: {it: {condition: service_completed_successfully}}", Kind.JOB, "no"),
        ("", "depends_on: {it: {condition: service_healthy}}", Kind.SERVER, "always"),
        ('expose: ["9000"]', "", Kind.SERVER, "always"),
        ('ports: ["9000:9000"]', "", Kind.SERVER, "always"),
        ("healthcheck: {test: [CMD, 'true']}", "", Kind.SERVER, "always"),
        ("healthcheck: {disable: true}", "", Kind.WORKER, "on-failure"),
    ],
)
def test_a_service_without_restart_gets_that_of_its_kind(
    tmp_path: Path, keys: str, needed: str, kind: Kind, word: str
) -> None:
    web = f'  web: {{build: ., ports: ["80:8080"]{f", {needed}" if needed else ""}}}\n'
    services, kinds = made(tmp_path, f"{web}  it: {{build: .{f', {keys}' if keys else ''}}}\n")
    assert (services["it"]["restart"], kinds["it"]) == (word, kind)
    assert services["web"]["restart"] == "always"


def test_a_pulled_image_that_others_start_after_is_a_server(tmp_path: Path) -> None:
    web = '  web: {build: ., ports: ["80:8080"], depends_on: [cache]}\n'
    services, kinds = made(tmp_path, f"{web}  cache: {{image: 'redis:7'}}\n  agent: {{image: 'agent:1'}}\n")
    assert (services["cache"]["restart"], kinds["cache"]) == ("always", Kind.SERVER)
    assert (services["agent"]["restart"], kinds["agent"]) == ("on-failure", Kind.WORKER)


def test_a_service_without_containers_is_not_verified(tmp_path: Path) -> None:
    services = f"{WEB}  later: {{build: ., scale: 0}}\n  none: {{build: ., deploy: {{replicas: 0}}}}\n"
    assert made(tmp_path, services)[1] == {"web": Kind.SERVER}
