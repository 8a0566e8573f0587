"""The listeners of an environment's load balancer, with their certificates.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options-general.html: aws:elbv2:listener
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from botocore.exceptions import ClientError

from beanpod_emulator import clients
from beanpod_emulator.beanstalk.options import Settings, listed
from beanpod_emulator.beanstalk.state import Environment

_NAMESPACE = "aws:elbv2:listener:"
_HTTP_PORT = 80
_DEFAULT_POLICY = "ELBSecurityPolicy-2016-08"
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
_PROTOCOLS = {
    r"ELBSecurityPolicy-TLS13-1-3(-FIPS|-PQ)?-\d{4}-\d{2}": ("TLSv1.3",),
    r"ELBSecurityPolicy-TLS13-1-2(-(Res|Ext[0-2]))?(-FIPS)?(-PQ)?-\d{4}-\d{2}": ("TLSv1.2", "TLSv1.3"),
    r"ELBSecurityPolicy-TLS13-1-1(-FIPS)?-\d{4}-\d{2}": ("TLSv1.1", "TLSv1.2", "TLSv1.3"),
    r"ELBSecurityPolicy-TLS13-1-0(-FIPS)?(-PQ)?-\d{4}-\d{2}": ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
    r"ELBSecurityPolicy-(TLS-1-2(-Ext)?-\d{4}-\d{2}|FS-1-2(-Res)?-\d{4}-\d{2}(-\d{2})?)": ("TLSv1.2",),
    r"ELBSecurityPolicy-(TLS-1-1|FS-1-1)(-\d{4}-\d{2}|-\d{4}-\d{2}-\d{2})": ("TLSv1.1", "TLSv1.2"),
    r"ELBSecurityPolicy-(2015-05|2016-08|FS-2018-06|TLS-1-0-2015-04)": ("TLSv1", "TLSv1.1", "TLSv1.2"),
}
_FAILED = (
    "Creating Load Balancer listener failed Reason: {reason} (Service: ElasticLoadBalancingV2, Status Code: 400, "
    "Error Code: {code})"
)


@dataclass(frozen=True)
class Listener:
    """A port that a load balancer listens on.

    Attributes:
        port: The port.
        secure: Whether its protocol is HTTPS.
        certificates: ARNs of the certificates, the default one first.
        policy: The TLS policy.
    """

    port: int
    secure: bool = False
    certificates: tuple[str, ...] = ()
    policy: str = _DEFAULT_POLICY

    @property
    def protocols(self) -> tuple[str, ...]:
        """The versions of TLS; none for an unknown policy."""
        return next((found for form, found in _PROTOCOLS.items() if re.fullmatch(form, self.policy)), ())


def listeners(environment: Environment) -> tuple[Listener, ...]:
    """Return the enabled listeners, the default one on port 80 first."""
    options: dict[str, dict[str, str]] = {"default": {}}
    if environment.load_balanced:
        options |= _options(environment.settings)
    enabled = {name: values for name, values in options.items() if values.get("ListenerEnabled", "true") == "true"}
    return tuple(_listener(name, values) for name, values in enabled.items())


def listener_problems(environment: Environment) -> Iterator[str]:
    """Yield the error events of listeners that the load balancer cannot have."""
    for listener in listeners(environment):
        if listener.secure:
            if not listener.certificates:
                yield _problem("A certificate must be specified for HTTPS listeners", "ValidationError")
            if not listener.protocols:
                yield _problem(f"SSL policy '{listener.policy}' not found", "SSLPolicyNotFound")
            for arn in listener.certificates:
                yield from _certificate_problems(arn, environment.region)


def _options(settings: Settings) -> dict[str, dict[str, str]]:
    """Return the options of listeners by their names: ports, and "default" for port 80."""
    found: dict[str, dict[str, str]] = {"default": {}}
    for option, value in settings.items():
        if option.namespace.startswith(_NAMESPACE):
            found.setdefault(option.namespace.removeprefix(_NAMESPACE), {})[option.name] = value
    return {name: values for name, values in found.items() if name == "default" or name.isdecimal()}


def _listener(name: str, values: dict[str, str]) -> Listener:
    return Listener(
        port=_HTTP_PORT if name == "default" else int(name),
        secure=values.get("Protocol", "HTTP").upper() == "HTTPS",
        certificates=tuple(listed(values.get("SSLCertificateArns", ""))),
        policy=values.get("SSLPolicy") or _DEFAULT_POLICY,
    )


def _certificate_problems(arn: str, region: str) -> Iterator[str]:
    if not re.fullmatch(rf"arn:aws:(acm:{region}:\d{{12}}:certificate|iam::\d{{12}}:server-certificate)/.+", arn):
        yield _problem(f"Certificate ARN '{arn}' is not valid", "ValidationError")
        return
    try:
        found = clients.client("acm", region).describe_certificate(CertificateArn=arn)["Certificate"]
    except ClientError:
        yield _problem(f"Certificate '{arn}' not found", "CertificateNotFound")
        return
    if found["Status"] != "ISSUED":
        # What the load balancer says about a certificate that is still pending validation.
        text = (
            f"The certificate '{arn}' must have a fully-qualified domain name, a supported signature, and a supported"
        )
        yield _problem(f"{text} key size.", "UnsupportedCertificate")


def _problem(reason: str, code: str) -> str:
    return _FAILED.format(reason=reason, code=code)
