"""What constructs refuse before anything is built: the problems of one construct come in one error.

The rules themselves are tested without constructs, in tests/test_rules.py.
"""

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import CfnParameter, Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from beanpod import (
    Application,
    BatchSize,
    Database,
    DatabaseEngine,
    DeploymentStrategy,
    DockerPlatform,
    Domain,
    EnvironmentType,
    HealthCheck,
    LoadBalancerScheme,
    LoadBalancerSettings,
    LoadBalancerType,
    ManagedUpdates,
    OptionSetting,
    ScalingTrigger,
    ServiceNetwork,
    ServiceRole,
)
from tests.constructs.environments import balanced_environment, new_stack
from tests.constructs.imported import by_ids, certificate, imported_vpc

MYSQL, POSTGRES = DatabaseEngine.mysql("8.4"), DatabaseEngine.postgres("17")


@pytest.fixture(scope="module")
def stack() -> Stack:
    return new_stack()


@pytest.fixture(scope="module")
def network(stack: Stack) -> ServiceNetwork:
    return ServiceNetwork(stack, "Network", nat_gateways=1)


@pytest.fixture(scope="module")
def vpc(stack: Stack) -> ec2.IVpc:
    return imported_vpc(stack, "isolated")


def free_id(stack: Stack) -> str:
    return f"Refused{len(stack.node.children)}"


