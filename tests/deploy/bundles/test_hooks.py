"""The scripts run for real: with the real docker against a real registry. Only Beanstalk's get-config is ours."""

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from beanpod.deploy.bundles import Bundle, plan_bundle
from beanpod.deploy.bundles.hooks import cleanup_hook, login_hooks, logs_hook
from tests.deploy.bundles.cases import bundle_of, copied
from tests.deploy.bundles.instance import LABEL, Instance, filled
from tests.deploy.bundles.projects import IMAGE, compose_bundle, compose_stage, composed, dockerfile_bundle
from tests.deploy.engine import Engine
from tests.deploy.registry import LocalRegistry, local_registry

PASSWORD = "planted 'quote\" $HOME %s \\"


@pytest.fixture
def instance(docker_engine: Engine, tmp_path: Path) -> Instance:
    made = Instance(tmp_path / "instance", docker_engine)
    made.record("sleep")
    # Only root can give a folder away.
    made.record("chown", '"$2 ${3##*/}"')
    return made


# The login.
@pytest.fixture(scope="module")
def private(docker_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRegistry]:
    with local_registry(tmp_path_factory.mktemp("private"), username="ada", password=PASSWORD) as registry:
        yield registry


@pytest.mark.parametrize("prefix", ["", "CONFIG_"], ids=["as variables", "from get-config"])
def test_docker_can_pull_after_the_login_hook(private: LocalRegistry, instance: Instance, prefix: str) -> None:
    given = {f"{prefix}DOCKER_USERNAME": "ada", f"{prefix}DOCKER_PASSWORD": PASSWORD}
    name = f"{private.host}/ada/guestbook:none"
    assert "no basic auth credentials" in instance.docker("pull", name).stderr
    done = instance.run(filled(login_hooks(name)), **given)
    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    assert "manifest unknown" in instance.docker("pull", name).stderr


@pytest.mark.parametrize(
    ("password", "message", "slept"),
    [
        (
            {"DOCKER_PASSWORD": "wrong-one"},
            "ada cannot log in at {}: put the right password into the secret.",
            "5\n5\n",
        ),
        ({}, "DOCKER_USERNAME or DOCKER_PASSWORD is empty: name both under [secrets] in beanpod.toml.", ""),
    ],
    ids=["wrong", "missing"],
)
def test_a_login_that_fails_ends_the_deployment(
    private: LocalRegistry, instance: Instance, password: dict[str, str], message: str, slept: str
) -> None:
    done = instance.run(filled(login_hooks(f"{private.host}/ada/guestbook")), DOCKER_USERNAME="ada", **password)
    assert (done.returncode, instance.recorded("sleep")) == (1, slept)
    assert message.format(private.host) in done.stderr
    assert "wrong-one" not in done.stdout + done.stderr


def test_the_login_to_docker_hub_names_no_registry() -> None:
    hook, *_ = login_hooks("ada/guestbook").values()
    assert b'docker login --username "$username" --password-stdin; do\n' in hook.data
    assert b"cannot log in at Docker Hub:" in hook.data


