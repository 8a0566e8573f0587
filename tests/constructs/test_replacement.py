"""What the change of each property replaces: by AWS's resource schemas, and as the docstring of the property says."""

import inspect
import re
from collections.abc import Callable
from functools import cache
from typing import Any, get_type_hints

import pytest
from aws_cdk import App, Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Template

from beanpod import (
    Application,
    ArtifactBucket,
    BatchSize,
    Database,
    DatabaseEngine,
    DeploymentPolicy,
    DeploymentStrategy,
    DeployPermissions,
    DeployUser,
    DockerEnvironment,
    DockerPlatform,
    DockerService,
    Domain,
    EnvironmentProperties,
    EnvironmentSecret,
    EnvironmentType,
    GitHubDeployRole,
    HealthCheck,
    InstanceRole,
    LoadBalancerScheme,
    LoadBalancerSettings,
    LoadBalancerType,
    ManagedUpdates,
    ScalingTrigger,
    ServiceNetwork,
    ServiceRole,
    ServiceSecurityGroups,
)
from beanpod_emulator.cloudformation import schemas
from tests.constructs.databases import existing_database
from tests.constructs.imported import KINDS, by_ids, hosted_zone, imported_vpc

# What nobody wants to lose, in the words of the docstrings.
WORDS = {
    "AWS::EC2::VPC": "the VPC",
    "AWS::EC2::SecurityGroup": "the security groups",
    "AWS::RDS::DBInstance": "the database",
    "AWS::ElasticBeanstalk::Environment": "the environment",
    "AWS::ElasticBeanstalk::Application": "the application",
    "AWS::S3::Bucket": "the bucket",
    "AWS::IAM::User": "the user",
    "AWS::IAM::AccessKey": "the access key",
}
# Of these, one that leaves the template is lost as well. Groups and keys hold nothing.
KEPT = {kind for kind in WORDS if kind not in ("AWS::EC2::SecurityGroup", "AWS::IAM::AccessKey")}
# CloudFormation would update in place what Beanstalk refuses: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/
FIXED = {"load_balancer_type", "vpc"}
# Parameters of a part that `DockerService` hands on, and the one that is tried.
HANDED_ON = {
    "network_settings": (ServiceNetwork, "ip_addresses"),
    "database_settings": (Database, "username"),
}

PROVIDER = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"

Settings = dict[str, Any]
Change = Callable[[Stack], Settings]


def vpc(stack: Stack) -> ec2.IVpc:
    return imported_vpc(stack, *KINDS)


def other_vpc(stack: Stack) -> ec2.IVpc:
    return imported_vpc(stack, *KINDS, construct_id="Other", vpc_id="vpc-00000002")


def group(stack: Stack, name: str = "sg-x") -> ec2.ISecurityGroup:
    return ec2.SecurityGroup.from_security_group_id(stack, name, name)


def groups(stack: Stack) -> list[ec2.ISecurityGroup]:
    return [group(stack)]


def role(stack: Stack) -> iam.IRole:
    return iam.Role.from_role_name(stack, "Role", "mine")


def profile(stack: Stack) -> iam.IInstanceProfile:
    return iam.InstanceProfile.from_instance_profile_name(stack, "P", "p")


def provider(stack: Stack) -> iam.IOpenIdConnectProvider:
    return iam.OpenIdConnectProvider.from_open_id_connect_provider_arn(stack, "P", PROVIDER)


def secrets(stack: Stack) -> dict[str, EnvironmentSecret]:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:x-AbCdEf"
    secret = secretsmanager.Secret.from_secret_complete_arn(stack, "X", arn)
    return {"A": EnvironmentSecret.from_secrets_manager(secret)}


def permissions(stack: Stack, policy: DeploymentPolicy = DeploymentPolicy.ALL_AT_ONCE) -> DeployPermissions:
    return DeployPermissions(
        application_name="shop",
        environment_names=["shop-dev"],
        bucket=s3.Bucket.from_bucket_name(stack, f"Bundles{policy}", "bundles"),
        instance_role=iam.Role.from_role_name(stack, f"Instances{policy}", "instances"),
        deployment_policy=policy,
    )


