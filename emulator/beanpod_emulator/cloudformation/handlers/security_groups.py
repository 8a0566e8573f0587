"""Security groups and the rules that stand beside them."""

from typing import Any

from beanpod_emulator.cloudformation.handlers.base import Context, Handler, Properties, State, handles
from beanpod_emulator.cloudformation.handlers.properties import api_tags, call, names, tag_changes

_PEERS = "CidrIp CidrIpv6 Description FromPort IpProtocol ToPort"


def _permission(rule: Properties) -> dict[str, Any]:
    """One rule of a template as the API's IpPermission."""
    permission: dict[str, Any] = {"IpProtocol": str(rule["IpProtocol"])}
    permission |= {name: int(rule[name]) for name in ("FromPort", "ToPort") if name in rule}
    described = {"Description": rule["Description"]} if "Description" in rule else {}
    for name, target, key in _TARGETS:
        if name in rule:
            permission[target] = [{key: rule[name]} | described]
    return permission


_TARGETS = (
    ("CidrIp", "IpRanges", "CidrIp"),
    ("CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
    ("SourceSecurityGroupId", "UserIdGroupPairs", "GroupId"),
    ("DestinationSecurityGroupId", "UserIdGroupPairs", "GroupId"),
    ("SourcePrefixListId", "PrefixListIds", "PrefixListId"),
    ("DestinationPrefixListId", "PrefixListIds", "PrefixListId"),
)


def _authorize(context: Context, direction: str, group_id: str, rule: Properties) -> str:
    request = {"GroupId": group_id, "IpPermissions": [_permission(rule)]}
    response = call(context.client("ec2"), f"AuthorizeSecurityGroup{direction}", request)
    return str(response["SecurityGroupRules"][0]["SecurityGroupRuleId"])


def _revoke(context: Context, direction: str, group_id: str, rule: Properties) -> None:
    request = {"GroupId": group_id, "IpPermissions": [_permission(rule)]}
    call(context.client("ec2"), f"RevokeSecurityGroup{direction}", request)


@handles("AWS::EC2::SecurityGroup")
class SecurityGroup(Handler):
    supported = names("GroupDescription GroupName SecurityGroupEgress SecurityGroupIngress Tags VpcId")

    def create(self, context: Context, properties: Properties) -> State:
        ec2 = context.client("ec2")
        name = properties.get("GroupName") or context.generated_name(255)
        place = {"VpcId": properties["VpcId"]} if "VpcId" in properties else {}
        group = ec2.create_security_group(GroupName=name, Description=properties["GroupDescription"], **place)
        group_id = group["GroupId"]
        if tags := api_tags(properties):
            ec2.create_tags(Resources=[group_id], Tags=tags)
        self._set_rules(context, group_id, {}, properties)
        return State(group_id, {"GroupId": group_id, "Id": group_id, "VpcId": properties.get("VpcId", "")})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        self._set_rules(context, state.physical_id, old, new)
        removed, added = tag_changes(old, new)
        ec2 = context.client("ec2")
        if removed:
            ec2.delete_tags(Resources=[state.physical_id], Tags=[{"Key": key} for key in removed])
        if added:
            ec2.create_tags(Resources=[state.physical_id], Tags=added)
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("ec2").delete_security_group(GroupId=state.physical_id)

    def _set_rules(self, context: Context, group_id: str, old: Properties, new: Properties) -> None:
        for direction in ("Ingress", "Egress"):
            before, after = self._rules(old, direction), self._rules(new, direction)
            for rule in before:
                if rule not in after:
                    _revoke(context, direction, group_id, rule)
            for rule in after:
                if rule not in before:
                    _authorize(context, direction, group_id, rule)

    def _rules(self, properties: Properties, direction: str) -> list[Properties]:
        written: list[Properties] = properties.get(f"SecurityGroup{direction}", [])
        # AWS opens a group's way out until a template writes rules of its own.
        return written if written or direction == "Ingress" else [{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}]


class _Rule(Handler):
    """A rule written beside its group."""

    direction: str

    def create(self, context: Context, properties: Properties) -> State:
        rule = _authorize(context, self.direction, properties["GroupId"], properties)
        return State(rule, {"Id": rule})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        self.delete(context, state, old)
        return self.create(context, new)

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        _revoke(context, self.direction, properties["GroupId"], properties)


@handles("AWS::EC2::SecurityGroupIngress")
class SecurityGroupIngress(_Rule):
    supported = names(f"{_PEERS} GroupId SourcePrefixListId SourceSecurityGroupId SourceSecurityGroupOwnerId")
    direction = "Ingress"


@handles("AWS::EC2::SecurityGroupEgress")
class SecurityGroupEgress(_Rule):
    supported = names(f"{_PEERS} DestinationPrefixListId DestinationSecurityGroupId GroupId")
    direction = "Egress"
