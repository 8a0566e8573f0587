"""EC2: networks, their gateways and endpoints, and security groups."""

from typing import Any, ClassVar

from beanpod_emulator.cloudformation.handlers.base import (
    Context,
    Handler,
    Properties,
    State,
    call,
    changed,
    handles,
    names,
    pick,
    tag_changes,
    without,
)  # fmt: skip


def _tag(context: Context, resource_id: str, properties: Properties) -> None:
    _retag(context, resource_id, {}, properties)


def _retag(context: Context, resource_id: str, old: Properties, new: Properties) -> None:
    removed, added = tag_changes(old, new)
    if removed:
        context.client("ec2").delete_tags(Resources=[resource_id], Tags=[{"Key": key} for key in removed])
    if added:
        context.client("ec2").create_tags(Resources=[resource_id], Tags=added)


class _Tagged(Handler):
    """A type whose tags alone can be updated in place."""

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        _retag(context, self._tagged_id(state), old, new)
        return state

    def _tagged_id(self, state: State) -> str:
        return state.physical_id


class _Simple(_Tagged):
    """A type that one call creates and one deletes.

    Attributes:
        operations: The two calls.
        id_path: Where the first call answers the id.
        id_parameter: The second's parameter; a plural takes a list.
        attribute: Name of the id for Fn::GetAtt. Default: id_parameter.
    """

    operations: ClassVar[tuple[str, str]]
    id_path: ClassVar[tuple[str | int, ...]]
    id_parameter: ClassVar[str]
    attribute: ClassVar[str] = ""

    def request(self, properties: Properties) -> Properties:
        """Return the parameters of the creating call."""
        return without(properties, "Tags")

    def create(self, context: Context, properties: Properties) -> State:
        created = call(context.client("ec2"), self.operations[0], self.request(properties))
        for key in self.id_path:
            created = created[key]
        resource_id = str(created)
        _tag(context, resource_id, properties)
        return State(resource_id, {self.attribute or self.id_parameter: resource_id})

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        resource_id = [state.physical_id] if self.id_parameter.endswith("s") else state.physical_id
        call(context.client("ec2"), self.operations[1], {self.id_parameter: resource_id})


@handles("AWS::EC2::VPC")
class Vpc(_Tagged):
    supported = names("CidrBlock EnableDnsHostnames EnableDnsSupport InstanceTenancy Tags")

    def create(self, context: Context, properties: Properties) -> State:
        ec2 = context.client("ec2")
        vpc = call(ec2, "CreateVpc", pick(properties, "CidrBlock", "InstanceTenancy"))["Vpc"]
        self._set_dns(ec2, vpc["VpcId"], properties)
        _tag(context, vpc["VpcId"], properties)
        return State(vpc["VpcId"], self._attributes(ec2, vpc))

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        self._set_dns(context.client("ec2"), state.physical_id, changed(old, new))
        return super().update(context, state, old, new)

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("ec2").delete_vpc(VpcId=state.physical_id)

    def _set_dns(self, ec2: Any, vpc_id: str, properties: Properties) -> None:
        # One attribute a call: the API refuses both at once.
        for name, value in pick(properties, "EnableDnsSupport", "EnableDnsHostnames").items():
            call(ec2, "ModifyVpcAttribute", {"VpcId": vpc_id, name: {"Value": value}})

    def _attributes(self, ec2: Any, vpc: dict[str, Any]) -> dict[str, Any]:
        in_vpc = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
        groups = ec2.describe_security_groups(Filters=[*in_vpc, {"Name": "group-name", "Values": ["default"]}])
        acls = ec2.describe_network_acls(Filters=[*in_vpc, {"Name": "default", "Values": ["true"]}])
        return {
            "VpcId": vpc["VpcId"],
            "CidrBlock": vpc["CidrBlock"],
            "CidrBlockAssociations": [item["AssociationId"] for item in vpc["CidrBlockAssociationSet"]],
            "DefaultSecurityGroup": groups["SecurityGroups"][0]["GroupId"],
            "DefaultNetworkAcl": acls["NetworkAcls"][0]["NetworkAclId"],
        }


@handles("AWS::EC2::Subnet")
class Subnet(_Tagged):
    supported = names("AvailabilityZone AvailabilityZoneId CidrBlock MapPublicIpOnLaunch Tags VpcId")

    def create(self, context: Context, properties: Properties) -> State:
        ec2 = context.client("ec2")
        subnet = call(ec2, "CreateSubnet", without(properties, "MapPublicIpOnLaunch", "Tags"))["Subnet"]
        self._set_public(ec2, subnet["SubnetId"], properties)
        _tag(context, subnet["SubnetId"], properties)
        return State(subnet["SubnetId"], pick(subnet, "AvailabilityZone", "CidrBlock", "SubnetId", "VpcId"))

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        self._set_public(context.client("ec2"), state.physical_id, changed(old, new))
        return super().update(context, state, old, new)

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("ec2").delete_subnet(SubnetId=state.physical_id)

    def _set_public(self, ec2: Any, subnet_id: str, properties: Properties) -> None:
        for name, value in pick(properties, "MapPublicIpOnLaunch").items():
            call(ec2, "ModifySubnetAttribute", {"SubnetId": subnet_id, name: {"Value": value}})


@handles("AWS::EC2::RouteTable")
class RouteTable(_Simple):
    supported = names("Tags VpcId")
    operations = ("CreateRouteTable", "DeleteRouteTable")
    id_path, id_parameter = ("RouteTable", "RouteTableId"), "RouteTableId"


