"""The control API: time, log of calls, faults in calls."""

from email.utils import parsedate_to_datetime
from functools import partial

import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from beanpod_emulator import ControlError, EmbeddedAws
from beanpod_emulator.iam.web_identity import WebIdentities
from beanpod_emulator.server.control import ControlApi
from beanpod_emulator.state import Emulator
from emulator.tests.clients import Clients, Emulators, client, refusal


@pytest.fixture(scope="module")
def aws(emulators: Emulators) -> EmbeddedAws:
    return emulators(virtual_clock=True)


@pytest.fixture(autouse=True)
def clean(aws: EmbeddedAws) -> None:
    aws.clear_faults()
    aws.clear_calls()


def test_a_virtual_clock_dates_responses_and_moves_by_advance_only(aws: EmbeddedAws, clients: Clients) -> None:
    before = aws.now()
    assert (aws.advance(90) - before).total_seconds() == 90
    answer = clients("sts").get_caller_identity()["ResponseMetadata"]
    assert parsedate_to_datetime(answer["HTTPHeaders"]["date"]) == aws.now().replace(microsecond=0)


def test_logs_calls_with_service_action_caller_time_and_status(aws: EmbeddedAws, clients: Clients) -> None:
    clients("s3").create_bucket(Bucket="logged")
    clients("s3").put_object(Bucket="logged", Key="bundles/a.zip", Body=b"zip")
    clients("s3").put_bucket_versioning(Bucket="logged", VersioningConfiguration={"Status": "Enabled"})
    clients("elasticbeanstalk").describe_environments()
    refusal(clients("secretsmanager").get_secret_value, SecretId="nobodys")
    calls = aws.calls()
    assert [(call.service, call.action, call.key, call.status) for call in calls] == [
        ("s3", "CreateBucket", "", 200),
        ("s3", "PutObject", "bundles/a.zip", 200),
        ("s3", "PutBucketVersioning", "", 200),
        ("elasticbeanstalk", "DescribeEnvironments", "", 200),
        ("secretsmanager", "GetSecretValue", "", 404),
    ]
    assert {call.principal for call in calls} == {"arn:aws:iam::123456789012:root"}
    assert {call.time for call in calls} == {aws.now()}
    aws.clear_calls()
    assert aws.calls() == []


@pytest.mark.parametrize(
    ("service", "action", "request_", "named"),
    [
        ("cloudformation", "cancel_update_stack", {"StackName": "any"}, "CancelUpdateStack of cloudformation"),
        ("elasticbeanstalk", "request_environment_info", {"InfoType": "tail"},
         "RequestEnvironmentInfo of elasticbeanstalk"),
        ("cloudtrail", "lookup_events", {}, "LookupEvents of cloudtrail"),
        ("ec2", "describe_fpga_images", {}, "DescribeFpgaImages of ec2"),
        # moto has no such service. `iam.Role.from_lookup` of the CDK asks it.
        ("cloudcontrol", "list_resources", {"TypeName": "AWS::IAM::Role"}, "ListResources of cloudcontrolapi"),
    ],
)  # fmt: skip
def test_a_call_that_is_not_implemented_is_not_worth_a_retry(
    aws: EmbeddedAws,
    capfd: pytest.CaptureFixture[str],
    service: str,
    action: str,
    request_: dict[str, str],
    named: str,
) -> None:
    # With botocore's own retries. The CDK CLI asks CloudTrail after a failed deployment, with more of them.
    call = getattr(client(aws, service, config=Config()), action)
    assert refusal(call, **request_) == ("NotImplemented", f"The emulated AWS has no {named}")
    assert [call.status for call in aws.calls()] == [501]
    assert "Traceback" not in capfd.readouterr().err


def test_logs_the_user_of_an_access_key(aws: EmbeddedAws, clients: Clients) -> None:
    client(aws, "elasticbeanstalk", **clients.user("deployer")).describe_applications()
    assert aws.calls()[-1].principal == "arn:aws:iam::123456789012:user/deployer"


