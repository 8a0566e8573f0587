"""Live: every container that should run runs, every job has ended well, the health path answers. In Docker."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from beanpod.deploy.aws import assemble
from beanpod.deploy.bundles import plan_bundle
from beanpod.deploy.clock import SystemClock
from beanpod.deploy.errors import NotRolledBackError, RolledBackError
from beanpod.deploy.health_path import HealthPath
from beanpod.deploy.preflight import DeploymentContext, Settings, Target
from beanpod.deploy.release import Rollout
from beanpod.deploy.report import Outcome
from beanpod.manifest import Manifest
from beanpod_emulator import EmbeddedAws
from emulator.tests.docker_runtime.shop import APPLICATION, BUCKET, Options, Shop, Site, several
from tests.deploy.engine import Engine, docker_engine
from tests.deploy.registry import local_registry
from tests.fake_reporter import FakeReporter

__all__ = ["docker_engine"]

CASES = Path(__file__).parent.parent / "cases"
SINGLE: Options = {("aws:elasticbeanstalk:environment", "EnvironmentType"): "SingleInstance"}
SERVES = "httpd -f -p 8080 -h /www"
HEALTHY = f"mkdir -p /www/health; echo ok > /www/health/index.html; {SERVES}"


@pytest.fixture(scope="module")
def shop(docker_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("live")
    with local_registry(folder / "registry") as registry, EmbeddedAws.start(docker=True) as aws:
        aws.set_pace(watch=3, health=30)
        yield Shop.open(aws, registry, docker_engine, folder)


@dataclass
class Owner:
    """Somebody with a project and an environment."""

    site: Site
    folder: Path

    @classmethod
    def of(cls, shop: Shop, folder: Path, options: Options = SINGLE, health_path: str = "/") -> "Owner":
        path = {("aws:elasticbeanstalk:application", "Application Healthcheck URL"): health_path}
        name = f"live-{folder.name[-20:].replace('_', '-')}"
        return cls(shop.launch(name, options={**options, **path}), folder)

    def take(self, case: str) -> "Owner":
        """The files of a case."""
        shutil.copytree(CASES / case, self.folder, dirs_exist_ok=True)
        return self

    def release(self, image: str = SERVES, **files: str) -> Outcome:
        """Change files of the project, and release it. image: what its containers run without a command."""
        for name, text in files.items():
            path = self.folder / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        stage = Manifest.read(self.folder / "beanpod.toml").stage()
        built = self.site.shop.image(image, command=image)
        images = {spec.name: built for spec in plan_bundle(stage, self.folder).specs}
        bundle = plan_bundle(stage, self.folder).bundle(images, application=APPLICATION, login_hooks=False)
        url = self.site.url
        aws = self.site.shop.aws
        target = Target(APPLICATION, self.site.name, aws.region, BUCKET, url, HealthPath.of(stage, url))
        clock = SystemClock()
        calls = assemble(partial(_client, self.site.shop))
        rollout = Rollout(DeploymentContext(target, calls, clock, FakeReporter(), Settings(recovery=5)))
        return rollout.release(bundle)

    def containers(self, service: str, form: str) -> list[str]:
        """What docker tells of a service's containers."""
        engine, instances = self.site.shop.engine, {it["InstanceId"] for it in self.site.instances()}
        found = [
            engine.run("ps", "--all", "--quiet", *("--filter", f"label=beanpod.instance={instance}"),
                       "--filter", f"label=com.docker.compose.service={service}").split()
            for instance in instances
        ]  # fmt: skip
        return [engine.run("inspect", "--format", form, it).strip() for ids in found for it in ids]


def _client(shop: Shop, service: str, **_: object) -> object:
    return shop.client(service)


def compose(job: str, web: str = "") -> str:
    """A web service and another one."""
    return f'services:\n  web: {{build: ., ports: ["80:8080"]{web}}}\n  other: {{build: ., {job}}}\n'


LOOPS = 'command: [sh, -c, "echo migrated"], restart: always'
FAILS = 'command: [sh, -c, "echo no such table; exit 3"], restart: "no"'
ENDS = 'command: [sh, -c, "echo migrated"]'
WORKS = 'command: [sh, -c, "exec sleep 900"]'


def test_a_job_that_ends_well_runs_once_and_a_worker_comes_up_again(shop: Shop, tmp_path: Path) -> None:
    owner = Owner.of(shop, tmp_path).take("one-off-job")
    outcome = owner.release()
    assert outcome.health_path == f"GET {owner.site.url}/ answered 200"
    state = "{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}} {{.HostConfig.RestartPolicy.Name}}"
    assert owner.containers("migrate", state) == ["exited 0 0 no"]
    owner.release(compose_yaml=compose(ENDS))
    assert owner.containers("other", state) == ["exited 0 0 on-failure"]
    owner.release(compose_yaml=compose(WORKS))
    assert owner.containers("other", state) == ["running 0 0 unless-stopped"]


