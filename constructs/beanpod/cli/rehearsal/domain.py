"""The domain of a rehearsed stage: what the owner's account has for it, and how it is reached from this machine."""

import ssl
from collections.abc import Iterator, Mapping
from email.message import Message
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, ProxyHandler, build_opener

if TYPE_CHECKING:
    from beanpod.manifest import Domain
    from beanpod_emulator import EmbeddedAws

_SECONDS = 20
_HSTS = "Strict-Transport-Security"


def create_domain(aws: "EmbeddedAws", domain: "Domain") -> dict[str, Any]:
    """Create the hosted zone and the certificate that a stage's domain names, on the emulated AWS.

    Without a hosted zone, the names' DNS is in zones of the rehearsal.

    Returns:
        The domain's table of the manifest, with the ids that they have there.
    """
    names = (domain.name, *domain.aliases)
    zones = [domain.hosted_zone.name] if domain.hosted_zone else sorted({name.partition(".")[2] for name in names})
    ids = {zone: _create_zone(aws, zone) for zone in zones}
    table: dict[str, Any] = domain.model_dump(include={"name", "aliases", "redirects_http"}, mode="json")
    if domain.hosted_zone:
        table["hosted_zone"] = {"name": domain.hosted_zone.name, "id": ids[domain.hosted_zone.name]}
    if domain.certificate:
        table["certificate"] = _create_certificate(aws, names)
    return table


def create_records(aws: "EmbeddedAws", records: str) -> None:
    """Create records such as "shop.example.com CNAME ENDPOINT, ...", as the owner does where the DNS is."""
    for record in filter(None, records.split(", ")):
        name, kind, value = record.split(" ")
        _create_record(aws, name, kind, value)


def opener(variables: Mapping[str, str], *handlers: HTTPRedirectHandler) -> OpenerDirector:
    """Return what opens URLs on this machine and of a domain, without the proxy of the user's shell.

    Args:
        variables: Of EmbeddedAws.domain_variables(); none without a domain.
        handlers: Further handlers.
    """
    proxies = {scheme: variables[f"{scheme}_proxy"] for scheme in ("http", "https") if f"{scheme}_proxy" in variables}
    context = ssl.create_default_context(cafile=variables.get("SSL_CERT_FILE"))
    return build_opener(ProxyHandler(proxies), HTTPSHandler(context=context), *handlers)


def redirects(domain: "Domain", variables: Mapping[str, str]) -> Iterator[str]:
    """Yield what the domain answers over HTTP and on its aliases, and whether browsers will stay with HTTPS."""
    opening = opener(variables, _NoRedirect())
    for url in (f"http://{domain.name}/", *(f"https://{alias}/" for alias in domain.aliases)):
        status, headers = _head(opening, url)
        location = headers.get("Location")
        if url.startswith("http:") and status == HTTPStatus.BAD_GATEWAY:
            yield f"{url}: port 80 is closed"
        else:
            yield f"GET {url} answered {status}{f', to {location}' if location else ''}"
    hsts = _head(opening, f"{domain.url}/")[1].get(_HSTS)
    yield f"{_HSTS}: {hsts}" if hsts else f"no {_HSTS}"


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any) -> None:
        """Follow none."""


def _head(opening: OpenerDirector, url: str) -> tuple[int, Message]:
    """Return status and headers of an answer. Raises OSError or HTTPException without one."""
    try:
        with opening.open(url, timeout=_SECONDS) as response:
            return response.status, response.headers
    except HTTPError as error:
        with error:
            return error.code, error.headers


def _create_zone(aws: "EmbeddedAws", name: str) -> str:
    made = client(aws, "route53").create_hosted_zone(Name=name, CallerReference=name)
    return str(made["HostedZone"]["Id"].rpartition("/")[2])


def _create_certificate(aws: "EmbeddedAws", names: tuple[str, ...]) -> str:
    acm = client(aws, "acm")
    more = {"SubjectAlternativeNames": list(names[1:])} if names[1:] else {}
    arn = str(acm.request_certificate(DomainName=names[0], ValidationMethod="DNS", **more)["CertificateArn"])
    for option in acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"]:
        record = option["ResourceRecord"]
        _create_record(aws, record["Name"], record["Type"], record["Value"])
    return arn


def _create_record(aws: "EmbeddedAws", name: str, kind: str, value: str) -> None:
    """Create a record in the hosted zone of its name."""
    route53 = client(aws, "route53")
    zones = {zone["Name"].rstrip("."): zone["Id"] for zone in route53.list_hosted_zones()["HostedZones"]}
    zone = max((zone for zone in zones if name.rstrip(".").endswith(f".{zone}")), key=len)
    record = {"Name": name, "Type": kind, "TTL": 300, "ResourceRecords": [{"Value": value}]}
    changes = [{"Action": "UPSERT", "ResourceRecordSet": record}]
    route53.change_resource_record_sets(HostedZoneId=zones[zone], ChangeBatch={"Changes": changes})


def client(aws: "EmbeddedAws", service: str) -> Any:
    """Return a client of the emulated AWS that may do anything."""
    import boto3

    make: Any = boto3.client
    return make(service, **aws.client_arguments)
