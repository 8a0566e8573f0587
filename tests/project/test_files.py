"""The files of a project: this repository's root is one, and their workflows pass the linters."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from beanpod.project.choices import Choices, propose
from beanpod.project.discovery import discover
from beanpod.project.files import project_files, write
from beanpod.project.versions import other_version
from tests.project.apps import NOBODY, lay_out
from tests.workflows.test_linters import actionlint, zizmor
from tests.workflows.workflow import CHECK, DEPLOY, ROOT, load

HERE = version("beanpod")


@pytest.fixture(scope="module")
def guestbook(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What `beanpod init` writes for the guestbook, given what its folder does not show."""
    folder = tmp_path_factory.mktemp("guestbook")
    shutil.copytree(ROOT / "service", folder / "service", ignore=shutil.ignore_patterns("node_modules"))
    found = discover(folder, environ=NOBODY)
    given = Choices(
        name="guestbook", image="beanpod/guestbook", health_check_path="/health", engine="mysql", version="8.4"
    )
    return {file.path: file.text for file in project_files(found, propose(found, given))}


def test_stacks_and_app_are_those_of_this_repository(guestbook: dict[str, str]) -> None:
    for name in ("app.py", "cdk.json", "stacks/__init__.py", "tests/test_stacks.py"):
        assert guestbook.pop(name) == (ROOT / name).read_text(), name
    assert set(guestbook) == {
        *("beanpod.toml", "requirements.txt", ".gitignore"),
        *(".github/dependabot.yml", ".github/workflows/check.yaml", ".github/workflows/deploy.yaml"),
    }


def test_manifest_is_that_of_this_repository_but_for_values_that_the_files_do_not_show(
    guestbook: dict[str, str],
) -> None:
    written, root = tomllib.loads(guestbook["beanpod.toml"]), tomllib.loads((ROOT / "beanpod.toml").read_text())
    del root["variables"], root["secrets"], root["stages"]["prod"]["variables"]
    assert written == root


def test_workflows_are_those_of_this_repository_but_for_where_the_action_is(guestbook: dict[str, str]) -> None:
    # Beanpod's own pull requests test Beanpod, with more than its requirements.
    uses = re.compile(r"uses: \./.*")
    assert guestbook[".github/workflows/deploy.yaml"] == uses.sub(
        f"uses: beanpod/beanpod@v{HERE}", DEPLOY.read_text(), count=1
    )
    check, root = guestbook[".github/workflows/check.yaml"], CHECK.read_text()
    assert check.partition("  test:\n")[0] == root.partition("  test:\n")[0]
    assert check.partition("  diff:\n")[2] == root.partition("  diff:\n")[2]


def test_requirements_are_those_of_this_repository_but_for_where_beanpod_is(guestbook: dict[str, str]) -> None:
    root = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert root == guestbook["requirements.txt"].replace(f"beanpod[cdk]=={HERE}", "-e .[cdk]").splitlines()
    assert set(guestbook[".gitignore"].splitlines()) <= set((ROOT / ".gitignore").read_text().splitlines())


def project(name: str, folder: Path) -> Path:
    return write_project(lay_out(name, folder))


def write_project(root: Path) -> Path:
    found = discover(root, environ=NOBODY)
    write(root, project_files(found, propose(found, Choices(image="ada/shop"))))
    return root


