"""Certificate Manager and Route 53: certificates, hosted zones and records."""

from typing import Any

from beanpod_emulator.cloudformation.exceptions import ResourceFailedError
from beanpod_emulator.cloudformation.handlers.base import (
    Handler,
    Properties,
    State,
    differences,
    handles,
    names,
    pick,
    tag_changes,
    without,
)

_WAITING = (
    "Certificate {arn} is pending validation: not all of its records are in hosted zones: {records}. AWS waits for up "
    "to 72 hours and rolls back then; the emulated AWS does not wait. Give DomainValidationOptions with HostedZoneId"
)


_Change = tuple[str, Properties]


class _ZoneHandler(Handler):
    """A resource with records in a hosted zone."""

    def change_records(self, zone: str, changes: list[_Change]) -> None:
        """Change records of a hosted zone."""
        batch = [{"Action": action, "ResourceRecordSet": _api_form(record)} for action, record in changes]
        if batch:
            request = {"HostedZoneId": zone, "ChangeBatch": {"Changes": batch}}
            self.call("ChangeResourceRecordSets", request, service="route53")


def _api_form(record: Properties) -> Properties:
    """Return a record of a template as the API takes it."""
    changed: Properties = {}
    if "ResourceRecords" in record:
        changed["ResourceRecords"] = [{"Value": value} for value in record["ResourceRecords"]]
    if "AliasTarget" in record:
        changed["AliasTarget"] = {"EvaluateTargetHealth": False} | record["AliasTarget"]
    return record | changed


@handles(
    "AWS::CertificateManager::Certificate",
    "DomainName DomainValidationOptions SubjectAlternativeNames Tags ValidationMethod",
)
class CertificateHandler(_ZoneHandler):
    """A certificate. Its creation succeeds once it is issued.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-certificatemanager-certificate.html
    """

    service, key = "acm", "CertificateArn"
    unchangeable = names("ValidationMethod")
    calls = ("RequestCertificate", "", "DeleteCertificate")
    tagged, tag_calls = {"CertificateArn": "{id}"}, ("RemoveTagsFromCertificate", "AddTagsToCertificate")

    def request(self, properties: Properties) -> Properties:
        # Its own records need no domain of an e-mail address, which is all that the API's options are about.
        given = without(properties, "DomainValidationOptions")
        return {name: value for name, value in given.items() if value != []}

    def configure(self, state: State, old: Properties, new: Properties) -> None:
        if old:
            return
        _, records = self._validation(state)
        for option in new.get("DomainValidationOptions", ()) if new.get("ValidationMethod") == "DNS" else ():
            if zone := option.get("HostedZoneId"):
                # As on AWS, CloudFormation creates the record that proves who owns the domain, and leaves it there.
                self.change_records(zone, [("UPSERT", records[option["DomainName"]])])
        status, records = self._validation(state)
        if status != "ISSUED":
            wanted = {f"{record['Name']} CNAME {record['ResourceRecords'][0]}" for record in records.values()}
            raise ResourceFailedError(_WAITING.format(arn=state.physical_id, records=", ".join(sorted(wanted))))

    def _validation(self, state: State) -> tuple[str, dict[str, Properties]]:
        """Return the certificate's status, and the records that prove who owns its domains, by domain."""
        found = self.client.describe_certificate(CertificateArn=state.physical_id)["Certificate"]
        records = {option["DomainName"]: option["ResourceRecord"] for option in found["DomainValidationOptions"]}
        return found["Status"], {
            name: {"Name": it["Name"], "Type": it["Type"], "ResourceRecords": [it["Value"]], "TTL": 300}
            for name, it in records.items()
        }


