"""The bucket that holds releases."""

from functools import cached_property

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from beanpod._arguments import checked
from beanpod._release_statements import BUNDLES


@checked
class ArtifactBucket(Construct):
    """A bucket for bundles (`bundles/`) and for the locks that keep two releases apart (`locks/`).

    Private, encrypted with keys that S3 manages, TLS only. Versioned: a bundle deleted by mistake can be
    restored for 30 days. Bundles never expire by age, since a rollback needs the previous one however old it is:
    the application's version lifecycle deletes them with their versions.

    Access by roles of earlier stacks is in the bucket's own policy: a grant on the role would make that
    stack depend on this one, and close a cycle.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        access_logs_bucket: s3.IBucket | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        """Create the bucket.

        Args:
            access_logs_bucket: Receives server access logs under `artifacts/`. Default: no logs; who writes an object
                is then on record only where CloudTrail logs data events, which it does not by default. Updates in
                place.
            removal_policy: Default: the bucket outlives its stack, for the bundles of running versions. With `DESTROY`
                CloudFormation can remove it only once it is empty. Updates in place.
        """
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Resource",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="TidyUp",
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                    noncurrent_version_expiration=Duration.days(30),
                    expired_object_delete_marker=True,
                )
            ],
            server_access_logs_bucket=access_logs_bucket,
            server_access_logs_prefix="artifacts/" if access_logs_bucket else None,
            removal_policy=removal_policy,
        )
        if access_logs_bucket is None:
            reason = "Bundles are reproducible and hold no secret. CloudTrail can log who writes them, as data events."
            Validations.of(self.bucket).acknowledge(Acknowledgment(id="AwsSolutions-S1", reason=reason))

    def grant_instances(self, role: iam.IRole) -> None:
        """Let instances read bundles, which they fetch themselves during a deployment."""
        self._allow(role, "InstancesReadBundles", "s3:GetObject", "s3:GetObjectVersion")

    def grant_version_lifecycle(self, service_role: iam.IRole) -> None:
        """Let Beanstalk delete a bundle together with its version.

        https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/applications-lifecycle.html
        """
        self._allow(service_role, "LifecycleDeletesBundles", "s3:DeleteObject")

    def _allow(self, role: iam.IRole, sid: str, *actions: str) -> None:
        statement = {
            "Sid": sid,
            "Effect": "Allow",
            # By ARN: CDK turns a role that is a principal itself into a grant on that role's side.
            "Principal": {"AWS": role.role_arn},
            "Action": list(actions),
            "Resource": f"{self.bucket.bucket_arn}/{BUNDLES}*",
        }
        self._document.add_statements(iam.PolicyStatement.from_json(statement))

    @cached_property
    def _document(self) -> iam.PolicyDocument:
        """Of the policy that `enforce_ssl` made."""
        policy = self.bucket.policy
        assert policy is not None
        return policy.document
