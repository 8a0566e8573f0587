"""The domain of an environment: certificate, listeners, records, and what is refused."""

from typing import Any

import pytest
from aws_cdk import App, CfnParameter, Environment, Stack
from aws_cdk import aws_route53 as route53
from aws_cdk.assertions import Template

from beanpod import DockerEnvironment, DockerService, Domain, ServiceNetwork
from tests.constructs.environments import balanced_environment, new_stack
from tests.constructs.imported import IRELAND, certificate, hosted_zone
from tests.constructs.templates import options

RECORD = "AWS::Route53::RecordSet"


def with_domain(stack: Stack, options: dict[str, Any] | None = None, **domain: Any) -> DockerEnvironment:
    network = ServiceNetwork(stack, "Network")
    return balanced_environment(
        stack, network, domain=Domain(**{"name": "shop.example.com", **domain}), options=options or {}
    )


def names(template: Template) -> dict[str, str]:
    """The names of the records, with the id of the zone, by type."""
    records = [record["Properties"] for record in template.find_resources(RECORD).values()]
    assert all(record["HostedZoneId"] == "Z1" for record in records)
    return {f"{record['Type']} {record['Name']}": record["AliasTarget"]["HostedZoneId"] for record in records}


def test_a_hosted_zone_gets_a_record_for_each_name_and_validates_one_certificate_for_all() -> None:
    stack = Stack(App(), "Shop", env=IRELAND)
    environment = with_domain(stack, hosted_zone=hosted_zone(stack), aliases=["example.com", "www.example.com"])
    template = Template.from_stack(stack)
    template.has_resource_properties(
        "AWS::CertificateManager::Certificate",
        {
            "DomainName": "shop.example.com",
            "SubjectAlternativeNames": ["example.com", "www.example.com"],
            "ValidationMethod": "DNS",
            "DomainValidationOptions": [
                {"DomainName": name, "HostedZoneId": "Z1"}
                for name in ("shop.example.com", "example.com", "www.example.com")
            ],
        },
    )
    (issued,) = template.find_resources("AWS::CertificateManager::Certificate")
    assert options(template)["elbv2:listener:443", "SSLCertificateArns"] == {"Ref": issued}
    assert names(template) == dict.fromkeys(
        ("A shop.example.com.", "A example.com.", "A www.example.com."), "Z32O12XQLNTSW2"
    )
    assert environment.url == "https://shop.example.com"
    assert environment.dns_records == []


def test_a_given_certificate_is_used_beside_a_hosted_zone() -> None:
    stack = new_stack()
    with_domain(stack, hosted_zone=hosted_zone(stack), certificate=certificate(stack))
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::CertificateManager::Certificate", 0)
    template.resource_count_is(RECORD, 1)


def test_dns_elsewhere_is_named_the_records_to_make() -> None:
    stack = new_stack()
    environment = with_domain(stack, certificate=certificate(stack), aliases=["www.shop.example.org"])
    assert environment.dns_records == [
        f"shop.example.com CNAME {environment.environment_endpoint_url}",
        f"www.shop.example.org CNAME {environment.environment_endpoint_url}",
    ]
    Template.from_stack(stack).resource_count_is(RECORD, 0)


def test_a_load_balancer_with_ipv6_has_records_for_both() -> None:
    stack = Stack(App(), "Shop", env=IRELAND)
    with_domain(stack, {"aws:elbv2:loadbalancer": {"IpAddressType": "dualstack"}}, hosted_zone=hosted_zone(stack))
    assert list(names(Template.from_stack(stack))) == ["A shop.example.com.", "AAAA shop.example.com."]


@pytest.mark.parametrize("redirects", [True, False])
def test_port_80_is_open_only_where_it_is_redirected(redirects: bool) -> None:
    stack = new_stack()
    environment = with_domain(stack, certificate=certificate(stack), redirects_http=redirects)
    rows: Any = environment.resource.option_settings
    off = [row.value for row in rows if row.namespace == "aws:elbv2:listener:default"]
    assert off == ([] if redirects else ["false"])


def test_names_that_change_places_keep_their_records() -> None:
    found = []
    for first, second in (("shop.example.com", "www.example.com"), ("www.example.com", "shop.example.com")):
        stack = new_stack()
        with_domain(stack, hosted_zone=hosted_zone(stack), name=first, aliases=[second])
        found.append(Template.from_stack(stack).find_resources(RECORD))
    assert found[0] == found[1]


def test_a_service_has_the_domains_outputs() -> None:
    stack = new_stack()
    DockerService(stack, "Shop", domain=Domain(name="shop.example.com", certificate=certificate(stack)))
    outputs = Template.from_stack(stack).find_outputs("*")
    assert outputs["Url"]["Value"] == "https://shop.example.com"
    assert outputs["DnsRecord"]["Value"]["Fn::Join"][1][0] == "shop.example.com CNAME "


def test_every_problem_of_a_domain_is_named_at_once() -> None:
    stack = Stack(App(), "Shop", env=Environment(account="123456789012", region="us-east-1"))
    with pytest.raises(ValueError, match="3 problems") as caught:
        with_domain(
            stack,
            name="Shop.example.org",
            aliases=["www.example.com"],
            hosted_zone=hosted_zone(stack),
            certificate=certificate(stack),
        )
    lines = str(caught.value).splitlines()[1:]
    assert [line.split(" must ")[0].strip("- ") for line in lines] == [
        "domain.name",
        "domain.name",
        "domain.certificate",
    ]
    assert "aws acm request-certificate --domain-name Shop.example.org" in lines[-1]


@pytest.mark.parametrize("argument", ["name", "aliases"])
def test_records_need_names_that_are_known_at_synth(argument: str) -> None:
    stack = new_stack()
    name = CfnParameter(stack, "Name").value_as_string
    names: dict[str, Any] = {argument: name if argument == "name" else [name]}
    with pytest.raises(ValueError, match=f"domain.{argument} must be known at synth with a hosted zone, got a token"):
        with_domain(stack, hosted_zone=hosted_zone(stack), **names)


def test_a_hosted_zone_may_be_imported_by_its_id() -> None:
    stack = Stack(App(), "Shop", env=IRELAND)
    with_domain(stack, hosted_zone=route53.HostedZone.from_hosted_zone_id(stack, "Zone", "Z1"))
    assert names(Template.from_stack(stack)) == {"A shop.example.com.": "Z32O12XQLNTSW2"}


def test_a_private_zone_cannot_validate_a_certificate() -> None:
    stack = new_stack()
    network = ServiceNetwork(stack, "Network")
    private = route53.PrivateHostedZone(stack, "Zone", zone_name="example.com", vpc=network.vpc)
    with pytest.raises(ValueError, match=r"domain\.hosted_zone must be public, got Test/Zone: ACM validates"):
        balanced_environment(stack, network, domain=Domain(name="shop.example.com", hosted_zone=private))
    settings = Domain(name="shop.example.com", hosted_zone=private, certificate=certificate(stack))
    balanced_environment(stack, network, "Other", domain=settings)
