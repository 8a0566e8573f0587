"""`beanpod check`: the manifest, and the bundle of each stage, without AWS and without Docker."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands.in_process import Result, run
from tests.deploy.bundles.projects import SERVICE, write

STAGES = f"{SERVICE}[stages.dev.service]\nport = 3000\n[stages.prod.service]\nport = 4000\n"


def check(tmp_path: Path, manifest: str, *arguments: str, dockerfile: str | None = "FROM busybox:stable\n") -> Result:
    write(tmp_path, {"project/beanpod.toml": manifest})
    if dockerfile:
        write(tmp_path, {"project/Dockerfile": dockerfile})
    return run(tmp_path, "check", "--manifest", str(tmp_path / "project/beanpod.toml"), *arguments)


def container_port(folder: Path) -> Any:
    return json.loads((folder / "Dockerrun.aws.json").read_text())["Ports"][0]["ContainerPort"]


def test_checks_every_stage(tmp_path: Path) -> None:
    assert list(check(tmp_path, STAGES, "--json").document["stages"]) == ["dev", "prod"]
    done = check(tmp_path, STAGES)
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == f"{tmp_path}/project/beanpod.toml: no problems in dev, prod"


def test_a_note_is_shown_once_and_names_its_stage(tmp_path: Path) -> None:
    dockerfile = "FROM busybox:stable\nEXPOSE 3000\n"
    (line,) = (line for line in check(tmp_path, STAGES, dockerfile=dockerfile).stdout.splitlines() if "EXPOSE" in line)
    note = "Dockerfile: EXPOSE names 3000, but service.port is 4000: requests are sent to 4000"
    assert line.endswith(f"stage prod: {note}")
    both = check(tmp_path, SERVICE + "[stages.dev]\n[stages.prod]\n", dockerfile=dockerfile).stdout
    (line,) = (line for line in both.splitlines() if "EXPOSE" in line)
    assert "stage" not in line


def test_a_version_without_standard_support_is_noted(tmp_path: Path) -> None:
    database = '[stages.dev.database]\nengine = "mariadb"\nversion = "10.6.20"\n'
    (notes,) = (stage["notes"] for stage in check(tmp_path, SERVICE + database, "--json").document["stages"].values())
    note = "RDS ended the standard support of mariadb 10.6 on 2026-08-31, and may create no new database of it"
    assert any(it.startswith(f"database.version: {note}: write ") for it in notes)


def test_writes_the_bundle_of_the_first_stage_or_of_the_given_one(tmp_path: Path) -> None:
    check(tmp_path, STAGES, "--bundle", str(tmp_path / "first"))
    check(tmp_path, STAGES, "--stage", "prod", "--bundle", str(tmp_path / "prod"))
    assert (container_port(tmp_path / "first"), container_port(tmp_path / "prod")) == (3000, 4000)


def test_a_link_to_a_manifest_elsewhere_describes_its_own_folder(tmp_path: Path) -> None:
    write(tmp_path, {"manifests/shop.toml": SERVICE, "project/Dockerfile": "FROM busybox:stable\n"})
    (tmp_path / "project/beanpod.toml").symlink_to("../manifests/shop.toml")
    result = run(tmp_path, "check", "--manifest", str(tmp_path / "project/beanpod.toml"))
    assert (result.code, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("manifest", "dockerfile", "code", "message"),
    [
        pytest.param(f"{SERVICE}colour = 1\n", "FROM busybox\n", 2, "beanpod.toml: 1 problem\n", id="manifest"),
        pytest.param(STAGES, None, 2, "service.dockerfile", id="no Dockerfile"),
        pytest.param(
            STAGES,
            "FROM busybox:stable\nCOPY missing /\n",
            3,
            "Dockerfile: line 2: COPY missing: not found in the build context",
            id="Dockerfile",
        ),
    ],
)
def test_a_problem_is_named(tmp_path: Path, manifest: str, dockerfile: str | None, code: int, message: str) -> None:
    done = check(tmp_path, manifest, dockerfile=dockerfile)
    assert (done.code, done.stdout) == (code, "")
    assert message in done.stderr


def test_another_version_in_the_requirements_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"project/requirements.txt": "beanpod[cdk]==9.9.9\n"})
    done = check(tmp_path, STAGES)
    assert done.code == 2
    assert "requirements.txt names 9.9.9: name one version in requirements.txt, and install it" in done.stderr