@handles("AWS::Route53::HostedZone", "HostedZoneConfig HostedZoneTags Name VPCs")
class HostedZoneHandler(Handler):
    service, key = "route53", "Id"

    def create(self, properties: Properties) -> State:
        vpcs = properties.get("VPCs", [])
        first = {"VPC": vpcs[0]} if vpcs else {}
        request = pick(properties, "HostedZoneConfig", "Name") | first
        made = self.call("CreateHostedZone", request | {"CallerReference": self.generated_name()})
        zone = made["HostedZone"]["Id"].rpartition("/")[2]
        for vpc in vpcs[1:]:
            self.call("AssociateVPCWithHostedZone", {"HostedZoneId": zone, "VPC": vpc})
        self._tag(zone, {}, properties)
        servers = made.get("DelegationSet", {}).get("NameServers", [])
        return State(zone, {"Id": zone, "NameServers": servers})

    def update(self, state: State, old: Properties, new: Properties) -> State:
        zone = state.physical_id
        comment = new.get("HostedZoneConfig", {}).get("Comment", "")
        self.client.update_hosted_zone_comment(Id=zone, Comment=comment)
        removed, added = differences(old.get("VPCs", []), new.get("VPCs", []))
        for operation, vpcs in (("AssociateVPCWithHostedZone", added), ("DisassociateVPCFromHostedZone", removed)):
            for vpc in vpcs:
                self.call(operation, {"HostedZoneId": zone, "VPC": vpc})
        self._tag(zone, old, new)
        return state

    def delete(self, state: State, properties: Properties) -> None:
        self.client.delete_hosted_zone(Id=state.physical_id)

    def _tag(self, zone: str, old: Properties, new: Properties) -> None:
        removed, added = tag_changes(*({"Tags": it.get("HostedZoneTags", [])} for it in (old, new)))
        changes = {"RemoveTagKeys": removed, "AddTags": added}
        if removed or added:
            request = {name: items for name, items in changes.items() if items}
            self.client.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone, **request)


_RECORD = (
    "AliasTarget Failover GeoLocation HealthCheckId MultiValueAnswer Name Region ResourceRecords SetIdentifier TTL "
    "Type Weight"
)


class _Records(_ZoneHandler):
    """Records of one hosted zone, which is named by its id or its domain."""

    service = "route53"

    def create(self, properties: Properties) -> State:
        self.change_records(self._zone(properties), [("CREATE", record) for record in self._records(properties)])
        return State(self._id(properties), {})

    def update(self, state: State, old: Properties, new: Properties) -> State:
        before, after = self._records(old), self._records(new)
        kept = [_key(record) for record in after]
        changes = [("DELETE", record) for record in before if _key(record) not in kept]
        known = [_key(record) for record in before]
        changes += [("UPSERT" if _key(it) in known else "CREATE", it) for it in after if it not in before]
        self.change_records(self._zone(new), changes)
        return State(self._id(new) if isinstance(self, RecordSetHandler) else state.physical_id, {})

    def delete(self, state: State, properties: Properties) -> None:
        self.change_records(self._zone(properties), [("DELETE", record) for record in self._records(properties)])

    def _zone(self, properties: Properties) -> str:
        if zone := properties.get("HostedZoneId"):
            return str(zone)
        name = f"{properties['HostedZoneName'].rstrip('.')}."
        found = self.client.list_hosted_zones_by_name(DNSName=name)["HostedZones"]
        ids = [zone["Id"].rpartition("/")[2] for zone in found if zone["Name"] == name]
        if len(ids) != 1:
            raise ResourceFailedError(
                f"{'Found multiple' if ids else 'No'} hosted zones named {name}{'' if ids else ' found'}"
            )
        return str(ids[0])

    def _records(self, properties: Properties) -> list[Properties]:
        raise NotImplementedError

    def _id(self, properties: Properties) -> str:
        raise NotImplementedError


@handles("AWS::Route53::RecordSet", f"{_RECORD} Comment HostedZoneId HostedZoneName")
class RecordSetHandler(_Records):
    def _records(self, properties: Properties) -> list[Properties]:
        return [without(properties, "Comment", "HostedZoneId", "HostedZoneName")]

    def _id(self, properties: Properties) -> str:
        return str(properties["Name"]).rstrip(".")


@handles("AWS::Route53::RecordSetGroup", "Comment HostedZoneId HostedZoneName RecordSets")
class RecordSetGroupHandler(_Records):
    def _records(self, properties: Properties) -> list[Properties]:
        return [without(record, "HostedZoneId", "HostedZoneName") for record in properties.get("RecordSets", [])]

    def _id(self, properties: Properties) -> str:
        return self.generated_name()


def _key(record: Properties) -> tuple[Any, ...]:
    return record["Name"].rstrip("."), record["Type"], record.get("SetIdentifier")
