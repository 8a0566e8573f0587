"""The image as it is released: what is in it, who runs it, how it stops, and how it meets its database."""

import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from beanpod_emulator.docker_runtime.context import CertificateAuthority
from tests.deploy.engine import Engine
from tests.service.containers import AT_ONCE, DATABASE, RDS, Containers, containers, stop
from tests.service.machine import ROOT, read, run, wait_for
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def image(docker_engine: Engine) -> Iterator[str]:
    name = f"guestbook-{uuid4().hex[:8]}"
    run("docker", "build", "--tag", name, "service")
    yield name
    run("docker", "image", "rm", name)


@pytest.fixture(scope="module")
def group(image: str) -> Iterator[Containers]:
    with containers(image) as started:
        yield started


def test_the_image_holds_the_service_and_nothing_else(image: str) -> None:
    found = run(
        "docker", "run", "--rm", image, "find", ".", "-path", "./node_modules", "-prune", "-o", "-type", "f", "-print"
    )
    source = {f"./src/{path.name}" for path in (ROOT / "service/src").iterdir()}
    assert set(found.split()) == {"./package.json", "./package-lock.json", "./server.js"} | source


def test_the_service_is_not_root_and_cannot_change_itself(image: str) -> None:
    printed = run("docker", "run", "--rm", image, "sh", "-c", "id -un; touch server.js 2>/dev/null || echo refused")
    assert printed.split() == ["node", "refused"]


def test_the_page_shows_the_metadata_of_the_release(group: Containers, tmp_path: Path) -> None:
    release = {"version": "guestbook-0123", "image": f"ada/book:1@sha256:{'ab' * 32}", "environment": "guestbook-prod"}
    folder = tmp_path / "release"
    folder.mkdir()
    (folder / "release.json").write_text(json.dumps(release))
    mount = ("--volume", f"{folder}:/run/beanpod:ro", "--publish", "127.0.0.1::8080")
    container = group.start(*mount, group.image, name="released")
    address = run("docker", "port", container, "8080").strip()
    page = wait_for(f"http://{address}/", lambda status, _: status == 200)
    facts = re.findall(r'<dd id="(\w+)"(?: title="(.*?)")?>(.*?)</dd>', page)
    assert facts == [
        ("environment", "", "guestbook-prod"),
        ("version", "", "guestbook-0123"),
        ("image", release["image"], "sha256:abababababab"),
    ]


def test_a_container_stops_at_once_although_a_connection_is_open(group: Containers) -> None:
    container = group.start("--publish", "127.0.0.1::8080", group.image, name="alone")
    address = run("docker", "port", container, "8080").strip()
    wait_for(f"http://{address}/health", lambda status, _: status == 200)
    client = http.client.HTTPConnection(address)
    client.request("GET", "/health")
    assert client.getresponse().read()
    assert stop(container) < AT_ONCE
    client.close()


def test_health_follows_the_database_and_the_entries_are_still_there(group: Containers) -> None:
    database = group.start(*DATABASE, name="database")
    guestbook = group.start_service("database").open()
    guestbook.sign("Ada", "before")
    run("docker", "stop", database)
    wait_for(f"{guestbook.url}/health", lambda status, text: status == 503 and "database away" in text)
    assert read(guestbook.url)[0] == 503
    run("docker", "start", database)
    guestbook.open()
    guestbook.sign("Ada", "after")
    assert guestbook.messages() == ["after", "before"]


@pytest.fixture(scope="module")
def rds(group: Containers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that requires TLS, under a name of RDS and a second one that its certificate does not have.

    Returns the folder of its certificates.
    """
    folder = tmp_path_factory.mktemp("rds") / "tls"
    folder.mkdir()
    CertificateAuthority(folder).issue(folder, RDS)
    options = ("--require-secure-transport=ON", "--ssl-cert=/tls/server.pem", "--ssl-key=/tls/server.key")
    mount = ("--volume", f"{folder}:/tls:ro", "--network-alias", f"other-{RDS}")
    group.start(*mount, *DATABASE, *options, name=RDS)
    return folder


def trusting(folder: Path) -> tuple[str, ...]:
    return ("--volume", f"{folder}:/tls:ro", "--env", "NODE_EXTRA_CA_CERTS=/tls/ca.pem")


def test_rds_is_spoken_to_over_tls(group: Containers, rds: Path) -> None:
    guestbook = group.start_service(RDS, *trusting(rds), name="trusting").open()
    guestbook.sign("Ada", "sealed")
    assert guestbook.messages() == ["sealed"]


@pytest.mark.parametrize(
    ("database", "trusted", "reason"),
    [
        pytest.param(RDS, False, "self-signed certificate in certificate chain", id="of an unknown authority"),
        pytest.param(f"other-{RDS}", True, "does not match certificate's altnames", id="of another name"),
    ],
)
def test_a_database_with_a_certificate_is_refused(
    group: Containers, rds: Path, database: str, trusted: bool, reason: str
) -> None:
    guestbook = group.start_service(database, *(trusting(rds) if trusted else ()), name=f"doubting-{trusted}")
    wait_for(f"{guestbook.url}/health", lambda status, text: status == 503 and "HANDSHAKE_SSL_ERROR" in text)
    # The service logs it when it creates its tables, beside the requests: the page may show the error earlier.
    wait_until(lambda: reason in run("docker", "logs", group.names[-1]))