def expect(words: list[str], make: Callable[[], object]) -> None:
    """Expect one error with a problem for each of some words, and with no other."""
    with pytest.raises(ValueError, match="problem") as caught:
        make()
    first, *lines = str(caught.value).splitlines()
    assert first.startswith("Test/"), caught.value
    assert first.endswith(f": {len(words)} problem{'s' if len(words) > 1 else ''}"), caught.value
    assert len(lines) == len(words), caught.value
    for word in words:
        assert [line for line in lines if line.startswith(f"  - {word}")], f"{word} is not in\n{caught.value}"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param(
            {
                "min_size": 5,
                "max_size": 4,
                "root_volume_size": Size.gibibytes(7),
                "scaling": ScalingTrigger(unit="Bytes", period=Duration.seconds(90), breach_duration=Duration.days(1)),
                "managed_updates": ManagedUpdates(level="major"),
                "instance_types": [ec2.InstanceType("small")],
                "log_retention": logs.RetentionDays.INFINITE,
                "deployment_strategy": DeploymentStrategy.rolling(batch=BatchSize.count(5)),
                "load_balancer": LoadBalancerSettings(idle_timeout=Duration.millis(500), access_logs_prefix="x"),
                "health_check": HealthCheck(timeout=Duration.seconds(15), healthy_http_codes="ok"),
            },
            [
                "min_size must be at most max_size (4), got 5: lower it, or raise max_size",
                "root_volume_size must be 10 to 16384 GiB, got 7",
                "scaling.unit must be Percent with CPUUtilization",
                "scaling.period must be a whole number",
                "scaling.breach_duration must be 1 to 600 min",
                "managed_updates.level must be one of minor",
                'instance_types must name EC2 instance types, got "small"',
                "log_retention must be one of 1, 3, ",
                "deployment_strategy.batch must be at most max_size (4), got 5",
                "load_balancer.idle_timeout must",
                "load_balancer.access_logs_prefix needs",
                "health_check.timeout must be less than the",
                "health_check.healthy_http_codes must be status codes from 200 to 499, got",
            ],
            id="what Beanstalk and load balancers refuse",
        ),
        pytest.param(
            {
                "root_volume_size": Size.mebibytes(20_000),
                "scaling": ScalingTrigger(measure="Load"),
                "deployment_strategy": DeploymentStrategy.rolling(batch=BatchSize.percentage(101)),
                "instance_types": [ec2.InstanceType("t3.small"), ec2.InstanceType("t4g.small")],
                "environment": {"A B": "x", "KEY": "two\nlines"},
                "environment_name": "dev",
                "description": "d" * 201,
                "options": [OptionSetting(namespace="aws:ec2:vpc", name="VPCId", value="vpc-2")],
            },
            [
                "root_volume_size must be a whole number, got",
                "scaling.measure must be one of CPUUtilization, ",
                "deployment_strategy.batch must be 1 to 100 percent, got 101",
                "instance_types must be of one architecture",
                "variables.A B must be named",
                "variables.KEY must be one line of printable characters: write anything else in secrets",
                "environment_name must be 4 to 40 letters, ",
                "description must be at most 200 characters, got 201",
                "option aws:ec2:vpc VPCId is set already",
            ],
            id="what Beanstalk refuses besides",
        ),
        pytest.param(
            {
                "deployment_strategy": DeploymentStrategy.traffic_splitting(percent=0, evaluation=Duration.minutes(2)),
                "environment": {"A": "x" * 5000},
                "load_balancer_security_group": None,
            },
            [
                "deployment_strategy.percent must be 1 to 100 percent, got 0",
                "deployment_strategy.evaluation must be 3 to 600 minutes, got 2",
                "variables take 5,002 bytes",
                "load_balancer_security_group is missing",
            ],
            id="traffic splitting and groups",
        ),
        pytest.param(
            {"scaling": ScalingTrigger(measure="NetworkOut")},
            [
                "scaling.lower_threshold must be given with NetworkOut",
                "scaling.upper_threshold must be given with NetworkOut",
            ],
            id="a trigger without thresholds",
        ),
        pytest.param(
            {"platform": DockerPlatform.pinned("4.13.7"), "managed_updates": ManagedUpdates()},
            ['platform must not be pinned beside managed updates, which would replace it, got "4.13.7": write'],
            id="a pinned platform that is updated",
        ),
        pytest.param({"instance_port": 0}, ["instance_port must be 1 to 65535", "instance_port must be 80"], id="port"),
        pytest.param(
            {"options": [OptionSetting(namespace="aws:asg", name="Cooldown", value=value) for value in ("60", "90")]},
            ["options[1] sets aws:asg Cooldown a second time"],
            id="an option twice",
        ),
        pytest.param(
            {"options": {"aws:autoscaling:launchconfiguration": {"RootVolumeSize": "8"}}},
            ["option aws:autoscaling:launchconfiguration RootVolumeSize: root_volume_size must be 10 to 16384 GiB"],
            id="an option that replaces a setting",
        ),
        pytest.param(
            {"environment_type": EnvironmentType.SINGLE_INSTANCE, "min_size": 0, "health_check_path": "health"},
            ["min_size must be 1 to 10000 instances, got 0", "health_check_path must start"],
            id="a single instance",
        ),
        pytest.param(
            {
                "environment_type": EnvironmentType.SINGLE_INSTANCE,
                "instance_port": 8080,
                "load_balancer_scheme": LoadBalancerScheme.INTERNAL,
            },
            ["instance_port needs a load balancer", "load_balancer_scheme needs a load balancer"],
            id="what a single instance lacks",
        ),
        pytest.param(
            {
                "load_balancer_type": LoadBalancerType.NETWORK,
                "deployment_strategy": DeploymentStrategy.traffic_splitting(),
            },
            ["deployment_strategy needs an application load balancer"],
            id="what a network load balancer lacks",
        ),
    ],
)
def test_settings_of_an_environment(
    stack: Stack, network: ServiceNetwork, settings: dict[str, Any], words: list[str]
) -> None:
    expect(words, lambda: balanced_environment(stack, network, free_id(stack), **settings))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            lambda n, _: {"load_balancer_subnets": n.instance_subnets},
            "load_balancer_subnets must be public .* got private ones.*load_balancer_scheme=LoadBalancerScheme",
        ),
        (
            lambda n, _: {"load_balancer_subnets": ec2.SubnetSelection(subnets=n.vpc.public_subnets[:1])},
            "load_balancer_subnets must cover two zones, got 1",
        ),
        (
            lambda _, stack: {"load_balancer_subnets": by_ids(stack, "subnet-1")},
            "load_balancer_subnets must cover two zones, got 1",
        ),
        (
            lambda _, stack: {
                "instance_subnets": ec2.SubnetSelection(
                    subnets=ec2.Vpc(stack, "Other", restrict_default_security_group=False).private_subnets
                )
            },
            "instance_subnets must be of vpc Test/Network/Vpc, got Test/Other/PrivateSubnet1",
        ),
        (
            lambda _, stack: {"instance_security_group": ServiceNetwork(stack, "Second").instance_security_group},
            "instance_security_group must be of vpc Test/Network/Vpc, got Test/Second/SecurityGroups/Instances of an",
        ),
        (
            lambda _, stack: {
                "additional_instance_security_groups": [ServiceNetwork(stack, "Third").instance_security_group]
            },
            "additional_instance_security_groups must be of vpc Test/Network/Vpc, got Test/Third/SecurityGroups/Ins",
        ),
        (
            lambda _, stack: {
                "additional_load_balancer_security_groups": [ServiceNetwork(stack, "Fourth").instance_security_group]
            },
            "additional_load_balancer_security_groups must be of vpc Test/Network/Vpc, got Test/Fourth/SecurityGroup",
        ),
        (
            lambda _, __: {"instance_port": 8080},
            "instance_port must be 80, the only one that its security group lets in",
        ),
        (
            lambda _, stack: {
                "application": Application(stack, "A", service_role=ServiceRole(stack, "R").role),
                "max_versions": 9,
            },
            "max_versions is for a new application, got 9 beside application",
        ),
        (
            lambda _, __: {"instance_subnets": ec2.SubnetSelection(subnet_group_name="Nowhere")},
            "instance_subnets must be subnets of vpc Test/Network/Vpc: .*Nowhere",
        ),
        (
            lambda _, __: {"instance_subnets": ec2.SubnetSelection(subnets=[])},
            "instance_subnets must be subnets of vpc Test/Network/Vpc: the selection has none",
        ),
        (
            lambda _, __: {"load_balancer_subnets": ec2.SubnetSelection(availability_zones=["nowhere"])},
            "load_balancer_subnets must be subnets of vpc Test/Network/Vpc: the selection has none",
        ),
        (
            lambda _, stack: {
                "load_balancer_type": LoadBalancerType.NETWORK,
                "additional_load_balancer_security_groups": [
                    ec2.SecurityGroup.from_security_group_id(stack, "Additional", "sg-1")
                ],
            },
            "additional_load_balancer_security_groups need an application load balancer",
        ),
        (
            lambda _, stack: {
                "load_balancer_type": LoadBalancerType.NETWORK,
                "domain": Domain(name="shop.example.com", certificate=certificate(stack)),
            },
            "domain needs an application load balancer",
        ),
        (lambda _, __: {"max_versions": 0}, "max_versions must be 2 to 1000 versions, got 0"),
    ],
)
def test_what_does_not_fit_an_environment(
    stack: Stack,
    network: ServiceNetwork,
    settings: Callable[[ServiceNetwork, Stack], dict[str, Any]],
    words: str,
) -> None:
    with pytest.raises(ValueError, match=words):
        balanced_environment(stack, network, free_id(stack), **settings(network, stack))


