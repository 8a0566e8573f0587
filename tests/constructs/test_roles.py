"""ServiceRole and InstanceRole: permissions of Beanstalk and of the instances."""

import pytest
from aws_cdk import App, CfnParameter, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Match, Template

from beanpod.roles import InstanceRole, ServiceRole
from tests.constructs.environments import new_environment

ROLE = "AWS::IAM::Role"
PROFILE = "AWS::IAM::InstanceProfile"


def managed(name: str) -> dict[str, object]:
    return {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, f":iam::aws:policy/{name}"]]}


@pytest.fixture(scope="module")
def template() -> Template:
    stack = Stack(App(), "Roles")
    s3.Bucket.from_bucket_name(stack, "Releases", "releases").grant_delete(ServiceRole(stack, "Service"))
    InstanceRole(stack, "Plain")
    shell = InstanceRole(stack, "Shell", session_manager=True)
    s3.Bucket(stack, "Uploads").grant_read(shell)
    existing = iam.Role.from_role_arn(stack, "Existing", "arn:aws:iam::123456789012:role/team/instances")
    InstanceRole(stack, "Brought", role=existing)
    return Template.from_stack(stack)


def test_only_beanstalk_may_assume_the_service_role(template: Template) -> None:
    trust = {
        "Statement": [
            {
                "Action": "sts:AssumeRole",
                "Effect": "Allow",
                "Principal": {"Service": "elasticbeanstalk.amazonaws.com"},
                "Condition": {"StringEquals": {"sts:ExternalId": "elasticbeanstalk"}},
            }
        ],
        "Version": "2012-10-17",
    }
    template.resource_properties_count_is(ROLE, Match.object_like({"AssumeRolePolicyDocument": trust}), 1)


def test_service_role_watches_health_and_updates_platforms(template: Template) -> None:
    policies = [
        managed("service-role/AWSElasticBeanstalkEnhancedHealth"),
        managed("AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy"),
    ]
    template.has_resource_properties(ROLE, {"ManagedPolicyArns": policies})


def test_instances_get_the_web_tier_and_a_shell_only_on_request(template: Template) -> None:
    web, shell = managed("AWSElasticBeanstalkWebTier"), managed("AmazonSSMManagedInstanceCore")
    for arns in ([web], [web, shell]):
        template.resource_properties_count_is(ROLE, Match.object_like({"ManagedPolicyArns": arns}), 1)


def test_instances_cannot_buy_in_the_marketplace(template: Template) -> None:
    denial = {
        "Action": ["aws-marketplace:Subscribe", "aws-marketplace:Unsubscribe"],
        "Effect": "Deny",
        "Resource": "*",
        "Sid": "NoPurchases",
    }
    policy = {"PolicyDocument": {"Statement": [denial], "Version": "2012-10-17"}, "PolicyName": "NoPurchases"}
    template.resource_properties_count_is(ROLE, Match.object_like({"Policies": [policy]}), 2)


def test_every_instance_role_has_an_instance_profile_and_a_given_one_nothing_else(template: Template) -> None:
    template.resource_count_is(PROFILE, 3)
    template.resource_count_is(ROLE, 3)
    template.has_resource_properties(PROFILE, {"Roles": ["instances"]})


@pytest.mark.parametrize(
    ("role", "actions"), [("Shell", ["s3:GetObject*", "s3:GetBucket*", "s3:List*"]), ("Service", "s3:DeleteObject*")]
)
def test_permissions_are_added_with_grants(template: Template, role: str, actions: str | list[str]) -> None:
    document = {"Statement": [Match.object_like({"Action": actions})]}
    roles = [{"Ref": Match.string_like_regexp(f"^{role}")}]
    template.has_resource_properties("AWS::IAM::Policy", {"PolicyDocument": document, "Roles": roles})


def test_session_manager_is_refused_with_a_role_of_yours() -> None:
    stack = Stack(App(), "Refused")
    role = iam.Role.from_role_name(stack, "Existing", "instances")
    with pytest.raises(ValueError, match=r"session_manager must be left out with a role of yours, got True: attach"):
        InstanceRole(stack, "Instances", role=role, session_manager=True)


def test_roles_of_yours_trust_those_that_assume_them() -> None:
    stack = Stack(App(), "Roles")
    beanstalk, ec2 = (
        iam.Role(stack, name, assumed_by=iam.ServicePrincipal(f"{name}.amazonaws.com"))
        for name in ("elasticbeanstalk", "ec2")
    )
    # Taken for each other.
    new_environment(stack, service_role=ec2, instance_role=beanstalk)
    with pytest.raises(RuntimeError, match="Validation failed") as caught:
        Template.from_stack(stack)
    for words in (
        'service_role must be assumed by elasticbeanstalk.amazonaws.com, and Roles/ec2 trusts "ec2.amazonaws.com"',
        'role must be assumed by ec2.amazonaws.com, and Roles/elasticbeanstalk trusts "elasticbeanstalk.amazonaws.com"',
    ):
        assert words in str(caught.value)


def test_a_role_may_trust_more_and_later_and_by_a_token() -> None:
    stack = Stack(App(), "Roles")
    both = iam.CompositePrincipal(
        iam.ServicePrincipal("lambda.amazonaws.com"), iam.ServicePrincipal("elasticbeanstalk.amazonaws.com")
    )
    service, later, unknown = (
        iam.Role(stack, name, assumed_by=principal)
        for name, principal in {
            "Service": both,
            "Later": iam.ServicePrincipal("lambda.amazonaws.com"),
            "Unknown": iam.ServicePrincipal(CfnParameter(stack, "Principal").value_as_string),
        }.items()
    )
    new_environment(stack, service_role=service, instance_role=later)
    InstanceRole(stack, "ByToken", role=unknown)
    assert later.assume_role_policy is not None
    later.assume_role_policy.add_statements(
        iam.PolicyStatement(actions=["sts:AssumeRole"], principals=[iam.ServicePrincipal("ec2.amazonaws.com")])
    )
    Template.from_stack(stack)
