"""The HTTPS listener of an environment, reached by its domain: by curl, OpenSSL and Python."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.httpsession import get_cert_path

from beanpod_emulator.docker_runtime.domain_proxy import DomainProxy
from emulator.tests.docker_runtime.sample_app import Environment, SampleApp, dockerrun, option_settings, several
from tests.deploy.engine import absent
from tests.rehearsal.browser import NoBrowserError, chromium

LISTENER, DEFAULT = "aws:elbv2:listener:443", "aws:elbv2:listener:default"


@dataclass(frozen=True)
class Domain:
    """A site with HTTPS on its names."""

    environment: Environment
    certificate: str

    @property
    def variables(self) -> dict[str, str]:
        return self.environment.app.aws.whole_environment() | self.environment.app.aws.domain_variables()

    def run(self, *command: str, data: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, env=self.variables, input=data, text=True, capture_output=True, timeout=60, check=False
        )

    def curl(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return self.run("curl", "--silent", "--show-error", *arguments)


@pytest.fixture(scope="module")
def zone(app: SampleApp) -> str:
    made = app.client("route53").create_hosted_zone(Name="example.com", CallerReference="https")
    return str(made["HostedZone"]["Id"].rpartition("/")[2])


def change(app: SampleApp, zone: str, record: dict[str, Any], action: str = "UPSERT") -> None:
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    app.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)


def alias(name: str, target: str) -> dict[str, Any]:
    leads = {"DNSName": target, "HostedZoneId": "Z35SXDOTRQ7X7K", "EvaluateTargetHealth": False}
    return {"Name": name, "Type": "A", "AliasTarget": leads}


def cname(name: str, target: str) -> dict[str, Any]:
    return {"Name": name, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": target}]}


def issued(app: SampleApp, zone: str, *names: str) -> str:
    acm = app.client("acm")
    more = {"SubjectAlternativeNames": list(names[1:])} if names[1:] else {}
    arn = acm.request_certificate(DomainName=names[0], ValidationMethod="DNS", **more)["CertificateArn"]
    for option in acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"]:
        record = option["ResourceRecord"]
        change(app, zone, cname(record["Name"], record["Value"]))
    return str(arn)


# What a bundle does behind a load balancer with HTTPS.
REDIRECT = """\
if ($http_x_forwarded_proto = http) { return 308 https://$host$request_uri; }
add_header Strict-Transport-Security "max-age=300" always;
"""


@pytest.fixture(scope="module")
def domain(app: SampleApp, zone: str) -> Domain:
    label = app.version("headers", "", files={"Dockerrun.aws.json": dockerrun(app.echo_image())})
    arn = issued(app, zone, "shop.example.com", "www.shop.example.com")
    options = {
        **several("AllAtOnce", 1),
        (LISTENER, "Protocol"): "HTTPS",
        (LISTENER, "SSLCertificateArns"): arn,
        (LISTENER, "SSLPolicy"): "ELBSecurityPolicy-TLS13-1-2-2021-06",
    }
    environment = app.launch("https", label, options)
    described = environment.described()
    change(app, zone, alias("shop.example.com", described["EndpointURL"]))
    change(app, zone, cname("www.shop.example.com", described["CNAME"]))
    return Domain(environment, arn)


@pytest.mark.parametrize("name", ["shop.example.com", "www.shop.example.com"])
def test_curl_reaches_the_names_that_records_lead_to_an_environment(domain: Domain, name: str) -> None:
    secure = domain.curl(f"https://{name}/page?x=1", "--fail")
    assert secure.returncode == 0, secure.stderr
    headers = json.loads(secure.stdout)["headers"]
    assert (headers["host"], headers["x-forwarded-proto"], headers["x-forwarded-port"]) == (name, "https", "443")
    # Of the client as the load balancer sees it, and of the load balancer.
    assert len(headers["x-forwarded-for"].split(", ")) == 2
    clear = json.loads(domain.curl(f"http://{name}/", "--fail").stdout)["headers"]
    assert (clear["host"], clear["x-forwarded-proto"], clear["x-forwarded-port"]) == (name, "http", "80")
    forged = domain.curl(f"http://{name}/", "--header", "X-Forwarded-Proto: https", "--fail")
    assert json.loads(forged.stdout)["headers"]["x-forwarded-proto"] == "http"


def test_python_reaches_them_too(domain: Domain) -> None:
    script = "import urllib.request as it; print(it.urlopen('https://shop.example.com/', timeout=60).read().decode())"
    done = domain.run(sys.executable, "-c", script)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["headers"]["x-forwarded-proto"] == "https"


def test_the_certificate_is_of_the_emulators_authority_for_the_certificates_names(domain: Domain) -> None:
    proxy = urlsplit(domain.variables["https_proxy"])
    connect = ("openssl", "s_client", "-proxy", f"{proxy.hostname}:{proxy.port}", "-connect", "shop.example.com:443",
               "-servername", "shop.example.com", "-verify_return_error",
               "-CAfile", domain.variables["SSL_CERT_FILE"], "-verify_hostname", "www.shop.example.com")  # fmt: skip
    done = domain.run(*connect)
    assert "Verify return code: 0 (ok)" in done.stdout, done.stderr
    assert re.search("issuer=CN ?= ?Beanpod's emulated AWS", done.stdout)
    assert "TLSv1.3" in done.stdout
    assert domain.run(*connect, "-tls1_1").returncode != 0


def test_without_the_authority_the_certificate_is_not_trusted(domain: Domain) -> None:
    done = domain.curl("https://shop.example.com/", "--cacert", str(get_cert_path(True)))
    assert done.returncode == 60, done.stderr


def test_a_closed_default_listener_closes_port_80(domain: Domain, app: SampleApp) -> None:
    closed = {(DEFAULT, "ListenerEnabled"): "false"}
    domain.environment.update(OptionSettings=option_settings(closed))
    try:
        assert domain.curl("https://shop.example.com/", "--fail").returncode == 0
        clear = domain.curl("http://shop.example.com/")
        assert clear.stdout == "shop.example.com has no listener on port 80\n"
        assert domain.curl(f"{domain.environment.url}/").returncode in (7, 52, 56)
    finally:
        domain.environment.update(OptionSettings=option_settings({(DEFAULT, "ListenerEnabled"): "true"}))
    assert domain.curl("http://shop.example.com/", "--fail").returncode == 0


def test_a_second_certificate_serves_its_own_names(domain: Domain, app: SampleApp, zone: str, tmp_path: Path) -> None:
    imported = self_signed(tmp_path, "other.example.com")
    arn = app.client("acm").import_certificate(**imported)["CertificateArn"]
    both = {(LISTENER, "SSLCertificateArns"): f"{domain.certificate},{arn}"}
    domain.environment.update(OptionSettings=option_settings(both))
    change(app, zone, alias("other.example.com", domain.environment.described()["EndpointURL"]))
    mine = tmp_path / "mine.pem"
    mine.write_bytes(imported["Certificate"])
    assert domain.curl("https://other.example.com/", "--fail", "--cacert", str(mine)).returncode == 0
    assert domain.curl("https://shop.example.com/", "--fail").returncode == 0


def self_signed(folder: Path, name: str) -> dict[str, bytes]:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={name}"]
    files = ["-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *files], check=True, capture_output=True)
    return {"Certificate": certificate.read_bytes(), "PrivateKey": key.read_bytes()}


def test_records_decide_what_the_proxy_leads_to(domain: Domain, app: SampleApp, zone: str) -> None:
    endpoint = domain.environment.described()["EndpointURL"]
    assert "CONNECT tunnel failed" in domain.curl("https://gone.example.com/").stderr
    change(app, zone, alias("gone.example.com", endpoint))
    assert domain.curl("http://gone.example.com/", "--fail").returncode == 0
    change(app, zone, alias("gone.example.com", endpoint), "DELETE")
    assert domain.curl("http://gone.example.com/", "--fail").returncode != 0


def test_other_hosts_need_the_proxys_password(domain: Domain, app: SampleApp) -> None:
    proxy = urlsplit(domain.variables["https_proxy"])
    address = f"http://{proxy.hostname}:{proxy.port}"
    registry = f"http://{app.registry.host.replace('localhost', '127.0.0.1')}/v2/"
    refused = domain.curl("--noproxy", "", "--proxy", address, registry, "--write-out", "%{http_code}")
    assert refused.stdout.endswith("407")
    reached = domain.curl("--noproxy", "", "--proxy", domain.variables["https_proxy"], "--proxytunnel", registry)
    assert reached.stdout == "{}"
    # Names in Route 53 are for everybody.
    assert domain.curl("--proxy", address, "https://shop.example.com/", "--fail").returncode == 0
    assert domain.curl(f"{address}/", "--noproxy", "*").stdout.startswith("this is a proxy")


def test_other_hosts_are_reached_through_the_users_own_proxy(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    # This process has no records of Route 53: for a proxy in it, the name is another host.
    monkeypatch.setenv("https_proxy", domain.variables["https_proxy"])
    with DomainProxy(lambda address: None) as proxy:
        through = ("--proxy", proxy.url, "--fail")
        assert domain.curl("https://shop.example.com/", *through).returncode == 0
        monkeypatch.setenv("https_proxy", domain.variables["https_proxy"].replace("beanpod:", "beanpod:wrong"))
        assert "407" in domain.curl("https://unknown.example.com/", *through).stderr
        proxy.close()


def test_chromium_is_redirected_and_sees_the_certificate_and_hsts(domain: Domain, app: SampleApp) -> None:
    files = {
        "Dockerrun.aws.json": dockerrun(app.echo_image()),
        ".platform/nginx/conf.d/elasticbeanstalk/https.conf": REDIRECT,
    }
    domain.environment.update(VersionLabel=app.version("redirects", "", files=files))
    arguments = [*app.aws.chromium_arguments(), "--disable-features=HttpsUpgrades"]
    try:
        with chromium(arguments=arguments) as browser, browser.new_context() as context:
            page = context.new_page()
            first = page.goto("http://shop.example.com/page")
            assert first
            assert page.url == "https://shop.example.com/page"
            before = first.request.redirected_from
            redirect = before.response() if before else None
            assert redirect
            assert (redirect.status, before and before.url) == (308, "http://shop.example.com/page")
            security = first.security_details()
            assert security
            assert (security["issuer"], security["protocol"]) == ("Beanpod's emulated AWS", "TLS 1.3")
            assert first.header_value("strict-transport-security") == "max-age=300"
            assert page.evaluate("isSecureContext")
            # The browser itself asks for HTTPS now.
            second = page.goto("http://shop.example.com/other")
            again = second.request.redirected_from if second else None
            response = again.response() if again else None
            assert response
            assert response.status == 307
    except NoBrowserError as error:
        absent(str(error))
    finally:
        domain.environment.update(VersionLabel="headers")
