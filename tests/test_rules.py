"""The rules that constructs and manifest share, each by itself without jsii; both name a setting alike."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, get_args

import pytest
from aws_cdk import aws_ec2 as ec2

from beanpod import (
    Database,
    DatabaseEngine,
    DeploymentStrategy,
    DeployUser,
    DockerEnvironment,
    Domain,
    EnvironmentSecret,
    GitHubDeployRole,
    HealthCheck,
    LoadBalancerSettings,
    ManagedUpdates,
    OptionSetting,
    ScalingTrigger,
    ServiceNetwork,
)
from beanpod.manifest import EnvironmentConfig, StageConfig
from beanpod.rules import database as database_rules
from beanpod.rules.database import ENGINES, database_problems, default_name, support_note, version_problems
from beanpod.rules.environment import architecture, environment_problems, option_problems, variable_problems
from beanpod.rules.limits import CHOICES, FORMS, LIMITS, UNITS, Measure, setting_problems
from beanpod.rules.network import domain_problems, network_problems, vpc_problems
from beanpod.rules.option_keys import OPTIONS, override_problems

SINGLE = {"environment_type": "SingleInstance"}
BALANCED = {"environment_type": "LoadBalanced"}
NETWORK = {**BALANCED, "load_balancer_type": "network"}
BY_REQUESTS = {
    "scaling.measure": "RequestCount",
    "scaling.statistic": "Sum",
    "scaling.lower_threshold": 1,
    "scaling.upper_threshold": 9,
}
DOMAIN: dict[str, Any] = {
    "name": "shop.example.com",
    "aliases": [],
    "hosted_zone": True,
    "zone_name": "example.com",
    "certificate": False,
    "certificate_arn": None,
    "region": None,
}


@pytest.mark.parametrize("setting", LIMITS)
def test_limits_include_both_ends(setting: str) -> None:
    low, high, unit = LIMITS[setting]
    assert list(setting_problems({setting: low})) == list(setting_problems({setting: high})) == []
    for value in (low - 1, high + 1):
        (problem,) = setting_problems({setting: value})
        assert str(problem) == f"{setting} must be {low} to {high} {unit}".strip() + f", got {value}"


@pytest.mark.parametrize("setting", CHOICES)
def test_choices(setting: str) -> None:
    for value in CHOICES[setting]:
        assert list(setting_problems({setting: value})) == []
    (problem,) = setting_problems({setting: "other"})
    assert str(problem).startswith(f"{setting} must be one of {CHOICES[setting][0]}, ")
    assert str(problem).endswith(', got "other"')


@pytest.mark.parametrize(
    ("setting", "right", "wrong"),
    [
        ("health_check_path", ("/", "/health?full=1"), ("health", "/a b", "", "/é")),
        ("health_reporting", ("enhanced",), ("basic", "Enhanced", "")),
        ("managed_updates.start", ("Tue:09:00", "sun:23:59"), ("Tuesday 9:00", "Tue:24:00", "Tue:9:00")),
        ("application_name", ("a", "Shop 1", "a" * 100), ("", "a/b", "a" * 101)),
        ("environment_name", ("shop", "Shop-1", "a" * 40), ("dev", "-shop", "shop-", "a" * 41, "a_b_c")),
        (
            "preferred_backup_window",
            ("03:00-04:00", "23:30-00:30"),
            ("3-4", "03:00", "24:00-01:00", "sun:03:00-sun:04:00"),
        ),
        ("preferred_maintenance_window", ("sun:04:30-Mon:05:30",), ("sun", "04:30-05:30", "son:04:30-sun:05:30")),
        ("instance_types", ("t3.small", "m7i-flex.large", "u-6tb1.112xlarge", "m7i.metal-24xl"), ("small", "t3.huge")),
        ("instance_type", ("t4g.micro", "r6g.16xlarge"), ("db.t4g.micro", "t4g")),
        ("platform_version", ("4.13.7",), ("4.13", "latest", "v4.13.7")),
        (
            "repository",
            ("ada/guestbook", "ada_corp/x.y", "ada@1/guestbook@2"),
            ("guestbook", "ada/*", "a/b/c", "a@1/b"),
        ),
        ("branch", ("main", "feature/one"), ("refs/heads/main", "*", "a b", "", "main$")),
        (
            "domain.name",
            ("shop.example.com", "xn--bcher-kva.example"),
            ("shop", "Shop.example.com", "a_b.c", "1.2.3.4"),
        ),
        ("health_check.healthy_http_codes", ("200", "200,301", "200-299,401"), ("2xx", "500", "200-", "", "100")),
        ("load_balancer.access_logs_bucket", ("my-logs", "logs.example.com"), ("s3://logs", "Logs", "a", "logs/")),
        ("load_balancer.access_logs_prefix", ("shop", "shop/prod"), ("/shop", "shop/", "", "AWSLogs/x", "a b")),
        ("domain.aliases", ("example.com",), ("*.example.com", "https://example.com", "-a.example.com", "")),
        ("environment", ("production", "eu: production"), ("prod*", "", "prod?")),
    ],
)
def test_forms(setting: str, right: tuple[str, ...], wrong: tuple[str, ...]) -> None:
    assert [list(setting_problems({setting: text})) for text in right] == [[]] * len(right)
    for text in wrong:
        (problem,) = setting_problems({setting: text})
        assert problem == (setting, text, FORMS[setting].must, FORMS[setting].remedy)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({**SINGLE, "deployment_policy": "Rolling"}, 'deployment_policy needs a load balancer, got "Rolling": write'),
        ({"instance_types": ()}, "instance_types must name 1 to 40 types, got 0"),
        ({"instance_types": ("t3.small", "t3.small")}, "instance_types must name each type once, got t3.small, t3.sm"),
        (
            {"instance_types": ("t3.small", "t4g.small", "m7gd.large")},
            "instance_types must be of one architecture, got t3.small, t4g.small, m7gd.large: t4g.small, m7gd.large is",
        ),
        (
            {"scaling.lower_threshold": 70, "scaling.upper_threshold": 70.0},
            "scaling.lower_threshold must be below upper_threshold (70), got 70: lower it, or raise upper_threshold",
        ),
        (
            {"scaling.measure": "CPUUtilization", "scaling.lower_threshold": 80},
            "scaling.lower_threshold must be below upper_threshold (70), got 80",
        ),
        (
            {"scaling.measure": "NetworkOut", "scaling.lower_threshold": 1000},
            "scaling.upper_threshold must be given with NetworkOut: the default is for percent of CPU, write one in",
        ),
        (
            {"health_check.interval_seconds": 5},
            "health_check.interval_seconds must be more than the timeout (5 s), got 5: a check would still run when",
        ),
        (
            {"health_check.interval_seconds": 30, "health_check.timeout_seconds": 30},
            "health_check.timeout_seconds must be less than the interval (30 s), got 30: a check would still run when",
        ),
        (
            {**SINGLE, "health_check.interval_seconds": 9},
            "health_check.interval_seconds needs a load balancer, got 9",
        ),
        (
            {**NETWORK, "health_check.interval_seconds": 15},
            "health_check.interval_seconds must be 10 or 30 s with a network ",
        ),
        (
            {**NETWORK, "health_check.timeout_seconds": 20},
            "health_check.timeout_seconds needs an application load balan",
        ),
        (
            {**NETWORK, "health_check.healthy_http_codes": "200,404"},
            "health_check.healthy_http_codes must be status codes ",
        ),
        ({**NETWORK, **BY_REQUESTS}, "scaling.measure needs an application load balancer, got "),
        (
            {**NETWORK, "load_balancer.access_logs_bucket": "logs"},
            'load_balancer.access_logs_bucket needs an application load balancer, got "logs": leave it out',
        ),
    ],
)
def test_settings_that_contradict_each_other(values: Mapping[str, Any], words: str) -> None:
    (problem,) = environment_problems(values)
    assert str(problem).startswith(words)


@pytest.mark.parametrize(
    "values",
    [
        {**SINGLE, "min_size": 1, "max_size": 1, "deployment_policy": "Immutable", "instance_port": 80},
        {**BALANCED, "min_size": 1, "max_size": 10_000, "batch_size_type": "Fixed", "batch_size": 10_000},
        {**BALANCED, "deployment_policy": "TrafficSplitting", "domain": True, "instance_port": 81},
        {"instance_types": ("t4g.small", "m7gd.large", "im4gn.large", "a1.large", "g5g.xlarge")},
        {"instance_types": ("g4dn.xlarge", "g5.xlarge", "m7i.large", "x2iezn.2xlarge")},
        {"instance_types": ("t3.small", None)},
        {**SINGLE, "health_check.healthy_http_codes": "200,401"},
        {"health_check.interval_seconds": None, "health_check.timeout_seconds": 60},
        {**NETWORK, "health_check.interval_seconds": 30, "health_check.healthy_threshold_count": 2},
        {**NETWORK, "health_check.interval_seconds": 10, "health_check.healthy_http_codes": "200-304,399"},
        {**BALANCED, **BY_REQUESTS},
        {"load_balancer.access_logs_prefix": "shop", "load_balancer.access_logs_bucket": None},
        {**SINGLE, "max_size": None, "deployment_policy": None, "scaling.lower_threshold": None},
        {"batch_size": 101, "batch_size_type": None, "max_size": None},
        {
            "scaling.measure": "Latency",
            "scaling.unit": "Seconds",
            "scaling.lower_threshold": None,
            "scaling.upper_threshold": 1,
        },
    ],
)
def test_right_and_unknown_values_have_no_problem(values: Mapping[str, Any]) -> None:
    assert list(environment_problems(values)) == []


def test_every_measure_of_the_manifest_has_a_unit() -> None:
    assert set(get_args(Measure)) < set(UNITS)


@pytest.mark.parametrize(
    ("instance_type", "processor"),
    [
        ("t3.small", "x86_64"),
        ("t4g.small", "arm64"),
        ("c7gn.large", "arm64"),
        ("im4gn.large", "arm64"),
        ("a1.large", "arm64"),
        ("g5.xlarge", "x86_64"),
        ("g5g.xlarge", "arm64"),
        ("m7i-flex.large", "x86_64"),
    ],
)
def test_architecture(instance_type: str, processor: str) -> None:
    assert architecture(instance_type) == processor


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (("aws:autoscaling:asg", "MinSize"), "9", "min_size must be at most max_size (4), got 9"),
        (("aws:autoscaling:asg", "MinSize"), "two", 'min_size must be a whole number, got "two"'),
        (("aws:ec2:vpc", "ELBScheme"), "private", "load_balancer_scheme must be one of public, internal, got "),
        (("aws:elasticbeanstalk:healthreporting:system", "SystemType"), "basic", 'health_reporting must be "enhanced"'),
        (("aws:ec2:instances", "InstanceTypes"), "t3.small,t4g.small", "instance_types must be of one architecture"),
    ],
)
def test_options_are_checked_like_the_settings_that_they_replace(key: tuple[str, str], value: str, words: str) -> None:
    values = {**BALANCED, "min_size": 1, "max_size": 4, "batch_size": 0}
    (problem,) = override_problems(*key, value, values)
    assert str(problem).startswith(words)


def test_each_limit_of_an_environment_has_its_option() -> None:
    """The constructs check Beanstalk's options: they would not check a setting that is missing in OPTIONS."""
    tables = ("health_check", "load_balancer", "managed_updates", "scaling")
    keys = EnvironmentConfig.model_fields.keys() - {"max_versions"}
    limited = {it for it in (*LIMITS, *CHOICES, *FORMS) if it in keys or it.partition(".")[0] in tables}
    assert limited - {setting for setting, _ in OPTIONS.values()} == set(), "add its option to option_keys.OPTIONS"


