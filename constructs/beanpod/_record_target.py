"""Where a DNS record of an environment points: the right zone for the right kind of endpoint, without a look-up.

CloudFormation has no attribute for the zone of a load balancer that Beanstalk made, and CDK's target for Beanstalk
knows `*.elasticbeanstalk.com` only (https://github.com/aws/aws-cdk/issues/34664). The zones are AWS's published ones:
https://docs.aws.amazon.com/general/latest/gr/elb.html
"""

import re

import jsii
from aws_cdk import CfnMapping, Stack, Token
from aws_cdk import aws_route53 as route53
from aws_cdk.region_info import RegionInfo
from constructs import Construct

from beanpod._checks import reject
from beanpod._tokens import known

# Region: zone of application (and classic) load balancers, zone of network ones.
_ZONES = {
    "af-south-1": ("Z268VQBMOI5EKX", "Z203XCE67M25HM"),
    "ap-east-1": ("Z3DQVH9N71FHZ0", "Z12Y7K3UBGUAD1"),
    "ap-east-2": ("Z02789141MW7T1WBU19PO", "Z09176273OC2HWIAUNYW"),
    "ap-northeast-1": ("Z14GRHDCWA56QT", "Z31USIVHYNEOWT"),
    "ap-northeast-2": ("ZWKZPGTI48KDX", "ZIBE1TIR4HY56"),
    "ap-northeast-3": ("Z5LXEXXYW11ES", "Z1GWIQ4HH19I5X"),
    "ap-south-1": ("ZP97RAFLXTNZK", "ZVDDRBQ08TROA"),
    "ap-south-2": ("Z0173938T07WNTVAEPZN", "Z0711778386UTO08407HT"),
    "ap-southeast-1": ("Z1LMS91P8CMLE5", "ZKVM4W9LS7TM"),
    "ap-southeast-2": ("Z1GM3OXH4ZPM65", "ZCT6FZBF4DROD"),
    "ap-southeast-3": ("Z08888821HLRG5A9ZRTER", "Z01971771FYVNCOVWJU1G"),
    "ap-southeast-4": ("Z09517862IB2WZLPXG76F", "Z01156963G8MIIL7X90IV"),
    "ap-southeast-5": ("Z06010284QMVVW7WO5J", "Z026317210H9ACVTRO6FB"),
    "ap-southeast-6": ("Z023301818UFJ50CIO0MV", "Z01392953RKV2Q3RBP0KU"),
    "ap-southeast-7": ("Z0390008CMBRTHFGWBCB", "Z054363131YWATEMWRG5L"),
    "ca-central-1": ("ZQSVJUPU6J1EY", "Z2EPGBW3API2WT"),
    "ca-west-1": ("Z06473681N0SF6OS049SD", "Z02754302KBB00W2LKWZ9"),
    "cn-north-1": ("Z1GDH35T77C1KE", "Z3QFB96KMJ7ED6"),
    "cn-northwest-1": ("ZM7IZAIOVVDZF", "ZQEIKTCZ8352D"),
    "eu-central-1": ("Z215JYRZR1TBD5", "Z3F0SRJ5LGBH90"),
    "eu-central-2": ("Z06391101F2ZOEP8P5EB3", "Z02239872DOALSIDCX66S"),
    "eu-north-1": ("Z23TAZ6LKFMNIO", "Z1UDT6IFJ4EJM"),
    "eu-south-1": ("Z3ULH7SSC9OV64", "Z23146JA1KNAFP"),
    "eu-south-2": ("Z0956581394HF5D5LXGAP", "Z1011216NVTVYADP1SSV"),
    "eu-west-1": ("Z32O12XQLNTSW2", "Z2IFOLAFXWLO4F"),
    "eu-west-2": ("ZHURV8PSTC4K8", "ZD4D7Y8KGAS4G"),
    "eu-west-3": ("Z3Q77PNBQS71R4", "Z1CMS0P5QUZ6D5"),
    "il-central-1": ("Z09170902867EHPV2DABU", "Z0313266YDI6ZRHTGQY4"),
    "me-central-1": ("Z08230872XQRWHG2XF6I", "Z00282643NTTLPANJJG2P"),
    "me-south-1": ("ZS929ML54UICD", "Z3QSRYVP46NYYV"),
    "mx-central-1": ("Z023552324OKD1BB28BH5", "Z02031231H3ID6HYJ9A7U"),
    "sa-east-1": ("Z2P70J7HTTTPLU", "ZTK26PT1VY4CU"),
    "us-east-1": ("Z35SXDOTRQ7X7K", "Z26RNL4JYFTOTI"),
    "us-east-2": ("Z3AADJGX6KTTL2", "ZLMOA37VPKANP"),
    "us-gov-east-1": ("Z166TLBEWOO7G0", "Z1ZSMQQ6Q24QQ8"),
    "us-gov-west-1": ("Z33AYJ8TM3BH4J", "ZMG1MZ2THAWF1"),
    "us-west-1": ("Z368ELLRRE2KJ0", "Z24FKFUX50B4VW"),
    "us-west-2": ("Z1H1FL5HABSF5", "Z18D5FSROUN65G"),
}
_KINDS = ("application", "network")


