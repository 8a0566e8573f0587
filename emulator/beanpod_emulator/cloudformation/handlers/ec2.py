"""Networks: AWS::EC2::VPC and what is in one."""

from typing import Any, ClassVar

from beanpod_emulator.cloudformation.handlers.base import Context, Handler, Properties, State, handles
from beanpod_emulator.cloudformation.handlers.properties import (
    api_tags,
    call,
    changed,
    names,
    pick,
    tag_changes,
    without,
)


def _tag(context: Context, resource_id: str, properties: Properties) -> None:
    tags = api_tags(properties)
    if tags:
        context.client("ec2").create_tags(Resources=[resource_id], Tags=tags)


def _retag(context: Context, resource_id: str, old: Properties, new: Properties) -> None:
    removed, added = tag_changes(old, new)
    ec2 = context.client("ec2")
    if removed:
        ec2.delete_tags(Resources=[resource_id], Tags=[{"Key": key} for key in removed])
    if added:
        ec2.create_tags(Resources=[resource_id], Tags=added)


class _Tagged(Handler):
    """A type of which only the tags can change in place."""

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        _retag(context, self._tagged_id(state), old, new)
        return state

    def _tagged_id(self, state: State) -> str:
        return state.physical_id


class _Made(_Tagged):
    """A type that one call makes and one removes, known by an id. attribute: the name Fn::GetAtt knows the id by."""

    attribute: ClassVar[str] = "Id"

    def make(self, ec2: Any, properties: Properties) -> str:
        """Make it; gives the id."""
        raise NotImplementedError

    def unmake(self, ec2: Any, made: str) -> None:
        """Remove it."""
        raise NotImplementedError

    def create(self, context: Context, properties: Properties) -> State:
        made = self.make(context.client("ec2"), properties)
        _tag(context, made, properties)
        return State(made, {self.attribute: made})

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        self.unmake(context.client("ec2"), state.physical_id)


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
class RouteTable(_Made):
    supported = names("Tags VpcId")
    attribute = "RouteTableId"

    def make(self, ec2: Any, properties: Properties) -> str:
        return str(ec2.create_route_table(VpcId=properties["VpcId"])["RouteTable"]["RouteTableId"])

    def unmake(self, ec2: Any, made: str) -> None:
        ec2.delete_route_table(RouteTableId=made)


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
class InternetGateway(_Made):
    supported = names("Tags")
    attribute = "InternetGatewayId"

    def make(self, ec2: Any, properties: Properties) -> str:
        return str(ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"])

    def unmake(self, ec2: Any, made: str) -> None:
        ec2.delete_internet_gateway(InternetGatewayId=made)


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
class NatGateway(_Made):
    supported = names("AllocationId ConnectivityType SubnetId Tags")
    attribute = "NatGatewayId"

    def make(self, ec2: Any, properties: Properties) -> str:
        return str(ec2.create_nat_gateway(**without(properties, "Tags"))["NatGateway"]["NatGatewayId"])

    def unmake(self, ec2: Any, made: str) -> None:
        ec2.delete_nat_gateway(NatGatewayId=made)


@handles("AWS::EC2::FlowLog")
class FlowLog(_Made):
    supported = names(
        "DeliverLogsPermissionArn LogDestination LogDestinationType LogFormat LogGroupName MaxAggregationInterval "
        "ResourceId ResourceType Tags TrafficType"
    )

    def make(self, ec2: Any, properties: Properties) -> str:
        request = without(properties, "ResourceId", "Tags") | {"ResourceIds": [properties["ResourceId"]]}
        return str(call(ec2, "CreateFlowLogs", request)["FlowLogIds"][0])

    def unmake(self, ec2: Any, made: str) -> None:
        ec2.delete_flow_logs(FlowLogIds=[made])


@handles("AWS::EC2::VPCEndpoint")
class VpcEndpoint(_Made):
    supported = names(
        "PolicyDocument PrivateDnsEnabled RouteTableIds SecurityGroupIds ServiceName SubnetIds Tags VpcEndpointType "
        "VpcId"
    )

    def make(self, ec2: Any, properties: Properties) -> str:
        # moto 5.2.5 cannot delete an endpoint that was made without its type.
        request = {"VpcEndpointType": "Gateway"} | without(properties, "Tags")
        return str(call(ec2, "CreateVpcEndpoint", request)["VpcEndpoint"]["VpcEndpointId"])

    def unmake(self, ec2: Any, made: str) -> None:
        ec2.delete_vpc_endpoints(VpcEndpointIds=[made])