@pytest.mark.parametrize(
    ("job", "says"),
    [(LOOPS, "service other restarts again and again"), (FAILS, "service other has failed. Exit code 3")],
    ids=["loops", "fails"],
)
def test_a_release_with_a_job_that_does_not_end_well_is_rolled_back_and_names_it(
    shop: Shop, tmp_path: Path, job: str, says: str
) -> None:
    owner = Owner.of(shop, tmp_path).take("one-off-job")
    before = owner.release().version_label
    with pytest.raises(RolledBackError, match=f"{before} runs again") as caught:
        owner.release(compose_yaml=compose(job))
    assert any(says in cause for cause in caught.value.causes), caught.value.causes
    assert owner.site.described()["VersionLabel"] == before
    assert owner.site.page()[0] == 200


def test_a_job_that_the_owner_has_started_on_failure_may_have_ended(shop: Shop, tmp_path: Path) -> None:
    owner = Owner.of(shop, tmp_path).take("job-that-runs-on-failure")
    assert owner.release().changed


def test_an_api_without_a_start_page_is_live_on_a_single_instance(shop: Shop, tmp_path: Path) -> None:
    owner = Owner.of(shop, tmp_path, health_path="/health/").take("api-without-a-start-page")
    outcome = owner.release(f"rm /www/index.html; {HEALTHY}")
    assert outcome.health_path == f"GET {owner.site.url}/health/ answered 200"
    assert owner.site.page()[0] == 404


def test_a_dead_health_path_with_a_living_start_page_fails(shop: Shop, tmp_path: Path) -> None:
    owner = Owner.of(shop, tmp_path, health_path="/health/").take("api-without-a-start-page")
    with pytest.raises(NotRolledBackError, match="first release") as caught:
        owner.release(SERVES)
    assert any("/health/ answers 404" in cause for cause in caught.value.causes), caught.value.causes


def test_what_listens_on_loopback_only_fails(shop: Shop, tmp_path: Path) -> None:
    owner = Owner.of(shop, tmp_path).take("listens-on-loopback")
    with pytest.raises(NotRolledBackError):
        owner.release("httpd -f -p 127.0.0.1:8080 -h /www")


def test_a_single_container_that_ends_again_and_again_is_named_with_its_exit_code(shop: Shop, tmp_path: Path) -> None:
    owner = Owner.of(shop, tmp_path, health_path="/health/").take("api-without-a-start-page")
    before = owner.release(HEALTHY).version_label
    with pytest.raises(RolledBackError, match=f"{before} runs again") as caught:
        owner.release("echo no configuration; exit 7")
    assert any("exit code 7" in cause for cause in caught.value.causes), caught.value.causes


def test_one_instance_of_two_on_which_a_worker_loops_fails_the_release(shop: Shop, tmp_path: Path) -> None:
    owner = Owner.of(shop, tmp_path, several("AllAtOnce")).take("one-off-job")
    before = owner.release().version_label
    bad = min(it["InstanceId"] for it in owner.site.instances())
    mark = f'#!/bin/sh\nrm -f /data/bad\n[ "$(hostname)" != {bad} ] || touch /data/bad\n'
    prod = 'services: {other: {volumes: ["/data:/data:ro"]}}\n'
    works = 'command: [sh, -c, "[ ! -e /data/bad ] || exit 5; exec sleep 900"]'
    files = {"compose_prod_yaml": prod, "compose_yaml": compose(works), "_platform__hooks__prebuild__mark_sh": mark}
    with pytest.raises(RolledBackError, match=f"{before} runs again") as caught:
        owner.release(**files)
    told = [cause for cause in caught.value.causes if "service other restarts again and again" in cause]
    assert told, caught.value.causes
    assert all(bad in cause for cause in told if cause.startswith("i-"))


def test_a_change_of_configuration_is_watched_as_well(shop: Shop, tmp_path: Path) -> None:
    owner = Owner.of(shop, tmp_path).take("one-off-job")
    reads = 'env_file: [.env], command: [sh, -c, "[ \\"$$MODE\\" != broken ] || exit 6; exec sleep 900"]'
    files = {"compose_yaml": compose(reads)}
    owner.release(**files)
    setting = {
        "Namespace": "aws:elasticbeanstalk:application:environment", "OptionName": "MODE", "Value": "broken",
    }  # fmt: skip
    owner.site.update(OptionSettings=[setting])
    deadline = time.monotonic() + 60
    while not (causes := [cause for it in owner.site.instances() for cause in it["Causes"]]):
        assert time.monotonic() < deadline
        time.sleep(1)
    assert any("service other restarts again and again. Exit code 6" in cause for cause in causes), causes