@pytest.mark.parametrize(
    ("fault", "service", "operation", "code"),
    [
        ("throttles", "elasticbeanstalk", "describe_environments", "Throttling"),
        ("throttles", "s3", "list_buckets", "SlowDown"),
        ("throttles", "route53", "list_hosted_zones", "Throttling"),
        ("throttles", "secretsmanager", "list_secrets", "Throttling"),
        ("expired-credentials", "elasticbeanstalk", "describe_environments", "ExpiredToken"),
        ("expired-credentials", "cloudformation", "describe_stacks", "ExpiredToken"),
        ("expired-credentials", "s3", "list_buckets", "ExpiredToken"),
    ],
)
def test_an_error_fault_fires_the_given_number_of_times(
    aws: EmbeddedAws, fault: str, service: str, operation: str, code: str
) -> None:
    aws.inject_fault(fault, service=service, times=2)
    call = getattr(client(aws, service), operation)
    assert [refusal(call)[0] for _ in range(2)] == [code, code]
    call()


def test_a_fault_matches_an_action_and_spares_the_first(aws: EmbeddedAws) -> None:
    aws.inject_fault("throttles", action="DescribeEvents", after=1, times=None)
    beanstalk = client(aws, "elasticbeanstalk")
    beanstalk.describe_environments()
    beanstalk.describe_events()
    for _ in range(2):
        assert refusal(beanstalk.describe_events)[1] == "Rate exceeded"
    aws.clear_faults()
    beanstalk.describe_events()


@pytest.mark.parametrize(("when", "done"), [("before", False), ("after", True)])
@pytest.mark.parametrize(
    ("fault", "patience", "seen"), [("drops-connections", 600, ConnectionClosedError), ("hangs", 1, ReadTimeoutError)]
)
def test_withholds_the_response_before_or_after_the_work(
    aws: EmbeddedAws, clients: Clients, fault: str, patience: float, seen: type[Exception], when: str, done: bool
) -> None:
    aws.inject_fault(fault, when=when, action="CreateApplication")
    name = f"{fault}-{when}"
    impatient = Config(retries={"total_max_attempts": 1}, read_timeout=patience)
    with pytest.raises(seen):
        client(aws, "elasticbeanstalk", config=impatient).create_application(ApplicationName=name)
    found = clients("elasticbeanstalk").describe_applications(ApplicationNames=[name])["Applications"]
    assert bool(found) is done
    assert aws.calls()[0].status == 0


def test_rejects_invalid_control_requests(aws: EmbeddedAws, emulators: Emulators) -> None:
    for call, message in (
        (partial(aws.inject_fault, "earthquake"), "no fault is called earthquake: choose one of busy-before-update, d"),
        (partial(aws.set_pace, lunch=60), "there is no lunch to set: choose one of launch, update, terminate"),
        (partial(aws.set_pace, update=-1), "update must be 0 or more, got -1"),
        (partial(aws.advance, -1), "seconds must be 0 or more, got -1: time does not run backwards"),
        (partial(emulators().advance, 1), "this clock follows the machine's: start the server with a virtual clock"),
    ):
        with pytest.raises(ControlError, match=message):
            call()


def test_a_reset_leaves_nothing_of_what_was_there(aws: EmbeddedAws) -> None:
    before, clients = aws.now(), Clients(aws)
    clients.deploy("Database", {"Group": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}})
    clients("iam").create_user(UserName="ada")
    clients("s3").create_bucket(Bucket="forgotten")
    launched = clients.launch("forgotten-dev")
    aws.inject_fault("throttles", service="s3", times=None)
    aws.advance(240)
    aws.reset()
    assert aws.calls() == []
    assert clients("cloudformation").describe_stacks()["Stacks"] == []
    assert [vpc["IsDefault"] for vpc in clients("ec2").describe_vpcs()["Vpcs"]] == [True]
    assert clients("iam").list_users()["Users"] == []
    assert clients("iam").list_instance_profiles()["InstanceProfiles"] == []
    assert clients("s3").list_buckets()["Buckets"] == []
    assert clients("elasticbeanstalk").describe_environments(IncludeDeleted=True)["Environments"] == []
    assert clients("elasticbeanstalk").describe_events()["Events"] == []
    assert (aws.now() - before).total_seconds() < 240
    clients("s3").create_bucket(Bucket="forgotten")
    again = Clients(aws)
    assert again.launch(launched) == launched
    aws.advance(240)
    found = again("elasticbeanstalk").describe_environments()["Environments"]
    assert [(it["EnvironmentName"], it["Status"]) for it in found] == [(launched, "Ready")]


def test_rejects_a_reset_with_containers() -> None:
    control = ControlApi(Emulator(compute=object()), [], WebIdentities("123456789012"), "token")
    status, answer = control({"REQUEST_METHOD": "POST", "PATH_INFO": "/_emulator/reset"}, b"")
    assert (status, answer["error"][:38]) == ("400 Bad Request", "a server with --docker cannot be reset")
