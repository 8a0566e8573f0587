"""Database and DatabaseEngine: what CloudFormation gets, and what is refused."""

import string

import pytest
from aws_cdk import App, CfnParameter, Duration, RemovalPolicy, Size, Stack, Token
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Match, Template

from beanpod.database import Database
from beanpod.database_engine import DatabaseEngine
from tests.constructs.databases import INSTANCE, TUNED, made
from tests.constructs.imported import imported_vpc


@pytest.fixture(scope="module")
def plain() -> Template:
    return made()[1]


@pytest.fixture(scope="module")
def tuned() -> Template:
    return made(**TUNED)[1]


def test_defaults_are_private_encrypted_protected_and_backed_up(plain: Template) -> None:
    plain.has_resource(
        INSTANCE,
        {
            "Properties": {
                "AllocatedStorage": "20",
                "BackupRetentionPeriod": 7,
                "CopyTagsToSnapshot": True,
                "DBInstanceClass": "db.t4g.micro",
                "DBName": "app",
                "DeletionProtection": True,
                "EnableIAMDatabaseAuthentication": True,
                "MultiAZ": False,
                "Port": "3306",
                "PubliclyAccessible": False,
                "StorageEncrypted": True,
                "StorageType": "gp3",
            },
            "DeletionPolicy": "Snapshot",
            "UpdateReplacePolicy": "Snapshot",
        },
    )


def test_every_option_reaches_the_instance(tuned: Template) -> None:
    tuned.has_resource(
        INSTANCE,
        {
            "Properties": {
                "AllocatedStorage": "100",
                "AllowMajorVersionUpgrade": True,
                "AutoMinorVersionUpgrade": False,
                "BackupRetentionPeriod": 35,
                "CACertificateIdentifier": "rds-ca-rsa4096-g1",
                "DBInstanceClass": "db.m7g.large",
                "DBName": "shop",
                "DeletionProtection": False,
                "EnableIAMDatabaseAuthentication": False,
                "EnablePerformanceInsights": True,
                "EngineVersion": "17.9",
                "MasterUsername": "shopkeeper",
                "MaxAllocatedStorage": 500,
                "MultiAZ": True,
                "Port": "6543",
                "PreferredBackupWindow": "02:00-03:00",
                "PreferredMaintenanceWindow": "Sun:04:30-Sun:05:30",
            },
            "DeletionPolicy": "Retain",
        },
    )


