"""What the settings of a load balancer become: options, the certificate of a `Domain` and its records in Route 53."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from aws_cdk import Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_iam as iam
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_s3 as s3
from constructs import Construct

from beanpod._checks import plain, region_problems
from beanpod._settings import Domain, LoadBalancerSettings, Options, in_seconds
from beanpod._tokens import known
from beanpod.rules.network import domain_problems
from beanpod.rules.option_keys import LOAD_BALANCER, PROCESS
from beanpod.rules.problem import Problem


def attributes(settings: LoadBalancerSettings) -> Options:
    """Return the options of the load balancer and of its process."""
    bucket, cookie = settings.access_logs_bucket, settings.stickiness_cookie_duration
    return {
        LOAD_BALANCER: {
            "IdleTimeout": in_seconds(settings.idle_timeout),
            "AccessLogsS3Enabled": True if bucket else None,
            "AccessLogsS3Bucket": bucket.bucket_name if bucket else None,
            "AccessLogsS3Prefix": settings.access_logs_prefix,
        },
        PROCESS: {
            "StickinessEnabled": True if cookie else None,
            "StickinessLBCookieDuration": in_seconds(cookie),
        },
    }


def log_bucket_problems(stack: Stack, settings: LoadBalancerSettings | None) -> Iterator[str]:
    """Check that a load balancer can write access logs to a bucket, as far as the app knows."""
    bucket = settings.access_logs_bucket if settings else None
    yield from region_problems(stack, "load_balancer.access_logs_bucket", bucket)
    if bucket and bucket.encryption_key:
        yield (
            "load_balancer.access_logs_bucket must be encrypted with S3's own keys, got the key "
            f"{bucket.encryption_key.node.path}: load balancers write with no other"
        )


def grant_access_logs(bucket: s3.IBucket, prefix: str | None, stack: Stack) -> iam.AddToResourcePolicyResult:
    """Let load balancers of the account write access logs to a bucket; does nothing to an imported one.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
    """
    load_balancers = stack.format_arn(service="elasticloadbalancing", resource="loadbalancer", resource_name="*")
    folder = f"{prefix}/AWSLogs" if prefix else "AWSLogs"
    return bucket.add_to_resource_policy(
        iam.PolicyStatement(
            actions=["s3:PutObject"],
            principals=[iam.ServicePrincipal("logdelivery.elasticloadbalancing.amazonaws.com")],
            resources=[bucket.arn_for_objects(f"{folder}/{stack.account}/*")],
            conditions={"ArnLike": {"aws:SourceArn": load_balancers}},
        )
    )


def problems(domain: Domain, stack: Stack) -> Iterator[str | Problem]:
    """Check a domain for the load balancer of an environment in the stack."""
    zone, certificate = domain.hosted_zone, domain.certificate
    if isinstance(certificate, acm.Certificate):
        # Of others the ARN says it.
        yield from region_problems(stack, "domain.certificate", certificate)
    if zone and known(zone.env.account) and known(stack.account) and zone.env.account != stack.account:
        yield (
            f"domain.hosted_zone must be in the stack's account, {stack.account}, got one in {zone.env.account}: "
            "delegate a zone to this account, or give a certificate and make the records there"
        )
    if certificate is None and isinstance(zone, route53.PrivateHostedZone):
        yield (
            f"domain.hosted_zone must be public, got {zone.node.path}: ACM validates names that the internet resolves, "
            "give a public zone, or a certificate"
        )
    for argument, names in (("name", [domain.name]), ("aliases", domain.aliases)):
        if zone and not all(map(known, names)):
            yield f"domain.{argument} must be known at synth with a hosted zone, got a token: write it out"
    yield from domain_problems(
        name=plain(domain.name),
        aliases=[plain(alias) for alias in domain.aliases],
        hosted_zone=zone is not None,
        zone_name=plain(_name(zone)) if zone else None,
        certificate=certificate is not None,
        certificate_arn=plain(certificate.certificate_arn) if certificate else None,
        region=plain(stack.region),
    )


def _name(zone: route53.IHostedZone) -> str | None:
    """Return the name of a hosted zone, None of one that was imported by its id."""
    with suppress(RuntimeError):
        return zone.zone_name
    return None


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