def test_options_without_a_setting_are_not_checked() -> None:
    assert list(override_problems("aws:autoscaling:asg", "Cooldown", "soon", BALANCED)) == []


def test_an_option_is_set_once() -> None:
    rows = [("aws:x", "A", None), ("aws:x", "A", "other resource"), ("aws:x", "A", None)]
    assert list(map(str, option_problems(rows))) == ["options[2] sets aws:x A a second time: write it once"]


@pytest.mark.parametrize("name", ["", "1ST", "WITH-DASH", "WITH SPACE", "GRÖSSE"])
def test_names_that_no_shell_accepts(name: str) -> None:
    for problems in (variable_problems({name: "x"}), variable_problems({}, [name])):
        (problem,) = problems
        assert problem.must == "must be named with letters, digits and underscores, a letter first"


@pytest.mark.parametrize(
    ("value", "must"),
    [
        ("", "must not be empty, Beanstalk removes it"),
        ("-----BEGIN KEY-----\nMII", "must be one line of printable characters"),
        ("Grüße [1,2] a&b=c d", None),
        (None, None),
    ],
)
def test_values_that_beanstalk_does_not_store(value: str | None, must: str | None) -> None:
    assert [it.must for it in variable_problems({"A": value})] == ([must] if must else [])


def test_an_existing_vpc_has_the_subnets_of_a_service() -> None:
    assert list(vpc_problems(public=True, private=True, isolated=False, database=True)) == []
    assert list(vpc_problems(public=False, private=True, isolated=False, database=True, internal=True)) == []
    public, isolated = map(str, vpc_problems(public=False, private=False, isolated=False, database=True))
    assert public.startswith("vpc must have public subnets (public_subnet_ids), got none: the load balancer or the ")
    assert isolated == "vpc must have isolated or private subnets, got none: a database is never put in public ones"