def statement() -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=["sns:Publish"], resources=["*"])


def made(**makers: Callable[[Stack], Any]) -> dict[str, Change]:
    """Changes of one property each, to what is made in the stack."""
    return {name: lambda s, name=name, make=make: {name: make(s)} for name, make in makers.items()}  # type: ignore[misc]


def plain(**values: Any) -> dict[str, Change]:
    """Changes of one property each, to a value that needs no stack."""
    return made(**{name: lambda _, value=value: value for name, value in values.items()})


ENVIRONMENT: dict[str, Change] = {
    **plain(max_versions=9, environment_name="shop-prod", description="x", min_size=2, max_size=8),
    **plain(platform=DockerPlatform.pinned("4.13.7"), environment_type=EnvironmentType.SINGLE_INSTANCE),
    **plain(load_balancer_type=LoadBalancerType.NETWORK, load_balancer_scheme=LoadBalancerScheme.INTERNAL),
    **plain(instance_types=[ec2.InstanceType("t3.large")], root_volume_size=Size.gibibytes(32), instance_port=8080),
    **plain(scaling=ScalingTrigger(upper_threshold=80), managed_updates=ManagedUpdates(start="Sun:03:00")),
    **plain(deployment_strategy=DeploymentStrategy.rolling(batch=BatchSize.count(1)), health_check_path="/up"),
    **plain(load_balancer=LoadBalancerSettings(idle_timeout=Duration.minutes(5)), environment={"A": "1"}),
    **plain(health_check=HealthCheck(interval=Duration.seconds(30)), log_retention=logs.RetentionDays.ONE_WEEK),
    **plain(instance_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)),
    **plain(published_metrics=["InstancesOk"], options={"aws:autoscaling:asg": {"Cooldown": "9"}}),
    **made(vpc=other_vpc, secrets=secrets, database=existing_database, service_role=role, instance_role=role),
    **made(application=lambda s: Application.from_application_name(s, "A", "a")),
    **made(domain=lambda s: Domain(name="a.example.com", hosted_zone=hosted_zone(s))),
    **made(load_balancer_subnets=lambda s: by_ids(s, "x", "y")),
    **made(instance_security_group=group, load_balancer_security_group=group),
    **made(additional_instance_security_groups=groups, additional_load_balancer_security_groups=groups),
    "instance_profile": lambda s: {"instance_profile": profile(s), "instance_role": role(s)},
}
LARGE = ec2.InstanceType("m7g.large")
DATABASE: dict[str, Change] = {
    **plain(engine=DatabaseEngine.postgres("17"), instance_type=LARGE, multi_az=True, port=3307),
    **plain(allocated_storage=Size.gibibytes(40), max_allocated_storage=Size.gibibytes(80)),
    **plain(database_name="other", username="keeper", parameters={"max_connections": "99"}),
    **plain(vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)),
    **plain(backup_retention=Duration.days(9), preferred_backup_window="03:00-04:00"),
    **plain(preferred_maintenance_window="sun:04:30-sun:05:30", ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1),
    **plain(deletion_protection=False, removal_policy=RemovalPolicy.RETAIN, iam_authentication=False),
    **plain(auto_minor_version_upgrade=False, allow_major_version_upgrade=True),
    **made(vpc=other_vpc, security_group=group, encryption_key=lambda s: kms.Key(s, "Key")),
    "performance_insights": lambda _: {"instance_type": LARGE, "performance_insights": True},
}
GROUPS = plain(
    load_balanced=False, instance_port=8080, database_port=3306, allow_from=[ec2.Peer.ipv4("203.0.113.0/24")]
)
NETWORK: dict[str, Change] = {
    **GROUPS,
    **plain(load_balancer_scheme=LoadBalancerScheme.INTERNAL, ip_addresses=ec2.IpAddresses.cidr("10.1.0.0/16")),
    **plain(nat_gateways=1, max_azs=3, flow_logs=True),
    **made(vpc=vpc),
    "flow_log_retention": lambda _: {"flow_logs": True, "flow_log_retention": logs.RetentionDays.ONE_YEAR},
}
SERVICE: dict[str, Change] = {
    **plain(nat_gateways=0, database_engine=DatabaseEngine.postgres("17"), github_repository="ada/shop"),
    **plain(extra_statements=[statement()], deletion_protection=False),
    "vpc": ENVIRONMENT["vpc"],
    "database": lambda s: {"database_engine": None, "database": existing_database(s)},
    "removal_policy": lambda _: {"deletion_protection": False, "removal_policy": RemovalPolicy.DESTROY},
    "network_settings": lambda s: {"network_settings": NETWORK["ip_addresses"](s)},
    "database_settings": lambda s: {"database_settings": DATABASE["username"](s)},
}
CONSTRUCTS: list[tuple[Any, Change, dict[str, Change]]] = [
    (
        DockerEnvironment,
        lambda s: {
            "vpc": vpc(s),
            "instance_security_group": group(s, "sg-i"),
            "load_balancer_security_group": group(s, "sg-l"),
        },
        ENVIRONMENT,
    ),
    (Database, lambda s: {"vpc": vpc(s), "engine": DatabaseEngine.mysql("8.4")}, DATABASE),
    (ServiceNetwork, lambda _: {}, NETWORK),
    (ServiceSecurityGroups, lambda s: {"vpc": vpc(s)}, GROUPS | made(vpc=other_vpc)),
    (
        Application,
        lambda s: {"service_role": ServiceRole(s, "ServiceRole").role},
        {
            **made(service_role=role),
            **plain(application_name="shop", description="x", max_versions=9, delete_source_bundle=False),
        },
    ),
    (
        ArtifactBucket,
        lambda _: {},
        made(access_logs_bucket=lambda s: s3.Bucket(s, "Logs")) | plain(removal_policy=RemovalPolicy.DESTROY),
    ),
    (
        DeployUser,
        lambda s: {"permissions": permissions(s)},
        {
            "permissions": lambda s: {"permissions": permissions(s, DeploymentPolicy.IMMUTABLE)},
            **plain(access_key_serial=1, active=False, extra_statements=[statement()]),
        },
    ),
    (
        GitHubDeployRole,
        lambda s: {"permissions": permissions(s), "repository": "ada/shop", "branch": "main"},
        {
            "permissions": lambda s: {"permissions": permissions(s, DeploymentPolicy.IMMUTABLE)},
            **plain(repository="ada/blog", branch="next", max_session_duration=Duration.hours(2)),
            **plain(extra_statements=[statement()]),
            "environment": lambda _: {"environment": "production", "branch": None},
            **made(provider=provider),
        },
    ),
    (
        InstanceRole,
        lambda _: {},
        {
            **made(role=role),
            "instance_profile": lambda s: {"instance_profile": profile(s), "role": role(s)},
            **plain(session_manager=True),
        },
    ),
    (DockerService, lambda _: {"database_engine": DatabaseEngine.mysql("8.4")}, SERVICE),
    (
        DockerService,
        lambda _: {"github_repository": "ada/shop"},
        {**plain(github_branch="next"), **made(github_provider=provider)},
    ),
]
PROPERTIES = [
    pytest.param(number, name, id=f"{cls.__name__}-{name}")
    for number, (cls, _, changes) in enumerate(CONSTRUCTS)
    for name in changes
]


