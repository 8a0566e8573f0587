"""Elastic Beanstalk's API, with boto3."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.tests.clients import DOCKER, PROFILE_OPTION, Clients, error, option

VARIABLES = "aws:elasticbeanstalk:application:environment"
NETWORK = "aws:elasticbeanstalk:environment"


@pytest.fixture(scope="module")
def beanstalk(clients: Clients) -> Any:
    beanstalk = clients("elasticbeanstalk")
    beanstalk.create_application(ApplicationName="guestbook")
    return beanstalk


@pytest.fixture
def environment(clients: Clients, beanstalk: Any) -> Iterator[str]:
    _create(clients, "guestbook-dev")
    yield "guestbook-dev"
    if _find(beanstalk, "guestbook-dev"):
        beanstalk.terminate_environment(EnvironmentName="guestbook-dev")


def _create(clients: Clients, name: str, *settings: dict[str, str], **more: Any) -> dict[str, Any]:
    created: dict[str, Any] = clients("elasticbeanstalk").create_environment(
        ApplicationName="guestbook",
        EnvironmentName=name,
        OptionSettings=[option(*PROFILE_OPTION, clients.instance_profile), *settings],
        **({"PlatformArn": DOCKER} | more),
    )
    return created


def _find(beanstalk: Any, name: str) -> dict[str, Any]:
    found = beanstalk.describe_environments(EnvironmentNames=[name])["Environments"]
    return dict(found[0]) if found else {}


def _settings(beanstalk: Any, **what: str) -> dict[tuple[str, str], str]:
    found = beanstalk.describe_configuration_settings(ApplicationName="guestbook", **what)
    entries = found["ConfigurationSettings"][0]["OptionSettings"]
    return {(entry["Namespace"], entry["OptionName"]): entry["Value"] for entry in entries}


def test_launches_an_environment_with_the_sample_application(clients: Clients, beanstalk: Any) -> None:
    created = _create(clients, "fresh-dev", CNAMEPrefix="fresh", Tags=[{"Key": "team", "Value": "web"}])
    assert (created["Status"], created["Health"]) == ("Launching", "Grey")
    found = _find(beanstalk, "fresh-dev")
    assert (found["Status"], found["Health"], found["HealthStatus"]) == ("Ready", "Green", "Ok")
    assert found["VersionLabel"] == "Sample Application"
    assert found["CNAME"] == "fresh.us-east-1.elasticbeanstalk.com"
    assert found["EndpointURL"].endswith(".us-east-1.elb.amazonaws.com")
    assert found["PlatformArn"].startswith(f"{DOCKER}/")
    assert found["SolutionStackName"].startswith("64bit Amazon Linux 2023 v4.")
    tags = beanstalk.list_tags_for_resource(ResourceArn=found["EnvironmentArn"])["ResourceTags"]
    assert {"Key": "team", "Value": "web"} in tags
    assert not beanstalk.check_dns_availability(CNAMEPrefix="fresh")["Available"]
    assert beanstalk.check_dns_availability(CNAMEPrefix="nobodys")["Available"]


def test_the_endpoint_of_a_single_instance_is_an_address(clients: Clients, beanstalk: Any) -> None:
    _create(clients, "single-dev", option(NETWORK, "EnvironmentType", "SingleInstance"))
    assert _find(beanstalk, "single-dev")["EndpointURL"] == "255.255.255.255"
    resources = beanstalk.describe_environment_resources(EnvironmentName="single-dev")["EnvironmentResources"]
    assert resources["LoadBalancers"] == []
    assert len(resources["Instances"]) == 1


def test_is_red_when_the_sample_fails_the_health_check(clients: Clients, beanstalk: Any) -> None:
    _create(
        clients,
        "deep-dev",
        option("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath", "/health"),
        option("aws:autoscaling:asg", "MinSize", "2"),
    )
    assert (_find(beanstalk, "deep-dev")["Status"], _find(beanstalk, "deep-dev")["Health"]) == ("Ready", "Red")
    health = beanstalk.describe_environment_health(EnvironmentName="deep-dev", AttributeNames=["All"])
    assert (health["HealthStatus"], health["InstancesHealth"]["Severe"]) == ("Severe", 2)
    assert "HTTP 4xx" in health["Causes"][0]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ([], "Environment must have instance profile associated with it."),
        ([option(*PROFILE_OPTION, "nobody")], "The instance profile nobody associated"),
        ([option(NETWORK, "ServiceRole", "nobody")], "The service role nobody does not exist"),
        ([option("aws:ec2:vpc", "Subnets", "subnet-0")], "The subnet ID 'subnet-0' does not exist"),
        (
            [option("aws:autoscaling:launchconfiguration", "SecurityGroups", "sg-0")],
            "The security group 'sg-0' does not exist",
        ),
    ],
)
def test_a_failed_launch_ends_terminated(beanstalk: Any, settings: list[dict[str, str]], reason: str) -> None:
    created = beanstalk.create_environment(
        ApplicationName="guestbook", EnvironmentName="doomed", PlatformArn=DOCKER, OptionSettings=settings
    )
    assert _find(beanstalk, "doomed") == {}
    gone = beanstalk.describe_environments(EnvironmentNames=["doomed"], IncludeDeleted=True)["Environments"][-1]
    assert gone["Status"] == "Terminated"
    events = beanstalk.describe_events(EnvironmentId=created["EnvironmentId"], Severity="ERROR")["Events"]
    assert any(reason in event["Message"] for event in events)


def test_deploys_a_version_with_events_of_its_request_id(clients: Clients, beanstalk: Any, environment: str) -> None:
    clients.version("v1")
    updated = beanstalk.update_environment(EnvironmentName=environment, VersionLabel="v1")
    assert (updated["Status"], updated["AbortableOperationInProgress"]) == ("Updating", True)
    assert _find(beanstalk, environment)["VersionLabel"] == "v1"
    request_id = updated["ResponseMetadata"]["RequestId"]
    events = beanstalk.describe_events(RequestId=request_id)["Events"]
    assert [event["Message"] for event in reversed(events)][:2] == [
        "Environment update is starting.",
        "Deploying new version to instance(s).",
    ]
    assert events[0]["Message"] == "Environment update completed successfully."
    instances = beanstalk.describe_instances_health(EnvironmentName=environment, AttributeNames=["All"])
    assert instances["InstanceHealthList"][0]["Deployment"]["VersionLabel"] == "v1"


def test_deletes_only_unused_versions_and_their_bundles_on_request(
    clients: Clients, beanstalk: Any, environment: str
) -> None:
    clients.version("v2")
    beanstalk.update_environment(EnvironmentName=environment, VersionLabel="v2")
    key = {"ApplicationName": "guestbook", "VersionLabel": "v2"}
    with pytest.raises(ClientError) as caught:
        beanstalk.delete_application_version(**key)
    assert "Unable to delete application version v2 because it is still being used" in error(caught)[1]
    beanstalk.terminate_environment(EnvironmentName=environment)
    beanstalk.describe_environments()
    beanstalk.update_application_version(Description="old", **key)
    found = beanstalk.describe_application_versions(ApplicationName="guestbook", VersionLabels=["v2"])
    version = found["ApplicationVersions"][0]
    assert (version["Description"], version["Status"]) == ("old", "UNPROCESSED")
    beanstalk.delete_application_version(DeleteSourceBundle=True, **key)
    bundle = version["SourceBundle"]
    assert not clients.exists("s3", "head_object", Bucket=bundle["S3Bucket"], Key=bundle["S3Key"])


def test_changes_and_removes_options(beanstalk: Any, environment: str) -> None:
    setting = option(VARIABLES, "GREETING", "hello")
    beanstalk.update_environment(EnvironmentName=environment, OptionSettings=[setting])
    assert _settings(beanstalk, EnvironmentName=environment)[VARIABLES, "GREETING"] == "hello"
    beanstalk.update_environment(
        EnvironmentName=environment, OptionsToRemove=[{"Namespace": VARIABLES, "OptionName": "GREETING"}]
    )
    assert (VARIABLES, "GREETING") not in _settings(beanstalk, EnvironmentName=environment)


def test_a_template_has_a_platform_and_settings(clients: Clients, beanstalk: Any) -> None:
    key = {"ApplicationName": "guestbook", "TemplateName": "small"}
    beanstalk.create_configuration_template(
        PlatformArn=DOCKER,
        OptionSettings=[option(*PROFILE_OPTION, clients.instance_profile), option(VARIABLES, "SIZE", "s")],
        **key,
    )
    beanstalk.update_configuration_template(
        OptionSettings=[option(VARIABLES, "COLOUR", "blue")],
        OptionsToRemove=[{"Namespace": VARIABLES, "OptionName": "SIZE"}],
        **key,
    )
    beanstalk.create_environment(ApplicationName="guestbook", EnvironmentName="from-template", TemplateName="small")
    assert _settings(beanstalk, EnvironmentName="from-template")[VARIABLES, "COLOUR"] == "blue"
    assert (VARIABLES, "SIZE") not in _settings(beanstalk, TemplateName="small")
    beanstalk.delete_configuration_template(**key)
    with pytest.raises(ClientError) as caught:
        _settings(beanstalk, TemplateName="small")
    assert error(caught)[1] == "No Configuration Template named 'guestbook/small' found."


@pytest.mark.parametrize(
    ("operation", "request_", "message"),
    [
        ("create_application", {"ApplicationName": "guestbook"}, "Application guestbook already exists."),
        ("create_application", {"ApplicationName": "a/b"}, "must not contain a slash"),
        ("update_application", {"ApplicationName": "nobody"}, "No Application named 'nobody' found."),
        ("update_environment", {"EnvironmentName": "nobody"}, "No Environment found for EnvironmentName = 'nobody'."),
        ("update_environment", {"EnvironmentId": "e-nobody"}, "No Environment found for EnvironmentId = 'e-nobody'."),
        (
            "create_environment",
            {"ApplicationName": "guestbook", "EnvironmentName": "-bad-name-"},
            "It can't start or end with a hyphen",
        ),
        (
            "create_environment",
            {"ApplicationName": "guestbook", "EnvironmentName": "versioned", "VersionLabel": "v99"},
            "No Application Version named 'v99' found.",
        ),
        (
            "create_environment",
            {"ApplicationName": "guestbook", "EnvironmentName": "platformless"},
            "You must specify a platform",
        ),
        (
            "create_environment",
            {"ApplicationName": "guestbook", "EnvironmentName": "strange", "PlatformArn": f"{DOCKER}/0.0.1"},
            "No Platform named",
        ),
        (
            "create_environment",
            {"ApplicationName": "guestbook", "EnvironmentName": "strange", "SolutionStackName": "DOS"},
            "No Solution Stack named 'DOS' found.",
        ),
        (
            "create_configuration_template",
            {"ApplicationName": "guestbook", "TemplateName": "empty"},
            "You must specify a platform",
        ),
        (
            "list_platform_versions",
            {"Filters": [{"Type": "Shoe", "Operator": "=", "Values": ["9"]}]},
            "Filter type Shoe",
        ),
        (
            "list_platform_versions",
            {"Filters": [{"Type": "PlatformVersion", "Operator": "~", "Values": ["9"]}]},
            "Filter operator ~ is not known",
        ),
    ],
)
def test_rejects_requests_for_missing_resources(
    beanstalk: Any, operation: str, request_: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(beanstalk, operation)(**request_)
    assert error(caught)[0] == "InvalidParameterValue"
    assert message in error(caught)[1]


def test_rejects_names_in_use(clients: Clients, beanstalk: Any, environment: str) -> None:
    with pytest.raises(ClientError, match=f"Environment {environment} already exists."):
        _create(clients, environment)
    _create(clients, "named-dev", CNAMEPrefix="taken")
    with pytest.raises(ClientError, match=r"DNS name \(taken.us-east-1.elasticbeanstalk.com\) is not available"):
        _create(clients, "other-dev", CNAMEPrefix="taken")
    clients.version("twice")
    with pytest.raises(ClientError, match="Application Version twice already exists"):
        clients.version("twice")
    beanstalk.create_configuration_template(ApplicationName="guestbook", TemplateName="twice", PlatformArn=DOCKER)
    with pytest.raises(ClientError, match="Configuration Template twice already exists"):
        beanstalk.create_configuration_template(ApplicationName="guestbook", TemplateName="twice", PlatformArn=DOCKER)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (option("aws:elasticbeanstalk:comand", "Timeout", "5"), "Unknown configuration setting"),
        (option("aws:elasticbeanstalk:command", "Timeouts", "5"), "Unknown configuration setting"),
        (option("aws:elasticbeanstalk:command", "DeploymentPolicy", "Sometimes"), "not one of the allowed values"),
        (option("aws:elasticbeanstalk:command", "Timeout", "0"), "less than the allowed minimum: 1"),
        (option("aws:elasticbeanstalk:command", "Timeout", "3601"), "greater than the allowed maximum: 3600"),
        (option("aws:elasticbeanstalk:command", "Timeout", "long"), "is not a number"),
        (option("aws:elasticbeanstalk:cloudwatch:logs", "RetentionInDays", "8"), "not one of the allowed values"),
        (option(VARIABLES, "LONG", "x" * 4096), "4101 bytes, more than the limit of 4096"),
    ],
)
def test_rejects_invalid_options(clients: Clients, beanstalk: Any, setting: dict[str, str], message: str) -> None:
    with pytest.raises(ClientError) as caught:
        _create(clients, "refused-dev", setting)
    assert error(caught)[0] == "ConfigurationValidationException"
    assert message in error(caught)[1]
    found = beanstalk.validate_configuration_settings(ApplicationName="guestbook", OptionSettings=[setting])
    assert message in found["Messages"][0]["Message"]


@pytest.mark.parametrize(
    "setting",
    [
        option("aws:elbv2:listener:443", "Protocol", "HTTPS"),
        option("aws:elbv2:listenerrule:admin", "PathPatterns", "/admin"),
        option("aws:elasticbeanstalk:environment:process:admin", "Port", "81"),
        option("aws:elasticbeanstalk:sns:topics", "Notification Endpoint", "me@example.com"),
        option("aws:elasticbeanstalk:application:environmentsecrets", "KEY", "arn:aws:ssm:us-east-1:1:parameter/x"),
    ],
)
def test_accepts_options_with_custom_names(beanstalk: Any, setting: dict[str, str]) -> None:
    found = beanstalk.validate_configuration_settings(ApplicationName="guestbook", OptionSettings=[setting])
    assert found["Messages"] == []


def test_rejects_an_update_unless_ready(beanstalk: Any, environment: str) -> None:
    beanstalk.restart_app_server(EnvironmentName=environment)
    beanstalk.rebuild_environment(EnvironmentName=environment)
    assert _find(beanstalk, environment)["Status"] == "Ready"
    with pytest.raises(ClientError) as caught:
        beanstalk.abort_environment_update(EnvironmentName=environment)
    assert "is in an invalid state for this operation. Must be pending deployment." in error(caught)[1]


def test_a_terminated_environment_can_be_described_and_its_name_reused(
    clients: Clients, beanstalk: Any, environment: str
) -> None:
    old = beanstalk.terminate_environment(EnvironmentName=environment)
    assert old["Status"] == "Terminating"
    assert _find(beanstalk, environment) == {}
    gone = beanstalk.describe_environments(EnvironmentIds=[old["EnvironmentId"]], IncludeDeleted=True)
    assert gone["Environments"][0]["Status"] == "Terminated"
    assert _create(clients, environment)["EnvironmentId"] != old["EnvironmentId"]


def test_deletes_an_application_with_environments_only_by_force(clients: Clients, beanstalk: Any) -> None:
    beanstalk.create_application(ApplicationName="busy")
    beanstalk.create_environment(
        ApplicationName="busy",
        EnvironmentName="busy-dev",
        PlatformArn=DOCKER,
        OptionSettings=[option(*PROFILE_OPTION, clients.instance_profile)],
    )
    with pytest.raises(ClientError) as caught:
        beanstalk.delete_application(ApplicationName="busy")
    assert error(caught)[1] == "Unable to delete application busy because it has running environments."
    beanstalk.delete_application(ApplicationName="busy", TerminateEnvByForce=True)
    assert _find(beanstalk, "busy-dev") == {}
    assert beanstalk.describe_applications(ApplicationNames=["busy"])["Applications"] == []


def test_updates_lifecycle_and_description_of_an_application(beanstalk: Any) -> None:
    rule = {"Enabled": True, "MaxCount": 20, "DeleteSourceFromS3": True}
    beanstalk.create_application(ApplicationName="kept", Description="first")
    beanstalk.update_application_resource_lifecycle(
        ApplicationName="kept",
        ResourceLifecycleConfig={"ServiceRole": "role", "VersionLifecycleConfig": {"MaxCountRule": rule}},
    )
    beanstalk.update_application(ApplicationName="kept", Description="second")
    application = beanstalk.describe_applications(ApplicationNames=["kept"])["Applications"][0]
    assert application["Description"] == "second"
    config = application["ResourceLifecycleConfig"]["VersionLifecycleConfig"]
    assert (config["MaxCountRule"], config["MaxAgeRule"]["Enabled"]) == (rule, False)


def test_changes_up_to_fifty_tags(beanstalk: Any, environment: str) -> None:
    arn = _find(beanstalk, environment)["EnvironmentArn"]
    beanstalk.update_tags_for_resource(ResourceArn=arn, TagsToAdd=[{"Key": "team", "Value": "web"}])
    beanstalk.update_tags_for_resource(ResourceArn=arn, TagsToRemove=["team"])
    keys = [tag["Key"] for tag in beanstalk.list_tags_for_resource(ResourceArn=arn)["ResourceTags"]]
    assert keys == ["Name", "elasticbeanstalk:environment-id", "elasticbeanstalk:environment-name"]
    with pytest.raises(ClientError) as caught:
        beanstalk.update_tags_for_resource(
            ResourceArn=arn, TagsToAdd=[{"Key": f"k{number}", "Value": "x"} for number in range(48)]
        )
    assert error(caught) == ("TooManyTagsException", "A resource can have 50 tags, got 51: remove some")
    with pytest.raises(ClientError) as caught:
        beanstalk.list_tags_for_resource(ResourceArn=f"{arn}-other")
    assert error(caught)[0] == "ResourceNotFoundException"


def test_lists_platforms_newest_first(beanstalk: Any) -> None:
    branch = "Docker running on 64bit Amazon Linux 2023"
    filters = [{"Type": "PlatformBranchName", "Operator": "=", "Values": [branch]}]
    found = beanstalk.list_platform_versions(Filters=filters)["PlatformSummaryList"]
    assert [platform["PlatformVersion"] for platform in found][:2] == ["4.13.7", "4.13.6"]
    detail = beanstalk.describe_platform_version(PlatformArn=found[1]["PlatformArn"])["PlatformDescription"]
    assert detail["SolutionStackName"] in beanstalk.list_available_solution_stacks()["SolutionStacks"]
    assert branch in [item["BranchName"] for item in beanstalk.list_platform_branches()["PlatformBranchSummaryList"]]
    assert {"aws:autoscaling:asg"} <= {
        item["Namespace"] for item in beanstalk.describe_configuration_options()["Options"]
    }
