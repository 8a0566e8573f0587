"""The copy of a project is changed so that its next release fails on the instance."""

from pathlib import Path

import pytest

from beanpod.cli.rehearsal.workspace import Substitutes, Workspace
from beanpod.manifest import Manifest
from tests.deploy.bundles.projects import write

MANIFEST = '[service]\nname = "shop"\nimage = "ada/shop"\n'
ENDS = 'ENTRYPOINT ["sh", "-c", "echo \'this release is broken on purpose\' >&2; exit 1"]\nCMD []\n'
PROXY = 'services:\n  proxy:\n    image: nginx:stable\n    ports: ["80:80"]\n'


def broken(folder: Path, manifest: str, **files: str) -> tuple[Path, str]:
    """Break the copy of a project; return its folder, and how it is broken."""
    root = folder / "project"
    write(root, {"beanpod.toml": MANIFEST + manifest, **files})
    workspace = Workspace(root, "beanpod.toml", "dev", folder / "copy", Substitutes("localhost:5000/x", "me"))
    workspace.fill()
    how = workspace.break_release()
    assert {path.name: path.read_text() for path in root.iterdir() if path.is_file()}.items() <= {
        "beanpod.toml": MANIFEST + manifest,
        **files,
    }.items()
    return workspace.folder, how


def test_the_container_of_a_dockerfile_ends(tmp_path: Path) -> None:
    folder, how = broken(tmp_path, "", Dockerfile="FROM busybox\nCMD httpd -f")
    assert (folder / "Dockerfile").read_text() == f"FROM busybox\nCMD httpd -f\n{ENDS}"
    assert how == "the container of the app ends at once"


def test_a_stage_of_the_dockerfile_that_is_deployed_ends(tmp_path: Path) -> None:
    dockerfile = "FROM busybox AS app\nCMD httpd -f\nFROM app AS tests\n"
    folder, _ = broken(tmp_path, 'target = "app"\n', Dockerfile=dockerfile)
    assert (folder / "Dockerfile").read_text() == f"{dockerfile}\nFROM app AS beanpod-rehearsal\n{ENDS}"
    assert Manifest.read(folder / "beanpod.toml").stage().service.target == "beanpod-rehearsal"


def test_a_built_service_of_a_compose_file_ends(tmp_path: Path) -> None:
    files = {"compose.yaml": f"{PROXY}  app:\n    build: .\n", "Dockerfile": "FROM busybox\nCMD httpd -f\n"}
    folder, how = broken(tmp_path, 'compose = "compose.yaml"\n', **files)
    assert (folder / "Dockerfile").read_text().endswith(ENDS)
    assert how == "the container of app ends at once"


@pytest.mark.parametrize("built", ["", "  app:\n    build: {context: ., target: app}\n"])
def test_a_hook_fails_where_the_image_cannot_be_broken(tmp_path: Path, built: str) -> None:
    files = {"compose.yaml": PROXY + built, "Dockerfile": "FROM busybox AS app\n"}
    folder, how = broken(tmp_path, 'compose = "compose.yaml"\n', **files)
    hook = folder / ".platform/hooks/predeploy/zz_rehearsal.sh"
    assert hook.stat().st_mode & 0o111
    assert hook.read_text().endswith("exit 1\n")
    assert how == "a platform hook fails"


def test_files_that_links_of_the_project_lead_to_stay_as_they_are(tmp_path: Path) -> None:
    root, shared = tmp_path / "project", {"beanpod.toml": MANIFEST, "Dockerfile": "FROM busybox\nCMD httpd -f\n"}
    root.mkdir()
    for name, text in shared.items():
        (tmp_path / name).write_text(text)
        (root / name).symlink_to(tmp_path / name)
    workspace = Workspace(root, "beanpod.toml", "dev", tmp_path / "copy", Substitutes("localhost:5000/x", "me"))
    workspace.fill()
    workspace.break_release()
    assert (workspace.folder / "Dockerfile").read_text().endswith(ENDS)
    assert {name: (tmp_path / name).read_text() for name in shared} == shared
