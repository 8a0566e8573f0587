"""Arguments of a wrong type are refused by name, for every construct and value class; tokens pass."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, is_typeddict

import jsii
import pytest
from aws_cdk import (
    App,
    CfnParameter,
    Duration,
    Fn,
    IStableStringProducer,
    Lazy,
    Size,
    Stack,
    Token,
)
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Template

import beanpod
from beanpod import (
    Application,
    ArtifactBucket,
    Database,
    DatabaseEngine,
    DockerPlatform,
    DockerService,
    EnvironmentType,
    InstanceRole,
    OptionSetting,
    ScalingTrigger,
    ServiceNetwork,
    ServiceRole,
)
from tests.constructs.environments import balanced_environment, new_environment, new_stack
from tests.constructs.templates import ENVIRONMENT, options


class Wrong:
    """What no argument takes."""


def _public_callables() -> Iterator[tuple[str, type, Callable[..., Any]]]:
    for name in vars(beanpod)["__all__"]:
        cls = getattr(beanpod, name)
        if getattr(cls, "_is_protocol", False) or is_typeddict(cls):
            continue
        for base in (base for base in cls.__mro__ if base.__module__.startswith("beanpod.")):
            for member, value in vars(base).items():
                function = value.__func__ if isinstance(value, classmethod) else value
                if inspect.isfunction(function) and (member == "__init__" or not member.startswith("_")):
                    yield f"{name}.{member}", cls, function


ARGUMENTS = sorted(
    {
        (label, argument): (cls, function, argument)
        for label, cls, function in _public_callables()
        for argument, parameter in inspect.signature(function).parameters.items()
        if argument not in ("self", "cls", "args", "_") and parameter.annotation is not parameter.empty
    }.items()
)


def _refusal(cls: type, function: Callable[..., Any], **given: Any) -> str:
    with pytest.raises(TypeError) as caught:
        function(object.__new__(cls), **given)
    return str(caught.value)


@pytest.mark.parametrize(
    ("cls", "function", "argument"),
    [pytest.param(*found, id=f"{label}-{argument}") for (label, argument), found in ARGUMENTS],
)
def test_every_argument_refuses_a_wrong_type_by_name(cls: type, function: Callable[..., Any], argument: str) -> None:
    message = _refusal(cls, function, **{argument: Wrong()})
    assert f"{argument} must be " in message
    assert ", got Wrong" in message
    assert "\n" not in message


@pytest.fixture(scope="module")
def stack() -> Stack:
    return new_stack()


@pytest.fixture(scope="module")
def near(stack: Stack) -> dict[str, Any]:
    """What is near to what is meant."""
    network = ServiceNetwork(stack, "Network")
    return {
        "network": network,
        "role": InstanceRole(stack, "Role"),
        "service_role": ServiceRole(stack, "ServiceRole"),
        "profile": iam.InstanceProfile(stack, "Profile"),
        "secret": secretsmanager.Secret(stack, "Secret"),
        "parameter": CfnParameter(stack, "Parameter"),
        "group": network.instance_security_group,
        "subnets": network.vpc.public_subnets,
    }


@pytest.mark.parametrize(
    ("argument", "pick", "words"),
    [
        ("instance_role", lambda it: it["role"], "must be an iam.IRole, got InstanceRole Test/Role: write its .role"),
        ("service_role", lambda it: it["service_role"], "got ServiceRole Test/ServiceRole: write its .role"),
        ("instance_role", lambda it: it["profile"], "got InstanceProfile Test/Profile: write its .role"),
        ("vpc", lambda it: it["network"], "got ServiceNetwork Test/Network: write its .vpc"),
        (
            "instance_security_group",
            lambda it: it["network"],
            "got ServiceNetwork Test/Network: write its .instance_security_group",
        ),
        ("instance_security_group", lambda it: [it["group"]], "must be an ec2.ISecurityGroup, got list"),
        ("instance_subnets", lambda it: it["subnets"], "got list: write ec2.SubnetSelection(subnets=...)"),
        ("environment_name", lambda it: it["parameter"], "got CfnParameter Test/Parameter: write its .value_as_string"),
        (
            "instance_types",
            lambda _: "t3.small",
            'must be a list of ec2.InstanceType, got "t3.small": write it in a list: [...]',
        ),
        ("min_size", lambda _: "2", 'min_size must be a whole number, got "2": write 2'),
        ("min_size", lambda _: True, "min_size must be a whole number, got True"),
        ("min_size", lambda _: 1.5, "min_size must be a whole number, got 1.5"),
        ("environment", lambda _: {"DEBUG": True}, 'environment["DEBUG"] must be a string, got True: write "true"'),
        ("environment", lambda _: {1: "a"}, "a key of environment must be a string, got 1"),
        ("secrets", lambda _: {"TOKEN": "hunter2"}, 'secrets["TOKEN"] must be an EnvironmentSecret, got a string'),
        ("platform", lambda _: DockerPlatform.latest, "got the function latest: write DockerPlatform.latest(...)"),
        ("platform", lambda _: "4.13.7", "must be a DockerPlatform"),
        ("scaling", lambda _: {"measure": "CPUUtilization"}, "must be a ScalingTrigger, got dict"),
        ("options", lambda _: [("a", "b", "c")], "options[0] must be an OptionSetting, got tuple"),
        ("deployment_strategy", lambda _: "rolling", 'got "rolling": write DeploymentStrategy.rolling()'),
        ("deployment_policy", lambda _: "Rolling", "no argument: write deployment_strategy=DeploymentStrategy"),
        ("certificate", lambda _: None, 'no argument: write domain=Domain(name="shop.example.com", certificate=...)'),
        ("ssl_policy", lambda _: None, 'no argument: write domain=Domain(name="shop.example.com", ssl_policy=...)'),
        ("log_retention_days", lambda _: 7, "no argument: write log_retention=logs.RetentionDays.ONE_MONTH"),
        ("instance_types", lambda _: ["t3.small"], 'got "t3.small": write ec2.InstanceType("t3.small")'),
        ("root_volume_size", lambda _: 30, "must be a Size, got 30: write Size.gibibytes(30)"),
        ("log_retention", lambda _: 7, "must be a logs.RetentionDays, got 7: write logs.RetentionDays.ONE_MONTH"),
        ("domain", lambda _: "shop.example.com", 'write Domain(name="shop.example.com", hosted_zone=...)'),
        ("environment_type", lambda _: "singleinstance", "write EnvironmentType.SINGLE_INSTANCE"),
        ("log_retention", lambda _: None, "must be a logs.RetentionDays, got None: write logs.RetentionDays.ONE_MONTH"),
        ("environment_type", lambda _: "loadbalanced", "write EnvironmentType.LOAD_BALANCED"),
        ("secrets", lambda it: {"X": it["secret"]}, 'secrets["X"] must be an EnvironmentSecret, got '),
        ("application", lambda _: "shop", 'write Application.from_application_name(self, "Application", "shop")'),
    ],
)
def test_the_message_names_the_attribute_that_was_meant(
    stack: Stack, near: dict[str, Any], argument: str, pick: Callable[[dict[str, Any]], Any], words: str
) -> None:
    with pytest.raises(TypeError) as caught:
        new_environment(stack, f"E{len(stack.node.children)}", **{argument: pick(near)})
    assert f"{argument}" in str(caught.value)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("value", [None, False, 5, []])
def test_no_member_is_proposed_for_what_is_like_none(stack: Stack, value: object) -> None:
    with pytest.raises(TypeError, match=r"EnvironmentType\.LOAD_BALANCED, got \S+$"):
        new_environment(stack, f"Like{value}", environment_type=value)


def test_a_refused_construct_is_named_and_adds_no_resources() -> None:
    stack = Stack(App(), "Shop")
    with pytest.raises(TypeError, match=r"^Shop/Service: vpc must be an ec2.IVpc, got \"vpc-1\": write ec2.Vpc.from_l"):
        DockerService(stack, "Service", vpc="vpc-1")  # type: ignore[arg-type]
    assert stack.node.try_find_child("Service") is None


def test_every_wrong_argument_is_listed() -> None:
    wrong: dict[str, Any] = {"vpc": "vpc-1", "database_engine": "mysql", "min_size": "1"}
    with pytest.raises(ValueError, match=r"^Shop/Service: 3 problems\n  - vpc must ") as caught:
        DockerService(Stack(App(), "Shop"), "Service", **wrong)
    _, _, engine, size = str(caught.value).splitlines()
    assert engine == '  - database_engine must be a DatabaseEngine, got "mysql": write DatabaseEngine.mysql("8.4")'
    assert size.startswith("  - min_size must ")


def test_a_method_names_its_construct() -> None:
    environment = new_environment(new_stack())
    with pytest.raises(
        TypeError, match=r'^Test/Environment.add_environment: value must be a string, got 8080: write "'
    ):
        environment.add_environment("PORT", 8080)  # type: ignore[arg-type]


def test_a_value_class_is_named() -> None:
    with pytest.raises(TypeError, match=r"^ScalingTrigger: upper_threshold must be a number, got \"70\": write 70"):
        ScalingTrigger(upper_threshold="70")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^DatabaseEngine.postgres: version must be a string, got 17: write \"17\""):
        DatabaseEngine.postgres(17)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"backup_retention must be a Duration, got 7: write Duration.days\(7\)"):
        Database(
            new_stack(),
            "Database",
            vpc=None,  # type: ignore[arg-type]
            engine=DatabaseEngine.postgres("17"),
            backup_retention=7,  # type: ignore[arg-type]
        )


def test_an_enumeration_of_the_cdk_is_named() -> None:
    with pytest.raises(TypeError, match=r'removal_policy must be a RemovalPolicy, got "destroy": .*RemovalPolicy.DEST'):
        ArtifactBucket(new_stack(), "Artifacts", removal_policy="destroy")  # type: ignore[arg-type]


def test_an_unknown_argument_is_named_with_the_nearest() -> None:
    with pytest.raises(TypeError, match=r"^Test/Service: health_path is no argument: write health_check_path"):
        DockerService(new_stack(), "Service", health_path="/")  # type: ignore[call-arg]


@jsii.implements(IStableStringProducer)
class _Text:
    def produce(self) -> str:
        return "late-name"


def test_tokens_of_every_kind_pass() -> None:
    stack = new_stack()
    number = CfnParameter(stack, "Number", type="Number")
    types = CfnParameter(stack, "Types", type="CommaDelimitedList")
    new_environment(
        stack,
        environment_name=Lazy.string(_Text()),
        environment_type=EnvironmentType("SingleInstance"),
        instance_types=[ec2.InstanceType(Fn.join(",", types.value_as_list))],
        root_volume_size=Size.gibibytes(number.value_as_number),
        environment={"A": Token.as_any({"Ref": "AWS::Region"}), "B": Fn.import_value("b")},
        description=Token.as_string(Fn.get_att("Other", "Name")),
        options=[OptionSetting(namespace="aws:ec2:vpc", name="DBSubnets", value=Fn.join(",", types.value_as_list))],
    )
    template = Template.from_stack(stack)
    named = {"EnvironmentName": "late-name", "Description": {"Fn::GetAtt": ["Other", "Name"]}}
    template.has_resource_properties(ENVIRONMENT, named)
    found = options(template)
    assert found["ec2:instances", "InstanceTypes"] == {"Fn::Join": [",", {"Ref": "Types"}]}
    assert found["elasticbeanstalk:application:environment", "A"] == {"Ref": "AWS::Region"}
    assert found["autoscaling:launchconfiguration", "RootVolumeSize"] == {"Ref": "Number"}


def test_a_structure_may_be_a_dict_as_for_the_cdks_own_constructs() -> None:
    stack = new_stack()
    balanced_environment(stack, instance_subnets={"subnet_type": ec2.SubnetType.PUBLIC})
    with pytest.raises(TypeError, match=r"instance_subnets must be an ec2.SubnetSelection: .*subnet_typ"):
        new_environment(stack, instance_subnets={"subnet_typ": ec2.SubnetType.PUBLIC})


def test_objects_of_the_cdk_made_elsewhere_pass() -> None:
    """Imported ones are known to jsii by their interfaces only; a class of one's own implements them."""
    stack = new_stack()
    role = iam.Role.from_role_name(stack, "Role", "shop")
    Application(stack, "Application", service_role=role)
    new_environment(stack, instance_role=role, service_role=role)
    Database(
        stack,
        "Database",
        vpc=ec2.Vpc(stack, "Vpc", restrict_default_security_group=False),
        engine=DatabaseEngine.mysql("8.4"),
        backup_retention=Duration.days(1),
    )


def test_what_is_given_by_position_is_told_to_be_given_by_name() -> None:
    make: Any = DockerService
    with pytest.raises(TypeError, match=r"DockerService: too many .*: give all but scope and construct_id by name"):
        make(new_stack(), "Shop", DatabaseEngine.mysql("8.4"))
    value: Any = OptionSetting
    with pytest.raises(TypeError, match="OptionSetting: too many positional arguments: give each by name"):
        value("aws:ec2:vpc", "ELBScheme", "internal")
