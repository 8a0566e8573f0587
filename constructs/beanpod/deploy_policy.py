"""The one policy behind every deployer, whether it comes with an access key or through GitHub."""

from collections.abc import Iterable, Iterator, Sequence

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

from beanpod._arguments import checked
from beanpod._checks import refuse
from beanpod._deploy_statements import DeployScope, DeployStatement, release_statements, rollout_statements
from beanpod._settings import DeploymentPolicy
from beanpod._tokens import is_list_token, known

# What would make more than one name of it in an ARN, or a variable.
_PATTERNS = frozenset("*?/$")


@checked
class DeployPermissions:
    """The permissions to release versions of one application and to roll them out on its environments.

    Beanstalk works with its caller's permissions when it updates an environment, so the list depends on the
    deployment policy: what launches instances needs more than what changes them in place. Every statement in
    `statements` says why it is there.

    Beanstalk names what it makes after an environment's id, which no template knows, and keeps what instances
    run in one bucket for all environments of an account and region. So these statements reach beyond the
    environments they are for: a deployer can change what any other environment of the account and region runs,
    and some parts of it, such as its load balancer. Give each stage an account of its own where deployers must
    be kept apart.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/AWSHowTo.iam.policies.actions.html

    Attributes:
        policies: The statements by policy: `Release`, what CI calls; `Rollout`, what Beanstalk does in its name.
        statements: All of them, each with its reason.
        replacement_key: As given.
        region: As given.
        account: As given.
    """

    def __init__(
        self,
        *,
        application_name: str,
        environment_names: Sequence[str],
        bucket: s3.IBucket,
        instance_role: iam.IRole | Sequence[iam.IRole],
        deployment_policy: DeploymentPolicy,
        stack_names: Sequence[str] = (),
        replacement_key: str = "",
        region: str | None = None,
        account: str | None = None,
    ) -> None:
        """Collect the statements.

        Args:
            application_name: The Beanstalk application that versions are released to.
            environment_names: The environments that may be updated, at least one. IAM limits the length of policies:
                two or three fit, depending on their names.
            bucket: Holds bundles under `bundles/` and locks under `locks/`. One with a key of yours needs a grant on
                that key besides.
            instance_role: The instances' role, or one of each environment, passed to new instances where the deployment
                policy makes any.
            deployment_policy: How the environments roll out; of several, the one that replaces most.
            stack_names: Stacks whose outputs the deployer may read. Default: none.
            replacement_key: Text that changes when the environments are renamed, for the metadata of the policies.
                Default: none.
            region: Of the environments. The statements name resources in the region of the deployer's stack, which has
                to be the same. Default: not checked.
            account: Of the environments, likewise. Default: not checked.

        Raises:
            ValueError: With every problem found.
        """
        names = tuple(environment_names)
        roles = instance_role if isinstance(instance_role, Sequence) else [instance_role]
        refuse("DeployPermissions", _problems(application_name, names, tuple(stack_names), roles))
        scope = DeployScope(
            partition=Aws.PARTITION,
            region=Aws.REGION,
            account=Aws.ACCOUNT_ID,
            application_name=application_name,
            environment_names=names,
            bucket_arn=bucket.bucket_arn,
            instance_role_arns=tuple(role.role_arn for role in roles),
            deployment_policy=deployment_policy,
            stack_names=tuple(stack_names),
        )
        # Two policies: together they would exceed the 6,144 characters of a managed policy. Each fits, with the longest
        # names that AWS allows for one environment; both fit the 10,240 that a role has for inline policies.
        self.policies = {"Release": tuple(release_statements(scope)), "Rollout": tuple(rollout_statements(scope))}
        self.statements = (*self.policies["Release"], *self.policies["Rollout"])
        self.replacement_key, self.region, self.account = replacement_key, region, account

    def documents(self, extra: Sequence[iam.PolicyStatement] = ()) -> dict[str, iam.PolicyDocument]:
        """Return new policy documents by the names of `policies`, and one of the extra statements if there are any."""
        documents = {name: _document(statements) for name, statements in self.policies.items()}
        return {**documents, "Extra": iam.PolicyDocument(statements=list(extra))} if extra else documents


def place_problems(permissions: DeployPermissions, what: str, owner: IConstruct) -> Iterator[str]:
    """Check that a deployer's or a bucket's stack is in the account and the region of the environments."""
    for name, wanted in (("account", permissions.account), ("region", permissions.region)):
        here = getattr(Stack.of(owner), name) if known(wanted) else None
        if known(here) and here != wanted:
            yield f"{what} must be in a stack of the environment's {name}, {wanted}, got {here}: move it there"


def _document(statements: Iterable[DeployStatement]) -> iam.PolicyDocument:
    return iam.PolicyDocument.from_json(
        {"Version": "2012-10-17", "Statement": [statement.to_json() for statement in statements]}
    )


def _problems(
    application: str, environments: tuple[str, ...], stacks: tuple[str, ...], roles: Sequence[iam.IRole]
) -> Iterator[str]:
    if not roles:
        yield "instance_role must hold at least one role, got none: give each environment's"
    if is_list_token(stacks):
        yield "stack_names must be known at synth, got a list token: name each"
    if known(application) and (not application or set(application) & _PATTERNS):
        yield f'application_name must be one whole name, got "{application}": write it without wildcards'
    if not environments:
        yield "environment_names must hold at least one name, got none: name what may be updated"
    if is_list_token(environments):
        yield "environment_names must be known at synth, got a list token: name each"
    for name in environments:
        if known(name) and (not name or set(name) & _PATTERNS):
            yield f'environment_names must be whole names, got "{name}": write each without wildcards'
