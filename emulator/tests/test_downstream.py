"""The deployer's policy and the permissions that UpdateEnvironment requires, for each deployment policy."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from beanpod._deploy_statements import DeployScope, release_statements, rollout_statements
from beanpod._settings import DeploymentPolicy
from beanpod_emulator import EmbeddedAws
from beanpod_emulator.beanstalk.downstream import TABLE
from emulator.tests.clients import Clients, Emulators, client, option

KINDS = [
    ("LoadBalanced", "AllAtOnce"),
    ("LoadBalanced", "Rolling"),
    ("LoadBalanced", "RollingWithAdditionalBatch"),
    ("LoadBalanced", "Immutable"),
    ("LoadBalanced", "TrafficSplitting"),
    ("SingleInstance", "AllAtOnce"),
    ("SingleInstance", "Immutable"),
]
every_kind = pytest.mark.parametrize(("environment_type", "policy"), KINDS)


def required(*, disputed: bool) -> list[tuple[str, tuple[str, str]]]:
    """Each action of the table, with the first kind of environment that requires it."""
    found: dict[str, tuple[str, str]] = {}
    for environment_type, policy in KINDS:
        balanced = environment_type == "LoadBalanced"
        for row in TABLE:
            if policy in row.policies and row.disputed is disputed and (balanced or not row.balanced):
                found.setdefault(row.action, (environment_type, policy))
    return list(found.items())


@pytest.fixture(scope="module")
def aws(emulators: Emulators) -> EmbeddedAws:
    return emulators(enforce_iam=True)


class Deployer:
    """Deploys to one environment with the policy that deployers get for it, or with a changed one."""

    def __init__(self, aws: EmbeddedAws, clients: Clients, environment_type: str, policy: str) -> None:
        self._clients = clients
        self.name = f"{environment_type}-{policy}".lower()[:40].rstrip("-")
        self._bucket = f"artifacts-{self.name}"
        clients("s3").create_bucket(Bucket=self._bucket)
        clients("s3").put_object(Bucket=self._bucket, Key=f"bundles/{self.name}/v1.zip", Body=b"zip")
        clients.launch(
            self.name,
            option("aws:elasticbeanstalk:environment", "EnvironmentType", environment_type),
            option("aws:elasticbeanstalk:environment", "LoadBalancerType", "application"),
            option("aws:elasticbeanstalk:command", "DeploymentPolicy", policy),
            application=self.name,
        )
        self._scope = DeployScope(
            partition="aws",
            region="us-east-1",
            account="123456789012",
            application_name=self.name,
            environment_names=(self.name,),
            bucket_arn=f"arn:aws:s3:::{self._bucket}",
            instance_role_arns=("arn:aws:iam::123456789012:role/web",),
            deployment_policy=DeploymentPolicy(policy),
        )
        self._beanstalk = client(aws, "elasticbeanstalk", **clients.user(self.name))
        self._labels = 0

    @property
    def statements(self) -> list[dict[str, Any]]:
        return [it.to_json() for it in (*release_statements(self._scope), *rollout_statements(self._scope))]

    def errors(self, statements: list[dict[str, Any]]) -> list[str]:
        """What a deployment with these statements is refused for, by the call or by an event; [] where it succeeds."""
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self._clients("iam").put_user_policy(UserName=self.name, PolicyName="deploys", PolicyDocument=document)
        self._labels += 1
        version = {"ApplicationName": self.name, "VersionLabel": f"v{self._labels}"}
        bundle = {"S3Bucket": self._bucket, "S3Key": f"bundles/{self.name}/v1.zip"}
        # What is asked of the caller for a version has tests of its own.
        self._clients("elasticbeanstalk").create_application_version(**version, SourceBundle=bundle)
        try:
            answer = self._beanstalk.update_environment(EnvironmentName=self.name, VersionLabel=version["VersionLabel"])
        except ClientError as refused:
            return [str(refused)]
        errors = self._clients.errors(RequestId=answer["ResponseMetadata"]["RequestId"])
        deployed = self._clients.environment(self.name)["VersionLabel"] == version["VersionLabel"]
        assert deployed is not bool(errors)
        return errors


@pytest.fixture(scope="module")
def deployers(aws: EmbeddedAws, clients: Clients) -> dict[tuple[str, str], Deployer]:
    trust = {"Version": "2012-10-17", "Statement": []}
    clients("iam").create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(trust))
    clients("iam").add_role_to_instance_profile(InstanceProfileName=clients.instance_profile, RoleName="web")
    return {kind: Deployer(aws, clients, *kind) for kind in KINDS}


@every_kind
def test_the_deployers_policy_allows_every_required_permission(
    deployers: dict[tuple[str, str], Deployer], environment_type: str, policy: str
) -> None:
    deployer = deployers[environment_type, policy]
    assert deployer.errors(deployer.statements) == []


@pytest.mark.parametrize(("action", "kind"), required(disputed=False))
def test_a_missing_permission_fails_the_update(
    deployers: dict[tuple[str, str], Deployer], action: str, kind: tuple[str, str]
) -> None:
    deployer = deployers[kind]
    errors = deployer.errors([*deployer.statements, {"Effect": "Deny", "Action": action, "Resource": "*"}])
    assert [text for text in errors if action in text]


@pytest.mark.parametrize(("action", "kind"), required(disputed=True))
def test_disputed_permissions_are_required_by_a_fault_only(
    aws: EmbeddedAws, deployers: dict[tuple[str, str], Deployer], action: str, kind: tuple[str, str]
) -> None:
    deployer = deployers[kind]
    aws.inject_fault("requires-permission", permission=action, environment=deployer.name, times=2)
    assert [text for text in deployer.errors(deployer.statements) if action in text]
    assert deployer.errors([*deployer.statements, {"Effect": "Allow", "Action": action, "Resource": "*"}]) == []


def test_a_fault_can_require_any_permission(aws: EmbeddedAws, deployers: dict[tuple[str, str], Deployer]) -> None:
    deployer = deployers["SingleInstance", "AllAtOnce"]
    aws.inject_fault("requires-permission", permission="ec2:AllocateAddress", environment=deployer.name)
    assert "ec2:AllocateAddress" in deployer.errors(deployer.statements)[-1]
