"""The deploying step, read from action.yml, releases for real: Docker, a private registry, an embedded AWS."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from beanpod_emulator import EmbeddedAws
from tests.deploy.deployed_stage import USERNAME, Project, deploy_stacks, deployers_key
from tests.deploy.engine import Engine, docker_engine
from tests.deploy.registry import LocalRegistry, local_registry
from tests.workflows.workflow import ACTION, ROOT, Ran, Runner, load, step_of

__all__ = ["docker_engine"]
PASSWORD = "open sesame"
STEP = step_of(load(ACTION)["runs"]["steps"], "Deploy")


@dataclass(frozen=True)
class Repository:
    """A project on GitHub: its files, its four secrets, and a runner for its workflow."""

    project: Project
    secrets: Mapping[str, str]
    registry: LocalRegistry
    runner: Runner

    def push(self) -> Ran:
        """What the workflow's step does with what is in the folder now."""
        return self.runner.run(STEP, self.secrets)


@pytest.fixture(scope="module")
def repository(docker_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    folder = tmp_path_factory.mktemp("release")
    with (
        local_registry(folder / "registry", username=USERNAME, password=PASSWORD) as registry,
        EmbeddedAws.start(enforce_iam=True) as aws,
    ):
        project = Project.make(_folder(folder / "project"), image=f"{registry.host}/beanpod/guestbook")
        outputs = deploy_stacks(project, aws, project.synthesise())
        shutil.rmtree(project.folder / "cdk.out")
        secrets = deployers_key(outputs, aws) | {"DOCKER_USERNAME": USERNAME, "DOCKER_PASSWORD": PASSWORD}
        variables = {
            **docker_engine.variables(_folder(folder / "home")),
            "PATH": f"{ROOT / '.venv/bin'}:{docker_engine.variables(folder)['PATH']}",
            "PYTHONPATH": str(ROOT / "constructs"),
            "AWS_DEFAULT_REGION": "us-east-1",
            "MANIFEST": "beanpod.toml",
            "STAGE": "dev",
            "AWS_ENDPOINT_URL": aws.endpoint_url,
        }
        files = _folder(folder / "runner")
        (files / "beanpod").symlink_to(ROOT / ".venv")
        yield Repository(project, secrets, registry, Runner(project.folder, files, variables))


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_a_push_releases_with_the_four_secrets_and_nothing_else(repository: Repository) -> None:
    repository.project.greet("something new")
    ran = repository.push()
    assert ran.code == 0, ran.printed
    tag = ran.outputs["image"].partition("@")[0].rpartition(":")[2]
    assert ran.outputs["digest"] == repository.registry.digest("beanpod/guestbook", tag)
    assert (ran.outputs["changed"], ran.outputs["rolled-back"]) == ("true", "false")
    assert ran.outputs["version-label"].startswith("guestbook-")
    assert "::group::Roll out" in ran.printed
    assert ran.outputs["version-label"] in ran.summary
    for secret in (repository.secrets["AWS_SECRET_ACCESS_KEY"], PASSWORD):
        assert secret not in ran.printed + ran.summary + str(ran.outputs)


def test_a_push_that_changes_nothing_releases_nothing(repository: Repository) -> None:
    before = repository.push()
    uploads = repository.registry.uploads()
    again = repository.push()
    assert again.code == 0, again.printed
    assert again.outputs["changed"] == "false"
    assert again.outputs["version-label"] == before.outputs["version-label"]
    assert repository.registry.uploads() == uploads


def test_a_push_of_what_cannot_be_built_fails_the_job_and_says_why(repository: Repository) -> None:
    repository.push()
    dockerfile = repository.project.folder / "Dockerfile"
    working = dockerfile.read_text()
    dockerfile.write_text(working + "COPY nowhere /\n")
    ran = repository.push()
    dockerfile.write_text(working)
    assert ran.code == 3, ran.printed
    assert ran.printed.count("::error title=Deployment failed::") == 1
    assert "nowhere" in ran.summary
