"""An environment's internet access, and the internet gateway that it uses."""

import pytest

from emulator.tests.clients import Clients, option, refusal

VPC = "aws:ec2:vpc"
ANYWHERE = "0.0.0.0/0"


class Network:
    """A VPC with one subnet and its route table; each test adds what it is about."""

    def __init__(self, clients: Clients) -> None:
        self.ec2 = clients("ec2")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet, self.table = self.new_subnet("10.0.1.0/24")

    def new_subnet(self, cidr: str) -> tuple[str, str]:
        subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=cidr)["Subnet"]["SubnetId"]
        table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        return subnet, table

    def attach_gateway(self) -> str:
        gateway: str = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        return gateway

    def route(self, table: str, **target: str) -> None:
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE, **target)

    def nat_gateway(self, subnet: str) -> str:
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        made: str = self.ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
        return made

    def settings(self, kind: str, public: bool, scheme: str = "public") -> list[dict[str, str]]:
        return [
            option("aws:elasticbeanstalk:environment", "EnvironmentType", kind),
            option(VPC, "VPCId", self.vpc),
            option(VPC, "Subnets", self.subnet),
            option(VPC, "ELBSubnets", self.subnet),
            option(VPC, "ELBScheme", scheme),
            option(VPC, "AssociatePublicIpAddress", str(public).lower()),
        ]


@pytest.fixture
def network(clients: Clients) -> Network:
    return Network(clients)


def _launched(clients: Clients, *settings: dict[str, str]) -> tuple[str, str, list[str]]:
    """Name, status and errors of a new environment."""
    name = f"way-out-{len(clients('elasticbeanstalk').describe_environments()['Environments'])}"
    clients.launch(name, *settings)
    found = clients.environment(name, IncludeDeleted=True)
    return name, found["Status"], clients.errors(EnvironmentId=found["EnvironmentId"])


@pytest.mark.parametrize(
    ("kind", "public", "reason"),
    [
        ("SingleInstance", True, "is not attached to any internet gateway"),
        ("LoadBalanced", False, "has no internet gateway"),
    ],
)
def test_public_addresses_require_an_internet_gateway(
    clients: Clients, network: Network, kind: str, public: bool, reason: str
) -> None:
    _, status, errors = _launched(clients, *network.settings(kind, public))
    assert status == "Terminated"
    assert any(network.vpc in message and reason in message for message in errors)


@pytest.mark.parametrize("kind", ["SingleInstance", "LoadBalanced"])
def test_public_instances_require_a_route_to_the_gateway(clients: Clients, network: Network, kind: str) -> None:
    gateway = network.attach_gateway()
    settings = network.settings(kind, public=True)
    _, status, errors = _launched(clients, *settings)
    assert status == "Terminated"
    assert "failed to communicate with AWS Elastic Beanstalk" in errors[0]
    network.route(network.table, GatewayId=gateway)
    assert _launched(clients, *settings)[1] == "Ready"


def test_private_instances_need_a_nat_gateway_or_beanstalks_endpoints(clients: Clients, network: Network) -> None:
    gateway = network.attach_gateway()
    settings = network.settings("LoadBalanced", False)
    assert _launched(clients, *settings)[1] == "Terminated"
    network.route(network.table, GatewayId=gateway)
    assert _launched(clients, *settings)[1] == "Terminated"
    network.ec2.delete_route(RouteTableId=network.table, DestinationCidrBlock=ANYWHERE)
    public, table = network.new_subnet("10.0.2.0/24")
    network.route(table, GatewayId=gateway)
    network.route(network.table, NatGatewayId=network.nat_gateway(public))
    assert _launched(clients, *settings)[1] == "Ready"


def test_isolated_subnets_can_use_vpc_endpoints(clients: Clients, network: Network) -> None:
    for service in ("elasticbeanstalk", "elasticbeanstalk-health"):
        name = f"com.amazonaws.us-east-1.{service}"
        network.ec2.create_vpc_endpoint(
            VpcId=network.vpc, ServiceName=name, VpcEndpointType="Interface", SubnetIds=[network.subnet]
        )
    assert _launched(clients, *network.settings("LoadBalanced", False, "internal"))[1] == "Ready"


def test_an_environment_prevents_detaching_the_gateway(clients: Clients, network: Network) -> None:
    gateway = network.attach_gateway()
    network.route(network.table, GatewayId=gateway)
    name, _, _ = _launched(clients, *network.settings("SingleInstance", True))
    attachment = {"InternetGatewayId": gateway, "VpcId": network.vpc}
    code, message = refusal(network.ec2.detach_internet_gateway, **attachment)
    assert code == "DependencyViolation"
    assert message.startswith(f"Network {network.vpc} has some mapped public address(es). Please unmap those")
    clients("elasticbeanstalk").terminate_environment(EnvironmentName=name)
    assert clients.environment(name) == {}
    network.ec2.detach_internet_gateway(**attachment)


def test_a_nat_gateway_prevents_detaching_the_gateway(network: Network) -> None:
    gateway = network.attach_gateway()
    nat = network.nat_gateway(network.subnet)
    attachment = {"InternetGatewayId": gateway, "VpcId": network.vpc}
    assert "mapped public address" in refusal(network.ec2.detach_internet_gateway, **attachment)[1]
    network.ec2.delete_nat_gateway(NatGatewayId=nat)
    network.ec2.detach_internet_gateway(**attachment)
