"""Database: what CloudFormation gets, who can reach it, and what is refused."""

import re
import string
from typing import Any

import jsii
import pytest
from aws_cdk import App, CfnParameter, Duration, RemovalPolicy, Stack, Token
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Match, Template
from cdk_nag import AwsSolutionsChecks
from constructs import Construct

from beanpod.database import Database, DatabaseEngine, IDatabase
from beanpod.network import ServiceNetwork

INSTANCE = "AWS::RDS::DBInstance"
STRICT = {"@aws-cdk/core:validateAgainstDefaultRules": True}


@jsii.implements(ec2.IConnectable, iam.IGrantable)
class Service(Construct):
    """Stands for an environment: it has a role, and instances in a security group."""

    def __init__(self, scope: Construct, construct_id: str, group: ec2.ISecurityGroup) -> None:
        super().__init__(scope, construct_id)
        self._role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
        self._connections = ec2.Connections(security_groups=[group])

    @property
    def connections(self) -> ec2.Connections:
        return self._connections

    @property
    def grant_principal(self) -> iam.IPrincipal:
        return self._role


def imported_vpc(scope: Construct, kind: str = "isolated", zones: int = 2) -> ec2.IVpc:
    subnets: dict[str, Any] = {f"{kind}_subnet_ids": [f"subnet-{zone:017x}" for zone in range(zones)]}
    return ec2.Vpc.from_vpc_attributes(
        scope,
        "Vpc",
        vpc_id="vpc-0123456789abcdef0",
        availability_zones=[f"zone-{zone}" for zone in range(zones)],
        **subnets,
    )


def made(engine: DatabaseEngine | None = None, **options: Any) -> tuple[Database, Template]:
    stack = Stack(App(context=STRICT), "Dev")
    options.setdefault("vpc", imported_vpc(stack))
    database = Database(stack, "Database", engine=engine or DatabaseEngine.mysql("8.4"), **options)
    return database, Template.from_stack(stack)


@pytest.fixture(scope="module")
def plain() -> Template:
    return made()[1]


@pytest.fixture(scope="module")
def tuned() -> Template:
    return made(
        DatabaseEngine.postgres("17.9"),
        instance_type=ec2.InstanceType("m7g.large"),
        allocated_storage=100,
        max_allocated_storage=500,
        multi_az=True,
        database_name="shop",
        username="shopkeeper",
        port=6543,
        backup_retention=Duration.days(35),
        preferred_backup_window="02:00-03:00",
        preferred_maintenance_window="Sun:04:30-Sun:05:30",
        deletion_protection=False,
        removal_policy=RemovalPolicy.RETAIN,
        iam_authentication=False,
        ca_certificate=rds.CaCertificate.RDS_CA_RSA4096_G1,
        auto_minor_version_upgrade=False,
        allow_major_version_upgrade=True,
        parameters={"log_min_duration_statement": "500"},
    )[1]


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
    for kind in ("AWS::SecretsManager::Secret", "AWS::RDS::DBParameterGroup", "AWS::RDS::DBSubnetGroup"):
        tuned.has_resource(kind, {"DeletionPolicy": "Retain"})
        [resource] = plain.find_resources(kind).values()
        assert resource.get("DeletionPolicy", "Delete") == "Delete"


@pytest.mark.parametrize(
    ("engine", "expected", "tls", "family"),
    [
        (
            DatabaseEngine.mysql("8.4"),
            {"Engine": "mysql", "EngineVersion": "8.4", "Port": "3306", "MasterUsername": "admin"},
            {"require_secure_transport": "1", "slow_query_log": "1", "log_output": "FILE"},
            "mysql8.4",
        ),
        (
            DatabaseEngine.mariadb("11.4"),
            {"Engine": "mariadb", "EngineVersion": "11.4", "Port": "3306", "MasterUsername": "admin"},
            {"require_secure_transport": "1", "slow_query_log": "1", "log_output": "FILE"},
            "mariadb11.4",
        ),
        (
            DatabaseEngine.postgres("17"),
            {"Engine": "postgres", "EngineVersion": "17", "Port": "5432", "MasterUsername": "postgres"},
            {"rds.force_ssl": "1"},
            "postgres17",
        ),
        (
            DatabaseEngine.mysql("8.4.7"),
            {"EngineVersion": "8.4.7"},
            {"require_secure_transport": "1"},
            "mysql8.4",
        ),
    ],
    ids=lambda value: f"{value.name}-{value.version}" if isinstance(value, DatabaseEngine) else "",
)
def test_each_engine_is_logged_and_refuses_plain_text(
    engine: DatabaseEngine, expected: dict[str, str], tls: dict[str, str], family: str
) -> None:
    _, template = made(engine)
    logs = ["postgresql", "upgrade"] if engine.name == "postgres" else ["error", "slowquery"]
    template.has_resource_properties(INSTANCE, {**expected, "EnableCloudwatchLogsExports": logs})
    template.has_resource_properties("AWS::RDS::DBParameterGroup", {"Family": family, "Parameters": tls})


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


