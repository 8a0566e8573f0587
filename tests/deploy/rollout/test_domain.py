"""A release on a domain: judged at the load balancer, whatever DNS and the certificate say of the name."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from beanpod.deploy.errors import RolledBackError
from beanpod.deploy.health_path import HealthPath, Resolve
from beanpod.deploy.preflight import Settings, Target
from beanpod.deploy.status import read_status
from beanpod.manifest import Domain, HostedZone, StageConfig
from beanpod_emulator.docker_runtime.context import CertificateAuthority
from tests.deploy.bundles.projects import SERVICE, dockerfile_stage
from tests.deploy.rollout.sandbox import Sandbox, bundle, service_outputs
from tests.http_servers import serving

NAME = "shop.example.com"
CERTIFICATE = "arn:aws:acm:us-east-1:111122223333:certificate/0a1b2c3d-0000-0000-0000-000000000000"
DOMAIN = Domain(name=NAME, certificate=CERTIFICATE)
BALANCER = frozenset({"192.0.2.1", "192.0.2.2"})


def resolving(*found: str) -> Resolve:
    """A DNS in which the domain has these addresses, and any other name those of the load balancer."""

    def resolve(host: str) -> frozenset[str]:
        if host == NAME and not found:
            raise OSError("Name or service not known")
        return frozenset(found) if host == NAME else BALANCER

    return resolve


@contextmanager
def balancer(folder: Path, host: str, status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """A load balancer with a certificate for a host: its address, and the names that it was asked for."""
    asked_for: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked_for.append(self.headers["Host"])
            self.send_response(301 if self.path == "/health" else status)
            self.send_header("Location", "/health/")
            self.end_headers()

    def name(_: object, server_name: str | None, __: object) -> None:
        asked_for.append(f"SNI {server_name}")

    context = tls(folder, host)
    context.sni_callback = name
    with serving(Handler, context) as port:
        yield f"localhost:{port}", asked_for


def tls(folder: Path, host: str) -> ssl.SSLContext:
    """Return the context of a server with a certificate for a host."""
    CertificateAuthority(folder).issue(folder, host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context


@pytest.fixture(autouse=True)
def _without_a_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


def health_path(*found: str, domain: Domain = DOMAIN) -> HealthPath:
    return HealthPath(f"https://{NAME}/health", domain=domain, resolve=resolving(*found))


def test_the_load_balancer_is_asked_for_the_domain(tmp_path: Path) -> None:
    with balancer(tmp_path, NAME) as (endpoint, asked_for):
        answer = health_path("192.0.2.2").answer(endpoint)
    assert (answer.well, answer.text, answer.warnings) == (True, f"GET https://{NAME}/health answered 200", ())
    # Its redirect is followed at the same place.
    assert asked_for == [f"SNI {NAME}", NAME] * 2


RECORD = f"make the record {NAME} CNAME localhost (ALIAS or ANAME, if {NAME} is a zone itself)"
ELSEWHERE = f"{NAME} leads to 203.0.113.9, and not to this environment: unless a CDN is there,"
ZONE = HostedZone(name="example.com", id="Z0123456789ABC")
DELEGATION = "the record is in the hosted zone example.com: check that the domain is delegated to it"


@pytest.mark.parametrize(
    ("found", "zone", "warning"),
    [
        ((), None, f"{NAME} cannot be resolved: {RECORD}"),
        (("203.0.113.9",), None, f"{ELSEWHERE} {RECORD}"),
        ((), ZONE, f"{NAME} cannot be resolved: {DELEGATION}"),
        # Of the load balancer before a rebuild.
        (("203.0.113.9",), ZONE, f"{ELSEWHERE} {DELEGATION}, and that it leads to localhost"),
    ],
)
@pytest.mark.parametrize(("status", "well"), [(200, True), (503, False)])
def test_a_missing_record_is_named_and_changes_no_verdict(
    found: tuple[str, ...], zone: HostedZone | None, warning: str, status: int, well: bool, tmp_path: Path
) -> None:
    domain = DOMAIN.model_copy(update={"hosted_zone": zone})
    with balancer(tmp_path, NAME, status) as (endpoint, _):
        answer = health_path(*found, domain=domain).answer(endpoint)
    assert answer.well is well
    assert answer.warnings == (warning,)


def test_missing_records_of_aliases_are_named_too(tmp_path: Path) -> None:
    def resolve(host: str) -> frozenset[str]:
        if host in (NAME, "localhost"):
            return BALANCER
        raise OSError("Name or service not known")

    domain = DOMAIN.model_copy(update={"aliases": ("www.shop.example.com",)})
    with balancer(tmp_path, NAME) as (endpoint, _):
        answer = replace(health_path(domain=domain), resolve=resolve).answer(endpoint)
    (warning,) = answer.warnings
    assert warning.startswith("www.shop.example.com cannot be resolved: make the record www.shop.example.com CNAME")


@pytest.mark.parametrize(("status", "well"), [(200, True), (500, False)])
def test_a_certificate_of_another_name_is_reported_and_changes_no_verdict(
    status: int, well: bool, tmp_path: Path
) -> None:
    with balancer(tmp_path, "other.example.com", status) as (endpoint, _):
        answer = health_path("192.0.2.1").answer(endpoint)
    assert answer.well is well
    (warning,) = answer.warnings
    assert warning.startswith(f"browsers refuse https://{NAME}, because the load balancer's certificate is not valid")
    assert "Hostname mismatch" in warning


def test_a_load_balancer_that_cannot_be_reached_is_no_failure(tmp_path: Path) -> None:
    with balancer(tmp_path, NAME) as (endpoint, _):
        pass
    answer = health_path("192.0.2.1").answer(endpoint)
    assert (answer.well, answer.refused) == (None, True)


@contextmanager
def tunnel(folder: Path, host: str, status: int) -> Iterator[str]:
    """The URL of a proxy at which every CONNECT leads to a server with a certificate for a host."""
    context = tls(folder, host)

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with context.wrap_socket(self.connection, server_side=True) as there:
                there.recv(65536)
                there.sendall(f"HTTP/1.1 {status} Answer\r\nContent-Length: 0\r\n\r\n".encode())

    with serving(Handler) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("status", [403, 503])
def test_through_a_tunnel_every_answer_is_the_apps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.delenv("no_proxy")
    with tunnel(tmp_path, NAME, status) as proxy:
        monkeypatch.setenv("https_proxy", proxy)
        answer = health_path().answer("localhost:9")
    assert (answer.well, answer.text) == (False, f"GET https://{NAME}/health answered {status}, expected 200")


def test_through_a_proxy_the_name_is_looked_up_there_and_a_certificate_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    answer = health_path().answer("localhost:9")
    assert (answer.well, answer.refused, answer.warnings) == (None, True, ())
    expired = ssl.SSLCertVerificationError("certificate has expired")
    expired.verify_message = "certificate has expired"

    def ask(_: str, *, verify: bool = True) -> int:
        if verify:
            raise expired
        return 500

    answer = replace(health_path(), ask=ask).answer("localhost:9")
    assert (answer.well, len(answer.warnings)) == (False, 1)


def test_a_release_is_rolled_back_before_the_record_exists(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "good")
    label = bundle("good").label

    def ask(_: str, *, through: str) -> int:
        assert through
        return 200 if sandbox.version_label(target) == label else 500

    target = replace(target, health_path=replace(health_path(), ask=ask))
    rollout, reporter = sandbox.rollout(target, settings=Settings(recovery=10))
    with pytest.raises(RolledBackError, match=f"GET https://{NAME}/health answered 500, expected 200; rolled back"):
        rollout.release(bundle("dead"))
    assert sum("cannot be resolved" in warning for warning in reporter.warnings) == 1


def test_the_status_has_the_answer_of_the_health_path_and_the_missing_record(sandbox: Sandbox) -> None:
    target = replace(sandbox.environment(), health_path=replace(health_path(), ask=lambda _, through: 404))
    status = read_status(target, sandbox.aws())
    assert status.health_path
    assert status.health_path.text == f"GET https://{NAME}/health answered 404, expected 200"
    assert status.health_path.warnings[0].startswith(f"{NAME} cannot be resolved: make the record")


def stage(folder: Path, more: str) -> StageConfig:
    return dockerfile_stage(folder, f'{SERVICE}[stages.prod]\npreset = "production"\nregion = "us-east-1"\n{more}')


def test_a_domain_that_the_stacks_lack_is_named(tmp_path: Path) -> None:
    given = stage(tmp_path, f'domain = {{ name = "{NAME}", certificate = "{CERTIFICATE}" }}\n')
    target = Target("shop", "shop-prod", "us-east-1", "artifacts", "http://lb.example.com")
    assert target.missing_domain(given) == (
        f"the deployed stacks of stage prod do not have the domain {NAME} yet: run `beanpod cdk deploy --all "
        "-c stage=prod` first"
    )
    assert replace(target, url=f"https://{NAME}").missing_domain(given) is None
    assert target.missing_domain(stage(tmp_path, "")) is None


def test_a_load_balanced_stage_without_a_domain_is_plain_http(sandbox: Sandbox, target: Target, tmp_path: Path) -> None:
    for more, url, plain in (
        ("", target.url, True),
        (f'domain = {{ name = "{NAME}", certificate = "{CERTIFICATE}" }}\n', f"https://{NAME}", False),
    ):
        given = stage(tmp_path, more)
        outputs = service_outputs(replace(target, url=url)) | {"BucketName": target.bucket}
        sandbox.stack(f"Shop{plain}", outputs)
        given = given.model_copy(update={"delivery": given.delivery.model_copy(update={"stack": f"Shop{plain}"})})
        found = Target.find(given, sandbox.aws())
        assert found.plain_http is plain
        assert found.health_path
        assert (found.health_path.url, found.health_path.domain) == (f"{url}/health", given.domain)
        assert sandbox.rollout(found)[0].outcome.plain_http is plain