@cache
def resources(number: int) -> dict[str, dict[str, Any]]:
    """The resources of a construct before, by "", and after each change: a stack each, in one app."""
    (cls, base, changes), app = CONSTRUCTS[number], App()
    stacks: dict[str, Stack] = {}
    for name, change in {"": lambda _: {}, **changes}.items():
        stacks[name] = Stack(app, f"Stack{len(stacks)}")
        # What stays is made once more under its own id, so that a change may make things beside it.
        cls(stacks[name], "Made", **(base(stacks[name]) | change(stacks[name])))
    return {name: Template.from_stack(stack).to_json().get("Resources", {}) for name, stack in stacks.items()}


def replaced(old: dict[str, Any], new: dict[str, Any]) -> set[str]:
    """The types of what is replaced or, where it holds something, removed; and of what refers to such for good."""
    names = {
        name
        for name, body in old.items()
        if (name not in new and body["Type"] in KEPT)
        or (
            name in new
            and schemas.replaced_by(body["Type"], body.get("Properties", {}), new[name].get("Properties", {}))
        )
    }
    while True:
        further = {name for name, body in new.items() if name not in names and _stands_on(body, names)}
        if not further:
            return {old[name]["Type"] for name in names if name in old}
        names |= further


def _stands_on(body: dict[str, Any], names: set[str]) -> bool:
    """Whether a create-only property refers to what is replaced."""
    marked = {name: {"Ref": f"new-{name}"} for name in names}
    properties = body.get("Properties", {})
    return bool(schemas.replaced_by(body["Type"], properties, _renamed(properties, marked)))


