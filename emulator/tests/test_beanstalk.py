"""Elastic Beanstalk's API, with boto3."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from emulator.tests.clients import DOCKER, PROFILE_OPTION, Clients, option, refusal

VARIABLES = "aws:elasticbeanstalk:application:environment"
NETWORK = "aws:elasticbeanstalk:environment"
TWICE = {"ApplicationName": "guestbook", "TemplateName": "twice"}


@pytest.fixture(scope="module")
def beanstalk(clients: Clients) -> Any:
    beanstalk = clients("elasticbeanstalk")
    beanstalk.create_application(ApplicationName="guestbook")
    clients.launch("named-dev", CNAMEPrefix="taken")
    beanstalk.create_configuration_template(PlatformArn=DOCKER, **TWICE)
    return beanstalk


@pytest.fixture
def environment(clients: Clients, beanstalk: Any) -> Iterator[str]:
    yield clients.launch("guestbook-dev")
    if clients.environment("guestbook-dev"):
        beanstalk.terminate_environment(EnvironmentName="guestbook-dev")


def test_launches_an_environment_with_the_sample_application(clients: Clients, beanstalk: Any) -> None:
    created = beanstalk.create_environment(
        ApplicationName="guestbook",
        EnvironmentName="fresh-dev",
        PlatformArn=DOCKER,
        OptionSettings=[option(*PROFILE_OPTION, clients.instance_profile)],
        CNAMEPrefix="fresh",
        Tags=[{"Key": "team", "Value": "web"}],
    )
    assert (created["Status"], created["Health"]) == ("Launching", "Grey")
    found = clients.environment("fresh-dev")
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
    clients.launch("single-dev", option(NETWORK, "EnvironmentType", "SingleInstance"))
    assert clients.environment("single-dev")["EndpointURL"] == "255.255.255.255"
    resources = beanstalk.describe_environment_resources(EnvironmentName="single-dev")["EnvironmentResources"]
    assert resources["LoadBalancers"] == []
    assert len(resources["Instances"]) == 1


def test_is_red_when_the_sample_fails_the_health_check(clients: Clients, beanstalk: Any) -> None:
    path = option("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath", "/health")
    clients.launch("deep-dev", path, option("aws:autoscaling:asg", "MinSize", "2"))
    found = clients.environment("deep-dev")
    assert (found["Status"], found["Health"]) == ("Ready", "Red")
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
        ([option(PROFILE_OPTION[0], "SecurityGroups", "sg-0")], "The security group 'sg-0' does not exist"),
    ],
)
def test_a_failed_launch_ends_terminated(
    clients: Clients, beanstalk: Any, settings: list[dict[str, str]], reason: str
) -> None:
    created = beanstalk.create_environment(
        ApplicationName="guestbook", EnvironmentName="doomed", PlatformArn=DOCKER, OptionSettings=settings
    )
    assert clients.environment("doomed") == {}
    assert clients.environment("doomed", IncludeDeleted=True)["Status"] == "Terminated"
    assert any(reason in message for message in clients.errors(EnvironmentId=created["EnvironmentId"]))


def test_deletes_only_unused_versions_and_their_bundles_on_request(
    clients: Clients, beanstalk: Any, environment: str
) -> None:
    clients.version("v2")
    beanstalk.update_environment(EnvironmentName=environment, VersionLabel="v2")
    key = {"ApplicationName": "guestbook", "VersionLabel": "v2"}
    _, message = refusal(beanstalk.delete_application_version, **key)
    assert "Unable to delete application version v2 because it is still being used" in message
    beanstalk.terminate_environment(EnvironmentName=environment)
    beanstalk.describe_environments()
    beanstalk.update_application_version(Description="old", **key)
    found = beanstalk.describe_application_versions(ApplicationName="guestbook", VersionLabels=["v2"])
    version = found["ApplicationVersions"][0]
    assert (version["Description"], version["Status"]) == ("old", "UNPROCESSED")
    beanstalk.delete_application_version(DeleteSourceBundle=True, **key)
    bundle = version["SourceBundle"]
    assert not clients.exists("s3", "head_object", Bucket=bundle["S3Bucket"], Key=bundle["S3Key"])


def test_changes_and_removes_options(clients: Clients, beanstalk: Any, environment: str) -> None:
    name = {"EnvironmentName": environment}
    beanstalk.update_environment(**name, OptionSettings=[option(VARIABLES, "GREETING", "hello")])
    assert clients.options(**name)[VARIABLES, "GREETING"] == "hello"
    beanstalk.update_environment(**name, OptionsToRemove=[{"Namespace": VARIABLES, "OptionName": "GREETING"}])
    assert (VARIABLES, "GREETING") not in clients.options(**name)


def test_an_environment_keeps_its_processor(clients: Clients, beanstalk: Any) -> None:
    types = "aws:ec2:instances", "InstanceTypes"
    name = clients.launch("types-dev", option(*types, "t3.micro"))
    beanstalk.update_environment(EnvironmentName=name, OptionSettings=[option(*types, "m7i.large,t3.small")])
    graviton = {"EnvironmentName": name, "OptionSettings": [option(*types, "t4g.micro")]}
    code, message = refusal(beanstalk.update_environment, **graviton)
    assert code == "InvalidParameterValue"
    assert message.startswith("The processor architecture of an environment cannot be changed")
    beanstalk.terminate_environment(EnvironmentName=name)


def test_the_address_follows_the_environment_type_and_a_load_balancer_keeps_its_type(
    clients: Clients, beanstalk: Any
) -> None:
    kind, namespace = "EnvironmentType", "aws:elasticbeanstalk:environment"
    single, seen = [option(namespace, kind, "SingleInstance")], []
    balanced = [option(namespace, kind, "LoadBalanced"), option(namespace, "LoadBalancerType", "application")]
    name = clients.launch("grows", *single)
    for options in (balanced, [option("aws:elbv2:loadbalancer", "IdleTimeout", "61")], single, balanced):
        seen.append(clients.environment(name)["EndpointURL"])
        removed = [{"Namespace": namespace, "OptionName": "LoadBalancerType"}] if options is single else []
        beanstalk.update_environment(EnvironmentName=name, OptionSettings=options, OptionsToRemove=removed)
    assert seen[0] == seen[3] == "255.255.255.255"
    assert seen[1] == seen[2] != seen[0]
    network = {"EnvironmentName": name, "OptionSettings": [option(namespace, "LoadBalancerType", "network")]}
    refused = "LoadBalancerType cannot be changed: from application to network."
    assert refusal(beanstalk.update_environment, **network) == ("InvalidParameterValue", refused)
    beanstalk.terminate_environment(EnvironmentName=name)


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
    assert clients.options(EnvironmentName="from-template")[VARIABLES, "COLOUR"] == "blue"
    assert (VARIABLES, "SIZE") not in clients.options(TemplateName="small")
    beanstalk.delete_configuration_template(**key)
    message = "No Configuration Template named 'guestbook/small' found."
    assert refusal(clients.options, TemplateName="small")[1] == message


NEW = {"ApplicationName": "guestbook", "EnvironmentName": "refused"}
NAMED = NEW | {"EnvironmentName": "named-dev", "PlatformArn": DOCKER}
TEMPLATE = {"ApplicationName": "guestbook", "TemplateName": "empty"}
FILTER = {"Type": "PlatformVersion", "Operator": "=", "Values": ["9"]}


@pytest.mark.parametrize(
    ("operation", "request_", "message"),
    [
        ("create_application", {"ApplicationName": "guestbook"}, "Application guestbook already exists."),
        ("create_environment", NAMED, "Environment named-dev already exists."),
        ("create_environment", NEW | {"PlatformArn": DOCKER, "CNAMEPrefix": "taken"},
         "DNS name (taken.us-east-1.elasticbeanstalk.com) is not available"),
        ("create_configuration_template", TWICE | {"PlatformArn": DOCKER}, "Configuration Template twice already"),
        ("create_application", {"ApplicationName": "a/b"}, "must not contain a slash"),
        ("update_application", {"ApplicationName": "nobody"}, "No Application named 'nobody' found."),
        ("update_environment", {"EnvironmentName": "nobody"}, "No Environment found for EnvironmentName = 'nobody'."),
        ("update_environment", {"EnvironmentId": "e-nobody"}, "No Environment found for EnvironmentId = 'e-nobody'."),
        ("create_environment", NEW | {"EnvironmentName": "-bad-name-"}, "It can't start or end with a hyphen"),
        ("create_environment", NEW | {"VersionLabel": "v99"}, "No Application Version named 'v99' found."),
        ("create_environment", NEW, "You must specify a platform"),
        ("create_environment", NEW | {"PlatformArn": f"{DOCKER}/0.0.1"}, "No Platform named"),
        ("create_environment", NEW | {"SolutionStackName": "DOS"}, "No Solution Stack named 'DOS' found."),
        ("create_configuration_template", TEMPLATE, "You must specify a platform"),
        ("list_platform_versions", {"Filters": [FILTER | {"Type": "Shoe"}]}, "Filter type Shoe"),
        ("list_platform_versions", {"Filters": [FILTER | {"Operator": "~"}]}, "Filter operator ~ is not known"),
    ],
)  # fmt: skip
def test_rejects_requests_that_do_not_fit_what_is_there(
    beanstalk: Any, operation: str, request_: dict[str, Any], message: str
) -> None:
    code, found = refusal(getattr(beanstalk, operation), **request_)
    assert code == "InvalidParameterValue"
    assert message in found


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (option("aws:elasticbeanstalk:comand", "Timeout", "5"), "Unknown configuration setting"),
        (option("aws:elasticbeanstalk:command", "Timeouts", "5"), "Unknown configuration setting"),
        (option("aws:elasticbeanstalk:command", "DeploymentPolicy", "Sometimes"), "not one of the allowed values"),
        (option("aws:elasticbeanstalk:command", "Timeout", "0"), "less than the allowed minimum: 1"),
        (option("aws:elasticbeanstalk:command", "Timeout", "3601"), "greater than the allowed maximum: 3600"),
        (option("aws:elasticbeanstalk:command", "Timeout", "long"), "is not a number"),
        (option("aws:elasticbeanstalk:command", "BatchSize", "many"), "is not a number"),
        (option("aws:elbv2:loadbalancer", "IdleTimeout", "long"), "is not a number"),
        (option("aws:elasticbeanstalk:environment:process:default", "DeregistrationDelay", "0.5"), "is not a number"),
        (option("aws:elasticbeanstalk:cloudwatch:logs", "RetentionInDays", "8"), "not one of the allowed values"),
        (option(VARIABLES, "LONG", "x" * 4096), "4101 bytes, more than the limit of 4096"),
    ],
)
def test_rejects_invalid_options(clients: Clients, beanstalk: Any, setting: dict[str, str], message: str) -> None:
    with pytest.raises(ClientError, match=f"\\(ConfigurationValidationException\\).*{message}"):
        clients.launch("refused-dev", setting)
    found = beanstalk.validate_configuration_settings(ApplicationName="guestbook", OptionSettings=[setting])
    assert message in found["Messages"][0]["Message"]


def test_rejects_fewer_instances_at_most_than_at_least(clients: Clients, beanstalk: Any, environment: str) -> None:
    group = "aws:autoscaling:asg"
    with pytest.raises(ClientError, match=r"'4' .*MinSize.*: Value is greater than MaxSize: 2"):
        clients.launch("refused-dev", option(group, "MinSize", "4"), option(group, "MaxSize", "2"))
    sizes = [option(group, "MinSize", "2"), option(group, "MaxSize", "2")]
    beanstalk.update_environment(EnvironmentName=environment, OptionSettings=sizes)
    with pytest.raises(ClientError, match=r"'2' .*MinSize.*: Value is greater than MaxSize: 1"):
        beanstalk.update_environment(EnvironmentName=environment, OptionSettings=[option(group, "MaxSize", "1")])


def test_accepts_options_with_custom_names(beanstalk: Any) -> None:
    secrets = "aws:elasticbeanstalk:application:environmentsecrets"
    settings = [
        option("aws:elbv2:listener:443", "Protocol", "HTTPS"),
        option("aws:elbv2:listenerrule:admin", "PathPatterns", "/admin"),
        option("aws:elasticbeanstalk:environment:process:admin", "Port", "81"),
        option("aws:elasticbeanstalk:sns:topics", "Notification Endpoint", "me@example.com"),
        option(secrets, "KEY", "arn:aws:ssm:us-east-1:1:parameter/x"),
    ]
    found = beanstalk.validate_configuration_settings(ApplicationName="guestbook", OptionSettings=settings)
    assert found["Messages"] == []


def test_rejects_an_update_unless_ready(clients: Clients, beanstalk: Any, environment: str) -> None:
    beanstalk.restart_app_server(EnvironmentName=environment)
    beanstalk.rebuild_environment(EnvironmentName=environment)
    assert clients.environment(environment)["Status"] == "Ready"
    _, message = refusal(beanstalk.abort_environment_update, EnvironmentName=environment)
    assert "is in an invalid state for this operation. Must be pending deployment." in message


def test_basic_health_is_a_color_only(clients: Clients, beanstalk: Any) -> None:
    clients.launch("basic-dev", option("aws:elasticbeanstalk:healthreporting:system", "SystemType", "basic"))
    found = clients.environment("basic-dev")
    assert (found["Health"], found.get("HealthStatus")) == ("Green", None)
    for action in ("DescribeEnvironmentHealth", "DescribeInstancesHealth"):
        refused = refusal(getattr(beanstalk, xform_name(action)), EnvironmentName="basic-dev", AttributeNames=["All"])
        assert refused == ("InvalidRequestException", f"{action} is not supported.")


def test_a_terminated_environment_can_be_described_and_its_name_reused(
    clients: Clients, beanstalk: Any, environment: str
) -> None:
    old = beanstalk.terminate_environment(EnvironmentName=environment)
    assert old["Status"] == "Terminating"
    assert clients.environment(environment) == {}
    gone = beanstalk.describe_environments(EnvironmentIds=[old["EnvironmentId"]], IncludeDeleted=True)
    assert gone["Environments"][0]["Status"] == "Terminated"
    clients.launch(environment)
    assert clients.environment(environment)["EnvironmentId"] != old["EnvironmentId"]


def test_deletes_an_application_with_environments_only_by_force(clients: Clients, beanstalk: Any) -> None:
    clients.launch("busy-dev", application="busy")
    message = "Unable to delete application busy because it has running environments."
    assert refusal(beanstalk.delete_application, ApplicationName="busy")[1] == message
    beanstalk.delete_application(ApplicationName="busy", TerminateEnvByForce=True)
    assert clients.environment("busy-dev") == {}
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


def test_changes_up_to_fifty_tags(clients: Clients, beanstalk: Any, environment: str) -> None:
    arn = clients.environment(environment)["EnvironmentArn"]
    beanstalk.update_tags_for_resource(ResourceArn=arn, TagsToAdd=[{"Key": "team", "Value": "web"}])
    beanstalk.update_tags_for_resource(ResourceArn=arn, TagsToRemove=["team"])
    keys = [tag["Key"] for tag in beanstalk.list_tags_for_resource(ResourceArn=arn)["ResourceTags"]]
    assert keys == ["Name", "elasticbeanstalk:environment-id", "elasticbeanstalk:environment-name"]
    more = [{"Key": f"k{number}", "Value": "x"} for number in range(48)]
    too_many = ("TooManyTagsException", "A resource can have 50 tags, got 51: remove some")
    assert refusal(beanstalk.update_tags_for_resource, ResourceArn=arn, TagsToAdd=more) == too_many
    assert refusal(beanstalk.list_tags_for_resource, ResourceArn=f"{arn}-other")[0] == "ResourceNotFoundException"


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
