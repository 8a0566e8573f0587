"""Database: who can reach it, across stacks, and a database that exists already."""

import re

import jsii
import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Template
from constructs import Construct

from beanpod.database import Database
from beanpod.database_engine import DatabaseEngine
from beanpod.database_interface import IDatabase
from beanpod.environment import DockerEnvironment
from beanpod.environment_secret import EnvironmentSecret
from beanpod.network import ServiceNetwork
from tests.constructs.databases import existing_database, made
from tests.constructs.environments import new_environment
from tests.constructs.imported import imported_vpc
from tests.constructs.templates import options, statements


def in_network(stack: Stack, network: ServiceNetwork) -> DockerEnvironment:
    return new_environment(stack, vpc=network.vpc, instance_security_group=network.instance_security_group)


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
        self.environment = in_network(self.service_stack, self.network)
        self.database.connections.allow_default_port_from(self.environment)
        self.environment.connections.allow_to_default_port(self.database)
        self.database.grant_connect(self.environment, "guestbook")
        self.database.grant_read_secret(self.environment)
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
    assert stacks.depends_on(stacks.service_stack) == {"NetworkStack", "DatabaseStack"}


def test_rules_stay_in_the_network_stack_and_are_not_doubled(stacks: Stacks) -> None:
    for direction in ("Ingress", "Egress"):
        kind = f"AWS::EC2::SecurityGroup{direction}"
        Template.from_stack(stacks.network_stack).resource_count_is(kind, 2)
        Template.from_stack(stacks.database_stack).resource_count_is(kind, 0)
        Template.from_stack(stacks.service_stack).resource_count_is(kind, 0)


def test_grants_are_in_the_stack_of_the_grantee(stacks: Stacks) -> None:
    connect, read = statements(Template.from_stack(stacks.service_stack))
    assert connect["Action"] == "rds-db:connect"
    arn = connect["Resource"]["Fn::Join"][1]
    assert arn[-1] == "/guestbook"
    assert re.search("DatabaseInstance.*DbiResourceId", arn[-2]["Fn::GetStackOutput"]["OutputName"])
    assert read["Action"] == ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
    Template.from_stack(stacks.database_stack).resource_count_is("AWS::IAM::Policy", 0)


def test_a_database_can_admit_the_environment_in_its_own_stack() -> None:
    app = App()
    network_stack, database_stack = Stack(app, "NetworkStack"), Stack(app, "DatabaseStack")
    network = ServiceNetwork(network_stack, "Network", database_port=3306)
    database = Database(database_stack, "Database", vpc=network.vpc, engine=DatabaseEngine.mysql("8.4"))
    environment = in_network(Stack(app, "ServiceStack"), network)
    database.connections.allow_default_port_from(environment)
    database.grant_read_secret(environment)
    app.synth()
    Template.from_stack(database_stack).has_resource_properties(
        "AWS::EC2::SecurityGroupIngress", {"FromPort": 3306, "ToPort": 3306}
    )


def test_a_password_is_rotated_in_another_stack_than_the_networks() -> None:
    app = App()
    network_stack, stack = Stack(app, "NetworkStack"), Stack(app, "DatabaseStack")
    network = ServiceNetwork(network_stack, "Network", database_port=3306)
    group = network.database_security_group
    database = Database(stack, "D", vpc=network.vpc, engine=DatabaseEngine.mysql("8.4"), security_group=group)
    secretsmanager.SecretRotation(
        stack,
        "Rotation",
        secret=database.secret,
        application=secretsmanager.SecretRotationApplication.MYSQL_ROTATION_SINGLE_USER,
        vpc=network.vpc,
        vpc_subnets=network.database_subnets,
        target=database,
        security_group=ec2.SecurityGroup(network_stack, "RotationGroup", vpc=network.vpc),
    )
    app.synth()
    Template.from_stack(network_stack).resource_count_is("AWS::EC2::SecurityGroupIngress", 3)


