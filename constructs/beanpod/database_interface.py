"""The interface of a database, created or imported."""

from functools import cached_property
from typing import Protocol

import jsii
from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct, IConstruct

from beanpod._arguments import checked
from beanpod._checks import reject


class IDatabase(ec2.IConnectable, IConstruct, Protocol):
    """A `Database`, or one from `Database.from_database_attributes`.

    A class of your own that has these members implements it with `@jsii.implements(IDatabase)`.
    """

    @property
    def database_host(self) -> str:
        """Address of the server."""

    @property
    def database_port(self) -> float:
        """TCP port."""

    @property
    def database_name(self) -> str:
        """Name of the database in the server."""

    @property
    def database_username(self) -> str:
        """Master user."""

    @property
    def secret(self) -> secretsmanager.ISecret:
        """JSON with at least `username` and `password`."""

    @property
    def replacement_key(self) -> str:
        """Text that changes whenever the database is replaced, for the metadata of stacks that read its address."""

    def grant_connect(self, grantee: iam.IGrantable, db_user: str | None = None) -> iam.Grant:
        """Let `grantee` log in as `db_user` with an IAM token instead of a password."""

    def grant_read_secret(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` read user name and password."""


@checked
@jsii.implements(IDatabase)
class DatabaseBase(Construct):
    """What created and imported databases have in common; see `IDatabase`."""

    database_host: str
    database_port: float
    database_name: str
    database_username: str
    secret: secretsmanager.ISecret
    replacement_key: str = ""
    _security_group: ec2.ISecurityGroup
    _iam_authentication: bool = True
    _resource_id: str | None = None

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.stack = Stack.of(self)

    @property
    def connections(self) -> ec2.Connections:
        """Network rules: `connections.allow_default_port_from(environment)`.

        The rules are made where the database's security group is. From the other side, as in
        `environment.connections.allow_to_default_port(database)`, they are made where the environment's group is: the
        way for an environment in a later stack, whose group no earlier stack may refer to.
        """
        return self._connections

    @cached_property
    def _connections(self) -> ec2.Connections:
        # The port as a number, not the instance's attribute: a rule in the stack below must not refer to this one.
        return ec2.Connections(security_groups=[self._security_group], default_port=ec2.Port.tcp(self.database_port))

    def grant_connect(self, grantee: iam.IGrantable, db_user: str | None = None) -> iam.Grant:
        """Let `grantee` log in as `db_user` with an IAM token instead of a password.

        Needs TLS: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html

        Args:
            grantee: Gets the permission `rds-db:connect`.
            db_user: A user made for this, once, in the database (`IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS'` in
                MySQL, `GRANT rds_iam` in PostgreSQL). Default: `database_username`.

        Raises:
            ValueError: When IAM authentication is off, or for an imported database without `resource_id`.
        """
        if not self._iam_authentication:
            reject(self, "iam_authentication must be on for grant_connect, got False")
        if self._resource_id is None:
            reject(self, 'resource_id must be given for grant_connect, got none: import it with "db-..."')
        user = self.stack.format_arn(
            service="rds-db",
            resource="dbuser",
            resource_name=f"{self._resource_id}/{db_user or self.database_username}",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return iam.Grant.add_to_principal(grantee=grantee, actions=["rds-db:connect"], resource_arns=[user])

    def grant_read_secret(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` read user name and password."""
        return self.secret.grant_read(grantee)
