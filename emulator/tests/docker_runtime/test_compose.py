"""Compose files on instances."""

from typing import Any

import pytest

from beanpod_emulator.docker_runtime.application import escaped, web_service
from beanpod_emulator.docker_runtime.release import InstanceError
from emulator.tests.docker_runtime.sample_app import VARIABLES, Environment, SampleApp, several

ODD = "red $HOME 'q' = 1#"
COMPOSE = """\
services:
  web:
    image: {image}
    ports: ["80:8080"]
    env_file: .env
    volumes: ["pages:/www/pages"]
    depends_on: [helper]
  helper:
    image: busybox:stable
    command: ["sh", "-c", "trap exit TERM; sleep 1000 & wait"]
    ports: ["9999:9999"]
volumes:
  pages:
"""


def version(app: SampleApp, label: str, words: str, **image: str) -> str:
    return app.version(label, words, files={"docker-compose.yml": COMPOSE.format(image=app.image(words, **image))})


@pytest.fixture(scope="module")
def environment(app: SampleApp) -> Environment:
    return app.launch("composed", version(app, "one", "One"), {**several("Rolling"), (VARIABLES, "COLOR"): ODD})


def test_the_service_on_port_80_has_the_variables(environment: Environment) -> None:
    status, page = environment.page()
    assert (status, page.partition("\n")[2]) == (200, f"{ODD}\n")


def test_each_instance_keeps_its_volumes_across_versions(app: SampleApp, environment: Environment) -> None:
    names = [instance["InstanceId"] for instance in environment.instances()]
    for name in names:
        app.engine.run("exec", f"{name}-current-web-1", "sh", "-c", f"echo {name} >> /www/pages/kept")
    environment.update(VersionLabel=version(app, "two", "Two"))
    assert environment.page()[1].startswith("Two\n")
    kept = [app.engine.run("exec", f"{name}-current-web-1", "cat", "/www/pages/kept").strip() for name in names]
    assert kept == names


def test_a_version_that_exits_restores_the_previous_one(app: SampleApp, environment: Environment) -> None:
    before = environment.page()[1]
    environment.update(VersionLabel=version(app, "three", "Three", command="sleep 0.3; exit 4"))
    assert {environment.page()[1] for _ in range(6)} == {before}
    assert (
        "Instance deployment failed to run the Docker Compose services. The deployment failed." in environment.errors()
    )
    assert "the container of service web has ended with exit code 4" in environment.causes()


def test_a_missing_image_is_named_by_its_service(app: SampleApp, environment: Environment) -> None:
    files = {"docker-compose.yml": COMPOSE.format(image=app.image("One").replace("/shop:", "/none:"))}
    environment.update(VersionLabel=app.version("missing", "", files=files))
    assert "Instance deployment failed to download the Docker image. The deployment failed." in environment.errors()
    assert "web Error " in environment.causes()


def config(**services: Any) -> dict[str, Any]:
    return {"services": services}


@pytest.mark.parametrize("port", [{"published": "8080"}, {"host_ip": "127.0.0.1"}, {"protocol": "udp"}])
def test_rejects_a_compose_file_without_port_80(port: dict[str, str]) -> None:
    with pytest.raises(InstanceError, match="no service publishes port 80") as raised:
        web_service(config(app={"ports": [{"published": "80", "target": 8080, **port}]}))
    assert raised.value.event == "Instance deployment failed to start the services. The deployment failed."


def test_dollars_are_escaped() -> None:
    assert escaped({"PRICE": "5 $ each"}) == "PRICE=5 $$ each\n"
