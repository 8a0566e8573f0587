"""A managed database with its password and security group."""

from collections.abc import Iterator, Mapping

from aws_cdk import Duration, RemovalPolicy, Size
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from beanpod._arguments import checked
from beanpod._checks import gibibytes, plain, refuse, region_problems
from beanpod._connectivity import port_problems
from beanpod._cross_stack import allow_replacement, export_network
from beanpod._nag import acknowledge
from beanpod._subnets import database_subnets, foreign, group_problems, select
from beanpod._tokens import known
from beanpod.database_engine import DatabaseEngine
from beanpod.database_interface import DatabaseBase, IDatabase
from beanpod.rules.database import database_problems, has_insights, parameter_problems
from beanpod.rules.network import zone_problems
from beanpod.rules.problem import Problem

DEFAULT_BACKUP_DAYS = 7
DEFAULT_STORAGE_GIB = 20
RETAINED = (RemovalPolicy.RETAIN, RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
# Passwords end up in URLs, in shells and in compose files: letters, digits, "." and "_" mean themselves in all.
MEANINGFUL_CHARACTERS = " !\"#$%&'()*+,-/:;<=>?@[\\]^`{|}~"


def _identity(key: kms.IKey) -> str:
    """Return what identifies a key at synth: its ARN if that is known, else its path."""
    return key.key_arn if known(key.key_arn) else key.node.path


@checked
class Database(DatabaseBase):
    """An RDS instance with generated credentials, reachable with TLS only, encrypted, in subnets without a way in.

    Storage is gp3. Logs go to CloudWatch Logs, to groups that RDS makes when it first writes and that never
    expire: setting their retention from here takes a custom-resource Lambda function, so set it in the console or
    with `aws logs put-retention-policy`. The slow query log may hold values of the statements it quotes.

    `removal_policy` SNAPSHOT (the default) makes a final snapshot and deletes the secret: a restored snapshot needs a
    new master password. RETAIN keeps instance and secret: a VPC or a given security group of the same stack cannot be
    deleted then, so give it another stack, or retain it too.

    A replaced database is a new, empty one; `removal_policy` decides what remains of the old one. Another construct id
    replaces it too, and so does moving it in the tree.

    Attributes:
        instance: The `rds.DatabaseInstance`, for metrics and events. Its rotation works in one stack; with a network of
            another stack `secretsmanager.SecretRotation(..., target=database, security_group=...)` does, with a
            security group of that stack.
        security_group: The security group.
        stack: The stack that it is in.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        engine: DatabaseEngine,
        instance_type: ec2.InstanceType | None = None,
        allocated_storage: Size | None = None,
        max_allocated_storage: Size | None = None,
        multi_az: bool = False,
        database_name: str = "app",
        username: str | None = None,
        port: int | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_group: ec2.ISecurityGroup | None = None,
        encryption_key: kms.IKey | None = None,
        backup_retention: Duration | None = None,
        preferred_backup_window: str | None = None,
        preferred_maintenance_window: str | None = None,
        deletion_protection: bool = True,
        removal_policy: RemovalPolicy = RemovalPolicy.SNAPSHOT,
        iam_authentication: bool = True,
        performance_insights: bool | None = None,
        ca_certificate: rds.CaCertificate | None = None,
        auto_minor_version_upgrade: bool = True,
        allow_major_version_upgrade: bool = False,
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        """Make the instance and its secret.

        Args:
            vpc: The VPC. Replaces: the security groups.
            engine: For example `DatabaseEngine.mysql("8.4")`. Replaces: the database.
            instance_type: Size, without "db.". Default: t4g.micro, 1 GiB of memory. Updates in place.
            allocated_storage: 20 to 65,536 GiB. Default: 20 GiB. Updates in place.
            max_allocated_storage: Size up to which RDS enlarges the storage. Default: it does not. Updates in place.
            multi_az: A standby in a second zone that takes over; doubles the price. Updates in place.
            database_name: Name of the database that RDS creates in the instance. Replaces: the database.
            username: Master user. Default: "admin", with PostgreSQL "postgres". Replaces: the database.
            port: Default: 3306, with PostgreSQL 5432. Updates in place.
            vpc_subnets: Isolated or private, in two zones. Default: the isolated ones, else the private ones. RDS
                refuses to leave a subnet that the instance or its standby is in. Updates in place.
            security_group: Default: a new one, which lets nothing in before a rule says so, and nothing out. Updates in
                place.
            encryption_key: For storage, snapshots and insights. Default: the account's `aws/rds` key. The secret always
                has `aws/secretsmanager`: a key of yours would name each reader in its policy, a cycle between stacks.
                Replaces: the database.
            backup_retention: 0 to 35 days, 0 for no backups. Default: 7 days. Updates in place.
            preferred_backup_window: "03:00-04:00", UTC, 30 minutes or more. Default: RDS chooses. Updates in place.
            preferred_maintenance_window: "sun:04:30-sun:05:30", UTC. Default: RDS chooses. Updates in place.
            deletion_protection: RDS refuses every deletion until this is off. Updates in place.
            removal_policy: What remains when the database is removed from the stack. Updates in place.
            iam_authentication: Tokens instead of passwords, see `grant_connect`. Updates in place.
            performance_insights: Seven days of it, at no charge. Default: on where the class has it. Updates in place.
            ca_certificate: Authority of the server's certificate. Default: the account's. Updates in place.
            auto_minor_version_upgrade: In the maintenance window. Updates in place.
            allow_major_version_upgrade: Needed while `engine` moves to the next major version. Updates in place.
            parameters: More for the parameter group, stronger than the engine's own. Updates in place.

        Raises:
            ValueError: With every problem: what RDS would refuse, and public subnets.
        """
        super().__init__(scope, construct_id)
        username = username or engine.username
        port = engine.port if port is None else port
        subnets = vpc_subnets or database_subnets(vpc)
        instance_type = instance_type or ec2.InstanceType("t4g.micro")
        size = instance_type.to_string()
        backup_retention = backup_retention or Duration.days(DEFAULT_BACKUP_DAYS)
        storage = DEFAULT_STORAGE_GIB if allocated_storage is None else gibibytes(allocated_storage)
        max_storage = gibibytes(max_allocated_storage)
        problems: list[str | Problem] = [
            *database_problems(
                engine.name,
                database_name=plain(database_name),
                username=plain(username),
                allocated_storage=plain(storage),
                max_allocated_storage=plain(max_storage),
                backup_retention=plain(backup_retention.to_days(integral=False)),
                instance_type=plain(size),
                port=plain(port),
                performance_insights=performance_insights,
                preferred_backup_window=plain(preferred_backup_window),
                preferred_maintenance_window=plain(preferred_maintenance_window),
            ),
            *parameter_problems(engine.name, parameters or {}),
            *_lifetime_problems(protected=deletion_protection, removal_policy=removal_policy),
            *port_problems(
                "port", port, security_group, f"give the ServiceNetwork database_port={port:g}, or leave port out"
            ),
            *group_problems(vpc, security_group=[security_group]),
            *_subnet_problems(vpc, subnets),
            *region_problems(self.stack, "vpc", vpc),
            *region_problems(self.stack, "encryption_key", encryption_key),
        ]
        refuse(self, problems)
        if performance_insights is None:
            performance_insights = known(size) and has_insights(engine.name, size)
        self.security_group = security_group or self._new_group(vpc, removal_policy)
        password = self._password(username, removal_policy)
        instance_engine = engine.instance_engine
        self.instance = rds.DatabaseInstance(
            self,
            "Instance",
            vpc=vpc,
            vpc_subnets=subnets,
            security_groups=[self.security_group],
            publicly_accessible=False,
            engine=instance_engine,
            instance_type=instance_type,
            allocated_storage=storage,
            max_allocated_storage=max_storage,
            storage_type=rds.StorageType.GP3,
            storage_encrypted=True,
            storage_encryption_key=encryption_key,
            multi_az=multi_az,
            credentials=rds.Credentials.from_secret(password, username),
            database_name=database_name,
            port=port,
            parameter_group=rds.ParameterGroup(
                self,
                "Parameters",
                engine=instance_engine,
                parameters={**engine.parameters, **(parameters or {}), engine.tls_parameter: "1"},
                # RDS refuses to delete the group of an instance that stays.
                removal_policy=removal_policy if removal_policy in RETAINED else None,
            ),
            cloudwatch_logs_exports=list(engine.log_exports),
            backup_retention=backup_retention,
            preferred_backup_window=preferred_backup_window,
            preferred_maintenance_window=preferred_maintenance_window,
            copy_tags_to_snapshot=True,
            deletion_protection=deletion_protection,
            removal_policy=removal_policy,
            iam_authentication=iam_authentication,
            enable_performance_insights=performance_insights,
            performance_insight_encryption_key=encryption_key if performance_insights else None,
            ca_certificate=ca_certificate,
            auto_minor_version_upgrade=auto_minor_version_upgrade,
            allow_major_version_upgrade=allow_major_version_upgrade,
        )
        if removal_policy in RETAINED:
            # As of the parameter group; the CDK itself knows RETAIN only.
            subnet_group = self.instance.node.find_child("SubnetGroup")
            assert isinstance(subnet_group, rds.SubnetGroup)
            subnet_group.apply_removal_policy(removal_policy)
        acknowledge(
            password, {"SMG4": "Instances read the password when they start: after a rotation they need a restart."}
        )
        reasons = {}
        if port == engine.port:
            reasons["RDS11"] = "The engine's own port: security groups admit only what their rules name, on any port."
        if engine.name != "postgres" and engine.version.count(".") < 2:
            # The CDK's list of versions has no major ones for MySQL and MariaDB, unlike RDS.
            reason = f"RDS takes {engine.version} as the newest {engine.version}.x, and upgrades it"
            reasons["CloudFormation-Validate::E9006"] = reason
        acknowledge(self.instance, reasons)
        self.database_host, self.database_port = self.instance.db_instance_endpoint_address, port
        self.database_name, self.database_username = database_name, username
        # The attached secret also holds host, port and name, and its users depend on the database.
        self.secret = self.instance.secret or password
        self._security_group, self._iam_authentication = self.security_group, iam_authentication
        self._resource_id = self.instance.instance_resource_id
        export_network(self.stack, vpc, [security_group])
        allow_replacement(self.instance, self.secret)
        key = _identity(encryption_key) if encryption_key else ""
        self.replacement_key = " ".join((engine.name, *filter(known, (database_name, username)), key)).strip()

    @classmethod
    def from_database_attributes(
        cls,
        scope: Construct,
        construct_id: str,
        *,
        database_host: str,
        database_port: int,
        database_name: str,
        database_username: str,
        secret: secretsmanager.ISecret,
        security_group: ec2.ISecurityGroup,
        resource_id: str | None = None,
    ) -> IDatabase:
        """Import a database.

        Args:
            scope: The construct's parent.
            construct_id: Its id.
            database_host: Address of the server.
            database_port: TCP port.
            database_name: Name of the database in the server.
            database_username: Master user.
            secret: JSON with at least `username` and `password`; imported by its full ARN if Beanstalk reads it.
            security_group: Gets the rules of `connections`.
            resource_id: "db-..." from `aws rds describe-db-instances`, for `grant_connect`. Default: no grants.
        """
        imported = _ImportedDatabase(scope, construct_id)
        imported.database_host, imported.database_port = database_host, database_port
        imported.database_name, imported.database_username = database_name, database_username
        imported.secret, imported._security_group, imported._resource_id = secret, security_group, resource_id
        return imported

    def _new_group(self, vpc: ec2.IVpc, removal_policy: RemovalPolicy) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(self, "SecurityGroup", vpc=vpc, description="Database", allow_all_outbound=False)
        if removal_policy in RETAINED:
            # EC2 refuses to delete the group of an instance that stays.
            group.apply_removal_policy(removal_policy)
        return group

    def _password(self, username: str, removal_policy: RemovalPolicy) -> rds.DatabaseSecret:
        secret = rds.DatabaseSecret(self, "Secret", username=username, exclude_characters=MEANINGFUL_CHARACTERS)
        if removal_policy in RETAINED:
            secret.apply_removal_policy(removal_policy)
        return secret


class _ImportedDatabase(DatabaseBase):
    """A database that exists already: it can be used, but not changed."""


def _lifetime_problems(*, protected: bool, removal_policy: RemovalPolicy) -> Iterator[str]:
    """Check that protection and removal policy do not contradict each other."""
    if protected and removal_policy == RemovalPolicy.DESTROY:
        yield (
            "removal_policy must not be DESTROY while deletion_protection is on, got both: "
            "RDS would refuse the deletion, set deletion_protection=False first"
        )


def _subnet_problems(vpc: ec2.IVpc, subnets: ec2.SubnetSelection | None) -> Iterator[str]:
    """Check that there are subnets, none of them public, in two zones."""
    if subnets is None:
        yield "vpc must have isolated or private subnets, got none: a database is never put in public ones"
        return
    try:
        selected = select(vpc, subnets)
    except RuntimeError as error:
        yield f"vpc_subnets must be subnets of vpc {vpc.node.path}: {str(error).splitlines()[0]}"
        return
    if selected.public:
        yield "vpc_subnets must be isolated or private, got public ones: choose others, or leave it out"
    zones = zone_problems("vpc_subnets", selected.number_of_zones, load_balancer=False, database=True)
    yield from map(str, zones)
    for path in foreign(vpc, selected):
        yield f"vpc_subnets must be of vpc {vpc.node.path}, got {path}: choose subnets of that VPC"
