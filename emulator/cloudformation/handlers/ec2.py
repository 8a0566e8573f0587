"""Networks: AWS::EC2::VPC and what is in one."""

from typing import Any

from emulator.cloudformation.handlers.base import (
    Context,
    Handler,
    Properties,
    State,
    api_tags,
    call,
    changed,
    handles,
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
class RouteTable(_Tagged):
    supported = names("Tags VpcId")

    def create(self, context: Context, properties: Properties) -> State:
        table = context.client("ec2").create_route_table(VpcId=properties["VpcId"])["RouteTable"]
        _tag(context, table["RouteTableId"], properties)
        return State(table["RouteTableId"], {"RouteTableId": table["RouteTableId"]})

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("ec2").delete_route_table(RouteTableId=state.physical_id)


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
class InternetGateway(_Tagged):
    supported = names("Tags")

    def create(self, context: Context, properties: Properties) -> State:
        gateway = context.client("ec2").create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        _tag(context, gateway, properties)
        return State(gateway, {"InternetGatewayId": gateway})

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("ec2").delete_internet_gateway(InternetGatewayId=state.physical_id)


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
class NatGateway(_Tagged):
    supported = names("AllocationId ConnectivityType SubnetId Tags")

    def create(self, context: Context, properties: Properties) -> State:
        gateway = context.client("ec2").create_nat_gateway(**without(properties, "Tags"))["NatGateway"]["NatGatewayId"]
        _tag(context, gateway, properties)
        return State(gateway, {"NatGatewayId": gateway})

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("ec2").delete_nat_gateway(NatGatewayId=state.physical_id)


@handles("AWS::EC2::FlowLog")
class FlowLog(_Tagged):
    supported = names(
        "DeliverLogsPermissionArn LogDestination LogDestinationType LogFormat LogGroupName MaxAggregationInterval "
        "ResourceId ResourceType Tags TrafficType"
    )

    def create(self, context: Context, properties: Properties) -> State:
        request = without(properties, "ResourceId", "Tags") | {"ResourceIds": [properties["ResourceId"]]}
        flow_log = call(context.client("ec2"), "CreateFlowLogs", request)["FlowLogIds"][0]
        _tag(context, flow_log, properties)
        return State(flow_log, {"Id": flow_log})

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("ec2").delete_flow_logs(FlowLogIds=[state.physical_id])


@handles("AWS::EC2::VPCEndpoint")
class VpcEndpoint(_Tagged):
    supported = names(
        "PolicyDocument PrivateDnsEnabled RouteTableIds SecurityGroupIds ServiceName SubnetIds Tags VpcEndpointType "
        "VpcId"
    )

    def create(self, context: Context, properties: Properties) -> State:
        # moto 5.2.5 cannot delete an endpoint that was made without its type.
        request = {"VpcEndpointType": "Gateway"} | without(properties, "Tags")
        endpoint = call(context.client("ec2"), "CreateVpcEndpoint", request)["VpcEndpoint"]["VpcEndpointId"]
        _tag(context, endpoint, properties)
        return State(endpoint, {"Id": endpoint})

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[state.physical_id])
