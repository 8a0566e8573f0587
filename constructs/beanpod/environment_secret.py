"""A secret that Beanstalk puts into an environment variable: a reference, never a value."""

from dataclasses import dataclass

from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm

from beanpod._arguments import checked
from beanpod._checks import ConstructError


@checked
@dataclass(frozen=True)
class EnvironmentSecret:
    """Where a variable's secret value is kept. Made by `from_secrets_manager` or `from_ssm_parameter`.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/AWSHowTo.secrets.env-vars.html: read when an instance
    starts and on each deployment; a rotated value arrives with the next of these.
    """

    reference: str
    source: secretsmanager.ISecret | ssm.IParameter

    @classmethod
    def from_secrets_manager(cls, secret: secretsmanager.ISecret, field: str | None = None) -> "EnvironmentSecret":
        """Return a secret of Secrets Manager, or one field of it.

        One of another stack of the app that has a key of its own is imported by its full ARN, and
        `kms.Key.from_key_arn(...).grant_decrypt(environment)` added: a key of the app names each reader in its policy,
        which is a cycle between the stacks.

        Args:
            field: A top-level key of the secret's JSON (platforms from 2026-01-13). Default: the whole secret.

        Raises:
            ValueError: An imported secret without its full ARN: Beanstalk needs the six random characters.
        """
        arn = secret.secret_full_arn
        if arn is None:
            raise ConstructError(
                f"secret {secret.node.path} is imported without its full ARN: "
                "use Secret.from_secret_complete_arn, Beanstalk needs the suffix"
            )
        return cls(f"{arn}:{field}" if field else arn, secret)

    @classmethod
    def from_ssm_parameter(cls, parameter: ssm.IParameter) -> "EnvironmentSecret":
        """A parameter of the Parameter Store, `String` or `SecureString`."""
        return cls(parameter.parameter_arn, parameter)

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let the grantee read the value, and decrypt it where its key is the customer's own."""
        return self.source.grant_read(grantee)
