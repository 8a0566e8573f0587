"""Context, arguments and target of a build, relative to the manifest."""

import shutil
from pathlib import Path

import pytest

from beanpod.deploy.bundles import plan_bundle
from beanpod.manifest import Manifest
from tests.deploy.bundles.projects import SERVICE, dockerfile_stage, refused, stage_of, write

CASES = Path(__file__).parents[2] / "cases"


_NO_FILE = '{}: no such file: write service.dockerfile = "{}"'


def case_of(tmp_path: Path, name: str) -> Path:
    """A copy of one case, to be changed."""
    return Path(shutil.copytree(CASES / name, tmp_path / name, symlinks=True))


def add_key(manifest: Path, line: str) -> None:
    manifest.write_text(f"{manifest.read_text().rstrip()}\n{line}\n")


def test_build_arguments_and_target_reach_the_build(tmp_path: Path) -> None:
    keys = 'target = "web"\nargs = { A = "1" }\n'
    text = f'{SERVICE}{keys}[stages.dev]\n[stages.prod.service.args]\nB = "2"\n'
    write(tmp_path, {"Dockerfile": "FROM busybox:stable AS web\n"})
    (spec,) = plan_bundle(stage_of(tmp_path, text), tmp_path).specs
    assert (spec.target, dict(spec.args)) == ("web", {"A": "1"})
    (spec,) = plan_bundle(Manifest.read(tmp_path / "beanpod.toml").stage("prod"), tmp_path).specs
    assert dict(spec.args) == {"A": "1", "B": "2"}


@pytest.mark.parametrize(
    ("name", "manifest", "key"),
    [
        ("monorepo-dockerfile", "beanpod.toml", 'context = "."'),
        ("dockerfile-above", "infra/beanpod.toml", 'context = ".."'),
    ],
)
def test_context_may_be_above_the_dockerfile_and_the_manifest(
    tmp_path: Path, name: str, manifest: str, key: str
) -> None:
    project = case_of(tmp_path, name)
    file = project / manifest
    add_key(file, key)
    (spec,) = plan_bundle(Manifest.read(file).stage(), file.parent).specs
    assert (spec.context, spec.dockerfile) == (project, project / "apps/api/Dockerfile")


def test_a_missing_dockerfile_is_suggested_from_the_context(tmp_path: Path) -> None:
    write(tmp_path, {"api/Dockerfile": "FROM busybox:stable\n"})
    (spec,) = plan_bundle(stage_of(tmp_path, f'{SERVICE}context = "api"\n'), tmp_path).specs
    assert (spec.context, spec.dockerfile) == (tmp_path / "api", tmp_path / "api/Dockerfile")


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (
            'context = "api"\ndockerfile = "Dockerfile.web"\n',
            'Dockerfile.web: no such file: write service.dockerfile = "api/Dockerfile.web"',
        ),
        ('dockerfile = "api/dockerfile.Web"\n', _NO_FILE.format("api/dockerfile.Web", "api/Dockerfile.web")),
        ('dockerfile = "api"\n', 'api: is a folder: write service.dockerfile = "api/Dockerfile"'),
        (
            'context = "src"\ndockerfile = "Dockerfile"\n',
            "Dockerfile: service.context src: no such folder: write its path relative to the manifest",
        ),
    ],
)
def test_a_missing_path_names_the_setting_to_write(tmp_path: Path, keys: str, problem: str) -> None:
    dockerfile = "FROM busybox:stable\n"
    write(tmp_path, {"api/Dockerfile": dockerfile, "api/Dockerfile.web": dockerfile})
    stage = dockerfile_stage(tmp_path, SERVICE + keys)
    assert refused(lambda: plan_bundle(stage, tmp_path).specs) == [problem]
    mended = keys.replace("api/dockerfile.Web", "api/Dockerfile.web")
    mended = mended.replace('dockerfile = "Dockerfile.web"', 'dockerfile = "api/Dockerfile.web"')
    mended = mended.replace('dockerfile = "api"', 'dockerfile = "api/Dockerfile"').replace('"src"', '"."')
    assert plan_bundle(stage_of(tmp_path, SERVICE + mended), tmp_path).specs


def test_a_stage_with_a_compose_file_ignores_the_keys_of_the_dockerfile(tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": "FROM busybox:stable\n"})
    text = f'{SERVICE}context = "."\ntarget = "x"\n[stages.dev.service]\ncompose = "compose.yaml"\n'
    service = stage_of(tmp_path, text).service
    assert (service.context, service.target, dict(service.args)) == (None, None, {})


@pytest.mark.parametrize(
    ("name", "manifest"),
    [("context-above", "beanpod.toml"), ("manifest-below", "infra/beanpod.toml")],
)
def test_compose_files_may_build_from_above(tmp_path: Path, name: str, manifest: str) -> None:
    file = case_of(tmp_path, name) / manifest
    assert "docker-compose.yml" in plan_bundle(Manifest.read(file).stage(), file.parent).preview().files


def test_the_manifest_may_be_outside_the_apps_folder(tmp_path: Path) -> None:
    for key in ('dockerfile = "elsewhere/Dockerfile"', 'compose = "elsewhere/compose.yaml"', 'context = "elsewhere"'):
        stage = stage_of(tmp_path, f"{SERVICE}{key}\n")
        assert stage.service.name == "guestbook"


def test_a_compose_file_above_the_manifest_adds_files_below_the_manifest(tmp_path: Path) -> None:
    project = case_of(tmp_path, "compose-file-above-the-manifest")
    stage = Manifest.read(project / "infra/beanpod.toml").stage()
    (problem,) = refused(lambda: plan_bundle(stage, project / "infra").specs)
    assert problem == (
        "../compose.yaml: service web, volumes: ./src is outside the project: move it next to or below the manifest"
    )
    shutil.move(project / "src", project / "infra/src")
    compose = project / "compose.yaml"
    compose.write_text(compose.read_text().replace("./src:", "./infra/src:"))
    write(project, {"compose.prod.yaml": 'services:\n  web:\n    volumes: ["./infra/src:/src"]\n'})
    assert "src/x" in plan_bundle(stage, project / "infra").preview().files