# The clean-up.
@pytest.fixture(scope="module")
def published(docker_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Four images in one repository, which no other test has."""
    folder = tmp_path_factory.mktemp("images")
    with local_registry(folder / "registry") as registry:
        yield [_publish(docker_engine, registry, folder, f"{token_hex(4)}-{number}") for number in range(4)]


def import_image(engine: Engine, folder: Path, name: str, *, file: str, content: bytes, change: str) -> None:
    """Make an image of one file. change: an instruction of a Dockerfile."""
    with tarfile.open(folder / "image.tar", "w") as archive:
        entry = tarfile.TarInfo(file)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    engine.run("import", "--change", change, str(folder / "image.tar"), name)


def _publish(engine: Engine, registry: LocalRegistry, folder: Path, content: str) -> str:
    name = f"{registry.host}/ada/guestbook:{content}"
    import_image(engine, folder, name, file="content", content=content.encode(), change=f"LABEL {LABEL}")
    engine.run("push", name)
    engine.run("image", "rm", name)
    return f"{name}@{registry.digest('ada/guestbook', content)}"


@pytest.fixture
def releases(instance: Instance, published: list[str]) -> Iterator[list[str]]:
    """The images, none of them on this machine."""
    yield published
    instance.docker("image", "rm", *(name for name in published if there(instance, [name]) == [True]))


def deploy(instance: Instance, *images: str) -> None:
    """Pull a release's images and clean up after them, as Beanstalk does."""
    for image in images:
        assert instance.docker("pull", "--quiet", image).returncode == 0
    assert instance.run(filled(cleanup_hook(images))).returncode == 0


def there(instance: Instance, images: list[str]) -> list[bool]:
    return [instance.docker("image", "inspect", image).returncode == 0 for image in images]


@pytest.mark.parametrize(
    ("deployed", "kept"),
    [
        ([[0], [1], [2]], [1, 2]),
        ([[0], [1], [1]], [0, 1]),
        ([[0], [1], [0]], [0, 1]),
        ([[0, 1], [2, 3]], [0, 1, 2, 3]),
    ],
    ids=["third", "same release again", "rollback", "several images"],
)
def test_clean_up_keeps_this_release_and_the_one_before(
    instance: Instance, releases: list[str], deployed: list[list[int]], kept: list[int]
) -> None:
    for numbers in deployed:
        deploy(instance, *(releases[number] for number in numbers))
    assert there(instance, releases) == [number in kept for number in range(4)]


def test_clean_up_removes_what_has_no_name(instance: Instance, releases: list[str], tmp_path: Path) -> None:
    """As Elastic Beanstalk leaves of what it built on top of a release's image."""
    deploy(instance, releases[0])
    (tmp_path / "Dockerfile").write_text(f"FROM {releases[0]}\nCMD none\n")
    nameless = instance.docker("build", "--quiet", str(tmp_path)).stdout.strip()
    for release in releases[1:3]:
        deploy(instance, release)
    assert there(instance, [nameless, *releases]) == [False, False, True, True, False]


def test_clean_up_keeps_images_that_a_container_uses(instance: Instance, releases: list[str]) -> None:
    deploy(instance, releases[0])
    container = instance.docker("create", releases[0], "none").stdout.strip()
    try:
        for release in releases[1:]:
            deploy(instance, release)
        assert there(instance, releases) == [True, False, True, True]
    finally:
        instance.docker("rm", container)


def test_clean_up_without_an_engine_removes_nothing_and_succeeds(instance: Instance, releases: list[str]) -> None:
    deploy(instance, releases[0])
    done = instance.run(filled(cleanup_hook(releases[1:2])), DOCKER_HOST="tcp://127.0.0.1:1")
    assert done.returncode == 0
    assert "Old images were not removed." in done.stdout
    assert there(instance, releases) == [True, False, False, False]


# The folders of logs.
PASSWD = b"root:x:0:0::/root:/bin/sh\napp:x:1234:100::/:/bin/sh\n"


@pytest.fixture
def image(docker_engine: Engine, tmp_path: Path) -> Iterator[str]:
    """An image whose user has a name, and in which nothing can be run."""
    name = f"{tmp_path.name}:{token_hex(4)}".lower()
    import_image(docker_engine, tmp_path, name, file="etc/passwd", content=PASSWD, change="USER app:staff")
    yield name
    docker_engine.run("image", "rm", "--force", name)


OWNERS = {"": "1234", "app": "1234", "1000": "1000", "77:88": "77", "root": "", "0:0": ""}


def test_a_folder_of_logs_belongs_to_the_containers_user(instance: Instance, image: str) -> None:
    folders = [(f"s{number}", image, user) for number, user in enumerate(OWNERS)]
    folders += [("root", "busybox:stable", ""), ("missing", "127.0.0.1:1/nobody/nothing:1", "")]
    done = instance.run(filled(logs_hook(folders)), EB_LOG_BASE_DIR=str(instance.folder / "logs"))
    assert done.returncode == 0
    assert all("127.0.0.1:1" in line for line in done.stderr.splitlines())
    assert {folder.name for folder in (instance.folder / "logs").iterdir()} >= {name for name, _, _ in folders[:-1]}
    given = [f"{owner} s{number}" for number, owner in enumerate(OWNERS.values()) if owner]
    assert instance.recorded("chown").splitlines() == given
    assert image not in instance.docker("ps", "--all", "--format", "{{.Image}}").stdout


def test_the_look_at_an_image_leaves_no_volume(docker_engine: Engine, instance: Instance, tmp_path: Path) -> None:
    name = f"{tmp_path.name}:{token_hex(4)}".lower()
    (tmp_path / "Dockerfile").write_text("FROM busybox:stable\nVOLUME /data\nUSER nobody\n")
    docker_engine.run("build", "--quiet", "--tag", name, str(tmp_path))
    volumes = "{{range .Mounts}}{{.Name}} {{end}}"
    look = f'[ "$1" = cp ] && docker inspect --format "{volumes}" "${{2%%:*}}" >> {instance.folder}/volumes'
    instance.program(
        "docker", f'#!/bin/sh\nPATH={docker_engine.variables(tmp_path)["PATH"]}\n{look}\nexec docker "$@"\n'
    )
    try:
        instance.run(filled(logs_hook([("web", name, "")])), EB_LOG_BASE_DIR=str(instance.folder / "logs"))
        (volume,) = instance.recorded("volumes").split()
        assert instance.docker("volume", "inspect", volume).returncode == 1
    finally:
        docker_engine.run("image", "rm", "--force", name)


def test_the_bundle_names_the_users_of_its_services(tmp_path: Path) -> None:
    files = bundle_of(copied("host-logs", tmp_path)).files
    hook, again = (files[f".platform/{hooks}/predeploy/00_beanpod_logs.sh"] for hooks in ("hooks", "confighooks"))
    assert (hook.executable, hook.data) == (True, again.data)
    (line,) = [line for line in hook.data.decode().splitlines() if line.startswith("logs web")]
    assert line.endswith(" 1000")


# The release's metadata.
RELEASE = ".platform/hooks/prebuild/01_beanpod_release.sh"
CLEANUP = ".platform/hooks/postdeploy/99_beanpod_cleanup.sh"
TWO = 'services:\n  app: {build: ., ports: ["80:8080"]}\n  worker: {build: .}\n  cache: {image: "redis:7"}\n'


@pytest.fixture
def bare(tmp_path: Path) -> Instance:
    """An instance without Docker."""
    return Instance(tmp_path / "instance")


def release(instance: Instance, bundle: Bundle, *names: str, **variables: str) -> None:
    for name in names:
        assert instance.run(bundle.files[name], **variables).returncode == 0


def mounted(instance: Instance, source: str) -> Any:
    """What a container reads that has this folder of the instance as /run/beanpod."""
    return json.loads((instance.state / Path(source).relative_to("/var/lib/beanpod") / "release.json").read_text())


@pytest.mark.parametrize("name", ["guestbook-dev-service", ""], ids=["known", "unknown"])
def test_a_container_reads_its_version_image_and_environment(tmp_path: Path, bare: Instance, name: str) -> None:
    bundle = dockerfile_bundle(tmp_path)
    release(bare, bundle, RELEASE, **({"CONFIG_environment_name": name} if name else {}))
    (volume,) = json.loads(bundle.files["Dockerrun.aws.json"].data)["Volumes"]
    assert volume["ContainerDirectory"] == "/run/beanpod"
    expected = {"version": bundle.label, "image": IMAGE, "environment": name}
    assert mounted(bare, volume["HostDirectory"]) == expected
    # Any user of a container may read it.
    folder = bare.state / bundle.hash
    assert (folder.stat().st_mode & 0o777, (folder / "release.json").stat().st_mode & 0o777) == (0o755, 0o644)


def test_every_built_service_reads_its_own_image(tmp_path: Path, bare: Instance) -> None:
    plan = plan_bundle(compose_stage(tmp_path, TWO), tmp_path)
    images = {spec.name: f"ada/guestbook:{spec.name}" for spec in plan.specs}
    bundle = plan.bundle(images, application="guestbook-dev", login_hooks=False)
    release(bare, bundle, RELEASE)
    services: Mapping[str, Any] = composed(bundle)["services"]
    for name in ("app", "worker"):
        (source,) = [
            volume.split(":")[0] for volume in services[name]["volumes"] if volume.endswith(":/run/beanpod:ro")
        ]
        found = mounted(bare, source)
        assert (found["image"], found["version"]) == (f"ada/guestbook:{name}", bundle.label)
    assert "/run/beanpod" not in str(services["cache"])


def test_a_services_own_mount_at_the_metadatas_path_is_kept(tmp_path: Path) -> None:
    text = 'services:\n  app: {build: ., ports: ["80:80"], volumes: ["own:/run/beanpod/"]}\nvolumes: {own: }\n'
    volumes = composed(compose_bundle(tmp_path, text))["services"]["app"]["volumes"]
    assert volumes == ["own:/run/beanpod", "${EB_LOG_BASE_DIR}/app:/var/log/app"]


def test_a_bundle_without_a_build_has_no_metadata(tmp_path: Path) -> None:
    bundle = compose_bundle(tmp_path, 'services:\n  app: {image: wiki, ports: ["80:80"]}\n')
    assert RELEASE not in bundle.files
    assert b"/run/beanpod" not in bundle.data


@pytest.mark.parametrize(
    ("steps", "kept"),
    [("012", "12"), ("011", "01"), ("0121", "12"), ("0x2", "02")],
    ids=["third", "same release again", "rollback", "after a failed release"],
)
def test_the_metadata_of_this_and_the_previous_release_is_kept(
    tmp_path: Path, bare: Instance, steps: str, kept: str
) -> None:
    bundles = {number: dockerfile_bundle(tmp_path, image=f"ada/guestbook:{number}") for number in "012x"}
    for step in steps:
        release(bare, bundles[step], RELEASE, *(() if step == "x" else (CLEANUP,)))
    assert {path.name for path in bare.state.iterdir() if path.is_dir()} == {bundles[number].hash for number in kept}
