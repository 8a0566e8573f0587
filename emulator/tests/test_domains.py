"""Certificates and DNS: Certificate Manager, Route 53, and the HTTPS listener of an environment."""

from typing import Any

import pytest

from emulator.tests.clients import DOCKER, PROFILE_OPTION, Clients, option, refusal
from emulator.tests.test_types import att, complete, destroy, ref, resource, tags

ELB_ZONE = "Z35SXDOTRQ7X7K"


@pytest.fixture(scope="module")
def zone(clients: Clients) -> str:
    made = clients("route53").create_hosted_zone(Name="example.com", CallerReference="one")
    return str(made["HostedZone"]["Id"].rpartition("/")[2])


def certificate(zone: str | None, *names: str, **more: Any) -> dict[str, Any]:
    options = [{"DomainName": name, "HostedZoneId": zone} for name in names] if zone else []
    return resource(
        "CertificateManager::Certificate",
        DomainName=names[0],
        SubjectAlternativeNames=list(names[1:]),
        ValidationMethod="DNS",
        DomainValidationOptions=options,
        **more,
    )


def alias(name: str, target: str = "awseb-1.us-east-1.elb.amazonaws.com") -> dict[str, Any]:
    return {"Name": name, "Type": "A", "AliasTarget": {"DNSName": target, "HostedZoneId": ELB_ZONE}}


