"""A bundle unpacked and run by the real compose, with the `.env` that Beanstalk writes."""

import io
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from beanpod.deploy.bundles import Bundle, plan_bundle
from tests.deploy.bundles.compose_command import Compose
from tests.deploy.bundles.projects import COMPOSE, DATABASE, compose_stage, write
from tests.deploy.engine import Engine

PROJECT = """
services:
  app:
    build: .
    ports: ["3000:8080"]
    environment: {RDS_HOSTNAME: db, RDS_PASSWORD: development, PRICE: "$$5"}
    depends_on: [db]
    volumes: [".:/app", "/app/node_modules"]
    secrets: [token]
  worker:
    image: busybox:stable
    environment: [RDS_PASSWORD]
    volumes: ["./settings.json:/settings.json:ro"]
  db: {image: "mysql:8.4"}
secrets: {token: {environment: TOKEN}}
"""
MANIFEST = f"{COMPOSE}[secrets]\nTOKEN = {{ generate = 32 }}\n{DATABASE}"
# Beanstalk doubles the dollar of a value.
WRITTEN = "RDS_HOSTNAME=real.example.org\nRDS_PASSWORD=pa$$ss=w#rd\nTOKEN=to$$ken\n"


@pytest.fixture(scope="module")
def instance(
    docker_engine: Engine, compose: Compose, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Compose, Path]]:
    """A folder like /var/app/current."""
    project = tmp_path_factory.mktemp("project")
    stage = compose_stage(project, PROJECT, MANIFEST, settings__json="{}")
    bundle = plan_bundle(stage, project).bundle({"app": "busybox:stable"}, application="a", login_hooks=False)
    folder = tmp_path_factory.mktemp(f"current-{token_hex(4)}")
    unpack(bundle, folder, WRITTEN)
    yield compose, folder
    compose.run(folder, "down", "--volumes", "--timeout", "1")


def unpack(bundle: Bundle, folder: Path, variables: str = "") -> None:
    """Unpack as Beanstalk does, and run the hook; /var/lib of this machine is not a test's to write to."""
    with zipfile.ZipFile(io.BytesIO(bundle.data)) as archive:
        archive.extractall(folder)
    (folder / ".env").write_text(variables)
    hook = folder / ".platform/hooks/prebuild/01_beanpod_release.sh"
    for file in (folder / "docker-compose.yml", hook):
        file.write_text(file.read_text().replace("/var/lib/beanpod", str(folder / "state")))
    subprocess.run(["/bin/sh", hook], check=True, capture_output=True)


def output(instance: tuple[Compose, Path], service: str, *command: str) -> str:
    compose, folder = instance
    return compose.run(folder, "run", "--rm", "--no-deps", "--no-TTY", service, *command)


def test_the_app_has_its_variables_secrets_metadata_and_logs(instance: tuple[Compose, Path]) -> None:
    script = "env; cat /run/secrets/token; echo; cat /run/beanpod/release.json; echo said > /var/log/app/own.log; "
    refuse = "touch /run/beanpod/x 2>/dev/null || echo refused"
    lines = output(instance, "app", "sh", "-c", script + refuse).splitlines()
    assert {"RDS_HOSTNAME=real.example.org", "RDS_PASSWORD=pa$ss=w#rd", "PRICE=$5", "to$ken"} <= set(lines)
    assert json.loads(lines[-2])["version"].startswith("guestbook-")
    assert lines[-1] == "refused"
    assert (instance[1] / "logs" / "app" / "own.log").read_text() == "said\n"


def test_another_service_has_the_variables_and_files_that_it_names(instance: tuple[Compose, Path]) -> None:
    lines = output(instance, "worker", "sh", "-c", "env; cat /settings.json").splitlines()
    assert "RDS_PASSWORD=pa$ss=w#rd" in lines
    assert not [line for line in lines if line.startswith(("RDS_HOSTNAME", "TOKEN"))]
    assert lines[-1] == "{}"


PROXIED = """
services:
  proxy:
    image: nginx:stable
    ports: ["80:80"]
    volumes: ["./nginx.conf:/etc/nginx/nginx.conf:ro"]
    depends_on: [one, two]
  one: {build: ., command: [sh, -c, "mkdir /www; echo one > /www/index.html; exec httpd -f -p 8080 -h /www"]}
  two: {build: ., command: [sh, -c, "mkdir /www; echo two > /www/index.html; exec httpd -f -p 8080 -h /www"]}
  files: {image: nginx:stable, volumes: ["./nginx.conf:/nginx.conf:ro"], entrypoint: [sleep, "600"]}
  bound: {image: nginx:stable, volumes: ["bound:/bound:ro"], configs: [inline], entrypoint: [sleep, "600"]}
volumes: {bound: {driver_opts: {type: none, o: bind, device: ./conf}}}
configs: {inline: {content: "%s"}}
"""
NGINX = "events {{}}\nhttp {{ server {{ listen 80; {} location / {{ proxy_pass http://one:8080; }} }} }}\n"


def test_a_release_reaches_a_proxy_and_mounted_files(docker_engine: Engine, compose: Compose, tmp_path: Path) -> None:
    current = tmp_path / f"current-{token_hex(4)}"

    def release(text: str) -> None:
        project = tmp_path / f"project-{token_hex(4)}"
        project.mkdir()
        (project / "nginx.conf").write_text(NGINX.format(f"location = /release {{ return 200 '{text}'; }}"))
        write(project, {"conf/text": text})
        plan = plan_bundle(compose_stage(project, PROXIED % text), project)
        bundle = plan.bundle(dict.fromkeys(("one", "two"), "busybox:stable"), application="a", login_hooks=False)
        # As Elastic Beanstalk does it: another folder of the same name.
        shutil.rmtree(current, ignore_errors=True)
        unpack(bundle, current)
        file = current / "docker-compose.yml"
        file.write_text(file.read_text().replace("80:80", "127.0.0.1::80"))
        compose.run(current, "up", "--detach", "--no-build", "--remove-orphans", "--timeout", "1")

    def answer(path: str) -> str:
        address = compose.run(current, "port", "proxy", "80").strip()
        with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as response:
            return str(response.read().decode())

    try:
        release("first")
        for text in ("second", "third"):
            release(text)
            assert retried(lambda: answer("/")) == "one\n"
            assert answer("/release") == text
            assert f"'{text}'" in compose.run(current, "exec", "--no-TTY", "files", "cat", "/nginx.conf")
            assert compose.run(current, "exec", "--no-TTY", "bound", "cat", "/bound/text", "/inline") == text * 2
    finally:
        compose.run(current, "down", "--volumes", "--timeout", "1")


def retried(ask: Callable[[], str]) -> str:
    """What it answers once the container listens; not an answer of 502."""
    for _ in range(600):
        try:
            return ask()
        except urllib.error.HTTPError:
            raise
        except OSError:
            time.sleep(0.1)
    return ask()