def test_a_load_balancer_needs_a_subnet_in_every_zone_of_the_instances(stack: Stack) -> None:
    network = ServiceNetwork(stack, "ThreeZones", max_azs=3)
    two = ec2.SubnetSelection(subnets=network.vpc.public_subnets[:2])
    with pytest.raises(ValueError, match="load_balancer_subnets must cover every zone of instance_subnets, got none"):
        balanced_environment(stack, network, free_id(stack), load_balancer_subnets=two)


def test_an_opened_port_without_a_counterpart(stack: Stack) -> None:
    network = ServiceNetwork(stack, "Port8080", instance_port=8080)
    words = "instance_port must be 8080, the only one that its security group lets in, got 80"
    expect([words], lambda: balanced_environment(stack, network, free_id(stack)))
    made = balanced_environment(stack, network, "Made8080", instance_port=8080)
    process = "aws:elasticbeanstalk:environment:process:default"
    expect([f"option {process} Port: {words}"], lambda: made.override_option(process, "Port", "80"))


def test_groups_that_are_taken_for_each_other(stack: Stack) -> None:
    network = ServiceNetwork(stack, "Groups", nat_gateways=1)
    with pytest.raises(
        ValueError, match="load_balancer_security_group must be the load balancer's, got the instances'"
    ):
        balanced_environment(
            stack,
            network,
            instance_security_group=network.load_balancer_security_group,
            load_balancer_security_group=network.instance_security_group,
        )


def test_what_beanstalk_refuses_of_an_application(stack: Stack) -> None:
    role = iam.Role.from_role_name(stack, "Beanstalk", "beanstalk")

    def make(**settings: Any) -> object:
        return Application(stack, free_id(stack), service_role=role, **settings)

    name = 'application_name must be 1 to 100 characters without a slash, got "a/b": write e.g. "shop"'
    expect(
        [name, "description must be at most 200 characters, got 201", "max_versions must be 2 to 1000"],
        lambda: make(application_name="a/b", description="d" * 201, max_versions=1001),
    )


