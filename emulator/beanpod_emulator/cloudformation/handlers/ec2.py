"""EC2: networks, their gateways and endpoints, and security groups."""

from dataclasses import replace
from typing import Any

from beanpod_emulator.cloudformation.handlers.base import (
    Context,
    Handler,
    Properties,
    Setting,
    State,
    call,
    differences,
    handles,
    names,
    pick,
    same,
)


class _Ec2(Handler):
    service, tagged, tag_calls = "ec2", {"Resources": "{id}"}, ("DeleteTags", "CreateTags")


class _Recreated(_Ec2):
    """A type that EC2 cannot change, and CloudFormation changes in place."""

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        self.delete(context, state, old)
        return self.create(context, new)


def _attribute(call_name: str, name: str, default: Any) -> Setting:
    # One attribute a call: the API refuses several at once.
    return Setting(call_name, lambda value: {name: {"Value": value}}, default=default)


@handles("AWS::EC2::VPC")
class Vpc(_Ec2):
    supported = names("CidrBlock EnableDnsHostnames EnableDnsSupport InstanceTenancy Tags")
    calls, answer, key = ("CreateVpc", "", "DeleteVpc"), "Vpc", "VpcId"
    settings = {
        "EnableDnsSupport": _attribute("ModifyVpcAttribute", "EnableDnsSupport", True),
        "EnableDnsHostnames": _attribute("ModifyVpcAttribute", "EnableDnsHostnames", False),
    }
    attributes = same("VpcId CidrBlock")

    def create(self, context: Context, properties: Properties) -> State:
        state, ec2 = super().create(context, properties), context.client("ec2")
        in_vpc = [{"Name": "vpc-id", "Values": [state.physical_id]}]
        vpc = ec2.describe_vpcs(VpcIds=[state.physical_id])["Vpcs"][0]
        groups = ec2.describe_security_groups(Filters=[*in_vpc, {"Name": "group-name", "Values": ["default"]}])
        acls = ec2.describe_network_acls(Filters=[*in_vpc, {"Name": "default", "Values": ["true"]}])
        more = {
            "CidrBlockAssociations": [item["AssociationId"] for item in vpc["CidrBlockAssociationSet"]],
            "DefaultSecurityGroup": groups["SecurityGroups"][0]["GroupId"],
            "DefaultNetworkAcl": acls["NetworkAcls"][0]["NetworkAclId"],
        }
        return replace(state, attributes=state.attributes | more)


@handles("AWS::EC2::Subnet")
class Subnet(_Ec2):
    supported = names("AvailabilityZone AvailabilityZoneId CidrBlock MapPublicIpOnLaunch Tags VpcId")
    calls, answer, key = ("CreateSubnet", "", "DeleteSubnet"), "Subnet", "SubnetId"
    settings = {"MapPublicIpOnLaunch": _attribute("ModifySubnetAttribute", "MapPublicIpOnLaunch", False)}
    attributes = same("AvailabilityZone CidrBlock SubnetId VpcId")


@handles("AWS::EC2::RouteTable")
class RouteTable(_Ec2):
    supported = names("Tags VpcId")
    calls, answer, key = ("CreateRouteTable", "", "DeleteRouteTable"), "RouteTable", "RouteTableId"
    attributes = same("RouteTableId")


@handles("AWS::EC2::SubnetRouteTableAssociation")
class SubnetRouteTableAssociation(_Ec2):
    supported = names("RouteTableId SubnetId")
    calls, key = ("AssociateRouteTable", "", "DisassociateRouteTable"), "AssociationId"
    attributes = {"Id": "{id}"}


@handles("AWS::EC2::Route")
class Route(_Ec2):
    supported = names(
        "DestinationCidrBlock DestinationIpv6CidrBlock EgressOnlyInternetGatewayId GatewayId InstanceId NatGatewayId "
        "NetworkInterfaceId RouteTableId TransitGatewayId VpcPeeringConnectionId"
    )
    calls = ("CreateRoute", "ReplaceRoute", "DeleteRoute")
    id = "{RouteTableId}|{DestinationCidrBlock}{DestinationIpv6CidrBlock}"
    identified_by = names("RouteTableId DestinationCidrBlock DestinationIpv6CidrBlock")
    attributes = {"CidrBlock": "{DestinationCidrBlock}{DestinationIpv6CidrBlock}"}


@handles("AWS::EC2::InternetGateway")
class InternetGateway(_Ec2):
    supported = names("Tags")
    calls, answer = ("CreateInternetGateway", "", "DeleteInternetGateway"), "InternetGateway"
    key, attributes = "InternetGatewayId", same("InternetGatewayId")


@handles("AWS::EC2::VPCGatewayAttachment")
class VpcGatewayAttachment(_Recreated):
    supported = identified_by = names("InternetGatewayId VpcId")
    calls, id = ("AttachInternetGateway", "", "DetachInternetGateway"), "IGW|{VpcId}"
    attributes = {"AttachmentType": "IGW"}


@handles("AWS::EC2::EIP")
class Eip(_Ec2):
    supported = names("Domain Tags")
    calls, id = ("AllocateAddress", "", "ReleaseAddress"), "{PublicIp}"
    attributes, tagged = same("AllocationId PublicIp"), {"Resources": "{AllocationId}"}

    def request(self, context: Context, properties: Properties) -> Properties:
        return {"Domain": "vpc"} | properties

    def identify(self, state: State, properties: Properties) -> Properties:
        return pick(state.attributes, "AllocationId")


