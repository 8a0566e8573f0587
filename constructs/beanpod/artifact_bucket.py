"""The bucket that holds releases."""

from collections import Counter

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from beanpod._arguments import checked
from beanpod._bucket_keys import BUNDLES
from beanpod._checks import reject
from beanpod._nag import acknowledge


@checked
class ArtifactBucket(Construct):
    """A bucket for bundles (`bundles/`) and for the locks that keep two releases apart (`locks/`).

    Private, encrypted with keys that S3 manages, TLS only. Versioned: a bundle deleted by mistake can be
    restored for 30 days. Bundles never expire by age, since a rollback needs the previous one however old it is:
    the application's version lifecycle deletes them with their versions.

    Access by roles of earlier stacks is in the bucket's own policy: a grant on the role would make that
    stack depend on this one, and close a cycle.

    Attributes:
        bucket: The bucket.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        access_logs_bucket: s3.IBucket | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    ) -> None:
        """Create the bucket.

        Args:
            access_logs_bucket: Receives server access logs under `artifacts/`. Default: no logs; writes are then
                recorded only where CloudTrail logs data events, which it does not by default. Updates in place.
            removal_policy: Default: the bucket outlives its stack, for the bundles of running versions, but not a
                failed creation. With `DESTROY` CloudFormation can remove it only once it is empty. Updates in place.

        Raises:
            ValueError: `SNAPSHOT`, which S3 does not have.
        """
        super().__init__(scope, construct_id)
        if removal_policy == RemovalPolicy.SNAPSHOT:
            reject(self, "removal_policy must not be SNAPSHOT, which S3 does not have: write RemovalPolicy.RETAIN")
        self._sids: Counter[str] = Counter()
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
        self._bundles = [self.bucket.arn_for_objects(f"{BUNDLES}*")]
        if access_logs_bucket is None:
            reason = "Bundles are reproducible and hold no secret. CloudTrail can log who writes them, as data events."
            acknowledge(self.bucket, {"S1": reason})

    def grant_read_bundles(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee`, such as the instances' role, download bundles: instances do so during a deployment."""
        return self._grant(grantee, "InstancesReadBundles", "s3:GetObject", "s3:GetObjectVersion")

    def grant_delete_bundles(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee`, the service role, delete bundles: Beanstalk deletes a bundle together with its version.

        https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/applications-lifecycle.html
        """
        return self._grant(grantee, "LifecycleDeletesBundles", "s3:DeleteObject")

    def _grant(self, grantee: iam.IGrantable, sid: str, *actions: str) -> iam.Grant:
        # A statement's id is unique in its policy.
        self._sids[sid] += 1
        count = self._sids[sid]
        statement = iam.PolicyStatement(
            sid=sid if count == 1 else f"{sid}{count}",
            actions=list(actions),
            principals=[grantee.grant_principal],
            resources=self._bundles,
        )
        return iam.Grant.add_statement_to_resource_policy(
            grantee=grantee,
            actions=list(actions),
            resource_arns=self._bundles,
            resource=self.bucket,
            statement=statement,
        )
