"""What AWS refuses, and what to do about it."""

import pytest
from botocore import exceptions as botocore_errors
from botocore.exceptions import ClientError

from beanpod.deploy.aws import AwsError, UnansweredError
from beanpod.deploy.aws.errors import translated
from beanpod.deploy.aws.permissions import MISSING, remedies
from beanpod.deploy.errors import DeployError, UsageError
from beanpod_emulator.beanstalk.downstream import TABLE

UPDATE = "elasticbeanstalk:UpdateEnvironment"


def _refusal(code: str, text: str = "", status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "UpdateEnvironment",
    )


CLOCK = "the clock of this machine is wrong: set it and deploy again"
LACKING = "these credentials lack the permission"
NOT_LOADED = "the AWS credentials could not be loaded"
REMEDY = "run `beanpod cdk deploy --all`, or have an administrator grant it"
DENIED = f"User: arn:aws:iam::1:user/ci is not authorized to perform: {UPDATE}"
SKEWED = "Signature expired: 20261101T120000Z is now earlier than 20261101T141500Z (20261101T142000Z - 5 min.)"
DOWNSTREAM = "not authorized to perform: autoscaling:SuspendProcesses on x"
NEEDED = f"{LACKING} autoscaling:SuspendProcesses, which {UPDATE} needs: {REMEDY}: {DOWNSTREAM}"
ASSUMED = "not authorized to perform: sts:AssumeRole"
NO_ROLE = ClientError({"Error": {"Code": "AccessDenied", "Message": ASSUMED}}, "AssumeRole")
INSUFFICIENT = "InsufficientPrivilegesException"
HEADER = ValueError("Invalid header value b'AWS4-HMAC-SHA256 Credential=id\\n'")
URL = "https://aws.example"
NO_VERSION = "No Application\n  Version named 'x' found."
USAGE_ERRORS: list[tuple[Exception, str]] = [
    (_refusal("ExpiredToken"), "the AWS credentials have expired (ExpiredToken): get new ones"),
    (_refusal("InvalidClientTokenId"), "AWS does not accept these credentials (InvalidClientTokenId): check AWS_ACCES"),
    (_refusal("SignatureDoesNotMatch", SKEWED, 403), f"{CLOCK}: {SKEWED}"),
    (_refusal("RequestTimeTooSkewed", "The difference is too large.", 403), f"{CLOCK}: The difference is too large."),
    (_refusal("AccessDenied", DENIED, 403), f"{LACKING} {UPDATE}: {REMEDY}: {DENIED}"),
    (_refusal(INSUFFICIENT, DOWNSTREAM), NEEDED),
    (_refusal("403", "Forbidden", 403), f"{LACKING} {UPDATE}: {REMEDY}: Forbidden"),
    (NO_ROLE, f"{NOT_LOADED}: {ASSUMED}"),
    (botocore_errors.NoCredentialsError(), "there are no AWS credentials: set AWS_ACCESS_KEY_ID"),
    (botocore_errors.NoRegionError(), "no AWS region: set region in the manifest, or"),
    (botocore_errors.ProfileNotFound(profile="ci"), f"{NOT_LOADED}: The config profile (ci) could not be found"),
    (botocore_errors.ConfigParseError(path="/a/config"), f"{NOT_LOADED}: Unable to parse config file: /a/config"),
    (botocore_errors.InvalidConfigError(error_msg="No profile x"), f"{NOT_LOADED}: No profile x"),
    (
        botocore_errors.InvalidRegionError(region_name="Ireland"),
        "Provided region_name 'Ireland' doesn't match a supported format: set region in the manifest, or",
    ),
    (botocore_errors.UnauthorizedSSOTokenError(), f"{NOT_LOADED}: The SSO session associated with this profile has"),
    (botocore_errors.LoginRefreshRequired(), f"{NOT_LOADED}: Your session has expired or credentials have changed."),
    (
        botocore_errors.HTTPClientError(error=HEADER),
        "the AWS credentials or the region hold a line break: set the variables without one",
    ),
    (EOFError(), f"{NOT_LOADED}: the profile asks for an MFA code, which needs a terminal"),
]
OTHER_ERRORS: list[tuple[Exception, type[DeployError], str]] = [
    (
        _refusal("Throttling", "Rate exceeded", 503),
        UnansweredError,
        f"AWS still refuses {UPDATE} after several attempts (Throttling): try again later",
    ),
    (
        botocore_errors.EndpointConnectionError(endpoint_url=URL),
        UnansweredError,
        f'AWS does not answer {UPDATE}: Could not connect to the endpoint URL: "{URL}": check',
    ),
    (
        _refusal("InvalidParameterValue", NO_VERSION),
        AwsError,
        f"AWS refused {UPDATE}: No Application Version named 'x'",
    ),
    (_refusal("Odd"), AwsError, f"AWS refused {UPDATE}: Odd"),
    (
        botocore_errors.UnknownSignatureVersionError(signature_version="v9"),
        AwsError,
        f"{UPDATE} failed: Unknown Signature Version: v9.",
    ),
    (
        botocore_errors.SSLError(endpoint_url=URL, error=OSError("self-signed")),
        AwsError,
        f"{UPDATE} failed: SSL validation failed for {URL} self-signed: AWS_CA_BUNDLE names",
    ),
]