@handles("AWS::EC2::NatGateway")
class NatGateway(_Ec2):
    supported = names("AllocationId ConnectivityType SubnetId Tags")
    calls, answer, key = ("CreateNatGateway", "", "DeleteNatGateway"), "NatGateway", "NatGatewayId"
    attributes = same("NatGatewayId")


@handles("AWS::EC2::FlowLog")
class FlowLog(_Ec2):
    supported = names(
        "DeliverLogsPermissionArn LogDestination LogDestinationType LogFormat LogGroupName MaxAggregationInterval "
        "ResourceId ResourceType Tags TrafficType"
    )
    calls, key, id = ("CreateFlowLogs", "", "DeleteFlowLogs"), "FlowLogId", "{FlowLogIds[0]}"
    attributes = {"Id": "{id}"}


@handles("AWS::EC2::VPCEndpoint")
class VpcEndpoint(_Ec2):
    supported = names(
        "PolicyDocument PrivateDnsEnabled RouteTableIds SecurityGroupIds ServiceName SubnetIds Tags VpcEndpointType "
        "VpcId"
    )
    calls, answer = ("CreateVpcEndpoint", "ModifyVpcEndpoint", "DeleteVpcEndpoints"), "VpcEndpoint"
    key, attributes = "VpcEndpointId", {"Id": "{id}"}

    def request(self, context: Context, properties: Properties) -> Properties:
        # moto 5.2.5 cannot delete an endpoint that was created without its type.
        return {"VpcEndpointType": "Gateway"} | properties

    def change(self, context: Context, state: State, old: Properties, new: Properties) -> Properties:
        request = pick(new, "PolicyDocument", "PrivateDnsEnabled")
        for name in ("RouteTableIds", "SecurityGroupIds", "SubnetIds"):
            removed, added = differences(old.get(name, []), new.get(name, []))
            lists = {f"Add{name}": added, f"Remove{name}": removed}
            request |= {parameter: items for parameter, items in lists.items() if items}
        return request


_PEERS = "CidrIp CidrIpv6 Description FromPort IpProtocol ToPort"
_TARGETS = (
    ("CidrIp", "IpRanges", "CidrIp"),
    ("CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
    ("SourceSecurityGroupId", "UserIdGroupPairs", "GroupId"),
    ("DestinationSecurityGroupId", "UserIdGroupPairs", "GroupId"),
    ("SourcePrefixListId", "PrefixListIds", "PrefixListId"),
    ("DestinationPrefixListId", "PrefixListIds", "PrefixListId"),
)


def _change_rule(context: Context, operation: str, group_id: str, rule: Properties) -> str:
    """Authorize or revoke a rule of a template, and return the rule's id."""
    permission: dict[str, Any] = {name: rule[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in rule}
    described = {"Description": rule["Description"]} if "Description" in rule else {}
    for name, target, key in _TARGETS:
        if name in rule:
            permission[target] = [{key: rule[name]} | described]
    response = call(context.client("ec2"), operation, {"GroupId": group_id, "IpPermissions": [permission]})
    return str((response.get("SecurityGroupRules") or [{}])[0].get("SecurityGroupRuleId"))


def _rules(properties: Properties, direction: str) -> list[Properties]:
    written: list[Properties] = properties.get(f"SecurityGroup{direction}", [])
    # A new group allows all egress until a template has egress rules.
    return written if written or direction == "Ingress" else [{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}]


@handles("AWS::EC2::SecurityGroup")
class SecurityGroup(_Ec2):
    supported = names("GroupDescription GroupName SecurityGroupEgress SecurityGroupIngress Tags VpcId")
    calls, name, name_length = ("CreateSecurityGroup", "", "DeleteSecurityGroup"), "GroupName", 255
    key, renamed = "GroupId", {"GroupDescription": "Description"}
    attributes = {"GroupId": "{id}", "Id": "{id}", "VpcId": "{VpcId}"}

    def configure(self, context: Context, state: State, old: Properties, new: Properties) -> None:
        super().configure(context, state, old, new)
        for direction in ("Ingress", "Egress"):
            removed, added = differences(_rules(old, direction), _rules(new, direction))
            for rule in removed:
                _change_rule(context, f"RevokeSecurityGroup{direction}", state.physical_id, rule)
            for rule in added:
                _change_rule(context, f"AuthorizeSecurityGroup{direction}", state.physical_id, rule)


class _Rule(_Recreated):
    """A rule that is a resource of its own."""

    direction: str

    def create(self, context: Context, properties: Properties) -> State:
        operation = f"AuthorizeSecurityGroup{self.direction}"
        rule = _change_rule(context, operation, properties["GroupId"], properties)
        return State(rule, {"Id": rule})

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        _change_rule(context, f"RevokeSecurityGroup{self.direction}", properties["GroupId"], properties)


@handles("AWS::EC2::SecurityGroupIngress")
class SecurityGroupIngress(_Rule):
    supported = names(f"{_PEERS} GroupId SourcePrefixListId SourceSecurityGroupId SourceSecurityGroupOwnerId")
    direction = "Ingress"


@handles("AWS::EC2::SecurityGroupEgress")
class SecurityGroupEgress(_Rule):
    supported = names(f"{_PEERS} DestinationPrefixListId DestinationSecurityGroupId GroupId")
    direction = "Egress"