@pytest.mark.parametrize("name", ["beanpod.toml", "requirements.txt", ".gitignore"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: Path(path).symlink_to("nowhere/x")])
def test_what_is_no_file_is_kept(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    root = lay_out("go", tmp_path)
    (root / name).unlink(missing_ok=True)
    make(root / name)
    write_project(root)
    assert not (root / name).is_file()
    assert (root / "cdk.json").is_file()


def test_workflows_of_a_project_pass_the_linters(tmp_path: Path) -> None:
    root = project("flask", tmp_path)
    workflows = root / ".github/workflows"
    # A tag, which names the version of requirements.txt; Dependabot keeps a commit in its place up to date too.
    deploy = workflows / "deploy.yaml"
    deploy.write_text(deploy.read_text().replace(f"@v{HERE}", f"@{'0' * 40} # v{HERE}"))
    code, output = zizmor(root / ".github")
    assert code == 0, output
    (tmp_path / "expanded").mkdir()
    code, output = actionlint(workflows.iterdir(), tmp_path / "expanded")
    assert code == 0, output
    assert list(load(deploy)["jobs"]) == ["dev", "prod"]
    assert "--requirement requirements-cdk.txt" in (workflows / "check.yaml").read_text()


def test_one_version_is_named_in_the_workflows_of_the_repository_that_deploy_the_folder(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "services").mkdir()
    root = project("go", tmp_path / "services")
    (root / ".github").rename(tmp_path / ".github")
    assert other_version(root) is None
    deploy = tmp_path / ".github/workflows/deploy.yaml"
    text = deploy.read_text()
    # Of another service, which may be of another version.
    for folder in ("blog", "other/services/go"):
        other = text.replace("services/go", folder).replace(f"@v{HERE}", "@v9.9.9")
        (deploy.parent / f"deploy-{folder.replace('/', '-')}.yaml").write_text(other)
    assert other_version(root) is None
    deploy.write_text(text.replace(f"@v{HERE}", "@v9.9.9"))
    assert f"but {deploy} names 9.9.9: name one version in requirements.txt and {deploy}" in str(other_version(root))


def test_workflows_of_a_folder_of_a_repository_pass_the_linters(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "web apps").mkdir()
    root = project("flask", tmp_path / "web apps")
    (root / ".github").rename(tmp_path / ".github")
    deploy, check = (tmp_path / f".github/workflows/{name}.yaml" for name in ("deploy", "check"))
    deploy.write_text(deploy.read_text().replace(f"@v{HERE}", f"@{'0' * 40} # v{HERE}"))
    code, output = zizmor(tmp_path / ".github")
    assert code == 0, output
    (tmp_path / "expanded").mkdir()
    code, output = actionlint((deploy, check), tmp_path / "expanded")
    assert code == 0, output
    job = load(check)["jobs"]["diff"]
    sides = re.search("for side in (.*); do", job["steps"][-2]["run"])
    assert sides is not None
    place = tmp_path / job["defaults"]["run"]["working-directory"]
    found = [(place / side).resolve() for side in shlex.split(sides[1])]
    assert found == [root, tmp_path / "build/base/web apps/flask"]


def test_a_folder_whose_name_is_a_number_stays_a_text(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    root = lay_out("flask", tmp_path).rename(tmp_path / "1.0")
    write_project(root)
    job = load(next(tmp_path.rglob("check.yaml")))["jobs"]["diff"]
    assert job["defaults"]["run"]["working-directory"] == "1.0"


def test_tests_of_npm_run_before_a_deployment(tmp_path: Path) -> None:
    root = lay_out("express", tmp_path)
    (root / "package.json").write_text('{"scripts": {"test": "node --test"}}')
    (root / "package-lock.json").write_text("{}")
    jobs: dict[str, Any] = load(write_project(root) / ".github/workflows/deploy.yaml")["jobs"]
    assert jobs["test"]["steps"][-1]["working-directory"] == "."
    assert (jobs["dev"]["needs"], jobs["prod"]["needs"]) == ("test", ["test", "dev"])


def test_npms_own_test_which_only_fails_stops_no_deployment(tmp_path: Path) -> None:
    root = lay_out("express", tmp_path)
    script = 'echo "Error: no test specified" && exit 1'
    (root / "package.json").write_text(json.dumps({"scripts": {"test": script}}))
    (root / "package-lock.json").write_text("{}")
    assert list(load(write_project(root) / ".github/workflows/deploy.yaml")["jobs"]) == ["dev", "prod"]


def test_the_cdks_app_hides_no_folder_that_python_imports(tmp_path: Path) -> None:
    root = project("fastapi", tmp_path)
    assert (root / "cdk_app.py").is_file()
    done = subprocess.run([sys.executable, "-c", "import app.main"], cwd=root, capture_output=True, text=True)
    assert "No module named 'app" not in done.stderr
    assert "cdk_app.py" in (root / "cdk.json").read_text()
    # Of a folder with other sources, the usual name stays.
    (tmp_path / "go/app").mkdir(parents=True)
    assert (project("go", tmp_path) / "app.py").is_file()


def test_the_stacks_are_tested_without_the_apps_own_settings_of_pytest(tmp_path: Path) -> None:
    root = project("fastapi", tmp_path)
    (root / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (root / "tests/conftest.py").write_text("import no_such_package\n")
    (test,) = (step["run"] for step in load(root / ".github/workflows/check.yaml")["jobs"]["test"]["steps"][-1:])
    command = [sys.executable, *shlex.split(test)[1:], "--collect-only"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_version_of_beanpod_is_named(tmp_path: Path) -> None:
    root = project("go", tmp_path)
    assert other_version(root) is None
    deploy, requirements = root / ".github/workflows/deploy.yaml", root / "requirements.txt"
    deploy.write_text(deploy.read_text().replace(f"@v{HERE}", f"@{'0' * 40} # v9.9.9"))
    path = ".github/workflows/deploy.yaml"
    remedy = f"name one version in requirements.txt and {path}, and install it"
    assert other_version(root) == f"this is Beanpod {HERE}, but {path} names 9.9.9: {remedy}"
    requirements.write_text(requirements.read_text().replace(HERE, "9.9.9"))
    assert str(other_version(root)).startswith(f"this is Beanpod {HERE}, but requirements.txt names 9.9.9 and .github")
    requirements.write_text("-e .[cdk]\n")
    deploy.write_text(deploy.read_text().replace("# v9.9.9", ""))
    assert other_version(root) is None