def test_what_a_retained_instance_needs_is_retained_with_it(tuned: Template, plain: Template) -> None:
    _, later = made(removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
    kinds = ("SecretsManager::Secret", "RDS::DBParameterGroup", "RDS::DBSubnetGroup", "EC2::SecurityGroup")
    for kind in (f"AWS::{kind}" for kind in kinds):
        tuned.has_resource(kind, {"DeletionPolicy": "Retain"})
        later.has_resource(kind, {"DeletionPolicy": "RetainExceptOnCreate"})
        [resource] = plain.find_resources(kind).values()
        assert resource.get("DeletionPolicy", "Delete") == "Delete"


LOGGED = {"require_secure_transport": "1", "slow_query_log": "1", "log_output": "FILE"}


@pytest.mark.parametrize(
    ("engine", "port", "user", "logs", "family", "parameters"),
    [
        (DatabaseEngine.mysql("8.4"), "3306", "admin", ["error", "slowquery"], "mysql8.4", LOGGED),
        (DatabaseEngine.mysql("8.4.7"), "3306", "admin", ["error", "slowquery"], "mysql8.4", LOGGED),
        (DatabaseEngine.mariadb("11.4"), "3306", "admin", ["error", "slowquery"], "mariadb11.4", LOGGED),
        (
            DatabaseEngine.postgres("17"),
            "5432",
            "postgres",
            ["postgresql", "upgrade"],
            "postgres17",
            {"rds.force_ssl": "1"},
        ),
    ],
    ids=lambda value: f"{value.name}-{value.version}" if isinstance(value, DatabaseEngine) else "",
)
def test_each_engine_is_logged_and_refuses_plain_text(
    engine: DatabaseEngine, port: str, user: str, logs: list[str], family: str, parameters: dict[str, str]
) -> None:
    _, template = made(engine)
    instance = {"Engine": engine.name, "EngineVersion": engine.version, "Port": port, "MasterUsername": user}
    template.has_resource_properties(INSTANCE, {**instance, "EnableCloudwatchLogsExports": logs})
    template.has_resource_properties("AWS::RDS::DBParameterGroup", {"Family": family, "Parameters": parameters})


def test_parameters_of_ones_own_are_added(tuned: Template) -> None:
    tuned.has_resource_properties(
        "AWS::RDS::DBParameterGroup",
        {"Parameters": {"log_min_duration_statement": "500", "rds.force_ssl": "1"}},
    )


def test_password_is_generated_and_only_referred_to(plain: Template) -> None:
    plain.has_resource_properties(
        "AWS::SecretsManager::Secret",
        {"GenerateSecretString": {"GenerateStringKey": "password", "SecretStringTemplate": '{"username":"admin"}'}},
    )
    plain.has_resource_properties(
        INSTANCE,
        {
            "MasterUserPassword": {
                "Fn::Join": ["", Match.array_with([Match.string_like_regexp("resolve:secretsmanager")])]
            }
        },
    )


def test_password_means_itself_in_urls_shells_and_compose_files(plain: Template) -> None:
    [secret] = plain.find_resources("AWS::SecretsManager::Secret").values()
    excluded = secret["Properties"]["GenerateSecretString"]["ExcludeCharacters"]
    assert set(string.punctuation + " ") - set(excluded) == {".", "_"}
    assert not set(excluded) & set(string.ascii_letters + string.digits)


def test_secret_is_attached_so_that_it_names_host_and_port(plain: Template) -> None:
    [instance] = plain.find_resources(INSTANCE)
    plain.has_resource_properties(
        "AWS::SecretsManager::SecretTargetAttachment",
        {"TargetType": "AWS::RDS::DBInstance", "TargetId": {"Ref": instance}},
    )


def test_the_default_security_group_has_no_rules(plain: Template) -> None:
    [group] = plain.find_resources("AWS::EC2::SecurityGroup").values()
    assert "SecurityGroupIngress" not in group["Properties"]
    assert [rule["CidrIp"] for rule in group["Properties"]["SecurityGroupEgress"]] == ["255.255.255.255/32"]


def test_another_username_has_the_same_secret(plain: Template) -> None:
    """Another logical id would give a deployed database another password before its service follows."""
    [before] = plain.find_resources("AWS::SecretsManager::Secret")
    assert before in made(username="shop")[1].find_resources("AWS::SecretsManager::Secret")


@pytest.mark.parametrize(
    ("engine", "size", "on"),
    [
        (DatabaseEngine.mysql("8.4"), "t4g.small", False),
        (DatabaseEngine.mysql("8.4"), "t4g.medium", True),
        (DatabaseEngine.mariadb("11.8"), "t3.micro", False),
        (DatabaseEngine.postgres("18"), "t4g.micro", True),
    ],
    ids=lambda value: value.name if isinstance(value, DatabaseEngine) else str(value),
)
def test_insights_are_on_where_the_class_has_them(engine: DatabaseEngine, size: str, on: bool) -> None:
    _, template = made(engine, instance_type=ec2.InstanceType(size))
    template.has_resource_properties(INSTANCE, {"EnablePerformanceInsights": on})


def test_a_key_of_ones_own_encrypts_storage_and_insights() -> None:
    stack = Stack(App(), "Dev")
    key = kms.Key.from_key_arn(stack, "Key", "arn:aws:kms:us-east-1:123456789012:key/abc")
    Database(
        stack,
        "Database",
        vpc=imported_vpc(stack, "isolated"),
        engine=DatabaseEngine.mysql("8.4"),
        instance_type=ec2.InstanceType("m7g.large"),
        encryption_key=key,
    )
    Template.from_stack(stack).has_resource_properties(
        INSTANCE, {"KmsKeyId": key.key_arn, "PerformanceInsightsKMSKeyId": key.key_arn}
    )


def test_private_subnets_serve_where_a_vpc_has_no_isolated_ones() -> None:
    stack = Stack(App(), "Dev")
    Database(stack, "Database", vpc=imported_vpc(stack, "private"), engine=DatabaseEngine.mysql("8.4"))
    Template.from_stack(stack).has_resource_properties(
        "AWS::RDS::DBSubnetGroup", {"SubnetIds": ["subnet-2000000a", "subnet-2000000b"]}
    )


def test_variables_are_ready_for_an_environment() -> None:
    database, _ = made(port=4406, username="keeper")
    assert (database.database_port, database.database_name, database.database_username) == (4406, "app", "keeper")
    assert Token.is_unresolved(database.database_host)


def test_values_that_cloudformation_fills_in_are_not_judged() -> None:
    stack = Stack(App(), "Dev")
    name = CfnParameter(stack, "Name").value_as_string
    number = CfnParameter(stack, "Number", type="Number").value_as_number
    database = Database(
        stack,
        "Database",
        vpc=imported_vpc(stack, "isolated"),
        engine=DatabaseEngine.mysql("8.4"),
        database_name=name,
        username=name,
        allocated_storage=Size.gibibytes(number),
        max_allocated_storage=Size.gibibytes(number),
        port=number,  # type: ignore[arg-type]
        instance_type=ec2.InstanceType(name),
        backup_retention=Duration.days(number),
        preferred_backup_window=name,
    )
    Template.from_stack(stack).has_resource_properties(
        INSTANCE,
        {
            "DBName": {"Ref": "Name"},
            "AllocatedStorage": {"Ref": "Number"},
            "Port": {"Ref": "Number"},
            "EnablePerformanceInsights": False,
        },
    )
    assert Stack.of(database).resolve(database.database_port) == {"Ref": "Number"}
