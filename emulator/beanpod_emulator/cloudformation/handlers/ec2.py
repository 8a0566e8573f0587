"""EC2: networks, their gateways and endpoints, and security groups."""

from dataclasses import replace
from typing import Any

from beanpod_emulator.cloudformation.handlers.base import (
    Handler,
    Properties,
    Setting,
    State,
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

    def update(self, state: State, old: Properties, new: Properties) -> State:
        self.delete(state, old)
        return self.create(new)


def _attribute(call_name: str, name: str, default: Any) -> Setting:
    # One attribute a call: the API refuses several at once.
    return Setting(call_name, lambda value: {name: {"Value": value}}, default=default)


@handles("AWS::EC2::VPC", "CidrBlock EnableDnsHostnames EnableDnsSupport InstanceTenancy Tags")
class VpcHandler(_Ec2):
    calls, answer, key = ("CreateVpc", "", "DeleteVpc"), "Vpc", "VpcId"
    settings = {
        "EnableDnsSupport": _attribute("ModifyVpcAttribute", "EnableDnsSupport", True),
        "EnableDnsHostnames": _attribute("ModifyVpcAttribute", "EnableDnsHostnames", False),
    }
    attributes = same("VpcId CidrBlock")

    def create(self, properties: Properties) -> State:
        state, ec2 = super().create(properties), self.client
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


@handles("AWS::EC2::Subnet", "AvailabilityZone AvailabilityZoneId CidrBlock MapPublicIpOnLaunch Tags VpcId")
class SubnetHandler(_Ec2):
    calls, answer, key = ("CreateSubnet", "", "DeleteSubnet"), "Subnet", "SubnetId"
    settings = {"MapPublicIpOnLaunch": _attribute("ModifySubnetAttribute", "MapPublicIpOnLaunch", False)}
    attributes = same("AvailabilityZone CidrBlock SubnetId VpcId")


@handles("AWS::EC2::RouteTable", "Tags VpcId")
class RouteTableHandler(_Ec2):
    calls, answer, key = ("CreateRouteTable", "", "DeleteRouteTable"), "RouteTable", "RouteTableId"
    attributes = same("RouteTableId")


@handles("AWS::EC2::SubnetRouteTableAssociation", "RouteTableId SubnetId")
class SubnetRouteTableAssociationHandler(_Ec2):
    calls, key = ("AssociateRouteTable", "", "DisassociateRouteTable"), "AssociationId"
    attributes = {"Id": "{id}"}


@handles(
    "AWS::EC2::Route",
    "DestinationCidrBlock DestinationIpv6CidrBlock EgressOnlyInternetGatewayId GatewayId InstanceId NatGatewayId "
    "NetworkInterfaceId RouteTableId TransitGatewayId VpcPeeringConnectionId",
)
class RouteHandler(_Ec2):
    calls = ("CreateRoute", "ReplaceRoute", "DeleteRoute")
    id = "{RouteTableId}|{DestinationCidrBlock}{DestinationIpv6CidrBlock}"
    identified_by = names("RouteTableId DestinationCidrBlock DestinationIpv6CidrBlock")
    attributes = {"CidrBlock": "{DestinationCidrBlock}{DestinationIpv6CidrBlock}"}


@handles("AWS::EC2::InternetGateway", "Tags")
class InternetGatewayHandler(_Ec2):
    calls, answer = ("CreateInternetGateway", "", "DeleteInternetGateway"), "InternetGateway"
    key, attributes = "InternetGatewayId", same("InternetGatewayId")


@handles("AWS::EC2::VPCGatewayAttachment", "InternetGatewayId VpcId")
class VpcGatewayAttachmentHandler(_Recreated):
    identified_by = names("InternetGatewayId VpcId")
    calls, id = ("AttachInternetGateway", "", "DetachInternetGateway"), "IGW|{VpcId}"
    attributes = {"AttachmentType": "IGW"}


@handles("AWS::EC2::EIP", "Domain Tags")
class EipHandler(_Ec2):
    calls, id = ("AllocateAddress", "", "ReleaseAddress"), "{PublicIp}"
    attributes, tagged = same("AllocationId PublicIp"), {"Resources": "{AllocationId}"}

    def request(self, properties: Properties) -> Properties:
        return {"Domain": "vpc"} | properties

    def identify(self, state: State, properties: Properties) -> Properties:
        return pick(state.attributes, "AllocationId")


@handles("AWS::EC2::NatGateway", "AllocationId ConnectivityType SubnetId Tags")
class NatGatewayHandler(_Ec2):
    calls, answer, key = ("CreateNatGateway", "", "DeleteNatGateway"), "NatGateway", "NatGatewayId"
    attributes = same("NatGatewayId")


@handles(
    "AWS::EC2::FlowLog",
    "DeliverLogsPermissionArn LogDestination LogDestinationType LogFormat LogGroupName MaxAggregationInterval "
    "ResourceId ResourceType Tags TrafficType",
)
class FlowLogHandler(_Ec2):
    calls, key, id = ("CreateFlowLogs", "", "DeleteFlowLogs"), "FlowLogId", "{FlowLogIds[0]}"
    attributes = {"Id": "{id}"}


@handles(
    "AWS::EC2::VPCEndpoint",
    "PolicyDocument PrivateDnsEnabled RouteTableIds SecurityGroupIds ServiceName SubnetIds Tags VpcEndpointType VpcId",
)
class VpcEndpointHandler(_Ec2):
    calls, answer = ("CreateVpcEndpoint", "ModifyVpcEndpoint", "DeleteVpcEndpoints"), "VpcEndpoint"
    key, attributes = "VpcEndpointId", {"Id": "{id}"}

    def request(self, properties: Properties) -> Properties:
        # moto 5.2.5 cannot delete an endpoint that was created without its type.
        return {"VpcEndpointType": "Gateway"} | properties

    def change(self, state: State, old: Properties, new: Properties) -> Properties:
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


def _permission(rule: Properties) -> Properties:
    """Return a rule of a template as the API takes it."""
    permission = pick(rule, "IpProtocol", "FromPort", "ToPort")
    for name, target, key in _TARGETS:
        if name in rule:
            permission[target] = [{key: rule[name]} | pick(rule, "Description")]
    return permission


def _rules(properties: Properties, direction: str) -> list[Properties]:
    written: list[Properties] = properties.get(f"SecurityGroup{direction}", [])
    # A new group allows all egress until a template has egress rules.
    return written if written or direction == "Ingress" else [{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}]


@handles("AWS::EC2::SecurityGroup", "GroupDescription GroupName SecurityGroupEgress SecurityGroupIngress Tags VpcId")
class SecurityGroupHandler(_Ec2):
    calls, name, name_length = ("CreateSecurityGroup", "", "DeleteSecurityGroup"), "GroupName", 255
    key, renamed = "GroupId", {"GroupDescription": "Description"}
    attributes = {"GroupId": "{id}", "Id": "{id}", "VpcId": "{VpcId}"}

    def configure(self, state: State, old: Properties, new: Properties) -> None:
        super().configure(state, old, new)
        for direction in ("Ingress", "Egress"):
            removed, added = differences(_rules(old, direction), _rules(new, direction))
            for verb, rules in (("Revoke", removed), ("Authorize", added)):
                for rule in rules:
                    request = {"GroupId": state.physical_id, "IpPermissions": [_permission(rule)]}
                    self.call(f"{verb}SecurityGroup{direction}", request)


class _Rule(_Recreated):
    """A rule that is a resource of its own."""

    direction: str

    def create(self, properties: Properties) -> State:
        response = self._change("Authorize", properties)
        rule = str((response.get("SecurityGroupRules") or [{}])[0].get("SecurityGroupRuleId"))
        return State(rule, {"Id": rule})

    def delete(self, state: State, properties: Properties) -> None:
        self._change("Revoke", properties)

    def _change(self, verb: str, properties: Properties) -> Any:
        request = {"GroupId": properties["GroupId"], "IpPermissions": [_permission(properties)]}
        return self.call(f"{verb}SecurityGroup{self.direction}", request)


@handles(
    "AWS::EC2::SecurityGroupIngress",
    f"{_PEERS} GroupId SourcePrefixListId SourceSecurityGroupId SourceSecurityGroupOwnerId",
)
class SecurityGroupIngressHandler(_Rule):
    direction = "Ingress"


@handles("AWS::EC2::SecurityGroupEgress", f"{_PEERS} DestinationPrefixListId DestinationSecurityGroupId GroupId")
class SecurityGroupEgressHandler(_Rule):
    direction = "Egress"