def test_a_secret_of_another_stack_with_a_key_of_its_own_is_imported() -> None:
    app = App()
    shared, stack = Stack(app, "Shared"), Stack(app, "ServiceStack")
    key = kms.Key(shared, "Key")
    secret = secretsmanager.Secret(shared, "Secret", encryption_key=key)
    imported = secretsmanager.Secret.from_secret_complete_arn(stack, "Imported", secret.secret_arn)
    environment = new_environment(stack, secrets={"TOKEN": EnvironmentSecret.from_secrets_manager(imported)})
    kms.Key.from_key_arn(stack, "ImportedKey", key.key_arn).grant_decrypt(environment)
    app.synth()
    assert {"kms:Decrypt"} < {str(it["Action"]) for it in statements(Template.from_stack(stack))}


def test_user_for_connecting_is_the_master_user_unless_named() -> None:
    stack = Stack(App(), "Dev")
    database = Database(stack, "Database", vpc=imported_vpc(stack, "isolated"), engine=DatabaseEngine.mysql("8.4"))
    database.grant_connect(iam.Role(stack, "Role", assumed_by=iam.AccountRootPrincipal()))
    [statement] = statements(Template.from_stack(stack))
    assert statement["Resource"]["Fn::Join"][1][-1] == "/admin"


def test_an_existing_database_has_its_attributes() -> None:
    stack = Stack(App(), "Dev")
    database = existing_database(stack, "db-ABC")
    database.grant_read_secret(new_environment(stack))
    assert (database.database_host, database.database_port, database.database_name) == ("db.example.com", 5432, "shop")
    [read] = statements(Template.from_stack(stack))
    assert read["Resource"] == database.secret.secret_arn


def test_connecting_needs_the_resource_id_of_an_existing_database() -> None:
    stack = Stack(App(), "Dev")
    with pytest.raises(ValueError, match=r'^Dev/ExistingDatabase.*\n.*resource_id must be given.*import it with "db-'):
        existing_database(stack).grant_connect(iam.Role(stack, "Role", assumed_by=iam.AccountRootPrincipal()))


def test_connecting_needs_iam_authentication() -> None:
    database, _ = made(iam_authentication=False)
    role = iam.Role(database, "Role", assumed_by=iam.AccountRootPrincipal())
    with pytest.raises(ValueError, match="iam_authentication must be on for grant_connect, got False"):
        database.grant_connect(role)


@jsii.implements(IDatabase)
class SharedDatabase(Construct):
    """A database by a class of one's own."""

    database_host, database_port, database_name, database_username = "db.example.com", 5432, "shop", "keeper"
    replacement_key = ""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.secret = secretsmanager.Secret(self, "Secret")
        group = ec2.SecurityGroup.from_security_group_id(self, "Group", "sg-shared")
        self._connections = ec2.Connections(security_groups=[group], default_port=ec2.Port.tcp(self.database_port))

    @property
    def connections(self) -> ec2.Connections:
        return self._connections

    def grant_connect(self, grantee: iam.IGrantable, db_user: str | None = None) -> iam.Grant:
        return iam.Grant.drop(grantee, f"no user {db_user}")

    def grant_read_secret(self, grantee: iam.IGrantable) -> iam.Grant:
        return self.secret.grant_read(grantee)


def test_a_class_of_ones_own_implements_the_interface() -> None:
    stack = Stack(App(), "Dev")
    database: IDatabase = SharedDatabase(stack, "Shared")
    environment = new_environment(stack, database=database)
    environment.connections.allow_to_default_port(database)
    template = Template.from_stack(stack)
    assert options(template)["elasticbeanstalk:application:environment", "RDS_HOSTNAME"] == "db.example.com"
    template.has_resource_properties("AWS::EC2::SecurityGroupIngress", {"GroupId": "sg-shared", "FromPort": 5432})
    with pytest.raises(TypeError, match="database must be an IDatabase, got Construct Dev/Other"):
        environment.use_database(Construct(stack, "Other"))  # type: ignore[arg-type]
