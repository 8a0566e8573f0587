"""The bundle of a stage with a domain, and what a real nginx does with it."""

import http.client
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from email.message import Message
from pathlib import Path
from secrets import token_hex

import pytest

from beanpod.deploy.bundles import Bundle
from tests.deploy.bundles.projects import COMPOSE, SERVICE, compose_bundle, dockerfile_bundle, refused, write
from tests.deploy.engine import Engine

NAME, ALIAS = "shop.example.com", "www.shop.example.com"
HSTS = "Strict-Transport-Security"
HTTP = ".platform/nginx/conf.d/00_beanpod_domain.conf"
TIMEOUT = ".platform/nginx/conf.d/00_beanpod_timeout.conf"
SERVER = ".platform/nginx/conf.d/elasticbeanstalk/00_beanpod_domain.conf"
CERTIFICATE = "arn:aws:acm:eu-central-1:111122223333:certificate/0a1b2c3d-0000-0000-0000-000000000000"
DOMAIN = f'[domain]\nname = "{NAME}"\naliases = ["{ALIAS}"]\ncertificate = "{CERTIFICATE}"\n'
BALANCED = '[environment]\ntype = "LoadBalanced"\n'
WITH_DOMAIN = f"{SERVICE}{BALANCED}{DOMAIN}"
# An app behind nginx: it answers with the headers of the request, and sends HSTS if the request asks for it.
APP = """\
upstream docker { server 127.0.0.1:8081; }
server {
    listen 8081;
    add_header Strict-Transport-Security $http_x_test_hsts always;
    location / { return 200 "$request_method $http_host $http_x_forwarded_proto"; }
}
"""
# Of the project's nginx.conf in the place of the platform's.
WHOLE = """\
events {}
http {
    include conf.d/*.conf;  # the platform's
    server {
        listen 80 default_server;
        location / { proxy_pass http://docker; proxy_set_header Host $host; }
        include /etc/nginx/conf.d/elasticbeanstalk/*.conf;
    }
}
"""
PLATFORM = Path("emulator/beanpod_emulator/docker_runtime/instance_image/nginx")
Answer = tuple[int, str, Message]


