"""The nginx of an instance, with and without .platform/nginx."""

import base64
import http.client
import json
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from emulator.tests.docker_runtime.sample_app import SINGLE, Environment, SampleApp, dockerrun

CASE = Path(__file__).parents[3] / "tests/cases/upload-and-websocket"


@pytest.fixture(scope="module")
def image(app: SampleApp) -> str:
    return app.echo_image()


def version(app: SampleApp, image: str, label: str, **nginx: str) -> str:
    files = {f".platform/nginx/{name}": text for name, text in nginx.items()}
    return app.version(label, "", files={"Dockerrun.aws.json": dockerrun(image), **files})


@pytest.fixture(scope="module")
def launched(app: SampleApp, image: str) -> Environment:
    return app.launch("proxied", version(app, image, "default"), SINGLE)


@pytest.fixture
def environment(launched: Environment) -> Environment:
    """The environment with the platform's configuration and no other one's."""
    if launched.described()["VersionLabel"] != "default":
        launched.update(VersionLabel="default")
    return launched


def post(environment: Environment, size: int) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(environment.url.removeprefix("http://"), timeout=60)
    connection.request("POST", "/", b"x" * size, {"Connection": "close"})
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_a_body_may_have_one_megabyte(environment: Environment) -> None:
    status, answer = post(environment, 900_000)
    assert (status, json.loads(answer)["n"]) == (200, 900_000)
    assert post(environment, 1_100_000)[0] == 413


def test_a_single_instance_has_only_the_headers_of_its_nginx(environment: Environment) -> None:
    headers = json.loads(post(environment, 1)[1])["headers"]
    assert "x-forwarded-proto" not in headers
    assert headers["x-real-ip"]
    assert "," not in headers["x-forwarded-for"]


def test_websockets_pass(environment: Environment) -> None:
    parts = urlsplit(environment.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall(
            f"GET /chat HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        stream = connection.makefile("rb")
        assert stream.readline().startswith(b"HTTP/1.1 101")
        while stream.readline().strip():
            pass
        connection.sendall(b"hello")
        assert stream.read(5) == b"hello"


def test_files_of_the_bundle_replace_those_of_the_previous_one(
    app: SampleApp, image: str, environment: Environment
) -> None:
    files = {
        "conf.d/upload.conf": (CASE / ".platform/nginx/conf.d/upload.conf").read_text(),
        "conf.d/elasticbeanstalk/extra.conf": 'location = /extra { return 200 "extra"; }\n',
    }
    environment.update(VersionLabel=version(app, image, "extended", **files))
    assert post(environment, 4_000_000)[0] == 200
    assert environment.page("/extra") == (200, "extra")
    environment.update(VersionLabel="default")
    assert post(environment, 4_000_000)[0] == 413


def test_a_whole_configuration_takes_the_place_of_the_platforms(
    app: SampleApp, image: str, launched: Environment
) -> None:
    text = """\
user nginx;
worker_processes auto;
events { worker_connections 1024; }
http {
  include conf.d/*.conf;
  server {
    listen 80 default_server;
    root /var/app/current/public;
    location / { proxy_pass http://docker; }
    location = /below { alias /etc/hostname; }
    include conf.d/elasticbeanstalk/healthd.conf;
  }
}
"""
    launched.update(VersionLabel=version(app, image, "whole", **{"nginx.conf": text}))
    (instance,) = launched.instances()
    # What it serves from files is the instance's.
    assert launched.page("/below") == (200, f"{instance['InstanceId']}\n")
    assert "x-real-ip" not in json.loads(launched.page()[1])["headers"]


def test_a_failure_shows_nginxs_error_and_the_previous_version_keeps_running(
    app: SampleApp, image: str, launched: Environment
) -> None:
    wrong = {"conf.d/upload.conf": "clent_max_body_size 5m;\n"}
    launched.update(VersionLabel=version(app, image, "wrong", **wrong))
    error = 'unknown directive "clent_max_body_size" in /var/proxy/staging/nginx/conf.d/upload.conf:1'
    assert error in launched.causes()
    assert "Instance deployment failed to configure the proxy server. The deployment failed." in launched.errors()
    assert post(launched, 1)[0] == 200


def test_a_bundle_with_services_has_no_nginx_before_it(app: SampleApp, image: str, launched: Environment) -> None:
    compose = f"services: {{web: {{image: '{image}', ports: ['80:8080']}}}}\n"
    files = {"docker-compose.yml": compose, ".platform/nginx/conf.d/upload.conf": "client_max_body_size 1k;\n"}
    launched.update(VersionLabel=app.version("services", "", files=files))
    status, answer = post(launched, 4_000_000)
    assert (status, json.loads(answer)["n"]) == (200, 4_000_000)
    assert "x-real-ip" not in json.loads(answer)["headers"]
    # And back, with nginx again.
    launched.update(VersionLabel="default")
    assert post(launched, 4_000_000)[0] == 413, (launched.errors(), launched.causes())