def test_a_vpc_for_an_internal_load_balancer_needs_private_subnets_or_public_ones() -> None:
    vpc = {"isolated": True, "database": True, "internal": True}
    assert list(vpc_problems(public=True, private=False, **vpc)) == []
    (problem,) = map(str, vpc_problems(public=False, private=False, **vpc))
    assert problem == (
        "vpc must have private subnets (private_subnet_ids), got none: the internal load balancer and the instances "
        "are placed there"
    )


def test_a_vpc_of_yours_has_its_own_nat_gateways() -> None:
    (problem,) = network_problems(max_azs=2, nat_gateways=1, own_vpc=True, private_instances=True)
    assert str(problem).startswith("nat_gateways must be 0 beside vpc, got 1: a VPC of yours")


@pytest.mark.parametrize(
    ("engine", "values", "words"),
    [
        ("mysql", {"database_name": "1st"}, "database_name must be a letter and up to 63 letters, digits or"),
        ("mysql", {"database_name": "a" * 65}, "database_name must be a letter and up to 63 letters"),
        (
            "mysql",
            {"database_name": "MySQL"},
            'database_name must not be a word that mysql reserves, got "MySQL": write',
        ),
        ("mysql", {"username": "a" * 17}, "username must be a letter and up to 15 letters"),
        ("postgres", {"username": "admin"}, 'username must not be a word that postgres reserves, got "admin"'),
        ("postgres", {"username": "pg_boss"}, 'username must not start with pg_, got "pg_boss": PostgreSQL reserves'),
        ("postgres", {"database_name": "db"}, "database_name must not be a word that postgres reserves"),
    ],
)
def test_what_rds_would_refuse(engine: str, values: dict[str, Any], words: str) -> None:
    (problem,) = database_problems(engine, **values)
    assert str(problem).startswith(words)


