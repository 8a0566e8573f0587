"""What AWS looks for in one account and region: the app may have it in another, and synthesises all the same."""

import json

import pytest
from aws_cdk import App, Environment, Stack, Stage
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Template

from beanpod import (
    Application,
    ArtifactBucket,
    Database,
    DatabaseEngine,
    DeployUser,
    DockerService,
    Domain,
    GitHubDeployRole,
    LoadBalancerSettings,
    ServiceNetwork,
    ServiceRole,
)
from tests.constructs.databases import existing_database
from tests.constructs.environments import balanced_environment, new_environment
from tests.constructs.imported import IRELAND

ACCOUNT, OTHER = "123456789012", "210987654321"
ELSEWHERE = r"must be in the stack's region, eu-west-1, got one in us-east-1"


def stack(app: App | Stage, region: str = "eu-west-1", account: str = ACCOUNT) -> Stack:
    return Stack(app, f"{region}-{account}", env=Environment(account=account, region=region))


def test_a_network_is_in_the_region_of_what_is_placed_in_it() -> None:
    app = App()
    here, network = stack(app), ServiceNetwork(stack(app, "us-east-1"), "Network")
    with pytest.raises(ValueError, match=f"vpc {ELSEWHERE}"):
        balanced_environment(here, network)
    with pytest.raises(ValueError, match=f"vpc {ELSEWHERE}"):
        Database(here, "Database", vpc=network.vpc, engine=DatabaseEngine.mysql("8.4"))
    with pytest.raises(ValueError, match=f"vpc {ELSEWHERE}"):
        DockerService(here, "Shop", vpc=network.vpc)


def test_an_application_is_in_the_region_of_its_environments() -> None:
    app = App()
    here, there = stack(app), stack(app, "us-east-1")
    application = Application(there, "Application", service_role=ServiceRole(there, "Role").role)
    with pytest.raises(ValueError, match=f"application {ELSEWHERE}"):
        new_environment(here, application=application)
    named = Application.from_application_name(there, "Named", "shop")
    new_environment(here, "Other", application=named)