class Nginx:
    """The nginx of an instance, with the platform's configuration and a bundle's."""

    def __init__(self, engine: Engine, container: str) -> None:
        self._host, _, port = engine.run("port", container, "80/tcp").splitlines()[0].rpartition(":")
        self._port = int(port)

    def ask(self, *, method: str = "GET", path: str = "/", **headers: str) -> Answer:
        """Return status, body and headers of a response; a header is given with "_" for "-", such as host or x_test."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=10)
        try:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers={"Host": NAME, **given})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()


Start = Callable[[Bundle], Nginx]


@pytest.fixture
def start(docker_engine: Engine, tmp_path: Path) -> Iterator[Start]:
    started: list[str] = []

    def start_with(bundle: Bundle) -> Nginx:
        name = f"nginx-{token_hex(4)}"
        folder = tmp_path / name
        shutil.copytree(PLATFORM, folder)
        write(folder, {"conf.d/default.conf": APP})
        own = {path: file.data.decode() for path, file in bundle.files.items() if path.startswith(".platform/nginx/")}
        write(folder, {path.removeprefix(".platform/nginx/"): text for path, text in own.items()})
        started.append(name)
        # Debian's nginx has another user than the platform's.
        command = "id nginx || useradd nginx; mkdir -p /var/log/nginx/healthd; exec nginx -g 'daemon off;'"
        docker_engine.run("create", "--name", name, "--publish", "127.0.0.1::80", "nginx:stable", "sh", "-c", command)
        docker_engine.run("cp", f"{folder}/.", f"{name}:/etc/nginx")
        docker_engine.run("start", name)
        nginx = Nginx(docker_engine, name)
        for _ in range(600):
            try:
                nginx.ask()
            except (OSError, http.client.HTTPException):
                time.sleep(0.1)
            else:
                return nginx
        raise AssertionError(docker_engine.run("logs", name))

    yield start_with
    for name in started:
        docker_engine.run("rm", "--force", "--volumes", name)


def test_http_and_aliases_are_redirected_and_health_checks_are_not(tmp_path: Path, start: Start) -> None:
    nginx = start(dockerfile_bundle(tmp_path, text=WITH_DOMAIN))
    # The load balancer's own health check, and that of 98_beanpod_verify.sh.
    for headers in ({"Host": "10.0.0.7", "User_Agent": "ELB-HealthChecker/2.0"}, {"Host": "localhost"}):
        status, _, answered = nginx.ask(path="/health", **headers)
        assert (status, answered[HSTS]) == (200, None)

    for host in (NAME, ALIAS, "lb-1.eu-central-1.elb.amazonaws.com", "evil.example"):
        status, _, answered = nginx.ask(path="/a%20b?c=d", Host=host, X_Forwarded_Proto="http")
        assert (status, answered["Location"]) == (308, f"https://{NAME}/a%20b?c=d")
        assert answered[HSTS] is None
    assert nginx.ask(method="POST", X_Forwarded_Proto="http")[0] == 308

    for host in (ALIAS, ALIAS.upper(), f"{ALIAS}:443", f"{ALIAS}."):
        status, _, answered = nginx.ask(path="/x?y", Host=host, X_Forwarded_Proto="https")
        assert (status, answered["Location"]) == (308, f"https://{NAME}/x?y")
        assert answered.get_all(HSTS) == ["max-age=31536000"]

    status, body, answered = nginx.ask(method="POST", X_Forwarded_Proto="https")
    assert (status, body) == (200, f"POST {NAME} https")
    assert answered.get_all(HSTS) == ["max-age=31536000"]
    own = "max-age=300; includeSubDomains"
    assert nginx.ask(X_Forwarded_Proto="https", X_Test_HSTS=own)[2].get_all(HSTS) == [own]


@pytest.mark.parametrize(
    ("files", "own"),
    [
        ({"conf.d/headers.conf": "add_header X-Own here always;\n"}, "here"),
        ({"conf.d/elasticbeanstalk/own.conf": 'add_header "X-Own" here always;\n'}, "here"),
        ({"nginx.conf": WHOLE.replace("listen", "add_header X-Own here always; listen", 1)}, "here"),
        ({"nginx.conf": WHOLE.replace("server {", "add_header X-Own here always; server {", 1)}, "here"),
        # In a location, which has only its own.
        ({"conf.d/elasticbeanstalk/own.conf": "location /y { add_header X-Own here; return 200; }\n"}, None),
        ({"conf.d/upload.conf": "client_max_body_size 20m;\n", "nginx.conf": WHOLE}, None),
    ],
)
def test_headers_of_the_projects_own_configuration_are_sent_besides(
    files: Mapping[str, str], own: str | None, tmp_path: Path, start: Start
) -> None:
    write(tmp_path, {f".platform/nginx/{name}": text for name, text in files.items()})
    bundle = dockerfile_bundle(tmp_path, text=WITH_DOMAIN)
    assert bundle.notes == ()
    nginx = start(bundle)
    _, _, answered = nginx.ask(X_Forwarded_Proto="https")
    assert (answered["X-Own"], answered.get_all(HSTS)) == (own, ["max-age=31536000"])
    assert nginx.ask(X_Forwarded_Proto="http")[0] == 308


def test_hsts_of_the_projects_own_configuration_is_used(tmp_path: Path, start: Start) -> None:
    name = ".platform/nginx/conf.d/elasticbeanstalk/hsts.conf"
    write(tmp_path, {name: "add_header strict-transport-security 'max-age=60' always;\n"})
    bundle = dockerfile_bundle(tmp_path, text=WITH_DOMAIN)
    assert bundle.notes == (f"{name}: sets {HSTS}, so Beanpod does not add it",)
    assert start(bundle).ask(X_Forwarded_Proto="https")[2].get_all(HSTS) == ["max-age=60"]


def test_an_nginx_configuration_without_the_includes_is_refused(tmp_path: Path) -> None:
    whole = "events {}\nhttp {\n  # include conf.d/*.conf;\n  server { include conf.d/elasticbeanstalk/*.conf; }\n}\n"
    redirected = f"so that requests over HTTP are not redirected to https://{NAME}: add it"
    problems = [
        f".platform/nginx/nginx.conf: has no `include {include}` in its {block} block, {redirected}"
        for include, block in (("conf.d/*.conf;", "http"), ("conf.d/elasticbeanstalk/*.conf;", "server"))
    ]
    write(tmp_path, {".platform/nginx/nginx.conf": whole})
    assert refused(lambda: dockerfile_bundle(tmp_path, text=WITH_DOMAIN)) == problems[:1]
    write(tmp_path, {".platform/nginx/nginx.conf": whole.replace("elasticbeanstalk", "other")})
    assert refused(lambda: dockerfile_bundle(tmp_path, text=WITH_DOMAIN)) == problems
    # Without a domain it is the project's own affair.
    dockerfile_bundle(tmp_path)


def test_a_file_of_the_project_in_the_place_of_a_generated_one_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {SERVER: "# mine\n"})
    assert refused(lambda: dockerfile_bundle(tmp_path, text=WITH_DOMAIN)) == [
        f"{SERVER}: Beanpod writes a file of this name: rename it"
    ]
    assert dockerfile_bundle(tmp_path).files[SERVER].data == b"# mine\n"
    slow = f"{SERVICE}{BALANCED}[environment.load_balancer]\nidle_timeout_seconds = 300\n"
    write(tmp_path, {TIMEOUT: "proxy_read_timeout 900s;\n"})
    (problem,) = refused(lambda: dockerfile_bundle(tmp_path, text=slow))
    assert problem == f"{TIMEOUT}: Beanpod writes a file of this name: rename it"


def test_a_bundle_without_a_domain_has_no_nginx_configuration(tmp_path: Path) -> None:
    plain, with_domain = dockerfile_bundle(tmp_path), dockerfile_bundle(tmp_path, text=WITH_DOMAIN)
    assert set(with_domain.files) - set(plain.files) == {HTTP, SERVER}
    assert plain.data == dockerfile_bundle(tmp_path, text=SERVICE + BALANCED).data


def test_nginx_waits_for_an_answer_as_long_as_the_load_balancer(tmp_path: Path, start: Start) -> None:
    idle = f"{SERVICE}{BALANCED}[environment.load_balancer]\nidle_timeout_seconds = "
    bundle = dockerfile_bundle(tmp_path, text=f"{idle}300\n")
    assert bundle.files[TIMEOUT].data == b"proxy_read_timeout 300s;\nkeepalive_timeout 315s;\n"
    assert start(bundle).ask()[0] == 200
    assert TIMEOUT not in dockerfile_bundle(tmp_path, text=f"{idle}60\n").files
    # A directive twice in one block would fail the deployment.
    write(tmp_path, {".platform/nginx/conf.d/slow.conf": "proxy_read_timeout 900s;\n"})
    bundle = dockerfile_bundle(tmp_path, text=f"{idle}300\n")
    assert bundle.files[TIMEOUT].data == b"keepalive_timeout 315s;\n"
    assert start(bundle).ask()[0] == 200


@pytest.mark.parametrize(
    ("more", "note"),
    [
        ("", "port 80 is closed, unless redirects_http = true says that the app redirects HTTP to HTTPS"),
        ("redirects_http = true\n", "port 80 stays open, and the app redirects it"),
    ],
)
def test_with_a_compose_file_the_note_says_what_the_app_does_itself(more: str, note: str, tmp_path: Path) -> None:
    services = 'services:\n  web: {build: ., ports: ["80:8080"]}\n'
    bundle = compose_bundle(tmp_path, services, f"{COMPOSE}{BALANCED}{DOMAIN}{more}")
    duties = f"the app itself redirects {ALIAS} to https://{NAME} and sends {HSTS}"
    assert bundle.notes == (f"domain: no nginx with a compose file: {duties}; {note}",)
    assert not [name for name in bundle.files if "nginx" in name]
    assert compose_bundle(tmp_path, services, f"{COMPOSE}{BALANCED}").notes == ()