@handles("AWS::EC2::SubnetRouteTableAssociation")
class SubnetRouteTableAssociation(Handler):
    supported = names("RouteTableId SubnetId")

    def create(self, context: Context, properties: Properties) -> State:
        association = context.client("ec2").associate_route_table(**properties)["AssociationId"]
        return State(association, {"Id": association})

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("ec2").disassociate_route_table(AssociationId=state.physical_id)


@handles("AWS::EC2::Route")
class Route(Handler):
    supported = names(
        "DestinationCidrBlock DestinationIpv6CidrBlock EgressOnlyInternetGatewayId GatewayId InstanceId NatGatewayId "
        "NetworkInterfaceId RouteTableId TransitGatewayId VpcPeeringConnectionId"
    )

    def create(self, context: Context, properties: Properties) -> State:
        context.client("ec2").create_route(**properties)
        destination = properties.get("DestinationCidrBlock") or properties["DestinationIpv6CidrBlock"]
        return State(f"{properties['RouteTableId']}|{destination}", {"CidrBlock": destination})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        context.client("ec2").replace_route(**new)
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        key = pick(properties, "RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock")
        context.client("ec2").delete_route(**key)


@handles("AWS::EC2::InternetGateway")
class InternetGateway(_Simple):
    supported = names("Tags")
    operations = ("CreateInternetGateway", "DeleteInternetGateway")
    id_path, id_parameter, attribute = (
        ("InternetGateway", "InternetGatewayId"),
        "InternetGatewayId",
        "InternetGatewayId",
    )


@handles("AWS::EC2::VPCGatewayAttachment")
class VpcGatewayAttachment(Handler):
    supported = names("InternetGatewayId VpcId")

    def create(self, context: Context, properties: Properties) -> State:
        context.client("ec2").attach_internet_gateway(**properties)
        return State(f"IGW|{properties['VpcId']}", {"AttachmentType": "IGW"})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        self.delete(context, state, old)
        return self.create(context, new)

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("ec2").detach_internet_gateway(**properties)


@handles("AWS::EC2::EIP")
class Eip(_Tagged):
    supported = names("Domain Tags")

    def create(self, context: Context, properties: Properties) -> State:
        address = context.client("ec2").allocate_address(Domain=properties.get("Domain", "vpc"))
        _tag(context, address["AllocationId"], properties)
        return State(address["PublicIp"], pick(address, "AllocationId", "PublicIp"))

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("ec2").release_address(AllocationId=state.attributes["AllocationId"])

    def _tagged_id(self, state: State) -> str:
        return str(state.attributes["AllocationId"])


@handles("AWS::EC2::NatGateway")
class NatGateway(_Simple):
    supported = names("AllocationId ConnectivityType SubnetId Tags")
    operations = ("CreateNatGateway", "DeleteNatGateway")
    id_path, id_parameter = ("NatGateway", "NatGatewayId"), "NatGatewayId"


@handles("AWS::EC2::FlowLog")
class FlowLog(_Simple):
    supported = names(
        "DeliverLogsPermissionArn LogDestination LogDestinationType LogFormat LogGroupName MaxAggregationInterval "
        "ResourceId ResourceType Tags TrafficType"
    )

    operations = ("CreateFlowLogs", "DeleteFlowLogs")
    id_path, id_parameter, attribute = ("FlowLogIds", 0), "FlowLogIds", "Id"

    def request(self, properties: Properties) -> Properties:
        return without(properties, "ResourceId", "Tags") | {"ResourceIds": [properties["ResourceId"]]}


@handles("AWS::EC2::VPCEndpoint")
class VpcEndpoint(_Simple):
    supported = names(
        "PolicyDocument PrivateDnsEnabled RouteTableIds SecurityGroupIds ServiceName SubnetIds Tags VpcEndpointType "
        "VpcId"
    )

    operations = ("CreateVpcEndpoint", "DeleteVpcEndpoints")
    id_path, id_parameter, attribute = ("VpcEndpoint", "VpcEndpointId"), "VpcEndpointIds", "Id"

    def request(self, properties: Properties) -> Properties:
        # moto 5.2.5 cannot delete an endpoint that was created without its type.
        return {"VpcEndpointType": "Gateway"} | without(properties, "Tags")


_PEERS = "CidrIp CidrIpv6 Description FromPort IpProtocol ToPort"


def _permission(rule: Properties) -> dict[str, Any]:
    """Return a rule of a template as an IpPermission of the API."""
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
class SecurityGroup(_Tagged):
    supported = names("GroupDescription GroupName SecurityGroupEgress SecurityGroupIngress Tags VpcId")

    def create(self, context: Context, properties: Properties) -> State:
        ec2 = context.client("ec2")
        name = properties.get("GroupName") or context.generated_name(255)
        place = {"VpcId": properties["VpcId"]} if "VpcId" in properties else {}
        group = ec2.create_security_group(GroupName=name, Description=properties["GroupDescription"], **place)
        group_id = group["GroupId"]
        _tag(context, group_id, properties)
        self._set_rules(context, group_id, {}, properties)
        return State(group_id, {"GroupId": group_id, "Id": group_id, "VpcId": properties.get("VpcId", "")})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        self._set_rules(context, state.physical_id, old, new)
        return super().update(context, state, old, new)

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
    """A rule that is a resource of its own."""

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
