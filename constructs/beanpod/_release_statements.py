"""What a deployer calls itself, Beanstalk and S3, statement by statement, each with its reason.

`UpdateEnvironment` uses its caller's permissions on everything it touches: see `_rollout_statements`.
"""

from collections.abc import Iterator

from beanpod._deploy_scope import DeployScope, DeployStatement

BUNDLES = "bundles/"
LOCKS = "locks/"


def release_statements(scope: DeployScope) -> Iterator[DeployStatement]:
    """The statements that every deployment policy needs."""
    yield from _beanstalk(scope)
    yield from _artifacts(scope)
    if scope.stack_names:
        yield _outputs(scope)


def _beanstalk(scope: DeployScope) -> Iterator[DeployStatement]:
    yield DeployStatement(
        sid="ReleaseVersion",
        actions=("elasticbeanstalk:CreateApplicationVersion", "elasticbeanstalk:DescribeApplicationVersions"),
        resources=(scope.application, scope.versions),
        why="A release is a version of this application. Its label comes from its content, so any label is open.",
    )
    yield DeployStatement(
        sid="TagVersion",
        actions=("elasticbeanstalk:AddTags",),
        resources=(scope.versions,),
        why="A version has tags with its commit and CI run; creating it with tags requires this too.",
    )
    yield DeployStatement(
        sid="DeployVersion",
        actions=(
            "elasticbeanstalk:UpdateEnvironment",
            "elasticbeanstalk:DescribeEnvironments",
            "elasticbeanstalk:DescribeEnvironmentHealth",
            "elasticbeanstalk:DescribeInstancesHealth",
        ),
        resources=scope.environments,
        why="Deploys a version to these environments, rolls it back, and reads their health.",
    )
    yield DeployStatement(
        sid="StopDeployment",
        actions=("elasticbeanstalk:AbortEnvironmentUpdate",),
        resources=(scope.application, *scope.environments),
        why="Aborts a failing deployment. AWS's pages disagree whether the resource is the environment or the "
        "application.",
    )
    yield DeployStatement(
        sid="ReadEvents",
        actions=("elasticbeanstalk:DescribeEvents",),
        resources=(scope.application, scope.versions, *scope.environments),
        why="Shows the progress and the reason of a failure.",
    )


def _artifacts(scope: DeployScope) -> Iterator[DeployStatement]:
    yield DeployStatement(
        sid="StoreBundles",
        actions=(
            "s3:PutObject",
            "s3:GetObject",
            "s3:GetObjectVersion",
            "s3:GetObjectAcl",
            "s3:GetObjectVersionAcl",
        ),
        resources=(f"{scope.bucket_arn}/{BUNDLES}*",),
        why="Uploads a release's bundle. Beanstalk reads it and its ACL as the caller (`eb-tracker.md` of "
        "DevHead-LLC/RisingPunk). CI cannot delete bundles.",
    )
    yield DeployStatement(
        sid="HoldLocks",
        actions=("s3:PutObject", "s3:GetObject"),
        resources=(f"{scope.bucket_arn}/{LOCKS}*",),
        why="The lock: one release at a time. The deployer that writes it first continues, and writes to it when it "
        "is done.",
    )
    yield DeployStatement(
        sid="FindBundles",
        actions=("s3:ListBucket", "s3:GetBucketLocation"),
        resources=(scope.bucket_arn,),
        why="Without ListBucket, S3 answers 403 instead of 404 for a bundle that is not there yet.",
    )


def _outputs(scope: DeployScope) -> DeployStatement:
    return DeployStatement(
        sid="ReadOutputs",
        actions=("cloudformation:DescribeStacks",),
        resources=tuple(scope.arn("cloudformation", f"stack/{name}/*") for name in scope.stack_names),
        why="The names of application, environment and bucket are outputs of these stacks.",
    )
