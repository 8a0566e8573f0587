"""`beanpod init`, as a person runs it in an app's folder."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands.in_process import Result, run
from tests.project.apps import lay_out
from tests.waiting import SECONDS

ROOT = Path(__file__).resolve().parents[3]
# HOME: Docker finds its plugin Compose there.
ENVIRON = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "PYTHONPATH": str(ROOT / "constructs")}


def beanpod(folder: Path, *arguments: str) -> Result:
    return run(folder, *arguments, environ=ENVIRON)


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_second_run_needs_no_answers_and_changes_nothing(tmp_path: Path) -> None:
    folder = lay_out("django", tmp_path)
    assert beanpod(folder, "init", "--image", "ada/shop").code == 0
    before = files(folder)
    again = beanpod(folder, "init")
    assert (again.code, again.stderr, files(folder)) == (0, "", before)
    # The manifest is the owner's: what they change is no difference, but what the other files follow.
    manifest = folder / "beanpod.toml"
    manifest.write_text(manifest.read_text().replace("port = 8000", "port = 9000"))
    assert beanpod(folder, "init", "--diff").stdout == ""
    assert "Compare" not in beanpod(folder, "init").stdout


def test_apps_own_files_are_left_alone(tmp_path: Path) -> None:
    folder = lay_out("flask", tmp_path)
    (folder / ".gitignore").write_text(".venv\n*.db")
    assert beanpod(folder, "init", "--image", "ada/shop").code == 0
    assert "Flask" in (folder / "app.py").read_text()
    assert json.loads((folder / "cdk.json").read_text())["app"] == "python cdk_app.py"
    assert (folder / "cdk_app.py").read_text() == (ROOT / "app.py").read_text()
    assert (folder / "requirements-cdk.txt").read_text().startswith("beanpod[cdk]==")
    assert (folder / ".gitignore").read_text().splitlines() == [
        ".venv",
        "*.db",
        "__pycache__/",
        "cdk.out/",
        "cdk.context.json",
    ]


def test_what_is_in_gitignore_stays_byte_by_byte(tmp_path: Path) -> None:
    folder = lay_out("go", tmp_path)
    before = b"*.db\r\n# caf\xe9"
    (folder / ".gitignore").write_bytes(before)
    assert beanpod(folder, "init", "--image", "ada/shop").code == 0
    after = (folder / ".gitignore").read_bytes()
    assert after == before + b"\n__pycache__/\n.venv/\ncdk.out/\ncdk.context.json\n"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = lay_out("go", tmp_path)
    (folder / ".gitignore").symlink_to(".gitignore")
    done = beanpod(folder, "init", "--image", "ada/shop")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"beanpod: {folder}/.gitignore: ")
    assert not (folder / "cdk.json").exists()


def test_a_changed_file_is_kept_and_its_difference_is_shown(tmp_path: Path) -> None:
    folder = lay_out("go", tmp_path)
    beanpod(folder, "init", "--image", "ada/shop")
    stacks = folder / "stacks/__init__.py"
    stacks.write_text(stacks.read_text() + "# ours\n")
    done = beanpod(folder, "init", "--image", "ada/shop")
    assert "kept" in done.stdout
    assert stacks.read_text().endswith("# ours\n")
    shown = beanpod(folder, "init", "--image", "ada/shop", "--diff").stdout
    assert shown.splitlines()[0] == "--- stacks/__init__.py"
    assert "-# ours" in shown


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    folder = lay_out("django", tmp_path)
    before = files(folder)
    done = beanpod(folder, "init", "--image", "ada/shop", "--dry-run", "--json")
    result = json.loads(done.stdout)
    assert result["files"]["beanpod.toml"] == "created"
    assert result["found"]["database"] == "postgres 16, replaces the service db"
    assert not result["written"]
    assert files(folder) == before


def test_without_a_terminal_the_missing_options_are_named(tmp_path: Path) -> None:
    folder = lay_out("express", tmp_path)
    before = files(folder)
    done = beanpod(folder, "init")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("beanpod: give --image: there is no terminal to ask on\n")
    assert files(folder) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--dockerfile", "nowhere/Dockerfile"), "nowhere/Dockerfile: no such file in "),
        (("--compose", "compose.yaml"), "compose.yaml: no such file in "),
    ],
)
def test_a_file_that_is_not_there_is_named(arguments: tuple[str, str], message: str, tmp_path: Path) -> None:
    done = beanpod(lay_out("go", tmp_path), "init", "--image", "ada/shop", *arguments)
    assert done.code == 2
    assert done.stderr.startswith(f"beanpod: {message}")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--health-check-path", "up"), '--health-check-path up: must start with "/" '),
        (("--dockerfile", "/app/Dockerfile"), "--dockerfile /app/Dockerfile: write a path relative to the manifest "),
        (("--compose-service", "db"), "--compose-service db: no such database: there is no compose file"),
        (
            ("--compose", "compose.yaml", "--compose-service", "d"),
            "--compose-service d: no such database: compose.ya",
        ),
        (("--manifest", "shop.toml"), "--manifest shop.toml: init writes beanpod.toml: leave the option out"),
        (("--dockerfile", "Dockerfile", "--compose", "compose.yaml"), "--dockerfile and --compose: give one of them"),
    ],
)
def test_an_option_that_cannot_be_written_is_refused(arguments: tuple[str, ...], problem: str, tmp_path: Path) -> None:
    folder = lay_out("express", tmp_path)
    if "--compose" in arguments:
        (folder / "compose.yaml").write_text('services: {web: {build: ., ports: ["80:80"]}}\n')
    before = files(folder)
    done = beanpod(folder, "init", "--image", "ada/shop", *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"beanpod: {problem}")
    assert files(folder) == before


def test_an_app_without_a_dockerfile_is_shown_the_shortest_one(tmp_path: Path) -> None:
    folder = lay_out("express", tmp_path)
    (folder / "Dockerfile").unlink()
    done = beanpod(folder, "init", "--image", "ada/shop")
    assert done.code == 2
    assert "no Dockerfile and no compose file in" in done.stderr
    assert "FROM node:24-slim" in done.stderr
    assert not (folder / "beanpod.toml").exists()


def test_questions_are_asked_on_a_terminal(tmp_path: Path) -> None:
    folder = lay_out("react-and-api", tmp_path)
    (folder / "compose.yaml").write_text((folder / "compose.yaml").read_text().replace("3000:80", "3000:3000"))
    primary, secondary = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "beanpod", "init"],
        cwd=folder,
        env=ENVIRON,
        stdin=secondary,
        stdout=secondary,
        stderr=secondary,
    )
    os.close(secondary)
    os.write(primary, b"shop\nada/shop\nweb\n3000\n")
    assert process.wait(timeout=SECONDS) == 0
    shown = os.read(primary, 65536).decode()
    os.close(primary)
    assert 'the user is missing: write "user/repository"' in shown
    assert "Which container port do users reach?" in shown
    assert "write a number" in shown
    assert "port = 3000" in (folder / "beanpod.toml").read_text()