TOO_SHORT = "preferred_backup_window must be 30 minutes or more, got"
WRONG_LENGTH = "preferred_maintenance_window must be 30 minutes to 24 hours, got"
OVERLAP = "preferred_maintenance_window must not overlap preferred_backup_window ("


@pytest.mark.parametrize(
    ("backup", "maintenance", "words"),
    [
        ("03:00-03:20", "sun:04:30-sun:04:50", [TOO_SHORT, WRONG_LENGTH]),
        ("23:50-00:10", "sun:04:30-tue:04:30", [TOO_SHORT, WRONG_LENGTH, OVERLAP]),
        ("03:00-04:00", "sun:03:30-sun:05:00", [OVERLAP]),
        ("23:30-00:30", "Mon:00:00-Mon:00:45", [OVERLAP]),
        ("23:45-00:15", "sun:00:15-sun:00:45", []),
        ("03:00-03:30", "sun:03:30-sun:04:00", []),
        ("03:00-04:00", "sat:23:50-sun:00:20", []),
        (None, "sun:04:30-sun:05:30", []),
    ],
)
def test_windows_have_a_length_and_do_not_overlap(backup: str | None, maintenance: str, words: list[str]) -> None:
    windows: dict[str, Any] = {"preferred_backup_window": backup, "preferred_maintenance_window": maintenance}
    problems = list(map(str, database_problems("mysql", **windows)))
    assert len(problems) == len(words)
    assert all(problem.startswith(start) for problem, start in zip(problems, words, strict=True))


