"""Arguments that do not fit each other are refused; nothing is looked up; Beanstalk's tags and records."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, CfnParameter, Environment, Fn, NestedStack, Stack, Tags
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Template
from aws_cdk.region_info import RegionInfo

from beanpod import (
    Database,
    DatabaseEngine,
    DockerEnvironment,
    DockerService,
    EnvironmentSecret,
    EnvironmentType,
    LoadBalancerScheme,
    LoadBalancerType,
    ServiceNetwork,
)
from tests.constructs.environments import balanced_environment, existing_environment, new_environment, new_stack
from tests.constructs.imported import IRELAND, by_ids, hosted_zone, imported_vpc
from tests.constructs.templates import ENVIRONMENT, only, options


def test_a_network_load_balancer_accepts_one_zone() -> None:
    stack = new_stack()
    network = ServiceNetwork(stack, "Network")
    one = ec2.SubnetSelection(subnets=network.vpc.public_subnets[:1])
    kind = LoadBalancerType.NETWORK
    balanced_environment(stack, network, load_balancer_type=kind, instance_subnets=one, load_balancer_subnets=one)


@pytest.mark.parametrize("port", [80, 8080])
def test_a_network_load_balancer_whose_clients_are_not_admitted_is_refused_at_synth(port: int) -> None:
    stack = new_stack()
    network = ServiceNetwork(stack, "Network", instance_port=port)
    balanced_environment(stack, network, load_balancer_type=LoadBalancerType.NETWORK, instance_port=port)
    with pytest.raises(RuntimeError, match=f"instance_security_group must admit the clients on port {port} with a ne"):
        Template.from_stack(stack)
    network.instance_security_group.add_ingress_rule(ec2.Peer.ipv4("203.0.113.0/24"), ec2.Port.tcp(port))
    Template.from_stack(stack)


def test_a_port_of_the_instances_is_the_same_on_both_sides() -> None:
    stack = new_stack()
    balanced_environment(stack, ServiceNetwork(stack, "Network", instance_port=8080), instance_port=8080)
    found = options(Template.from_stack(stack))
    assert found["elasticbeanstalk:environment:process:default", "Port"] == "8080"


def _endpoint(stack: Stack, vpc: ec2.IVpc) -> None:
    service = ec2.InterfaceVpcEndpointAwsService.ELASTIC_BEANSTALK
    ec2.InterfaceVpcEndpoint(stack, "Endpoint", vpc=vpc, service=service)


def _route(_: Stack, vpc: ec2.IVpc) -> None:
    for subnet in vpc.isolated_subnets:
        assert isinstance(subnet, ec2.Subnet)
        subnet.add_route("Out", router_type=ec2.RouterType.TRANSIT_GATEWAY, router_id="tgw-1")


@pytest.mark.parametrize("lead_out", [_endpoint, _route])
def test_isolated_instances_may_reach_beanstalk_by_any_endpoint_or_route(
    lead_out: Callable[[Stack, ec2.IVpc], None],
) -> None:
    stack = new_stack()
    network = ServiceNetwork(stack, "Network")
    isolated = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
    balanced_environment(stack, network, instance_subnets=isolated)
    lead_out(stack, network.vpc)
    Template.from_stack(stack).resource_count_is(ENVIRONMENT, 1)


@pytest.mark.parametrize("elsewhere", [False, True], ids=["no endpoint", "an endpoint of another VPC"])
def test_isolated_instances_without_endpoints_are_refused_at_synth(elsewhere: bool) -> None:
    stack = new_stack()
    balanced_environment(stack, instance_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED))
    if elsewhere:
        _endpoint(stack, ec2.Vpc(stack, "Other", restrict_default_security_group=False))
    with pytest.raises(RuntimeError, match="instance_subnets must reach Elastic Beanstalk, got isolated ones"):
        Template.from_stack(stack)


def test_subnets_by_their_ids_are_taken() -> None:
    stack = new_stack()
    vpc = imported_vpc(stack, "public")
    Database(stack, "Database", vpc=vpc, engine=DatabaseEngine.mysql("8.4"), vpc_subnets=by_ids(stack, "s-1", "s-2"))
    new_environment(stack, vpc=vpc, instance_subnets=by_ids(stack, "subnet-1000000b"))
    template = Template.from_stack(stack)
    template.has_resource_properties("AWS::RDS::DBSubnetGroup", {"SubnetIds": ["s-1", "s-2"]})
    found = options(template)
    assert (found["ec2:vpc", "Subnets"], found["ec2:vpc", "AssociatePublicIpAddress"]) == ("subnet-1000000b", "true")


def test_subnets_that_are_a_list_token_are_taken() -> None:
    stack = new_stack()
    ids = CfnParameter(stack, "Subnets", type="List<AWS::EC2::Subnet::Id>").value_as_list
    vpc = ec2.Vpc.from_vpc_attributes(
        stack, "Vpc", vpc_id="vpc-1", availability_zones=Fn.get_azs(), public_subnet_ids=ids, isolated_subnet_ids=ids
    )
    Database(stack, "Database", vpc=vpc, engine=DatabaseEngine.mysql("8.4"))
    new_environment(stack, vpc=vpc)
    template = Template.from_stack(stack)
    template.has_resource_properties("AWS::RDS::DBSubnetGroup", {"SubnetIds": {"Ref": "Subnets"}})
    assert options(template)["ec2:vpc", "Subnets"] == {"Fn::Join": [",", {"Ref": "Subnets"}]}


def _with_database(stack: Stack) -> tuple[DockerEnvironment, Database]:
    network = ServiceNetwork(stack, "Network")
    database = Database(stack, "Database", vpc=network.vpc, engine=DatabaseEngine.postgres("17"))
    return balanced_environment(stack, network, database=database), database


def test_a_database_that_lets_no_instance_in_is_refused_at_synth() -> None:
    stack = new_stack()
    _with_database(stack)
    with pytest.raises(RuntimeError, match="database Test/Database lets none of the instances in on port 5432"):
        Template.from_stack(stack)


@pytest.mark.parametrize(
    "open_it",
    [
        lambda e, d: d.connections.allow_default_port_from(ec2.Peer.ipv4("10.0.0.0/16")),
        lambda e, d: d.connections.allow_from(e, ec2.Port.all_tcp()),
        lambda e, d: d.connections.allow_from(ec2.Peer.any_ipv4(), ec2.Port.all_traffic()),
        lambda e, d: ec2.CfnSecurityGroupIngress(
            Stack(App.of(e), "Rules"),
            "Rule",
            ip_protocol="tcp",
            from_port=5432,
            to_port=5432,
            group_id=d.security_group.security_group_id,
            source_security_group_id=e.connections.security_groups[0].security_group_id,
        ),
    ],
)
def test_any_rule_that_opens_the_database_will_do(open_it: Callable[[Any, Any], None]) -> None:
    stack = new_stack()
    environment, database = _with_database(stack)
    environment.connections.security_groups[0].add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(5432))
    open_it(environment, database)
    Template.from_stack(stack).resource_count_is(ENVIRONMENT, 1)


def test_a_database_that_the_instances_group_does_not_let_out_to_is_refused_at_synth() -> None:
    stack = new_stack()
    environment, database = _with_database(stack)
    instances = environment.connections.security_groups[0]
    database.security_group.add_ingress_rule(instances, ec2.Port.tcp(5432))
    with pytest.raises(
        RuntimeError, match="no security group of the instances lets them out to database Test/Database"
    ):
        Template.from_stack(stack)


@pytest.mark.parametrize(
    "open_it",
    [
        lambda e, d: e.connections.allow_to_default_port(d),
        lambda e, d: d.connections.allow_default_port_from(e),
    ],
)
def test_the_rules_of_connections_open_both_sides(open_it: Callable[[Any, Any], None]) -> None:
    stack = new_stack()
    open_it(*_with_database(stack))
    Template.from_stack(stack).resource_count_is(ENVIRONMENT, 1)


@pytest.mark.parametrize(
    "open_it",
    [
        lambda group, _: group.add_egress_rule(ec2.Peer.ipv4("10.0.0.0/16"), ec2.Port.tcp(5432)),
        lambda group, database: group.add_egress_rule(database, ec2.Port.all_tcp()),
        lambda group, database: ec2.CfnSecurityGroupEgress(
            Stack.of(group),
            "Rule",
            ip_protocol="-1",
            group_id=group.security_group_id,
            destination_security_group_id=database.security_group_id,
        ),
    ],
)
def test_any_rule_that_lets_the_instances_out_will_do(open_it: Callable[[Any, Any], None]) -> None:
    stack = new_stack()
    environment, database = _with_database(stack)
    instances = environment.connections.security_groups[0]
    database.security_group.add_ingress_rule(instances, ec2.Port.tcp(5432))
    open_it(instances, database.security_group)
    Template.from_stack(stack).resource_count_is(ENVIRONMENT, 1)


def test_instances_may_be_let_out_to_everything() -> None:
    stack = new_stack()
    vpc = ec2.Vpc(stack, "Vpc", restrict_default_security_group=False)
    group = ec2.SecurityGroup(stack, "Group", vpc=vpc)
    database = Database(stack, "Database", vpc=vpc, engine=DatabaseEngine.postgres("17"))
    database.security_group.add_ingress_rule(group, ec2.Port.tcp(5432))
    new_environment(stack, vpc=vpc, instance_security_group=group, database=database)
    Template.from_stack(stack).resource_count_is(ENVIRONMENT, 1)


def test_one_database_twice_is_one_and_another_is_refused() -> None:
    stack = new_stack()
    environment, database = _with_database(stack)
    environment.use_database(database)
    vpc = ec2.Vpc(stack, "Vpc", restrict_default_security_group=False)
    other = Database(stack, "Other", vpc=vpc, engine=DatabaseEngine.mysql("8.4"))
    with pytest.raises(ValueError, match="those of Test/Database already, got Test/Other"):
        environment.use_database(other)


def test_nothing_is_looked_up_in_a_named_account_and_region() -> None:
    app = App()
    stack = Stack(app, "Shop", env=IRELAND)
    secret = secretsmanager.Secret(stack, "Secret")
    DockerService(
        stack,
        "Service",
        database_engine=DatabaseEngine.postgres("17"),
        secrets={"TOKEN": EnvironmentSecret.from_secrets_manager(secret)},
    )
    ServiceNetwork(stack, "Second", max_azs=3)
    folder = Path(app.synth().directory)
    assert "missing" not in json.loads((folder / "manifest.json").read_text())
    assert [child.node.id for child in stack.node.children][:3] == ["Secret", "Service", "Second"]
    template = json.loads((folder / "Shop.template.json").read_text())["Resources"]
    zones = [body["Properties"]["AvailabilityZone"] for body in template.values() if body["Type"] == "AWS::EC2::Subnet"]
    assert {"Fn::Select": [0, {"Fn::GetAZs": ""}]} in zones


def test_a_network_has_the_same_logical_ids_with_and_without_an_account() -> None:
    templates = []
    for where in (None, IRELAND):
        stack = Stack(App(), "Shop", env=where)
        secretsmanager.Secret(stack, "Secret")
        ServiceNetwork(stack, "Network", nat_gateways=1)
        templates.append(Template.from_stack(stack).to_json()["Resources"])
    assert templates[0] == templates[1]


@pytest.mark.parametrize("tags", [{"Name": "shop", "team": "web"}, {"elasticbeanstalk:x": "1", "team": "web"}])
def test_tags_that_beanstalk_owns_are_left_out_there_only(tags: dict[str, str]) -> None:
    app = App()
    stack = Stack(app, "Shop")
    environment = new_environment(stack)
    ec2.Vpc(stack, "Vpc", restrict_default_security_group=False)
    for key, value in tags.items():
        Tags.of(app).add(key, value)
    template = Template.from_stack(stack)
    assert only(template, ENVIRONMENT)["Properties"]["Tags"] == [{"Key": "team", "Value": "web"}]
    assert {tag["Key"] for tag in only(template, "AWS::EC2::VPC")["Properties"]["Tags"]} >= set(tags)
    assert "Name" not in stack.tags.tag_values()
    infos = [entry.data for entry in environment.resource.node.metadata if entry.type == "aws:cdk:info"]
    assert len(infos) == 1


@pytest.mark.parametrize("reserved", ["Name", "elasticbeanstalk:x"])
def test_tags_of_the_stack_around_a_nested_one_are_left_out_too(reserved: str) -> None:
    # CloudFormation hands them on to what is in the nested stack.
    stack = Stack(App(), "Shop", tags={reserved: "shop", "team": "web"})
    new_environment(NestedStack(NestedStack(stack, "Outer"), "Inner"))
    Template.from_stack(stack)
    assert stack.tags.tag_values() == {"team": "web"}


def test_an_environment_without_reserved_tags_has_no_message() -> None:
    stack = new_stack()
    environment = new_environment(stack)
    Tags.of(stack).add("team", "web")
    Template.from_stack(stack)
    assert not [entry for entry in environment.resource.node.metadata if entry.type == "aws:cdk:info"]


def _record(stack: Stack, environment: Any) -> Any:
    route53.ARecord(stack, "Record", zone=hosted_zone(stack), target=environment.record_target)
    return only(Template.from_stack(stack), "AWS::Route53::RecordSet")["Properties"]


@pytest.mark.parametrize(
    ("kind", "region", "zone"),
    [
        (LoadBalancerType.APPLICATION, "eu-west-1", "Z32O12XQLNTSW2"),
        (LoadBalancerType.NETWORK, "eu-west-1", "Z2IFOLAFXWLO4F"),
        (LoadBalancerType.APPLICATION, "cn-north-1", "Z1GDH35T77C1KE"),
        (LoadBalancerType.APPLICATION, "us-gov-west-1", "Z33AYJ8TM3BH4J"),
    ],
)
def test_a_record_points_to_the_zone_of_the_load_balancer(kind: LoadBalancerType, region: str, zone: str) -> None:
    stack = Stack(App(), "Shop", env=Environment(account="123456789012", region=region))
    network = ServiceNetwork(stack, "Network")
    network.instance_security_group.add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(80))
    environment = balanced_environment(stack, network, load_balancer_type=kind)
    target = _record(stack, environment)["AliasTarget"]
    assert target["HostedZoneId"] == zone
    assert target["DNSName"]["Fn::GetAtt"][1] == "EndpointURL"


def test_a_stack_for_any_region_finds_the_zone_when_it_is_deployed() -> None:
    stack = new_stack()
    environment = balanced_environment(stack, ServiceNetwork(stack, "Network"))
    found = _record(stack, environment)["AliasTarget"]["HostedZoneId"]["Fn::FindInMap"]
    assert found[1:] == [{"Ref": "AWS::Region"}, "application"]
    zones = Template.from_stack(stack).find_mappings("*")[found[0]]
    assert zones["us-east-1"] == {"application": "Z35SXDOTRQ7X7K", "network": "Z26RNL4JYFTOTI"}
    with_beanstalk = {it.name for it in RegionInfo.regions if it.ebs_env_endpoint_hosted_zone_id}
    assert with_beanstalk - set(zones) == set()


def test_a_single_instance_has_an_address() -> None:
    stack = new_stack()
    record = _record(stack, new_environment(stack, environment_type=EnvironmentType.SINGLE_INSTANCE))
    assert record["ResourceRecords"][0]["Fn::GetAtt"][1] == "EndpointURL"
    assert "AliasTarget" not in record


@pytest.mark.parametrize(
    ("endpoint", "zone"),
    [
        ("awseb-1.eu-west-1.elb.amazonaws.com", "Z32O12XQLNTSW2"),
        ("awseb-1.elb.us-east-1.amazonaws.com", "Z26RNL4JYFTOTI"),
        ("shop.eba-x.eu-west-1.elasticbeanstalk.com", "Z2NYPWQ7DFZAZH"),
        ("203.0.113.7", None),
    ],
)
def test_the_record_of_an_imported_environment_follows_from_its_endpoint(endpoint: str, zone: str | None) -> None:
    stack = new_stack()
    record = _record(stack, existing_environment(stack, environment_endpoint_url=endpoint))
    if zone:
        assert record["AliasTarget"]["HostedZoneId"] == zone
    else:
        assert record["ResourceRecords"] == [endpoint]


def test_an_endpoint_that_says_nothing_is_refused() -> None:
    stack = new_stack()
    with pytest.raises(ValueError, match=r'got "shop.example.com": write EndpointURL'):
        _ = existing_environment(stack, environment_endpoint_url="shop.example.com").record_target
    with pytest.raises(ValueError, match="environment_endpoint_url must be known at synth"):
        _ = existing_environment(new_stack(), environment_endpoint_url=Fn.import_value("x")).record_target


def test_an_internal_load_balancer_is_accepted_in_a_network_without_private_subnets() -> None:
    stack = new_stack()
    balanced_environment(stack, ServiceNetwork(stack, "Network"), load_balancer_scheme=LoadBalancerScheme.INTERNAL)
    assert options(Template.from_stack(stack))["ec2:vpc", "ELBScheme"] == "internal"
