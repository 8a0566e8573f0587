"""When a release succeeds, with Docker: services run, jobs have exited with 0, the health path responds."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from beanpod.deploy.aws import assemble
from beanpod.deploy.bundles import plan_bundle
from beanpod.deploy.clock import Clock
from beanpod.deploy.errors import RolledBackError
from beanpod.deploy.health_path import HealthPath
from beanpod.deploy.preflight import DeploymentContext, Settings, Target
from beanpod.deploy.report import Outcome
from beanpod.deploy.rollout import Rollout
from beanpod.manifest import Manifest
from beanpod_emulator import EmbeddedAws
from emulator.tests.docker_runtime.sample_app import Environment, Options, SampleApp, several
from tests.deploy.bundles.projects import write
from tests.deploy.engine import Engine
from tests.deploy.registry import local_registry
from tests.fake_reporter import FakeReporter

CASES = Path(__file__).parent.parent / "cases"
SINGLE: Options = {("aws:elasticbeanstalk:environment", "EnvironmentType"): "SingleInstance"}
HEALTH_PATH = ("aws:elasticbeanstalk:application", "Application Healthcheck URL")
MODE = {"Namespace": "aws:elasticbeanstalk:application:environment", "OptionName": "MODE"}
SERVES = "httpd -f -p 8080 -h /www"
HEALTHY = f"mkdir -p /www/health; echo ok > /www/health/index.html; {SERVES}"
# Docker before 23 may not notice the end of a container that ends as it starts, and show it as running for ever:
# https://github.com/moby/moby/issues/39583. Those that end here sleep first.
FAILS = 'command: [sh, -c, "echo no such table; sleep 0.3; exit 3"], restart: "no"'
ENDS = 'command: [sh, -c, "sleep 0.3; echo migrated"]'
WORKS = 'command: [sh, -c, "exec sleep 900"]'


class ImpatientClock(Clock):
    """Polls more often than a release does: the emulator has no rate limit."""

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 1))


@pytest.fixture(scope="module")
def app(docker_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SampleApp]:
    folder = tmp_path_factory.mktemp("live")
    with local_registry(folder / "registry") as registry, EmbeddedAws.start(docker=True) as aws:
        aws.set_pace(watch=1)
        yield SampleApp(aws, registry, docker_engine, folder).open()


@dataclass
class Project:
    """A folder with an app, and the environment that it is released to."""

    environment: Environment
    folder: Path

    @classmethod
    def copy(cls, case: str, folder: Path, environment: Environment) -> "Project":
        shutil.copytree(CASES / case, folder, dirs_exist_ok=True)
        return cls(environment, folder)

    def release(self, image: str = SERVES, **files: str) -> Outcome:
        """Change files of the project, and release it. image: the command of the images that it builds."""
        write(self.folder, {name.replace("__", "/").replace("_", "."): text for name, text in files.items()})
        app, url = self.environment.app, self.environment.url
        stage = Manifest.read(self.folder / "beanpod.toml").stage()
        plan = plan_bundle(stage, self.folder)
        images = {spec.name: app.image(image, command=image) for spec in plan.specs}
        bundle = plan.bundle(images, application=app.name, login_hooks=False)
        target = Target(app.name, self.environment.name, app.aws.region, app.name, url, HealthPath.of(stage, url))
        settings = Settings(recovery=5)
        context = DeploymentContext(target, assemble(app.client), ImpatientClock(), FakeReporter(), settings)
        return Rollout(context).release(bundle)

    def fails(self, image: str = SERVES, **files: str) -> list[str]:
        """Release it, which fails, and is rolled back to the version before. Returns the causes."""
        before = self.environment.described()["VersionLabel"]
        with pytest.raises(RolledBackError, match=f"{before} runs again") as caught:
            self.release(image, **files)
        assert self.environment.described()["VersionLabel"] == before
        return list(caught.value.causes)

    def state(self, service: str) -> list[str]:
        """Return state, exit code, restarts and restart policy of a service's container on a single instance."""
        engine, (instance,) = self.environment.app.engine, self.environment.instances()
        labels = (f"beanpod.instance={instance['InstanceId']}", f"com.docker.compose.service={service}")
        filters = (item for label in labels for item in ("--filter", f"label={label}"))
        form = "{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}} {{.HostConfig.RestartPolicy.Name}}"
        found = engine.run("ps", "--all", "--quiet", *filters).split()
        return [engine.run("inspect", "--format", form, container).strip() for container in found]