@pytest.mark.parametrize("engine", ENGINES)
def test_the_defaults_of_an_engine_have_no_problem(engine: str) -> None:
    name = default_name(engine, "order")
    assert name == "order_db"
    assert list(database_problems(engine, database_name=name, username=database_rules.DEFAULT_USERNAME)) == []
    assert list(version_problems(engine, ENGINES[engine].default_version)) == []


@pytest.mark.parametrize(
    ("engine", "right", "wrong"),
    [
        ("mysql", ("8.0", "8.4.9", "8.0.46-rds.20260624", "9.7"), ("8", "latest", "5.7", "8.1", "8.4.9.1")),
        ("mariadb", ("10.6", "11.8.3", "12.3"), ("10.5", "", "11", "10.7")),
        ("postgres", ("13", "17.9", "18.1-R2", "19"), ("12.22", "17.4.1", "9.6")),
    ],
)
def test_versions(engine: str, right: tuple[str, ...], wrong: tuple[str, ...]) -> None:
    assert [list(version_problems(engine, version)) for version in right] == [[]] * len(right)
    for version in wrong:
        (problem,) = version_problems(engine, version)
        assert str(problem).startswith(f'version must be a version of {engine} on RDS, got "{version}": write one of ')


def test_a_version_is_noted_from_the_day_after_its_standard_support() -> None:
    assert support_note("postgres", "14.20", date(2027, 2, 28)) is None
    assert support_note("postgres", "14.20", date(2027, 3, 1)) == (
        "database.version: RDS ended the standard support of postgres 14 on 2027-02-28, and charges Extended Support "
        'by the hour: write "17" for a new stage; an existing database is upgraded by that, and is down meanwhile: see '
        "https://github.com/beanpod/beanpod/blob/main/docs/changes.md"
    )
    assert support_note("postgres", "18", date(2026, 11, 28)) is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"zone_name": "ample.com"},
            'domain.name must be in the hosted zone ample.com, got "shop.example.com": its re',
        ),
        ({"aliases": ["a.example.com", "b.org"]}, "domain.aliases[1] must be in the hosted zone example.com"),
        ({"aliases": ["a.example.com"] * 2}, "domain.aliases[1] must be another name than the others, got"),
        ({"name": f"{'a' * 53}.example.com"}, "domain.name must have at most 64 characters in ACM, got "),
        (
            {"certificate": True, "certificate_arn": "arn:aws:acm:us-east-1:1:certificate/1", "region": "eu-west-1"},
            "domain.certificate must be in the load balancer's region, eu-west-1, got",
        ),
    ],
)
def test_what_route_53_and_acm_would_refuse_of_a_domain(values: dict[str, Any], words: str) -> None:
    (problem,) = domain_problems(**{**DOMAIN, **values})
    assert str(problem).startswith(words)


