"""What a `Domain` becomes: the certificate, the load balancer's listeners, and the records in Route 53."""

from collections.abc import Iterator, Sequence

from aws_cdk import Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_route53 as route53
from constructs import Construct

from beanpod._checks import plain
from beanpod._rules import Problem, domain_problems
from beanpod._settings import Domain, Options


def problems(domain: Domain, region: str) -> Iterator[Problem]:
    """Check a domain for a load balancer in `region`."""
    zone, certificate = domain.hosted_zone, domain.certificate
    yield from domain_problems(
        name=plain(domain.name),
        aliases=[plain(alias) for alias in domain.aliases],
        hosted_zone=zone is not None,
        zone_name=plain(zone.zone_name) if zone else None,
        certificate=certificate is not None,
        certificate_arn=plain(certificate.certificate_arn) if certificate else None,
        region=plain(region),
    )


def certificate_of(scope: Construct, domain: Domain) -> acm.ICertificate:
    """Return the domain's certificate, or make one that is validated by a record in its hosted zone."""
    return domain.certificate or acm.Certificate(
        scope,
        "Certificate",
        domain_name=domain.name,
        subject_alternative_names=list(domain.aliases) or None,
        validation=acm.CertificateValidation.from_dns(domain.hosted_zone),
    )


def listeners(scope: Construct, domain: Domain, certificate: acm.ICertificate) -> Options:
    """Return the options of the listener on 443, and of the one on 80 where nothing redirects it."""
    https: Options = {
        "aws:elbv2:listener:443": {
            "ListenerEnabled": True,
            "Protocol": "HTTPS",
            "SSLCertificateArns": certificate.certificate_arn,
            # Python has the names of an enumeration's members, the CDK knows their values.
            "SSLPolicy": Stack.of(scope).resolve(domain.ssl_policy),
        }
    }
    return https if domain.redirects_http else {**https, "aws:elbv2:listener:default": {"ListenerEnabled": False}}


def add_records(scope: Construct, domain: Domain, target: route53.RecordTarget, *, ipv6: bool) -> None:
    """Add a record for each name of a domain that has a hosted zone.

    Args:
        scope: The environment.
        domain: Its domain.
        target: The alias to its load balancer.
        ipv6: Whether the load balancer has IPv6 addresses, too.
    """
    zone = domain.hosted_zone
    assert zone is not None
    for name in (domain.name, *domain.aliases):
        # Ids of the names, which may change places. With its dot, the CDK adds no zone to a name.
        route53.ARecord(scope, f"Record-{name}", zone=zone, record_name=f"{name}.", target=target)
        if ipv6:
            route53.AaaaRecord(scope, f"Ipv6Record-{name}", zone=zone, record_name=f"{name}.", target=target)


def missing_records(domain: Domain | None, endpoint: str) -> Sequence[str]:
    """Return the records to make where the DNS of the domain is, such as "shop.example.com CNAME ENDPOINT"."""
    names = (domain.name, *domain.aliases) if domain and not domain.hosted_zone else ()
    return [f"{name} CNAME {endpoint}" for name in names]
