"""The hook that gives folders of logs to the users of their containers, run with the real docker."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from beanpod.deploy.bundles import Bundle
from beanpod.deploy.bundles.hooks import LogFolder, logs_hook
from tests.deploy.bundles.cases import bundle_of, copied
from tests.deploy.bundles.test_hooks import Instance
from tests.deploy.engine import Engine

HOOKS = [f".platform/{hooks}/predeploy/00_beanpod_logs.sh" for hooks in ("hooks", "confighooks")]
PASSWD = b"root:x:0:0::/root:/bin/sh\napp:x:1234:100::/:/bin/sh\n"


@pytest.fixture
def instance(docker_engine: Engine, tmp_path: Path) -> Instance:
    """Where the hook runs: who owns what is written down, as only root can give a folder away."""
    made = Instance(tmp_path, docker_engine.variables(tmp_path / "home"))
    made._program("chown", f'#!/bin/sh\necho "$2 ${{3##*/}}" >> {tmp_path}/owners\n')
    return made


@pytest.fixture
def image(docker_engine: Engine, tmp_path: Path) -> Iterator[str]:
    """An image whose user has a name, and in which nothing can be run."""
    with tarfile.open(tmp_path / "image.tar", "w") as archive:
        entry = tarfile.TarInfo("etc/passwd")
        entry.size = len(PASSWD)
        archive.addfile(entry, io.BytesIO(PASSWD))
    name = f"{tmp_path.name}:users".lower()
    docker_engine.run("import", "--change", "USER app:staff", str(tmp_path / "image.tar"), name)
    yield name
    docker_engine.run("image", "rm", "--force", name)


def owners(instance: Instance, *folders: LogFolder) -> str:
    """To whom the hook gives which folder."""
    (hook, _) = Bundle.of(logs_hook(folders), service="shop", application="a").files.values()
    done = instance.run(hook.data, EB_LOG_BASE_DIR=str(instance.folder / "logs"))
    assert (done.returncode, done.stderr) == (0, "")
    assert all((instance.folder / "logs" / folder.name).is_dir() for folder in folders)
    file = instance.folder / "owners"
    return file.read_text() if file.exists() else ""


@pytest.mark.parametrize(
    ("user", "owner"), [("", "1234"), ("app", "1234"), ("1000", "1000"), ("77:88", "77"), ("root", "0"), ("0:0", "")]
)
def test_a_folder_of_logs_belongs_to_the_containers_user(instance: Instance, image: str, user: str, owner: str) -> None:
    given = owners(instance, LogFolder("web", image, user))
    assert given == (f"{owner} web\n" if owner not in ("", "0") else "")
    assert image not in instance.docker("ps", "--all", "--format", "{{.Image}}").stdout


def test_the_log_folder_of_an_image_without_a_user_belongs_to_root(instance: Instance) -> None:
    assert owners(instance, LogFolder("web", "busybox:stable")) == ""


def test_a_missing_image_does_not_fail_the_logs_hook(instance: Instance) -> None:
    (hook, _) = logs_hook([LogFolder("web", "127.0.0.1:1/nobody/nothing:1")]).values()
    assert instance.run(hook.data, EB_LOG_BASE_DIR=str(instance.folder / "logs")).returncode == 0


def test_the_bundle_names_the_users_of_its_services(tmp_path: Path) -> None:
    project = copied("host-logs", tmp_path)
    hook, again = (bundle_of(project).files[name] for name in HOOKS)
    assert (hook.executable, hook.data) == (True, again.data)
    (line,) = [line for line in hook.data.decode().splitlines() if line.startswith("logs web")]
    assert line.endswith(" 1000")
