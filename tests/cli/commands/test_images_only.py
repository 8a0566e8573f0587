"""A Compose file without `build`: from build to rollback."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.commands.sandbox_stage import SandboxStage
from tests.cli.output.runner import read_file_command
from tests.deploy.bundles.cases import copied
from tests.deploy.registry import local_registry


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """The manifest of such a project, with the name of the stage's service."""
    path = copied("images-only", tmp_path) / "beanpod.toml"
    path.write_text(path.read_text().replace('"shop"', '"guestbook"'))
    return path


# No engine and no registry answers there: neither is needed.
NOWHERE = {"DOCKER_HOST": "tcp://127.0.0.1:1", "PATH": "/nowhere"}


def test_release_is_named_by_the_image_of_the_web_service(stage: SandboxStage, manifest: Path, tmp_path: Path) -> None:
    files = {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    result = stage.run(
        "deploy", "--manifest", str(manifest), "--json", environ={"GITHUB_ACTIONS": "true", **files, **NOWHERE}
    )
    assert result.code == 0, result.stderr
    assert (result.document["image"], result.document["digest"]) == ("nginx:stable", "")
    assert result.document["changed"] is True
    outputs = read_file_command((tmp_path / "output").read_text())
    assert (outputs["image"], outputs["digest"]) == ("nginx:stable", "")
    assert "Image nginx:stable" in (tmp_path / "summary").read_text()
    label = result.document["version_label"]
    assert stage.run("status", "--json").document["version_label"] == label

    again = stage.run("deploy", "--manifest", str(manifest), "--json", environ=NOWHERE)
    assert (again.code, again.document["changed"]) == (0, False)

    compose = manifest.with_name("compose.yaml")
    compose.write_text(compose.read_text().replace("nginx:stable", f"nginx@sha256:{'ab' * 32}"))
    other = stage.run("deploy", "--manifest", str(manifest), "--json", environ=NOWHERE).document
    assert other["digest"] == f"sha256:{'ab' * 32}"
    assert stage.run("rollback", "--json").document["version_label"] == label


def test_build_and_dry_run_show_that_nothing_is_built(stage: SandboxStage, manifest: Path) -> None:
    built = stage.run("--manifest", str(manifest), "build", "--json", environ=NOWHERE)
    assert (built.code, built.document["images"], built.document["image"]) == (0, [], "nginx:stable")
    assert "nginx:stable" in stage.run("--manifest", str(manifest), "build", environ=NOWHERE).stdout
    plan = stage.run("deploy", "--manifest", str(manifest), "--dry-run", environ=NOWHERE).stdout.splitlines()
    assert any(line.split() == ["build", "no", "image"] for line in plan)
    assert any(line.split() == ["push", "nothing"] for line in plan)


def test_secrets_need_no_login_where_nothing_is_built(stage: SandboxStage, manifest: Path, tmp_path: Path) -> None:
    (program := tmp_path / "gh").write_text("#!/bin/sh\n")
    program.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    result = stage.run("secrets", "--manifest", str(manifest), "--json", environ=environ)
    assert (result.code, result.document["secrets"]) == (0, ["AWS_ACCESS_KEY", "AWS_SECRET_KEY"])
    result = stage.run("secrets", "--manifest", str(manifest), environ=environ | {"DOCKER_USERNAME": "ada"})
    assert (result.code, "DOCKER_PASSWORD is not set" in result.stderr) == (2, True)


def test_version_is_tagged_with_the_image(stage: SandboxStage, manifest: Path) -> None:
    compose = manifest.with_name("compose.yaml")
    compose.write_text(compose.read_text().replace("nginx:stable", "nginx:mainline"))
    document = json.loads(stage.run("deploy", "--manifest", str(manifest), "--json", environ=NOWHERE).stdout)
    beanstalk = stage.sandbox.client("elasticbeanstalk")
    (version,) = beanstalk.describe_application_versions(VersionLabels=[document["version_label"]])[
        "ApplicationVersions"
    ]
    tags = beanstalk.list_tags_for_resource(ResourceArn=version["ApplicationVersionArn"])["ResourceTags"]
    assert {"Key": "beanpod:image", "Value": "nginx:mainline"} in tags


def test_image_that_the_instances_cannot_pull_is_refused(stage: SandboxStage, manifest: Path, tmp_path: Path) -> None:
    compose = manifest.with_name("compose.yaml")
    with local_registry(tmp_path / "registry", username="ada", password="open sesame") as registry:
        compose.write_text(compose.read_text().replace("nginx:stable", f"{registry.host}/ada/wiki:1"))
        environ = {**NOWHERE, "PATH": os.environ["PATH"]}
        result = stage.run("deploy", "--manifest", str(manifest), environ=environ)
    assert result.code == 3
    assert f"service web: {registry.host}/ada/wiki:1 is private or does not exist on {registry.host}" in result.stderr
    assert f"run docker login {registry.host} in a hook of your own" in result.stderr