def test_a_group_of_its_own_lets_nothing_in_and_nothing_out(plain: Template) -> None:
    [group] = plain.find_resources("AWS::EC2::SecurityGroup").values()
    assert "SecurityGroupIngress" not in group["Properties"]
    assert [rule["CidrIp"] for rule in group["Properties"]["SecurityGroupEgress"]] == ["255.255.255.255/32"]


def test_logical_ids_of_what_holds_data_stay(plain: Template) -> None:
    assert list(plain.find_resources(INSTANCE)) == ["DatabaseInstanceAA8A5FDE"]
    assert list(plain.find_resources("AWS::SecretsManager::Secret")) == ["DatabaseSecret3B817195"]


def test_no_custom_resource_is_made(plain: Template) -> None:
    kinds = {resource["Type"] for resource in plain.to_json()["Resources"].values()}
    assert not [kind for kind in kinds if "Custom" in kind or "Lambda" in kind]


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
        vpc=imported_vpc(stack),
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
        "AWS::RDS::DBSubnetGroup", {"SubnetIds": ["subnet-00000000000000000", "subnet-00000000000000001"]}
    )


def test_a_looked_up_vpc_is_not_refused_before_the_look_up() -> None:
    stack = Stack(App(), "Dev", env={"account": "123456789012", "region": "us-east-1"})
    vpc = ec2.Vpc.from_lookup(stack, "Vpc", is_default=False)
    assert Database(stack, "Database", vpc=vpc, engine=DatabaseEngine.mysql("8.4")).instance


def test_variables_are_ready_for_an_environment() -> None:
    database, _ = made(port=4406, username="keeper")
    assert (database.port, database.name, database.username) == ("4406", "app", "keeper")
    assert Token.is_unresolved(database.host)


def test_metrics_come_from_the_instance() -> None:
    database, _ = made()
    assert database.instance.metric_cpu_utilization().metric_name == "CPUUtilization"