def test_a_domain_without_zone_and_certificate_names_the_commands_that_find_them() -> None:
    values = {**DOMAIN, "hosted_zone": False, "zone_name": None, "aliases": ["www.example.com"], "region": "eu-west-1"}
    (problem,) = map(str, domain_problems(**values))
    assert problem.startswith("domain needs hosted_zone or certificate: give the zone that `aws route53 list-hosted-")
    assert (
        "`aws acm request-certificate --domain-name shop.example.com --subject-alternative-names www.example.com "
        "--validation-method DNS --region eu-west-1`"
    ) in problem


@pytest.mark.parametrize(
    "values",
    [
        {"name": "example.com", "aliases": ["www.example.com"], "zone_name": "example.com."},
        {"name": None, "aliases": [None, None], "zone_name": None},
        {"hosted_zone": False, "zone_name": None, "certificate": True, "name": f"{'a' * 63}.example.com"},
    ],
)
def test_a_right_domain_has_no_problem(values: dict[str, Any]) -> None:
    assert list(domain_problems(**{**DOMAIN, **values})) == []


# By the table of the manifest, with the word that its keys leave out: environment.type is environment_type.
PARAMETERS: dict[str, tuple[str, tuple[Callable[..., Any], ...]]] = {
    "ServiceConfig": ("", (DockerEnvironment.__init__,)),
    "NetworkConfig": ("", (ServiceNetwork.__init__,)),
    "ImportedVpc": ("", (ec2.Vpc.from_vpc_attributes,)),
    "EnvironmentConfig": ("environment", (DockerEnvironment.__init__, DeploymentStrategy.traffic_splitting)),
    "Domain": ("", (Domain.__init__,)),
    "Scaling": ("", (ScalingTrigger.__init__,)),
    "LoadBalancerConfig": ("load_balancer", (DockerEnvironment.__init__, LoadBalancerSettings.__init__)),
    "HealthCheckConfig": ("", (HealthCheck.__init__,)),
    "ManagedUpdates": ("", (ManagedUpdates.__init__,)),
    "OptionSetting": ("", (OptionSetting.__init__,)),
    "DatabaseConfig": ("database", (Database.__init__, DatabaseEngine.mysql)),
    "DeliveryConfig": ("", (DeployUser.__init__,)),
    "GitHubConfig": ("", (GitHubDeployRole.__init__,)),
    "SecretsManagerReference": ("", (EnvironmentSecret.from_secrets_manager,)),
}
OTHER_NAMES = {
    # Settings of the deploy command, in the words of Docker Compose.
    *(
        f"ServiceConfig.{key}"
        for key in ("name", "image", "dockerfile", "context", "args", "target", "compose", "port")
    ),
    "DatabaseConfig.compose_service",
    # Parts of a DeploymentStrategy, in the words of Beanstalk's options.
    *(f"EnvironmentConfig.{key}" for key in ("deployment_policy", "batch_size_type", "batch_size")),
    "EnvironmentConfig.traffic_split_percent",
    # Choices of subnets or constructs, for which the constructs take objects.
    "EnvironmentConfig.private_instances",
    "DeliveryConfig.user",
    "DeliveryConfig.github",
    "DeliveryConfig.stack",
    "GitHubConfig.provider_arn",
    "SecretsManagerReference.secretsmanager",
}
# Tables of no single construct.
OTHER_TABLES = {"AlarmsConfig", "DatabasePassword", "GenerateSecret", "HostedZone", "SsmReference"}


def test_keys_have_the_names_of_the_constructs_parameters() -> None:
    """A duration has its unit at the end, since TOML has none."""
    tables, others = StageConfig.model_json_schema()["$defs"], set()
    assert tables.keys() == PARAMETERS.keys() | OTHER_TABLES
    for table, (prefix, callables) in PARAMETERS.items():
        known = {name for it in callables for name in inspect.signature(it).parameters}
        for key in tables[table]["properties"]:
            name = re.sub("_(days|minutes|seconds)$", "", key)
            if not known & {name, f"{prefix}_{name}"}:
                others.add(f"{table}.{key}")
    assert others == OTHER_NAMES
