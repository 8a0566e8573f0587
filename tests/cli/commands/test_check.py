"""`beanpod check`: the manifest, and the bundle of each stage, without AWS and without Docker."""

import json
from pathlib import Path
from typing import Any

from tests.cli.commands.in_process import run
from tests.deploy.bundles.projects import SERVICE, write

STAGES = f"{SERVICE}[stages.dev.service]\nport = 3000\n[stages.prod.service]\nport = 4000\n"


def check(tmp_path: Path, manifest: str, *arguments: str, dockerfile: bool = True) -> tuple[int, str, str]:
    write(tmp_path, {"project/beanpod.toml": manifest})
    if dockerfile:
        write(tmp_path, {"project/Dockerfile": "FROM busybox:stable\n"})
    result = run(tmp_path, "check", "--manifest", str(tmp_path / "project/beanpod.toml"), *arguments)
    return result.code, result.stdout, result.stderr


def container_port(folder: Path) -> Any:
    return json.loads((folder / "Dockerrun.aws.json").read_text())["Ports"][0]["ContainerPort"]


def test_checks_every_stage(tmp_path: Path) -> None:
    code, out, errors = check(tmp_path, STAGES, "--json")
    assert code == 0, errors
    assert list(json.loads(out)["stages"]) == ["dev", "prod"]


def test_says_that_there_are_no_problems(tmp_path: Path) -> None:
    code, out, errors = check(tmp_path, STAGES)
    assert (code, errors) == (0, "")
    assert out.splitlines()[-1] == f"{tmp_path}/project/beanpod.toml: no problems in dev, prod"


def test_a_note_is_shown_once_and_names_its_stage(tmp_path: Path) -> None:
    write(tmp_path, {"project/Dockerfile": "FROM busybox:stable\nEXPOSE 3000\n"})
    _, out, _ = check(tmp_path, STAGES, dockerfile=False)
    note = "Dockerfile: EXPOSE names 3000, but service.port is 4000: requests are sent to 4000"
    assert next(line for line in out.splitlines() if "EXPOSE" in line).endswith(f"stage prod: {note}")
    _, out, _ = check(tmp_path, SERVICE + "[stages.dev]\n[stages.prod]\n", dockerfile=False)
    (line,) = (line for line in out.splitlines() if "EXPOSE" in line)
    assert "stage" not in line


def test_writes_the_bundle_of_the_first_stage_or_of_the_given_one(tmp_path: Path) -> None:
    assert check(tmp_path, STAGES, "--bundle", str(tmp_path / "first"))[0] == 0
    assert check(tmp_path, STAGES, "--stage", "prod", "--bundle", str(tmp_path / "prod"))[0] == 0
    assert (container_port(tmp_path / "first"), container_port(tmp_path / "prod")) == (3000, 4000)


def test_a_link_to_a_manifest_elsewhere_describes_its_own_folder(tmp_path: Path) -> None:
    write(tmp_path, {"manifests/shop.toml": SERVICE, "project/Dockerfile": "FROM busybox:stable\n"})
    (tmp_path / "project/beanpod.toml").symlink_to("../manifests/shop.toml")
    result = run(tmp_path, "check", "--manifest", str(tmp_path / "project/beanpod.toml"))
    assert (result.code, result.stderr) == (0, "")


def test_problem_of_the_manifest_exits_with_2(tmp_path: Path) -> None:
    code, out, errors = check(tmp_path, f"{SERVICE}colour = 1\n")
    assert (code, out) == (2, "")
    assert errors.splitlines()[0].endswith("beanpod.toml: 1 problem")


def test_missing_dockerfile_exits_with_2_and_names_the_key(tmp_path: Path) -> None:
    code, _, errors = check(tmp_path, STAGES, dockerfile=False)
    assert code == 2
    assert "service.dockerfile" in errors


def test_problem_of_the_dockerfile_exits_with_3(tmp_path: Path) -> None:
    write(tmp_path, {"project/Dockerfile": "FROM busybox:stable\nCOPY missing /\n"})
    code, _, errors = check(tmp_path, STAGES, dockerfile=False)
    assert code == 3
    assert "Dockerfile: line 2: COPY missing: not found in the build context" in errors


def test_folder_in_place_of_a_manifest_is_named(tmp_path: Path) -> None:
    result = run(tmp_path, "check", "--manifest", str(tmp_path))
    assert result.code == 2
    assert result.stderr.startswith(f"beanpod: {tmp_path}: 1 problem\n  - a directory: name the file in it")


def test_another_version_in_the_requirements_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"project/requirements.txt": "beanpod[cdk]==9.9.9\n"})
    code, _, errors = check(tmp_path, STAGES)
    assert code == 2
    assert "requirements.txt names 9.9.9: name one version in requirements.txt, and install it" in errors
