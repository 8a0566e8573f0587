"""`build --dry-run`: what a release would deploy, before there are stacks, an image or an engine."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import in_process
from tests.cli.commands.in_process import Result
from tests.deploy.bundles.compose_command import require_compose
from tests.deploy.bundles.projects import COMPOSE, SERVICE, write
from tests.unprivileged import WITHOUT_RIGHTS
from tests.waiting import SECONDS

ROOT = Path(__file__).parents[3]
ZEROS = "0" * 64
SINGLE = {"beanpod.toml": SERVICE, "Dockerfile": "FROM busybox:stable\n"}
BUILT = {
    "beanpod.toml": COMPOSE,
    "Dockerfile": "FROM busybox:stable\n",
    "conf/app.conf": "x\n",
    "compose.yaml": "services:\n"
    '  web:\n    build: .\n    container_name: shop\n    ports: ["80:8080"]\n'
    '  proxy:\n    image: nginx:stable\n    volumes: ["./conf:/etc/nginx/conf.d:ro"]\n',
}
PULLED = {
    "beanpod.toml": COMPOSE,
    "compose.yaml": 'services:\n  web:\n    image: nginx:stable\n    ports: ["80:80"]\n',
}


def run(project: Path, *arguments: str, **environ: str) -> Result:
    """Run `build --dry-run` in the project's folder."""
    return in_process.run(project, "build", "--dry-run", *arguments, environ=environ)