def test_values_that_cloudformation_fills_in_are_not_judged() -> None:
    stack = Stack(App(), "Dev")
    name = CfnParameter(stack, "Name").value_as_string
    number = CfnParameter(stack, "Number", type="Number").value_as_number
    database = Database(
        stack,
        "Database",
        vpc=imported_vpc(stack),
        engine=DatabaseEngine.mysql("8.4"),
        database_name=name,
        username=name,
        allocated_storage=number,  # type: ignore[arg-type]
        max_allocated_storage=number,  # type: ignore[arg-type]
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
    assert Stack.of(database).resolve(database.port) == {"Ref": "Number"}


class Stacks:
    """Network <- Database <- Service, as an app would split them."""

    def __init__(self) -> None:
        self.app = App()
        self.network_stack = Stack(self.app, "NetworkStack")
        self.network = ServiceNetwork(self.network_stack, "Network", database_port=3306)
        self.database_stack = Stack(self.app, "DatabaseStack")
        self.database = Database(
            self.database_stack,
            "Database",
            vpc=self.network.vpc,
            engine=DatabaseEngine.mysql("8.4"),
            vpc_subnets=self.network.database_subnets,
            security_group=self.network.database_security_group,
            encryption_key=kms.Key(self.database_stack, "Key"),
        )
        self.service_stack = Stack(self.app, "ServiceStack")
        self.service = Service(self.service_stack, "Service", self.network.instance_security_group)
        self.database.connections.allow_default_port_from(self.service)
        self.service.connections.allow_to_default_port(self.database)
        self.database.grant_connect(self.service, "guestbook")
        self.database.grant_read_secret(self.service)
        self.assembly = self.app.synth()

    def depends_on(self, stack: Stack) -> set[str]:
        artifact = self.assembly.get_stack_artifact(stack.artifact_id)
        return {dependency.id for dependency in artifact.dependencies if "assets" not in dependency.id}


@pytest.fixture(scope="module")
def stacks() -> Stacks:
    return Stacks()


def test_stacks_depend_in_one_direction(stacks: Stacks) -> None:
    assert stacks.depends_on(stacks.network_stack) == set()
    assert stacks.depends_on(stacks.database_stack) == {"NetworkStack"}
    assert stacks.depends_on(stacks.service_stack) == {"DatabaseStack"}


def test_rules_stay_in_the_network_stack_and_are_not_doubled(stacks: Stacks) -> None:
    for direction in ("Ingress", "Egress"):
        kind = f"AWS::EC2::SecurityGroup{direction}"
        Template.from_stack(stacks.network_stack).resource_count_is(kind, 2)
        Template.from_stack(stacks.database_stack).resource_count_is(kind, 0)
        Template.from_stack(stacks.service_stack).resource_count_is(kind, 0)


def test_grants_stand_in_the_stack_of_the_one_who_gets_them(stacks: Stacks) -> None:
    [policy] = Template.from_stack(stacks.service_stack).find_resources("AWS::IAM::Policy").values()
    connect, read = policy["Properties"]["PolicyDocument"]["Statement"]
    assert connect["Action"] == "rds-db:connect"
    arn = connect["Resource"]["Fn::Join"][1]
    assert arn[-1] == "/guestbook"
    assert re.search("DatabaseInstance.*DbiResourceId", arn[-2]["Fn::ImportValue"])
    assert read["Action"] == ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
    Template.from_stack(stacks.database_stack).resource_count_is("AWS::IAM::Policy", 0)


def test_a_database_with_a_group_of_its_own_can_be_opened_in_its_stack() -> None:
    app = App()
    network_stack, database_stack = Stack(app, "NetworkStack"), Stack(app, "DatabaseStack")
    network = ServiceNetwork(network_stack, "Network", database_port=3306)
    database = Database(database_stack, "Database", vpc=network.vpc, engine=DatabaseEngine.mysql("8.4"))
    service = Service(Stack(app, "ServiceStack"), "Service", network.instance_security_group)
    database.connections.allow_default_port_from(service)
    database.grant_read_secret(service)
    app.synth()
    Template.from_stack(database_stack).has_resource_properties(
        "AWS::EC2::SecurityGroupIngress", {"FromPort": 3306, "ToPort": 3306}
    )


def test_user_for_connecting_is_the_master_user_unless_named() -> None:
    stack = Stack(App(), "Dev")
    database = Database(stack, "Database", vpc=imported_vpc(stack), engine=DatabaseEngine.mysql("8.4"))
    database.grant_connect(iam.Role(stack, "Role", assumed_by=iam.AccountRootPrincipal()))
    [policy] = Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
    [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Resource"]["Fn::Join"][1][-1] == "/admin"


def imported(stack: Stack, resource_id: str | None = None) -> IDatabase:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"
    return Database.from_database_attributes(
        stack,
        "Existing",
        host="db.example.com",
        port=5432,
        name="shop",
        username="keeper",
        secret=secretsmanager.Secret.from_secret_complete_arn(stack, "Secret", arn),
        security_group=ec2.SecurityGroup.from_security_group_id(stack, "Group", "sg-1"),
        resource_id=resource_id,
    )


def test_an_existing_database_is_used_like_one_made_here() -> None:
    stack = Stack(App(), "Dev")
    database = imported(stack, "db-ABC")
    service = Service(stack, "Service", ec2.SecurityGroup.from_security_group_id(stack, "Instances", "sg-2"))
    database.connections.allow_default_port_from(service)
    database.grant_connect(service, "shopper")
    database.grant_read_secret(service)
    template = Template.from_stack(stack)
    assert (database.host, database.port, database.name) == ("db.example.com", "5432", "shop")
    template.has_resource_properties(
        "AWS::EC2::SecurityGroupIngress",
        {"GroupId": "sg-1", "SourceSecurityGroupId": "sg-2", "FromPort": 5432},
    )
    [policy] = template.find_resources("AWS::IAM::Policy").values()
    connect, read = policy["Properties"]["PolicyDocument"]["Statement"]
    assert connect["Resource"]["Fn::Join"][1][-1] == ":dbuser:db-ABC/shopper"
    assert read["Resource"] == database.secret.secret_arn


def test_connecting_needs_the_resource_id_of_an_existing_database() -> None:
    stack = Stack(App(), "Dev")
    with pytest.raises(ValueError, match=r'^Dev/Existing.*\n.*resource_id must be given.*import it with "db-'):
        imported(stack).grant_connect(iam.Role(stack, "Role", assumed_by=iam.AccountRootPrincipal()))


def test_connecting_needs_iam_authentication() -> None:
    database, _ = made(iam_authentication=False)
    role = iam.Role(database, "Role", assumed_by=iam.AccountRootPrincipal())
    with pytest.raises(ValueError, match="iam_authentication must be on for grant_connect, got False"):
        database.grant_connect(role)


@pytest.mark.parametrize(
    ("make", "version", "message"),
    [
        (DatabaseEngine.mysql, "8", 'mysql version must be like "8.4" or "8.4.9", got "8"'),
        (DatabaseEngine.mysql, "latest", 'mysql version must be like "8.4" or "8.4.9", got "latest"'),
        (DatabaseEngine.mysql, "5.7", 'mysql version must be 8.0 or newer, got "5.7"'),
        (DatabaseEngine.mariadb, "10.5", 'mariadb version must be 10.6 or newer, got "10.5"'),
        (DatabaseEngine.mariadb, "", 'mariadb version must be like "11.4" or "11.4.9", got ""'),
        (DatabaseEngine.postgres, "17.4.1", 'postgres version must be like "17" or "17.9", got "17.4.1"'),
        (DatabaseEngine.postgres, "12.22", 'postgres version must be 13 or newer, got "12.22"'),
    ],
)
def test_versions_that_rds_does_not_have_are_refused(make: Any, version: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^DatabaseEngine: 1 problem\n  - {re.escape(message)}"):
        make(version)


def test_a_version_between_lifecycle_dates_may_carry_a_suffix() -> None:
    assert DatabaseEngine.mysql("8.0.46-rds.20260624").version == "8.0.46-rds.20260624"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"database_name": "1st"}, 'database_name must be a letter and up to 63 letters, .* got "1st"'),
        ({"database_name": "a" * 65}, "database_name must be a letter and up to 63 letters"),
        ({"database_name": "MySQL"}, 'database_name must not be a word that mysql reserves, got "MySQL"'),
        ({"username": "a-b"}, 'username must be a letter and up to 15 letters, .* got "a-b"'),
        ({"username": "a" * 17}, "username must be a letter and up to 15 letters"),
        ({"username": "rdsadmin"}, 'username must not be a word that mysql reserves, .* write e.g. "admin"'),
        ({"allocated_storage": 19}, r"allocated_storage must be between 20 and 65536 GiB \(gp3\), got 19"),
        ({"allocated_storage": 65537}, "allocated_storage must be between 20 and 65536"),
        ({"max_allocated_storage": 21}, r"at least a tenth above allocated_storage \(20 GiB\), got 21"),
        ({"max_allocated_storage": 70000}, "max_allocated_storage must be at most 65536 GiB, got 70000"),
        ({"instance_type": ec2.InstanceType("db.t3.micro")}, 'instance_type .* write "t3.micro"'),
        ({"instance_type": ec2.InstanceType("t2.micro")}, "instance_type must be a class that can encrypt"),
        ({"performance_insights": True}, 'performance_insights must be off on "t4g.micro" with mysql'),
        ({"backup_retention": Duration.days(36)}, r"backup_retention must be between 0 .* and 35 days, got 36"),
        ({"removal_policy": RemovalPolicy.DESTROY}, "removal_policy must not be DESTROY while deletion_protection"),
        ({"preferred_backup_window": "3-4"}, r'preferred_backup_window must be like .* \(UTC\), got "3-4"'),
        ({"preferred_maintenance_window": "sun"}, 'preferred_maintenance_window must be like .* got "sun"'),
        ({"port": 80}, "port must be between 1150 and 65535, got 80"),
        ({"parameters": {"require_secure_transport": "0"}}, "parameters must not set require_secure_transport"),
    ],
)
def test_what_rds_would_refuse_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"username": "admin"}, 'username must not be a word that postgres reserves, got "admin"'),
        ({"username": "pg_boss"}, 'username must not start with pg_, got "pg_boss"'),
        ({"database_name": "db"}, 'database_name must not be a word that postgres reserves, got "db"'),
        ({"parameters": {"rds.force_ssl": "0"}}, "parameters must not set rds.force_ssl"),
    ],
)
def test_what_postgres_keeps_for_itself_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(DatabaseEngine.postgres("17"), **options)


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({}, {"AwsSolutions-SMG4", "AwsSolutions-RDS3", "AwsSolutions-RDS11"}),
        ({"multi_az": True, "port": 4406}, {"AwsSolutions-SMG4"}),
    ],
)
def test_security_findings_left_to_the_user_are_these(options: dict[str, Any], left: set[str]) -> None:
    database, _ = made(**options)
    stack = Stack.of(database)
    findings = AwsSolutionsChecks(stack).validate_scope(stack).violations
    assert {finding.rule_name for finding in findings} == left


def test_database_refuses_public_subnets() -> None:
    stack = Stack(App(), "Dev")
    vpc = imported_vpc(stack, "public")
    with pytest.raises(ValueError, match="vpc must have isolated or private subnets, got none"):
        made(vpc=vpc)
    with pytest.raises(ValueError, match="vpc_subnets must be isolated or private, got public ones"):
        made(vpc=vpc, vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC))


def test_database_refuses_a_single_zone() -> None:
    with pytest.raises(ValueError, match="vpc_subnets must cover two zones, got 1"):
        made(vpc=imported_vpc(Stack(App(), "Dev"), zones=1), multi_az=True)


def test_all_problems_are_listed_at_once() -> None:
    with pytest.raises(ValueError, match=r"^Dev/Database: 3 problems\n.*username.*\n.*allocated_storage.*\n.*port"):
        made(username="rdsadmin", allocated_storage=1, port=1)