def records(clients: Clients, zone: str, kind: str) -> dict[str, Any]:
    found = clients("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    return {record["Name"]: record for record in found if record["Type"] == kind}


def test_a_certificate_is_issued_with_records_that_cloudformation_creates(clients: Clients, zone: str) -> None:
    acm = clients("acm")
    for team in ("one", "two"):
        resources = {"Cert": certificate(zone, "shop.example.com", "www.shop.example.com", Tags=tags(team=team))}
        arn = complete(clients, "issued", resources)["Cert"]
        described = acm.describe_certificate(CertificateArn=arn)["Certificate"]
        assert (described["Status"], described["DomainName"]) == ("ISSUED", "shop.example.com")
        assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == [{"Key": "team", "Value": team}]
        for validated in described["DomainValidationOptions"]:
            record = validated["ResourceRecord"]
            values = records(clients, zone, "CNAME")[record["Name"]]["ResourceRecords"]
            assert values == [{"Value": record["Value"]}]
    destroy(clients, "issued")
    assert not clients.exists("acm", "describe_certificate", CertificateArn=arn)


def test_a_certificate_without_validation_is_pending_and_fails_its_stack(clients: Clients) -> None:
    unvalidated = {"Cert": certificate(None, "elsewhere.example.org")}
    clients.expect_rollback("pending", unvalidated, ".elsewhere.example.org. CNAME _")
    assert "AWS waits for up to 72 hours" in clients.reasons("pending")[0]
    pending = clients("acm").list_certificates(CertificateStatuses=["PENDING_VALIDATION"])["CertificateSummaryList"]
    assert "elsewhere.example.org" not in [one["DomainName"] for one in pending]


def test_a_requested_certificate_is_issued_once_its_records_exist(clients: Clients, zone: str) -> None:
    acm = clients("acm")
    arn = acm.request_certificate(DomainName="api.example.com", ValidationMethod="DNS")["CertificateArn"]
    described = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    assert described["Status"] == "PENDING_VALIDATION"
    (validation,) = described["DomainValidationOptions"]
    record = validation["ResourceRecord"]
    values = {"TTL": 300, "ResourceRecords": [{"Value": record["Value"]}]}
    change = {"Action": "CREATE", "ResourceRecordSet": {"Name": record["Name"], "Type": "CNAME", **values}}
    clients("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == "ISSUED"


def test_records(clients: Clients) -> None:
    route53 = clients("route53")
    for comment, ttl, name, others in (
        ("first", "60", "a.example.net", ["b", "c"]),
        ("second", "300", "a.example.net", ["c", "d"]),
        ("second", "300", "renamed.example.net", ["c", "d"]),
    ):
        grouped = [
            {"Name": f"{other}.example.net.", "Type": "TXT", "TTL": ttl, "ResourceRecords": ['"x"']} for other in others
        ]
        resources = {
            "Zone": resource(
                "Route53::HostedZone",
                Name="example.net.",
                HostedZoneConfig={"Comment": comment},
                HostedZoneTags=tags(comment=comment),
            ),
            "Record": resource(
                "Route53::RecordSet",
                HostedZoneId=ref("Zone"),
                Name=f"{name}.",
                Type="CNAME",
                TTL=ttl,
                ResourceRecords=["target.example.org"],
            ),
            "Group": resource("Route53::RecordSetGroup", HostedZoneName="example.net.", RecordSets=grouped)
            | {"DependsOn": "Zone"},
            "Alias": resource("Route53::RecordSet", HostedZoneId=ref("Zone"), **alias("example.net.")),
        }
        server = {"Fn::Select": [0, att("Zone", "NameServers")]}
        shown = complete(clients, "records", resources, Server=server)
        assert (shown["Record"], shown["Zone"][0]) == (name, "Z")
        assert "awsdns" in shown["Server"]
        found = route53.get_hosted_zone(Id=shown["Zone"])["HostedZone"]
        assert found["Config"]["Comment"] == comment
        tagged = route53.list_tags_for_resource(ResourceType="hostedzone", ResourceId=shown["Zone"])["ResourceTagSet"]
        assert tagged["Tags"] == tags(comment=comment)
        assert {it["Name"]: it["TTL"] for it in records(clients, shown["Zone"], "CNAME").values()} == {
            f"{name}.": int(ttl)
        }
        assert set(records(clients, shown["Zone"], "TXT")) == {f"{other}.example.net." for other in others}
        target = records(clients, shown["Zone"], "A")["example.net."]["AliasTarget"]
        assert (target["HostedZoneId"], target["EvaluateTargetHealth"]) == (ELB_ZONE, False)
    destroy(clients, "records")
    assert not clients.exists("route53", "get_hosted_zone", Id=shown["Zone"])


def test_a_record_that_exists_is_not_taken_over(clients: Clients, zone: str) -> None:
    existing = alias("taken.example.com")
    existing["AliasTarget"]["EvaluateTargetHealth"] = False
    change = {"Action": "CREATE", "ResourceRecordSet": existing}
    clients("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})
    record = resource("Route53::RecordSet", HostedZoneId=zone, **alias("taken.example.com", "other.example.org"))
    words = "[Tried to create resource record set [name='taken.example.com.', type='A'] but it already exists]"
    clients.expect_rollback("taken", {"Record": record}, words)
    assert records(clients, zone, "A")["taken.example.com."]["AliasTarget"]["DNSName"].startswith("awseb-1")
    # One that was deleted can be created again.
    deletion = {"Action": "DELETE", "ResourceRecordSet": existing}
    clients("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [deletion]})
    complete(clients, "retaken", {"Record": record})
    destroy(clients, "retaken")


def test_a_hosted_zone_that_does_not_exist(clients: Clients) -> None:
    by_id = resource("Route53::RecordSet", HostedZoneId="Z1", **alias("x.example.com"))
    by_name = resource("Route53::RecordSet", HostedZoneName="example.info.", **alias("x.example.info"))
    for stack, made, reason in (
        ("zoneless", by_id, "No hosted zone found with ID: Z1 (NoSuchHostedZone)"),
        ("certified", certificate("Z1", "x.example.com"), "No hosted zone found with ID: Z1"),
        ("nameless", by_name, "No hosted zones named example.info. found"),
    ):
        clients.expect_rollback(stack, {"It": made}, reason)
    assert refusal(clients("route53").get_hosted_zone, Id="Z1")[0] == "NoSuchHostedZone"


HTTPS = "aws:elbv2:listener:443"


@pytest.fixture(scope="module")
def issued(clients: Clients, zone: str) -> str:
    """A certificate for shop.example.com."""
    return complete(clients, "shop", {"Cert": certificate(zone, "shop.example.com")})["Cert"]


def listening(arn: str, policy: str = "ELBSecurityPolicy-TLS13-1-2-2021-06") -> list[dict[str, str]]:
    return [
        option(HTTPS, "Protocol", "HTTPS"),
        option(HTTPS, "SSLCertificateArns", arn),
        option(HTTPS, "SSLPolicy", policy),
        option("aws:elbv2:listener:default", "ListenerEnabled", "false"),
    ]


UNKNOWN = "arn:aws:acm:us-east-1:123456789012:certificate/0"
ELSEWHERE = "arn:aws:acm:eu-west-1:123456789012:certificate/0"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (listening(UNKNOWN), f"Certificate '{UNKNOWN}' not found"),
        (listening(ELSEWHERE), f"Certificate ARN '{ELSEWHERE}' is not valid"),
        (listening(""), "A certificate must be specified for HTTPS listeners"),
    ],
)
def test_a_listener_without_a_usable_certificate_fails_the_launch(
    clients: Clients, settings: list[dict[str, str]], message: str
) -> None:
    clients.launch("listens", *settings)
    environment = clients.environment("listens", IncludeDeleted=True)
    assert environment["Status"] == "Terminated"
    (reason,) = clients.errors(EnvironmentId=environment["EnvironmentId"])
    assert reason.startswith(f"Creating Load Balancer listener failed Reason: {message} (Service: ")


def test_a_pending_certificate_and_an_unknown_policy_are_refused(clients: Clients, issued: str) -> None:
    arn = clients("acm").request_certificate(DomainName="pending.example.com", ValidationMethod="DNS")["CertificateArn"]
    name = clients.launch("pending-listener")
    for settings, message in (
        (listening(arn), f"The certificate '{arn}' must have a fully-qualified domain name"),
        (listening(issued, "ELBSecurityPolicy-TLS14"), "SSL policy 'ELBSecurityPolicy-TLS14' not found"),
    ):
        clients("elasticbeanstalk").update_environment(EnvironmentName=name, OptionSettings=settings)
        environment = clients.environment(name)
        assert message in clients.errors(EnvironmentId=environment["EnvironmentId"])[1]
        assert (environment["Status"], environment["Health"]) == ("Ready", "Green")
        assert not any(namespace == HTTPS for namespace, _ in clients.options(EnvironmentName=name))


def test_an_update_of_a_stack_with_an_unusable_certificate_is_rolled_back(clients: Clients, issued: str) -> None:
    def resources(arn: str) -> dict[str, Any]:
        settings = [option(*PROFILE_OPTION, clients.instance_profile), *listening(arn)]
        environment = {"ApplicationName": ref("App"), "PlatformArn": DOCKER, "OptionSettings": settings}
        return {
            "App": resource("ElasticBeanstalk::Application"),
            "Env": resource("ElasticBeanstalk::Environment", **environment),
        }

    complete(clients, "listening", resources(issued))
    code, message = refusal(clients("acm").delete_certificate, CertificateArn=issued)
    assert code == "ResourceInUseException"
    assert "in account 123456789012 is in use" in message
    clients.expect_rollback("listening", resources(UNKNOWN), f"Certificate '{UNKNOWN}' not found")
    destroy(clients, "listening")