def compose(**others: str) -> str:
    """A web service and others."""
    services = {"web": 'ports: ["80:8080"]', **others}
    return "services:\n" + "".join(f"  {name}: {{build: ., {keys}}}\n" for name, keys in services.items())


@pytest.fixture(scope="module")
def single(app: SampleApp) -> Environment:
    return app.launch("live-single", options=SINGLE)


def test_a_job_runs_once_a_worker_is_restarted_and_a_job_that_fails_fails_the_release(
    single: Environment, tmp_path: Path
) -> None:
    project = Project.copy("one-off-job", tmp_path, single)
    outcome = project.release(compose_yaml=compose(worker=WORKS, seed=ENDS, migrate=f'{ENDS}, restart: "no"'))
    assert outcome.health_path == f"GET {single.url}/ answered 200"
    assert {name: project.state(name) for name in ("worker", "seed", "migrate")} == {
        "worker": ["running 0 0 unless-stopped"],
        "seed": ["exited 0 0 on-failure"],
        "migrate": ["exited 0 0 no"],
    }
    causes = project.fails(compose_yaml=compose(other=FAILS))
    assert any("service other has failed. Exit code 3" in text for text in causes), causes
    assert single.page()[0] == 200


def test_the_health_path_decides_and_not_the_start_page(app: SampleApp, tmp_path: Path) -> None:
    environment = app.launch("live-api", options={**SINGLE, HEALTH_PATH: "/health/"})
    project = Project.copy("api-without-a-start-page", tmp_path, environment)
    outcome = project.release(f"rm /www/index.html; {HEALTHY}")
    assert (outcome.health_path, environment.page()[0]) == (f"GET {environment.url}/health/ answered 200", 404)
    with app.health_timeout(8):
        causes = project.fails(SERVES)
    assert any("/health/ answers 404" in cause for cause in causes), causes


def test_a_worker_that_loops_on_one_instance_of_two_fails_the_release(app: SampleApp, tmp_path: Path) -> None:
    project = Project.copy("one-off-job", tmp_path, app.launch("live-pair", options=several("AllAtOnce")))
    project.release()
    bad = min(it["InstanceId"] for it in project.environment.instances())
    mark = f'#!/bin/sh\nrm -f /data/bad\n[ "$(hostname)" != {bad} ] || touch /data/bad\n'
    causes = project.fails(
        compose_prod_yaml='services: {other: {volumes: ["/data:/data:ro"]}}\n',
        compose_yaml=compose(other='command: [sh, -c, "[ ! -e /data/bad ] || { sleep 0.3; exit 5; }; exec sleep 900"]'),
        _platform__hooks__prebuild__mark_sh=mark,
    )
    loops = [text for text in causes if "service other restarts again and again" in text]
    assert loops, causes
    assert all(bad in text for text in loops if text.startswith("i-"))


def test_containers_are_watched_after_a_change_of_configuration(single: Environment, tmp_path: Path) -> None:
    ends = "[ x$$MODE != xbroken ] || { sleep 0.3; exit 6; }; exec sleep 900"
    reads = f'env_file: [.env], command: [sh, -c, "{ends}"]'
    Project.copy("one-off-job", tmp_path, single).release(compose_yaml=compose(other=reads))
    single.update(OptionSettings=[{**MODE, "Value": "broken"}])
    causes = [cause for it in single.instances() for cause in it["Causes"]]
    assert any("service other restarts again and again. Exit code 6" in cause for cause in causes), causes
