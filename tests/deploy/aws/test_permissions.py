"""The remedies of missing permissions."""

import pytest

from beanpod.deploy.aws.errors import DeniedError, translated
from beanpod.deploy.aws.permissions import MISSING, missing_action, remedies
from beanpod_emulator.beanstalk.downstream import TABLE
from tests.deploy.aws.test_errors import UPDATE, _refusal

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
    assert isinstance(error, DeniedError)
    assert error.action == "s3:PutBucketPolicy"
    assert str(error) == (
        f"these credentials lack the permission s3:PutBucketPolicy, which {UPDATE} needs: Elastic Beanstalk's policy "
        "of its bucket lacks the role of these instances: do not grant it to CI, which could then open the bucket to "
        "anybody: let an administrator run beanpod deploy once, after which it is not needed again: "
        f"{_BUCKET_POLICY}"
    )


def test_a_permission_that_an_event_names_has_a_statement_to_add() -> None:
    (remedy,) = remedies([_STACK, "Failed to deploy application.", _STACK])
    assert remedy == (
        "cloudformation:UpdateStack: the stack behind the environment is updated with the release: an administrator "
        "adds it once, as extra_statements of the DeployUser or GitHubDeployRole in stacks/delivery.py: "
        "cloudformation:UpdateStack on arn:aws:cloudformation:REGION:ACCOUNT:stack/awseb-e-*"
    )


@pytest.mark.parametrize("text", ['s3:GetObject on resource: "arn:aws:s3:::artifacts/bundles/a.zip"', "ec2:Odd"])
def test_a_permission_of_the_delivery_stack_has_that_remedy(text: str) -> None:
    (remedy,) = remedies([f"User: ci is not authorized to perform: {text}"])
    assert remedy.endswith(": deploy the Delivery stack again (beanpod cdk deploy), or grant it")


@pytest.mark.parametrize(
    ("text", "action"),
    [(_BUCKET_POLICY, "s3:PutBucketPolicy"), (_STACK, "cloudformation:UpdateStack"), ("Access Denied", None)],
)
def test_the_missing_action_is_parsed(text: str, action: str | None) -> None:
    assert missing_action(text) == action
