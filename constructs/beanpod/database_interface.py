"""The interface of a database, created or imported."""

from functools import cached_property

import jsii
from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from beanpod._arguments import checked
from beanpod._checks import refuse


@checked
@jsii.implements(ec2.IConnectable)
class IDatabase(Construct):
    """A `Database`, or one from `Database.from_database_attributes`.

    Attributes:
        host: Address of the server.
        port: TCP port, as text.
        name: Name of the database in the server.
        username: Master user.
        secret: JSON with at least `username` and `password`.
        connections: The database's security group, with its port as the default.
        replacement_key: Text that changes whenever the database is replaced, for the metadata of stacks that read its
            address; "" for an imported database.
    """

    host: str
    port: str
    name: str
    username: str
    secret: secretsmanager.ISecret
    replacement_key: str = ""
    _security_group: ec2.ISecurityGroup
    _port_number: float
    _iam_authentication: bool
    _imported_resource_id: str | None

    @property
    def connections(self) -> ec2.Connections:
        """Network rules: `connections.allow_default_port_from(environment)`.

        The rules go where the database's security group is. From the other side, as in
        `environment.connections.allow_to_default_port(database)`, they go where the environment's group is: the
        way for an environment in a later stack, whose group no earlier stack may refer to.
        """
        return self._connections

    @property
    def _resource_id(self) -> str | None:
        return self._imported_resource_id

    @cached_property
    def _connections(self) -> ec2.Connections:
        # The port as a number, not the instance's attribute: a rule in the stack below must not refer to this one.
        return ec2.Connections(security_groups=[self._security_group], default_port=ec2.Port.tcp(self._port_number))

    def grant_connect(self, grantee: iam.IGrantable, db_user: str | None = None) -> iam.Grant:
        """Let `grantee` log in as `db_user` with an IAM token instead of a password.

        Needs TLS: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html

        Args:
            db_user: A user made for this, once, in the database (`IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS'` in
                MySQL, `GRANT rds_iam` in PostgreSQL). Default: `username`.

        Raises:
            ValueError: When IAM authentication is off, or for an imported database without `resource_id`.
        """
        if not self._iam_authentication:
            refuse(self, ["iam_authentication must be on for grant_connect, got False"])
        if self._resource_id is None:
            refuse(self, ['resource_id must be given for grant_connect, got none: import it with "db-..."'])
        user = Stack.of(self).format_arn(
            service="rds-db",
            resource="dbuser",
            resource_name=f"{self._resource_id}/{db_user or self.username}",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return iam.Grant.add_to_principal(grantee=grantee, actions=["rds-db:connect"], resource_arns=[user])

    def grant_read_secret(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` read user name and password."""
        return self.secret.grant_read(grantee)
