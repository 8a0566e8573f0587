"""The domain of a rehearsed stage, on the emulated AWS."""

from collections.abc import Iterator

import pytest

from beanpod.cli.rehearsal.domain import client, create_domain, create_records
from beanpod.manifest import Domain, HostedZone
from beanpod_emulator import EmbeddedAws

ARN = "arn:aws:acm:us-east-1:210987654321:certificate/1"


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws.start() as running:
        yield running


def zones(aws: EmbeddedAws) -> dict[str, str]:
    found = client(aws, "route53").list_hosted_zones()["HostedZones"]
    return {zone["Name"].rstrip("."): zone["Id"].rpartition("/")[2] for zone in found}


def test_a_hosted_zone_has_the_id_that_the_emulated_aws_gave_it(aws: EmbeddedAws) -> None:
    zone = HostedZone(name="example.com", id="Z0123456789ABC")
    table = create_domain(aws, Domain(name="shop.example.com", aliases=("www.shop.example.com",), hosted_zone=zone))
    assert table == {
        "name": "shop.example.com",
        "aliases": ["www.shop.example.com"],
        "redirects_http": False,
        "hosted_zone": {"name": "example.com", "id": zones(aws)["example.com"]},
    }


def test_a_certificate_is_issued_for_all_names_and_the_records_are_made_where_their_dns_is(aws: EmbeddedAws) -> None:
    names = ("shop.example.org", "shop.example.net")
    table = create_domain(aws, Domain(name=names[0], aliases=names[1:], certificate=ARN))
    assert "hosted_zone" not in table
    found = client(aws, "acm").describe_certificate(CertificateArn=table["certificate"])["Certificate"]
    assert (found["Status"], set(found["SubjectAlternativeNames"])) == ("ISSUED", set(names))
    create_records(aws, ", ".join(f"{name} CNAME localhost:20001" for name in names))
    for name in names:
        zone = zones(aws)[name.partition(".")[2]]
        records = client(aws, "route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        (record,) = [record for record in records if record["Name"] == f"{name}."]
        assert (record["Type"], record["ResourceRecords"]) == ("CNAME", [{"Value": "localhost:20001"}])