def run_process(project: Path, *arguments: str) -> Result:
    """Run it as a process without git, an engine, root's rights or anybody's credentials."""
    programs = project.parent / "programs"
    programs.mkdir(exist_ok=True)
    docker = shutil.which("docker")
    if docker and not (programs / "docker").exists():
        (programs / "docker").symlink_to(docker)
    plugins = os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker"))
    docker_variables = {"DOCKER_CONFIG": plugins, "DOCKER_HOST": "tcp://127.0.0.1:1"}
    done = subprocess.run(
        [*WITHOUT_RIGHTS, sys.executable, "-P", "-m", "beanpod", "build", "--dry-run", *arguments],
        cwd=project,
        env={"PATH": str(programs), "HOME": str(project), "PYTHONPATH": str(ROOT), **docker_variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def project_of(tmp_path: Path, files: dict[str, str]) -> Path:
    if "compose.yaml" in files:
        require_compose()
    project = tmp_path / "project"
    write(project, files)
    return project


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("files", "definition", "image"),
    [
        (SINGLE, "Dockerrun.aws.json", f"ada/guestbook:{ZEROS[:16]}@sha256:{ZEROS}"),
        (BUILT, "docker-compose.yml", f"ada/guestbook:web-{ZEROS[:16]}@sha256:{ZEROS}"),
        (PULLED, "docker-compose.yml", "nginx:stable"),
    ],
)
def test_dry_run_writes_the_bundle(tmp_path: Path, files: dict[str, str], definition: str, image: str) -> None:
    project, folder = project_of(tmp_path, files), tmp_path / "new" / "bundle"
    before = contents(project)
    result = run_process(project, "--bundle", str(folder), "--json")
    assert result.code == 0, result.stderr
    document = json.loads(result.stdout)
    assert (document["dry_run"], document["bundle"]["folder"]) == (True, str(folder))
    assert sorted(contents(folder)) == document["bundle"]["files"]
    assert image in contents(folder)[definition].decode()
    assert contents(project) == before
    hook = folder / ".platform/hooks/postdeploy/99_beanpod_cleanup.sh"
    assert os.access(hook, os.X_OK)


def test_dry_run_prints_the_notes_and_includes_mounted_files(tmp_path: Path) -> None:
    project, folder = project_of(tmp_path, BUILT), tmp_path / "bundle"
    result = run(project, "--bundle", str(folder))
    assert result.code == 0, result.stderr
    assert "container_name" in result.stdout
    assert contents(folder)["conf/app.conf"] == b"x\n"


def test_dry_run_without_a_folder_only_checks(tmp_path: Path) -> None:
    project = project_of(tmp_path, SINGLE)
    result = run(project)
    assert (result.code, result.stderr) == (0, "")
    assert set(contents(project)) == set(SINGLE)


@pytest.mark.parametrize("files", [SINGLE, BUILT])
def test_problem_of_the_bundle_exits_with_3(tmp_path: Path, files: dict[str, str]) -> None:
    project, folder = project_of(tmp_path, files), tmp_path / "bundle"
    (project / "Dockerfile").unlink()
    result = run(project, "--bundle", str(folder))
    assert (result.code, result.stdout.count("Traceback")) == (3, 0)
    assert len(result.stderr.splitlines()) == 1
    assert not folder.exists()


@pytest.mark.parametrize("name", ["beanpod.toml", "out/notes.txt"])
def test_folder_with_other_files_is_refused_and_unchanged(tmp_path: Path, name: str) -> None:
    project = project_of(tmp_path, SINGLE)
    write(tmp_path, {f"bundle/{name}": "mine"})
    result = run(project, "--bundle", "../bundle")
    assert result.code == 2
    assert result.stderr == "beanpod: --bundle ../bundle is not empty: name a new or an empty folder\n"
    assert contents(tmp_path / "bundle") == {name: b"mine"}


@pytest.mark.parametrize("change", ["added", "edited", "linked", "mode"])
def test_earlier_bundle_is_replaced_only_if_it_is_unchanged(tmp_path: Path, change: str) -> None:
    project, folder = project_of(tmp_path, BUILT), tmp_path / "bundle"
    assert run(project, "--bundle", str(folder)).code == 0
    write(project, {"conf/app.conf": "y\n"})
    assert run(project, "--bundle", str(folder)).code == 0
    assert contents(folder)["conf/app.conf"] == b"y\n"
    match change:
        case "added":
            write(folder, {"notes.txt": "mine"})
        case "edited":
            write(folder, {"conf/app.conf": "mine"})
        case "linked":
            (folder / "link").symlink_to("conf")
        case "mode":
            (folder / "conf/app.conf").chmod(0o755)
    kept = contents(folder)
    assert run(project, "--bundle", str(folder)).code == 2
    assert contents(folder) == kept


@pytest.mark.parametrize(
    ("files", "folder"),
    [(SINGLE, "out"), (SINGLE, "deep/er/out"), (SINGLE, "Dockerfile"), (BUILT, "conf/out"), (PULLED, ".platform/out")],
)
def test_folder_within_the_sources_is_refused(tmp_path: Path, files: dict[str, str], folder: str) -> None:
    project = project_of(tmp_path, {**files, ".platform/nginx/conf.d/a.conf": "# x\n"})
    before = contents(project)
    result = run(project, "--bundle", folder)
    assert result.code == 2
    assert result.stderr.startswith(f"beanpod: --bundle {folder} is ")
    assert len(result.stderr.splitlines()) == 1
    assert contents(project) == before


def test_folder_may_be_in_a_project_that_builds_nothing(tmp_path: Path) -> None:
    project = project_of(tmp_path, PULLED)
    assert run(project, "--bundle", "out").code == 0
    assert "docker-compose.yml" in contents(project / "out")


def test_unwritable_folder_is_reported_in_one_line(tmp_path: Path) -> None:
    project = project_of(tmp_path, SINGLE)
    (tmp_path / "closed").mkdir(mode=0o555)
    (tmp_path / "loop").symlink_to("loop")
    reasons = {"../closed": "", "../closed/new/deep": "", "../loop/new": ": Too many levels of symbolic links"}
    for folder, reason in reasons.items():
        result = run_process(project, "--bundle", folder)
        assert result.code == 2
        assert result.stderr == f"beanpod: --bundle {folder} cannot be written{reason}: name another folder\n"


def test_dry_run_refuses_half_a_docker_login(tmp_path: Path) -> None:
    result = run(project_of(tmp_path, SINGLE), DOCKER_USERNAME="ada")
    assert result.code == 2
    assert "DOCKER_PASSWORD is not" in result.stderr


CASES = ROOT / "tests/cases"


# The other cases are planned by name elsewhere.
@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("env-file-in-a-folder", 3),
        ("exposed-port-is-another", 0),
        ("hook-link", 0),
        ("image-name-with-variables", 0),
        ("job-that-runs-on-failure", 0),
        ("optional-dependency", 0),
        ("typo-in-environment", 3),
        ("upload-and-websocket", 0),
        ("web-behind-a-port-of-its-own", 3),
    ],
)
def test_dry_run_accepts_or_refuses_a_case(tmp_path: Path, case: str, code: int) -> None:
    folder = tmp_path / "bundle"
    result = run(tmp_path, "--json", "--manifest", str(CASES / case / "beanpod.toml"), "--bundle", str(folder))
    assert (result.code, folder.exists()) == (code, not code)
    if code:
        assert result.document["error"]
    else:
        assert sorted(contents(folder)) == result.document["bundle"]["files"]