@jsii.implements(route53.IAliasRecordTarget)
class _Alias:
    def __init__(self, dns_name: str, zone_id: str) -> None:
        self._config = route53.AliasRecordTargetConfig(dns_name=dns_name, hosted_zone_id=zone_id)

    def bind(
        self, record: route53.IRecordSet, zone: route53.IHostedZone | None = None
    ) -> route53.AliasRecordTargetConfig:
        """Return the alias target for Route 53."""
        return self._config


def load_balancer_target(environment: Construct, endpoint: str, kind: str) -> route53.RecordTarget:
    """Return an alias to the environment's load balancer.

    Args:
        environment: The environment.
        endpoint: The load balancer's DNS name.
        kind: "application" or "network".
    """
    zone = _zone(environment, Stack.of(environment).region, kind)
    return route53.RecordTarget.from_alias(_Alias(endpoint, zone))


def address_target(endpoint: str) -> route53.RecordTarget:
    """The address of a single instance: an alias needs a name."""
    return route53.RecordTarget.from_ip_addresses(endpoint)


def named_target(environment: Construct, endpoint: str) -> route53.RecordTarget:
    """By what the endpoint's name says: of an environment that exists already."""
    if not known(endpoint):
        reject(
            environment,
            "environment_endpoint_url must be known at synth for record_target, got a token: import it by its name",
        )
    if re.fullmatch(r"\d+(\.\d+){3}", endpoint):
        return address_target(endpoint)
    found = re.search(r"\.(?:([a-z0-9-]+)\.elb|elb\.([a-z0-9-]+))\.amazonaws\.com", endpoint.lower())
    if found:
        kind = _KINDS[found[1] is None]
        return route53.RecordTarget.from_alias(_Alias(endpoint, _zone(environment, found[1] or found[2], kind)))
    beanstalk = re.search(r"\.([a-z0-9-]+)\.elasticbeanstalk\.com", endpoint.lower())
    zone = RegionInfo.get(beanstalk[1]).ebs_env_endpoint_hosted_zone_id if beanstalk else None
    if zone is None:
        reject(
            environment,
            "environment_endpoint_url must be an address, or a name of a load balancer or of Beanstalk, "
            f'got "{endpoint}": write EndpointURL or CNAME of `aws elasticbeanstalk describe-environments`',
        )
    return route53.RecordTarget.from_alias(_Alias(endpoint, zone))


def _zone(environment: Construct, region: str, kind: str) -> str:
    if not Token.is_unresolved(region):
        if region not in _ZONES:
            reject(environment, f"record_target knows no zone of load balancers in {region}: write the record by hand")
        return _ZONES[region][_KINDS.index(kind)]
    stack = Stack.of(environment)
    mapping = stack.node.try_find_child("BeanpodLoadBalancerZones")
    if not isinstance(mapping, CfnMapping):
        zones = {region: dict(zip(_KINDS, pair, strict=True)) for region, pair in _ZONES.items()}
        mapping = CfnMapping(stack, "BeanpodLoadBalancerZones", mapping=zones)
    return mapping.find_in_map(region, kind)