def test_the_key_of_a_database_is_in_its_region() -> None:
    app = App()
    here, key = stack(app), kms.Key(stack(app, "us-east-1"), "Key")
    engine, vpc = DatabaseEngine.mysql("8.4"), ServiceNetwork(here, "Network").vpc
    with pytest.raises(ValueError, match=f"encryption_key {ELSEWHERE}"):
        Database(here, "Database", vpc=vpc, engine=engine, encryption_key=key)
    # A replica of a key of several regions has an ARN, and no stack.
    replica = kms.Key.from_key_arn(here, "Replica", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/mrk-1")
    Database(here, "Other", vpc=vpc, engine=engine, encryption_key=replica)


def test_a_bucket_for_access_logs_is_in_the_region_of_the_load_balancer() -> None:
    here = stack(App())
    network = ServiceNetwork(here, "Network")
    logs = s3.Bucket.from_bucket_attributes(here, "Logs", bucket_name="logs", region="us-east-1")
    with pytest.raises(ValueError, match=f"load_balancer.access_logs_bucket {ELSEWHERE}"):
        balanced_environment(here, network, load_balancer=LoadBalancerSettings(access_logs_bucket=logs))
    named = s3.Bucket.from_bucket_name(here, "Named", "logs")
    balanced_environment(here, network, "Other", load_balancer=LoadBalancerSettings(access_logs_bucket=named))


def test_a_certificate_of_the_app_is_in_the_region_of_the_load_balancer() -> None:
    app = App()
    here, there = stack(app), stack(app, "us-east-1")
    certificate = acm.Certificate(there, "Certificate", domain_name="shop.example.com")
    with pytest.raises(ValueError, match=f"domain.certificate {ELSEWHERE}"):
        balanced_environment(here, domain=Domain(name="shop.example.com", certificate=certificate))


def test_a_hosted_zone_of_the_app_is_in_the_account_of_the_records() -> None:
    app = App()
    zone = route53.HostedZone(stack(app, account=OTHER), "Zone", zone_name="example.com")
    words = f"domain.hosted_zone must be in the stack's account, {ACCOUNT}, got one in {OTHER}"
    with pytest.raises(ValueError, match=words):
        balanced_environment(stack(app), domain=Domain(name="shop.example.com", hosted_zone=zone))
    # Route 53 has no regions.
    far = route53.HostedZone(stack(app, "us-east-1"), "Zone", zone_name="example.com")
    balanced_environment(Stack(app, "Far", env=IRELAND), domain=Domain(name="a.example.com", hosted_zone=far))


@pytest.mark.parametrize(
    ("elsewhere", "words"),
    [
        ({"account": OTHER}, f"environment's account, {ACCOUNT}, got {OTHER}: move it there"),
        ({"region": "us-east-1"}, "environment's region, eu-west-1, got us-east-1: move it there"),
    ],
    ids=["account", "region"],
)
def test_a_deployer_and_the_bucket_are_where_the_environment_is(elsewhere: dict[str, str], words: str) -> None:
    app = App()
    here, there = stack(app), stack(app, **elsewhere)
    environment = new_environment(here, environment_name="shop")
    allowed = environment.deploy_permissions(ArtifactBucket(here, "Artifacts"))
    with pytest.raises(ValueError, match=f"a deployer must be in a stack of the {words}"):
        DeployUser(there, "User", permissions=allowed)
    with pytest.raises(ValueError, match=f"a deployer must be in a stack of the {words}"):
        GitHubDeployRole(there, "Role", permissions=allowed, repository="ada/shop", branch="main")
    with pytest.raises(ValueError, match=f"the bucket of the bundles must be in a stack of the {words}"):
        environment.deploy_permissions(ArtifactBucket(there, "Artifacts"))
    DeployUser(here, "User", permissions=allowed)


def test_an_account_has_one_provider_of_github_in_all_stages() -> None:
    app = App()
    dev, prod, other = (Stage(app, name) for name in ("Dev", "Prod", "Other"))
    DockerService(stack(dev), "Shop", github_repository="ada/shop")
    DockerService(stack(other, account=OTHER), "Shop", github_repository="ada/shop")
    with pytest.raises(
        ValueError, match=f"provider must be given, since Dev/.* makes the only one of account {ACCOUNT}"
    ):
        DockerService(stack(prod), "Shop", github_repository="ada/shop")
    unknown = [Stack(Stage(app, name), "Shop") for name in ("One", "Two")]
    for scope in unknown:
        DockerService(scope, "Shop", github_repository="ada/shop")


@pytest.mark.parametrize("regions", [("eu-west-1", "us-east-1"), (None, "us-east-1")])
def test_services_in_two_regions_share_the_provider_of_their_account(regions: tuple[str | None, str]) -> None:
    app = App()
    first, second = (Stack(app, f"Shop{place}", env=Environment(region=it)) for place, it in enumerate(regions))
    for here in (first, second):
        DockerService(here, "Shop", github_repository="ada/shop")
    # By its ARN, without the Lambda functions that hand a reference to another region.
    template = Template.from_stack(second)
    assert not [kind for kind in kinds(template) if kind.startswith("Custom::") or "OIDC" in kind]
    arn = ":oidc-provider/token.actions.githubusercontent.com"
    assert arn in json.dumps(template.find_resources("AWS::IAM::Role"))
    assert first in second.dependencies
    assert not [kind for kind in kinds(Template.from_stack(first)) if kind.startswith("Custom::")]


def kinds(template: Template) -> set[str]:
    return {resource["Type"] for resource in template.to_json()["Resources"].values()}


def test_a_metric_is_read_from_the_account_and_region_of_its_environment() -> None:
    app = App()
    metric = new_environment(stack(app), environment_name="shop").metric_environment_health()
    there, here = stack(app, "us-east-1"), Stack(app, "Here", env=IRELAND)
    with pytest.raises(RuntimeError, match="Cannot create an Alarm in region"):
        metric.create_alarm(there, "Alarm", threshold=1, evaluation_periods=1)
    metric.create_alarm(here, "Alarm", threshold=1, evaluation_periods=1)
    dashboards = Stack(app, "Dashboards", env=Environment(account=ACCOUNT, region="us-west-2"))
    cloudwatch.Dashboard(dashboards, "Dashboard", widgets=[[cloudwatch.GraphWidget(left=[metric])]])
    (body,) = Template.from_stack(dashboards).find_resources("AWS::CloudWatch::Dashboard").values()
    # Both are written out, also for a dashboard of another account.
    place = f'\\"accountId\\":\\"{ACCOUNT}\\",\\"region\\":\\"eu-west-1\\"'
    assert place in json.dumps(body).replace('\\\\"', '\\"')
    (alarm,) = Template.from_stack(here).find_resources("AWS::CloudWatch::Alarm").values()
    assert "Metrics" not in alarm["Properties"]


def test_a_metric_of_another_place_is_asked_for_by_name() -> None:
    metric = new_environment(stack(App())).metric_environment_health(region="us-west-2", account=OTHER)
    assert (metric.region, metric.account) == ("us-west-2", OTHER)


@pytest.mark.parametrize(
    ("elsewhere", "words"),
    [
        ({"account": OTHER}, f"account, {ACCOUNT}, got eu-west-1-{OTHER}/Database in {OTHER}: make both"),
        ({"region": "us-east-1"}, f"region, eu-west-1, got us-east-1-{ACCOUNT}/Database in us-east-1: make both"),
    ],
    ids=["account", "region"],
)
def test_a_database_is_where_its_environment_is(elsewhere: dict[str, str], words: str) -> None:
    app = App()
    here, there = stack(app), stack(app, **elsewhere)
    database = Database(there, "Database", vpc=ec2.Vpc(there, "Vpc"), engine=DatabaseEngine.mysql("8.4"))
    with pytest.raises(ValueError, match=words):
        DockerService(here, "Service", vpc=ec2.Vpc(here, "Vpc"), database=database)
    with pytest.raises(ValueError, match=words):
        new_environment(here).use_database(database)


@pytest.mark.parametrize("elsewhere", [{"account": OTHER}, {"region": "us-east-1"}], ids=["account", "region"])
def test_the_secret_of_an_imported_database_is_where_its_environment_is(elsewhere: dict[str, str]) -> None:
    app = App()
    here = stack(app)
    database = existing_database(here, secret=secretsmanager.Secret(stack(app, **elsewhere), "Password"))
    with pytest.raises(ValueError, match=r"database must be in the stack's (account|region), .*/Password in "):
        new_environment(here).use_database(database)


def test_an_imported_database_may_have_a_secret_of_another_account() -> None:
    here = stack(App())
    arn = f"arn:aws:secretsmanager:eu-west-1:{OTHER}:secret:db-AbCdEf"
    # Its policy, and its key's, may let this account read it.
    secret = secretsmanager.Secret.from_secret_complete_arn(here, "Password", arn)
    new_environment(here).use_database(existing_database(here, secret=secret))