@pytest.mark.parametrize(
    ("engine", "settings", "words"),
    [
        (
            MYSQL,
            {
                "username": "rdsadmin",
                "allocated_storage": Size.gibibytes(19),
                "backup_retention": Duration.hours(12),
                "instance_type": ec2.InstanceType("db.t3.micro"),
                "preferred_backup_window": "3-4",
                "preferred_maintenance_window": "sun",
                "port": 80,
                "parameters": {"require_secure_transport": "0", "work_mem": "64MB"},
                "removal_policy": RemovalPolicy.DESTROY,
            },
            [
                'username must not be a word that mysql reserves, got "rdsadmin"',
                "allocated_storage must be 20 to 65536 GiB (gp3), got 19",
                "backup_retention must be whole days, got 0.5",
                'instance_type must be an RDS instance class without its "db."',
                'preferred_backup_window must be a time of day in UTC, got "3-4": write e.g. "03:00-04:00"',
                'preferred_maintenance_window must be a time of the week in UTC, got "sun"',
                "port must be 1150 to 65535, got 80",
                "parameters must not set require_secure_transport",
                'parameters must be of mysql, got "work_mem"',
                "removal_policy must not be DESTROY while deletion_protection",
            ],
        ),
        (
            MYSQL,
            {
                "allocated_storage": Size.mebibytes(50_000),
                "instance_type": ec2.InstanceType("t2.micro"),
                "performance_insights": True,
            },
            [
                "allocated_storage must be whole GiB, got 48.8281",
                "instance_type must be a class that can encrypt",
                'performance_insights must be off on "t2.micro" with mysql',
            ],
        ),
        (MYSQL, {"allocated_storage": Size.gibibytes(0)}, ["allocated_storage must be 20 to 65536 GiB (gp3), got 0"]),
        (MYSQL, {"performance_insights": True}, ['performance_insights must be off on "t4g.micro" with mysql']),
        (POSTGRES, {"parameters": {"rds.force_ssl": "0"}}, ["parameters must not set rds.force_ssl"]),
    ],
)
def test_settings_of_a_database(
    stack: Stack, vpc: ec2.IVpc, engine: DatabaseEngine, settings: dict[str, Any], words: list[str]
) -> None:
    expect(words, lambda: Database(stack, free_id(stack), vpc=vpc, engine=engine, **settings))


def test_a_database_is_in_no_public_subnet_and_in_two_zones(stack: Stack, vpc: ec2.IVpc) -> None:
    def make(vpc: ec2.IVpc, subnets: ec2.SubnetSelection | None = None) -> Callable[[], object]:
        return lambda: Database(stack, free_id(stack), vpc=vpc, engine=MYSQL, vpc_subnets=subnets)

    public, one_zone = imported_vpc(new_stack(), "public"), imported_vpc(new_stack(), "isolated", zones=1)
    expect(["vpc must have isolated or private subnets, got none"], make(public))
    expect(
        ["vpc_subnets must be isolated or private, got public ones"],
        make(public, ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)),
    )
    expect(["vpc_subnets must cover two zones, got 1"], make(one_zone))
    expect(["vpc_subnets must cover two zones, got 1"], make(vpc, by_ids(stack, "subnet-2")))
    nowhere = ec2.SubnetSelection(subnet_group_name="Nowhere")
    expect(["vpc_subnets must be subnets of vpc Test/Vpc: "], make(vpc, nowhere))
    none = ec2.SubnetSelection(subnets=[])
    expect(["vpc_subnets must be subnets of vpc Test/Vpc: the selection has none"], make(vpc, none))


def test_a_rule_for_another_port(stack: Stack) -> None:
    network = ServiceNetwork(stack, "Port3306", database_port=3306)
    group = network.database_security_group
    expect(
        ["port must be 3306, the only one that its security group lets in, got 5432"],
        lambda: Database(stack, free_id(stack), vpc=network.vpc, engine=POSTGRES, security_group=group),
    )


def test_a_version_that_only_cloudformation_knows(stack: Stack) -> None:
    version = CfnParameter(stack, "Version").value_as_string
    with pytest.raises(ValueError, match=r"version must be known at synth, got a token: the parameter group's family"):
        DatabaseEngine.postgres(version)


def test_versions_that_rds_does_not_have() -> None:
    with pytest.raises(ValueError, match=r"^DatabaseEngine: 1 problem\n  - version must be a version of mysql on RDS"):
        DatabaseEngine.mysql("5.7")


def test_a_retention_without_flow_logs(stack: Stack) -> None:
    expect(
        ["flow_log_retention has no effect without flow logs"],
        lambda: ServiceNetwork(stack, free_id(stack), flow_log_retention=logs.RetentionDays.ONE_YEAR),
    )