@pytest.mark.parametrize(
    ("error", "kind", "message"), [*((error, UsageError, message) for error, message in USAGE_ERRORS), *OTHER_ERRORS]
)
def test_each_error_says_what_to_do(error: Exception, kind: type[DeployError], message: str) -> None:
    found = translated(error, UPDATE)
    assert type(found) is kind
    assert str(found).startswith(message)
    assert "\n" not in str(found)


def test_a_refusal_has_the_code_and_text_of_aws() -> None:
    found = translated(_refusal("InvalidParameterValue", "Must be Ready."), UPDATE)
    assert isinstance(found, AwsError)
    assert (found.code, found.text) == ("InvalidParameterValue", "Must be Ready.")


def test_a_call_that_botocore_gave_up_on_is_unanswered() -> None:
    throttled = _refusal("Throttling", "Rate exceeded")
    throttled.response["ResponseMetadata"]["MaxAttemptsReached"] = True  # type: ignore[typeddict-unknown-key]
    assert type(translated(throttled, UPDATE)) is UnansweredError
    assert type(translated(_refusal("InternalFailure", status=500), UPDATE)) is UnansweredError
    certificate = botocore_errors.SSLError(endpoint_url="x", error=OSError("certificate"))
    assert type(translated(certificate, UPDATE)) is AwsError


_BUCKET_POLICY = (
    "You do not have permission to perform the 's3:PutBucketPolicy' action. Verify that your S3 policies and your ACLs "
    "allow you to perform these actions."
)
_STACK = (
    "Service:AmazonCloudFormation, Message:User: arn:aws:iam::1:user/ci is not authorized to perform: "
    "cloudformation:UpdateStack on resource: arn:aws:cloudformation:us-east-1:1:stack/awseb-e-1-stack/2 because no "
    "identity-based policy allows the cloudformation:UpdateStack action"
)


def test_each_permission_that_is_not_granted_has_a_remedy() -> None:
    asked = {row.action for row in TABLE if not row.disputed}
    assert set(MISSING) >= {row.action for row in TABLE if row.disputed}
    # Some are given for one deployment policy and not for another.
    assert set(MISSING) & asked == {"cloudformation:UpdateStack", "cloudformation:CancelUpdateStack", "s3:GetObject"}


def test_the_bucket_policy_is_left_to_an_administrator() -> None:
    error = translated(_refusal("InsufficientPrivilegesException", _BUCKET_POLICY), UPDATE)
    assert isinstance(error, UsageError)
    assert str(error) == (
        f"these credentials lack the permission s3:PutBucketPolicy, which {UPDATE} needs: Elastic Beanstalk's policy "
        "of its bucket lacks the role of these instances: do not grant it to CI, which could then open the bucket to "
        "anybody: let an administrator run `beanpod deploy` once, after which it is not needed again: "
        f"{_BUCKET_POLICY}"
    )


def test_a_permission_that_an_event_names_has_a_statement_to_add() -> None:
    (remedy,) = remedies([_STACK, "Failed to deploy application.", _STACK])
    assert remedy == (
        "cloudformation:UpdateStack: the stack behind the environment is updated with the release: an administrator "
        "adds it once, as extra_statements of add_deploy_user or add_github_deploy_role in stacks/__init__.py, or of "
        "DockerService: "
        "cloudformation:UpdateStack on arn:aws:cloudformation:REGION:ACCOUNT:stack/awseb-e-*"
    )


def test_a_statement_to_add_is_of_the_partition_that_aws_names() -> None:
    caller = "arn:aws-us-gov:iam::1:user/ci"
    (remedy,) = remedies([f"User: {caller} is not authorized to perform: cloudwatch:PutMetricAlarm on resource: *"])
    assert remedy.endswith("cloudwatch:PutMetricAlarm on arn:aws-us-gov:cloudwatch:REGION:ACCOUNT:alarm:awseb-*")


@pytest.mark.parametrize("text", ['s3:GetObject on resource: "arn:aws:s3:::artifacts/bundles/a.zip"', "ec2:Odd"])
def test_a_permission_of_the_delivery_stack_has_that_remedy(text: str) -> None:
    (remedy,) = remedies([f"User: ci is not authorized to perform: {text}"])
    assert remedy.endswith(": run `beanpod cdk deploy --all`, or have an administrator grant it")


@pytest.mark.parametrize(
    "action", ["logs:DescribeLogGroups", "secretsmanager:GetSecretValue", "cloudformation:CreateChangeSet"]
)
def test_what_ci_may_not_do_is_done_with_other_credentials(action: str) -> None:
    (remedy,) = remedies([f"User: ci is not authorized to perform: {action} on resource: *"])
    assert remedy.endswith(": the deploy user may not do this: use credentials of your own that may")