def _renamed(value: Any, marked: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_renamed(item, marked) for item in value]
    if not isinstance(value, dict):
        return value
    target = value.get("Ref") or (value.get("Fn::GetAtt") or [None])[0]
    if target in marked:
        return marked[target]
    return {key: _renamed(item, marked) for key, item in value.items()}


def documented(cls: Any) -> dict[str, str]:
    """The text of each property in the constructor's docstring, on one line."""
    text = "\n".join(filter(None, map(inspect.getdoc, (cls.__init__, EnvironmentProperties))))
    names = [name for name in inspect.signature(cls.__init__).parameters if name not in ("self", "scope")]
    found: dict[str, str] = {}
    pattern = rf"^    ((?:(?:{'|'.join(names)})(?:, )?)+):(.*?)(?=^ {{0,4}}\S|\Z)"
    for match in re.finditer(pattern, text, re.MULTILINE | re.DOTALL):
        for name in match[1].split(", "):
            found[name] = " ".join(match[2].split())
    return found


@pytest.mark.parametrize(("number", "name"), PROPERTIES)
def test_the_docstring_says_what_the_change_replaces(number: int, name: str) -> None:
    cls, kinds = CONSTRUCTS[number][0], replaced(resources(number)[""], resources(number)[name])
    words = [word for kind, word in WORDS.items() if kind in kinds]
    phrase = f"Replaces: {', '.join(words)}." if words else "Updates in place."
    if name in FIXED and cls in (DockerEnvironment, DockerService):
        phrase = "Fixed at creation"
    text = documented(cls)[name]
    assert text.count("Replaces: ") + text.count("Updates in place.") <= 1
    if name in HANDED_ON:
        part, parameter = HANDED_ON[name]
        assert f"Replaces: what each replaces in `{part.__name__}`." in text
        text = documented(part)[parameter]
    assert phrase in text


@pytest.mark.parametrize("cls", dict.fromkeys(cls for cls, _, _ in CONSTRUCTS))
def test_every_property_is_tried(cls: Any) -> None:
    tried = {name for made, _, changes in CONSTRUCTS if made is cls for name in changes}
    # Those that it hands on are tried with `DockerEnvironment`, by the same docstring.
    handed_on = set(get_type_hints(EnvironmentProperties)) if cls is DockerService else set()
    parameters = set(inspect.signature(cls.__init__).parameters)
    assert handed_on <= parameters
    assert tried == parameters - handed_on - {"self", "scope", "construct_id"}


def test_another_construct_id_replaces_everything() -> None:
    first = resources(1)[""]
    stack = Stack(App(), "Stack")
    Database(stack, "Renamed", **CONSTRUCTS[1][1](stack))
    assert "the database" in {
        WORDS.get(kind) for kind in replaced(first, Template.from_stack(stack).to_json()["Resources"])
    }
    assert "construct id" in (inspect.getdoc(Database) or "")
