"""The life of a stack, as boto3 sees it."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.tests.clients import Clients, refusal

PARAMETER = "AWS::SSM::Parameter"


def parameter(value: Any, **more: Any) -> dict[str, Any]:
    """The cheapest resource there is."""
    return {"Type": PARAMETER, "Properties": {"Type": "String", "Value": value}} | more


def log_group(days: int, name: str | None = None, **more: Any) -> dict[str, Any]:
    named = {"LogGroupName": name} if name else {}
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": days} | named} | more


def broken(**more: Any) -> dict[str, Any]:
    """A resource that IAM refuses."""
    properties = {"PolicyName": "p", "PolicyDocument": {}, "Roles": ["nobody"]}
    return {"Type": "AWS::IAM::Policy", "Properties": properties} | more


def value_of(clients: Clients, stack: str, logical_id: str) -> str:
    name = clients.physical_id(stack, logical_id)
    return str(clients("ssm").get_parameter(Name=name)["Parameter"]["Value"])


def change_set(clients: Clients, stack: str, resources: dict[str, Any], kind: str, **sections: Any) -> str:
    created = clients("cloudformation").create_change_set(
        StackName=stack,
        ChangeSetName="change",
        ChangeSetType=kind,
        TemplateBody=json.dumps({"Resources": resources, **sections}),
    )
    return str(created["Id"])


def changes(clients: Clients, change_set_id: str) -> list[dict[str, Any]]:
    described = clients("cloudformation").describe_change_set(ChangeSetName=change_set_id)
    return [change["ResourceChange"] for change in described["Changes"]]


def refused(clients: Clients, resources: dict[str, Any], **sections: Any) -> tuple[str, str]:
    refused = refusal(clients.deploy, name="refused", resources=resources, **sections)
    assert not clients.exists("cloudformation", "describe_stacks", StackName="refused")
    return refused


def test_update_changes_resources_and_removes_those_no_longer_in_the_template(clients: Clients) -> None:
    clients.deploy("changing", {"Kept": parameter("one"), "Gone": parameter("x")})
    gone = clients.physical_id("changing", "Gone")
    stack = clients.deploy("changing", {"Kept": parameter("two"), "New": parameter("y")})
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert value_of(clients, "changing", "Kept") == "two"
    assert value_of(clients, "changing", "New") == "y"
    assert not clients.exists("ssm", "get_parameter", Name=gone)


def test_change_reaches_what_refers_to_it(clients: Clients) -> None:
    source = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "first"}}}
    reader = {"Reader": parameter({"Ref": "Topic"})}
    clients.deploy("chained", source | reader)
    assert value_of(clients, "chained", "Reader").endswith(":first")
    source["Topic"]["Properties"] = {"TopicName": "second"}
    clients.deploy("chained", source | reader)
    assert value_of(clients, "chained", "Reader").endswith(":second")
    topics = [topic["TopicArn"] for topic in clients("sns").list_topics()["Topics"]]
    assert not any(topic.endswith(":first") for topic in topics)


def test_same_template_is_no_update(clients: Clients) -> None:
    clients.deploy("same", {"A": parameter("one")})
    unchanged = refusal(clients.deploy, name="same", resources={"A": parameter("one")})
    assert unchanged == ("ValidationError", "No updates are to be performed.")
    change_set_id = change_set(clients, "same", {"A": parameter("one")}, "UPDATE")
    described = clients("cloudformation").describe_change_set(ChangeSetName=change_set_id)
    assert (described["Status"], described["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "didn't contain changes" in described["StatusReason"]
    with pytest.raises(ClientError, match=r"cannot be executed in its current execution status of \[UNAVAILABLE\]"):
        clients("cloudformation").execute_change_set(ChangeSetName=change_set_id)


@pytest.mark.parametrize("through_change_set", [True, False])
def test_outputs_exports_and_imports_work_whichever_way(clients: Clients, through_change_set: bool) -> None:
    way = "changeset" if through_change_set else "direct"
    producer, consumer, export = f"producer-{way}", f"consumer-{way}", f"name-{way}"
    resources = {"A": parameter("shared")}
    outputs = {"Name": {"Value": {"Fn::GetAtt": ["A", "Value"]}, "Export": {"Name": export}, "Description": "d"}}
    if through_change_set:
        made = change_set(clients, producer, resources, "CREATE", Outputs=outputs)
        clients("cloudformation").execute_change_set(ChangeSetName=made)
    else:
        clients.deploy(producer, resources, Outputs=outputs)
    shown = {"OutputKey": "Name", "OutputValue": "shared", "Description": "d", "ExportName": export}
    assert clients.stack(producer)["Outputs"] == [shown]
    clients.deploy(consumer, {"B": parameter({"Fn::ImportValue": export})})
    assert value_of(clients, consumer, "B") == "shared"
    assert clients("cloudformation").list_imports(ExportName=export)["Imports"] == [consumer]
    unused = refusal(clients("cloudformation").list_imports, ExportName="nobodys")
    assert unused == ("ValidationError", "Export 'nobodys' is not imported by any stack.")
    names = [item["Name"] for item in clients("cloudformation").list_exports()["Exports"]]
    assert export in names


def test_export_in_use_is_neither_changed_nor_removed(clients: Clients) -> None:
    def outputs(**values: str) -> dict[str, Any]:
        return {name: {"Value": value, "Export": {"Name": f"used-{name}"}} for name, value in values.items()}

    def reasons(stack: str) -> list[str]:
        events = clients("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
        assert not any(event["LogicalResourceId"] == "Bad" for event in events)
        return [event.get("ResourceStatusReason", "") for event in events]

    clients.deploy("used-producer", {"A": parameter("1")}, Outputs=outputs(Kept="1", Other="1"))
    clients.deploy("used-consumer", {"B": parameter({"Fn::ImportValue": "used-Kept"})})
    # A removed export is refused before any resource is changed, such as one that fails.
    for values, word, more in (({"Kept": "2"}, "updated", {}), ({"Other": "1"}, "deleted", {"Bad": broken()})):
        stack = clients.deploy("used-producer", {"A": parameter("2"), **more}, Outputs=outputs(**values))
        assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert value_of(clients, "used-producer", "A") == "1"
        words = f"Export used-Kept cannot be {word} as it is in use by used-consumer"
        assert any(words in text for text in reasons("used-producer"))
    stack = clients.deploy("used-producer", {"A": parameter("2")}, Outputs=outputs(Kept="1"))
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    clients("cloudformation").delete_stack(StackName="used-producer")
    stack = clients.stack("used-producer")
    assert stack["StackStatus"] == "DELETE_FAILED"
    assert stack["StackStatusReason"] == "Cannot delete export used-Kept as it is in use by used-consumer."
    clients.deploy("used-twice", {"A": parameter("1")}, Outputs=outputs(Kept="1"))
    assert clients.stack("used-twice")["StackStatus"] == "ROLLBACK_COMPLETE"
    words = "Export with name used-Kept is already exported by stack used-producer"
    assert any(words in text for text in reasons("used-twice"))


def test_output_of_another_stack_is_read_at_each_update_and_blocks_no_deletion(clients: Clients) -> None:
    def reader(tier: str) -> dict[str, Any]:
        where = {"StackName": "read", "Region": {"Ref": "AWS::Region"}, "OutputName": "Out"}
        return {"B": parameter({"Fn::GetStackOutput": where}), "Other": parameter(tier)}

    clients.deploy("read", {"A": parameter("1")}, Outputs={"Out": {"Value": "1"}})
    clients.deploy("reader", reader("a"))
    assert value_of(clients, "reader", "B") == "1"
    clients.deploy("read", {"A": parameter("1")}, Outputs={"Out": {"Value": "2"}})
    with pytest.raises(ClientError, match="No updates are to be performed"):
        clients.deploy("reader", reader("a"))
    clients.deploy("reader", reader("b"))
    assert value_of(clients, "reader", "B") == "2"
    clients("cloudformation").delete_stack(StackName="read")
    assert not clients.exists("cloudformation", "describe_stacks", StackName="read")


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ({"StackName": "nobodys", "OutputName": "Out"}, "Stack with id nobodys does not exist"),
        ({"StackName": "unread", "OutputName": "Oat"}, "Output Oat does not exist in stack unread"),
        ({"StackName": "unread", "OutputName": "Out", "Region": "eu-west-1"}, "Stack with id unread does not exist"),
        ({"StackName": "unread"}, "Fn::GetStackOutput needs StackName and OutputName"),
    ],
    ids=["stack", "output", "region", "argument"],
)
def test_output_that_is_not_there_fails_the_stack(
    clients: Clients, request: pytest.FixtureRequest, where: dict[str, str], reason: str
) -> None:
    clients.deploy("unread", {"A": parameter(reason)}, Outputs={"Out": {"Value": "1"}})
    name = f"unread-{request.node.callspec.id}"
    clients.expect_rollback(name, {"B": parameter({"Fn::GetStackOutput": where})}, reason)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ({"Value": {"Fn::GetAZs": ""}}, "The Value field of every Outputs member must evaluate to a String"),
        ({"Value": {"Fn::Length": {"Ref": "AWS::NoValue"}}}, "The emulated AWS failed: TypeError"),
        ({"Value": "x", "Export": {}}, "The emulated AWS failed: KeyError"),
    ],
    ids=["list", "failing-function", "nameless-export"],
)
def test_output_that_cannot_be_shown_fails_the_stack(
    clients: Clients, request: pytest.FixtureRequest, output: dict[str, Any], reason: str
) -> None:
    name = f"output-{request.node.callspec.id}"
    stack = clients.deploy(name, {"A": log_group(7, name)}, Outputs={"O": output})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    events = clients("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    assert any(reason in event.get("ResourceStatusReason", "") for event in events)
    assert clients("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"] == []


def test_what_a_failed_update_made_and_cannot_remove_is_left_behind(clients: Clients) -> None:
    instance = {
        "Type": "AWS::RDS::DBInstance",
        "DeletionPolicy": "Delete",
        "Properties": {
            "DBInstanceIdentifier": "left-behind",
            "DBInstanceClass": "db.t4g.micro",
            "Engine": "mysql",
            "AllocatedStorage": "20",
            "MasterUsername": "admin",
            "MasterUserPassword": "open-sesame",
            "DeletionProtection": True,
        },
    }
    clients.deploy("cleaned", {"A": parameter("1")})
    stack = clients.deploy("cleaned", {"A": parameter("2"), "Db": instance, "Bad": broken(DependsOn=["Db", "A"])})
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert value_of(clients, "cleaned", "A") == "1"
    assert clients("rds").describe_db_instances(DBInstanceIdentifier="left-behind")["DBInstances"]
    assert clients.deploy("cleaned", {"A": parameter("3")})["StackStatus"] == "UPDATE_COMPLETE"


def test_import_of_nothing_fails(clients: Clients) -> None:
    importing = {"B": parameter({"Fn::ImportValue": "nobodys"})}
    clients.expect_rollback("lonely", importing, "No export named nobodys found.")
    with pytest.raises(ClientError, match="Export 'nobodys' is not imported by any stack"):
        clients("cloudformation").list_imports(ExportName="nobodys")


def test_failed_creation_is_rolled_back_and_can_only_be_deleted(clients: Clients) -> None:
    resources = {"Good": log_group(7, "rolled-back"), "Bad": broken(DependsOn="Good")}
    clients.expect_rollback("failing", resources, "Resource handler returned message")
    assert clients("logs").describe_log_groups(logGroupNamePrefix="rolled-back")["logGroups"] == []
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        clients.deploy("failing", {"Good": log_group(7)})
    clients("cloudformation").delete_stack(StackName="failing")
    assert not clients.exists("cloudformation", "describe_stacks", StackName="failing")


@pytest.mark.parametrize(("policy", "stays"), [("Retain", True), ("RetainExceptOnCreate", False)])
def test_what_a_failed_creation_retains(clients: Clients, policy: str, stays: bool) -> None:
    name = f"created-{policy.lower()}"
    resources = {"Good": log_group(7, name, DeletionPolicy=policy), "Bad": broken(DependsOn="Good")}
    clients.expect_rollback(name, resources, "Resource handler returned message")
    assert bool(clients("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]) == stays


def test_failed_update_restores_what_it_had_changed(clients: Clients) -> None:
    clients.deploy("restored", {"A": log_group(7, "restored"), "Old": parameter("old")})
    failing = {"A": log_group(14, "restored"), "B": broken(DependsOn="A"), "New": parameter("new")}
    stack = clients.deploy("restored", failing)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    group = clients("logs").describe_log_groups(logGroupNamePrefix="restored")["logGroups"][0]
    assert group["retentionInDays"] == 7
    assert value_of(clients, "restored", "Old") == "old"
    resources = clients("cloudformation").list_stack_resources(StackName="restored")["StackResourceSummaries"]
    assert {resource["LogicalResourceId"] for resource in resources} == {"A", "Old"}


def test_failed_update_restores_the_deletion_policy(clients: Clients) -> None:
    clients.deploy("policies", {"A": log_group(7, "policies", DeletionPolicy="Retain")})
    clients.expect_rollback(
        "policies",
        {"A": log_group(7, "policies", DeletionPolicy="Delete"), "B": broken(DependsOn="A")},
        "Resource handler returned message",
    )
    clients("cloudformation").delete_stack(StackName="policies")
    assert clients("logs").describe_log_groups(logGroupNamePrefix="policies")["logGroups"]


def test_create_only_property_replaces_and_a_failure_restores_the_old_one(clients: Clients) -> None:
    clients.deploy("replacing", {"A": log_group(7, "before")})
    stack = clients.deploy("replacing", {"A": log_group(7, "between"), "B": broken(DependsOn="A")})
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert clients.physical_id("replacing", "A") == "before"
    clients.deploy("replacing", {"A": log_group(7, "after")})
    assert clients.physical_id("replacing", "A") == "after"
    groups = [group["logGroupName"] for group in clients("logs").describe_log_groups()["logGroups"]]
    assert "after" in groups
    assert not {"before", "between"} & set(groups)


def test_named_resource_is_not_replaced_under_its_name(clients: Clients) -> None:
    properties = {"RoleName": "named", "Path": "/a/", "AssumeRolePolicyDocument": {}}
    role = {"Type": "AWS::IAM::Role", "Properties": properties}
    clients.deploy("named", {"A": role})
    moved = role | {"Properties": properties | {"Path": "/b/"}}
    clients.expect_rollback("named", {"A": moved}, "Rename named and update the stack again")


def test_resource_does_not_change_its_type(clients: Clients) -> None:
    clients.deploy("retyped", {"A": parameter("x")})
    clients.expect_rollback("retyped", {"A": log_group(7)}, "Update of resource type is not permitted")


@pytest.mark.parametrize("how", ["removed from the template", "deleted with the stack", "replaced"])
def test_retained_resource_outlives_its_stack(clients: Clients, how: str) -> None:
    name = f"retained-{how.split()[0]}"
    policies = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    clients.deploy(name, {"A": log_group(7, name, **policies), "B": parameter("x")})
    match how.split()[0]:
        case "removed":
            clients.deploy(name, {"B": parameter("x")})
        case "deleted":
            clients("cloudformation").delete_stack(StackName=name)
        case "replaced":
            clients.deploy(name, {"A": log_group(7, f"{name}-new", **policies), "B": parameter("x")})
    groups = clients("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert name in [group["logGroupName"] for group in groups]


def test_termination_protection_is_honoured(clients: Clients) -> None:
    clients.deploy("protected", {"A": parameter("x")})
    cloudformation = clients("cloudformation")
    cloudformation.update_termination_protection(StackName="protected", EnableTerminationProtection=True)
    message = "Stack [protected] cannot be deleted while TerminationProtection is enabled"
    assert refusal(cloudformation.delete_stack, StackName="protected") == ("ValidationError", message)
    cloudformation.update_termination_protection(StackName="protected", EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName="protected")
    assert not clients.exists("cloudformation", "describe_stacks", StackName="protected")


def test_what_cannot_be_removed_fails_the_deletion_and_may_be_left_behind(clients: Clients) -> None:
    clients.deploy("stuck", {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "stuck"}}})
    clients("s3").put_object(Bucket="stuck", Key="key", Body=b"")
    cloudformation = clients("cloudformation")
    stack_id = clients.stack("stuck")["StackId"]
    cloudformation.delete_stack(StackName="stuck")
    assert clients.stack("stuck")["StackStatus"] == "DELETE_FAILED"
    assert clients.stack("stuck")["StackStatusReason"] == "The following resource(s) failed to delete: [Bucket]."
    cloudformation.delete_stack(StackName="stuck", RetainResources=["Bucket"])
    assert clients.stack(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert clients.exists("s3", "head_bucket", Bucket="stuck")


def test_unknown_types_are_an_error_that_names_each(clients: Clients) -> None:
    code, message = refused(
        clients, {"F": {"Type": "AWS::Lambda::Function"}, "Q": {"Type": "AWS::SQS::Queue"}, "A": parameter("x")}
    )
    assert code == "ValidationError"
    assert "Unrecognized resource types: [AWS::Lambda::Function (F), AWS::SQS::Queue (Q)]" in message
    clients.deploy("known", {"A": parameter("x")})
    for kind, stack in (("CREATE", "unknown-new"), ("UPDATE", "known")):
        with pytest.raises(ClientError, match=r"AWS::Lambda::Function \(F\)"):
            change_set(clients, stack, {"F": {"Type": "AWS::Lambda::Function"}}, kind)
    with pytest.raises(ClientError, match=r"AWS::Lambda::Function \(F\)"):
        clients.deploy("known", {"F": {"Type": "AWS::Lambda::Function"}})


ONE_OF_TWO = {"Type": "String", "Default": "c", "AllowedValues": ["a", "b"]}


def ruled(default: Any, **rules: Any) -> dict[str, Any]:
    return {"Type": "String", "Default": default} | rules


STORED = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/nobodys"}


@pytest.mark.parametrize(
    ("resources", "sections", "message"),
    [
        ({"A": parameter("x", Properties={"Valeu": "x"})}, {}, "A.Valeu (AWS::SSM::Parameter)"),
        ({"A": parameter("x", DeletionPolicy="Snapshot")}, {}, "DeletionPolicy Snapshot is not supported by [A (AW"),
        ({"A": parameter("x", UpdateReplacePolicy="Snapshot")}, {}, "UpdateReplacePolicy Snapshot is not supported by"),
        ({"A": parameter({"Ref": "B"})}, {}, "Unresolved resource dependencies [B] in the Resources block"),
        ({"A": parameter("x")}, {"Outputs": {"O": {"Value": {"Ref": "B"}}}}, "[B] in the Outputs block"),
        ({"A": parameter("x")}, {"Outputs": {"O": {}}}, "Every Outputs member must contain a Value object"),
        ({"A": parameter("x")}, {"Outputs": {"O": {"Value": ["a"]}}}, "must evaluate to a String"),
        ({"A": parameter({"Ref": "A"})}, {}, "Circular dependency between resources: [A]"),
        ({"A": parameter("x")}, {"Transform": "AWS::Serverless"}, "runs no transforms"),
        ({"Fn::ForEach::X": ["X", ["1"], {}]}, {"Transform": "AWS::LanguageExtensions"}, "runs no transforms"),
        ({"Fn::ForEach::X": ["X", ["1"], {}]}, {}, "[/Resources/Fn::ForEach::X] must be an object"),
        ({"A": parameter("x", Properties=None)}, {}, "[/Resources/A/Properties] 'null' values are not allowed"),
        ({"A": parameter("x", DependsOn="B")}, {}, "Unresolved resource dependencies [B] in the Resources block"),
        ({"A": parameter("x", DependsOn=["B"])}, {}, "Unresolved resource dependencies [B] in the Resources block"),
        ({"A": parameter("x", Condition="B")}, {}, "Unresolved resource dependencies [condition B] in the Resources"),
        ({"A": parameter({"Fn::If": ["B", "x", "y"]})}, {}, "[condition B] in the Resources block"),
        ({"A": parameter("x")}, {"Conditions": {"C": {"Fn::Not": [{"Condition": "B"}]}}}, "[condition B] in the Cond"),
        ({"A": parameter("x", DeletionPolice="Retain")}, {}, "A has invalid attributes: [DeletionPolice]"),
        ({"A": parameter("x", DeletionPolicy="Keep")}, {}, "Unrecognized DeletionPolicy Keep for resource A"),
        ({"A": parameter("x")}, {"Parameters": {"P": {"Type": "String"}}}, "Parameters: [P] must have values"),
        ({"A": parameter("x")}, {"Parameters": {"P": ONE_OF_TWO}}, "Parameter 'P' must be one of AllowedValues"),
        (
            {"A": parameter("x")},
            {"Parameters": {"P": ruled("Ab", AllowedPattern="[a-z]*")}},
            "P' must match pattern",
        ),
        ({"A": parameter("x")}, {"Parameters": {"P": ruled("Ab", MinLength=3)}}, "'P' must have a length from 3 to 2"),
        (
            {"A": parameter("x")},
            {"Parameters": {"P": ruled("Ab", MaxLength="1")}},
            "must have a length from 2 to 1",
        ),
        ({"A": parameter("x")}, {"Parameters": {"P": ruled("Ab", Type="Number")}}, "'P' must be a number"),
        ({"A": parameter("x")}, {"Parameters": {"P": ruled(9, Type="Number", MaxValue=8)}}, "must have a value from 9"),
        ({"A": parameter("x")}, {"Parameters": {"P": STORED}}, "Unable to fetch parameters [/nobodys] from parameter"),
    ],
)
def test_template_that_cannot_become_a_stack_is_refused(
    clients: Clients, resources: dict[str, Any], sections: dict[str, Any], message: str
) -> None:
    code, reason = refused(clients, resources, **sections)
    assert code == "ValidationError"
    assert message in reason


@pytest.mark.parametrize("name", ["1shop", "shop_prod", "s" * 129])
def test_a_name_that_no_stack_may_have_is_refused(clients: Clients, name: str) -> None:
    body = json.dumps({"Resources": {"A": parameter("one")}})
    cloudformation = clients("cloudformation")
    refused = refusal(cloudformation.create_stack, StackName=name, TemplateBody=body)
    assert (refused[0], f"Value '{name}' at 'stackName' failed to satisfy" in refused[1]) == ("ValidationError", True)
    named = {"StackName": name, "ChangeSetName": "first", "ChangeSetType": "CREATE", "TemplateBody": body}
    assert refusal(cloudformation.create_change_set, **named) == refused
    assert refusal(cloudformation.describe_stacks, StackName=name)[1] == f"Stack with id {name} does not exist"


def test_rule_that_is_not_satisfied_refuses_the_template(clients: Clients) -> None:
    assertion = {"Assert": {"Fn::Not": [{"Fn::Contains": [["1", "2"], "1"]}]}, "AssertDescription": "Bootstrap again"}
    with pytest.raises(ClientError, match=r"rule CheckVersion is not satisfied\. Bootstrap again"):
        clients.deploy("ruled", {"A": parameter("x")}, Rules={"CheckVersion": {"Assertions": [assertion]}})


def test_parameters_keep_their_previous_values_and_secret_ones_are_not_shown(clients: Clients) -> None:
    cloudformation = clients("cloudformation")
    body = json.dumps(
        {
            "Parameters": {"Stage": {"Type": "String"}, "Token": {"Type": "String", "NoEcho": True, "Default": "t"}},
            "Resources": {"A": parameter({"Ref": "Stage"}), "B": parameter("one"), "C": parameter({"Ref": "Token"})},
        }
    )
    given = [{"ParameterKey": "Stage", "ParameterValue": "prod"}]
    cloudformation.create_stack(StackName="parametrised", TemplateBody=body, Parameters=given)
    kept = [{"ParameterKey": name, "UsePreviousValue": True} for name in ("Stage", "Token")]
    changed = body.replace('"one"', '"two"').replace('"t"', '"newer"')
    cloudformation.update_stack(StackName="parametrised", TemplateBody=changed, Parameters=kept)
    assert [value_of(clients, "parametrised", name) for name in ("A", "C")] == ["prod", "t"]
    shown = {item["ParameterKey"]: item["ParameterValue"] for item in clients.stack("parametrised")["Parameters"]}
    assert shown == {"Stage": "prod", "Token": "****"}
    new = [{"ParameterKey": "Stage", "ParameterValue": "dev"}]
    cloudformation.update_stack(StackName="parametrised", UsePreviousTemplate=True, Parameters=new)
    assert value_of(clients, "parametrised", "A") == "dev"
    unknown = [*kept, {"ParameterKey": "Nobody", "ParameterValue": "x"}]
    with pytest.raises(ClientError, match=r"Parameters: \[Nobody\] do not exist in the template"):
        cloudformation.update_stack(StackName="parametrised", UsePreviousTemplate=True, Parameters=unknown)


def test_stack_tags_reach_resources_and_change_there(clients: Clients) -> None:
    cloudformation, body = clients("cloudformation"), json.dumps({"Resources": {"A": log_group(7, "tagged")}})
    for value in ("one", "two"):
        request = {"StackName": "tagged", "TemplateBody": body, "Tags": [{"Key": "team", "Value": value}]}
        (cloudformation.create_stack if value == "one" else cloudformation.update_stack)(**request)
        assert clients("logs").list_tags_log_group(logGroupName="tagged")["tags"] == {"team": value}


def test_iam_resources_need_their_capability(clients: Clients) -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}
    named = role | {"Properties": role["Properties"] | {"RoleName": "somebody"}}  # type: ignore[operator]
    for resource, needed in ((role, "CAPABILITY_IAM"), (named, "CAPABILITY_NAMED_IAM")):
        body = json.dumps({"Resources": {"R": resource}})
        refused = refusal(clients("cloudformation").create_stack, StackName="incapable", TemplateBody=body)
        assert refused == ("InsufficientCapabilitiesException", f"Requires capabilities : [{needed}]")


def test_change_set_says_what_will_change(clients: Clients) -> None:
    clients.deploy("planned", {"Same": parameter("x"), "A": log_group(7, "planned"), "Gone": parameter("x")})
    new = {"Same": parameter("x"), "A": log_group(7, "planned-new"), "New": parameter("x")}
    made = change_set(clients, "planned", new, "UPDATE")
    found = changes(clients, made)
    assert {(item["LogicalResourceId"], item["Action"], item.get("Replacement")) for item in found} == {
        ("New", "Add", None),
        ("A", "Modify", "True"),
        ("Gone", "Remove", None),
    }
    listed = clients("cloudformation").list_change_sets(StackName="planned")["Summaries"]
    assert [item["ChangeSetName"] for item in listed] == ["change"]
    clients("cloudformation").delete_change_set(ChangeSetName="change", StackName="planned")
    with pytest.raises(ClientError, match="does not exist"):
        clients("cloudformation").describe_change_set(ChangeSetName="change", StackName="planned")


def test_change_set_names_the_properties_that_change(clients: Clients) -> None:
    clients.deploy("detailed", {"A": log_group(7, "detailed"), "B": log_group(7, "detailed-too")})
    new = {"A": log_group(30, "detailed"), "B": log_group(7, "detailed-new")}
    expected = {"A": ("False", "RetentionInDays", "Never"), "B": ("True", "LogGroupName", "Always")}
    for change in changes(clients, change_set(clients, "detailed", new, "UPDATE")):
        replacement, name, recreation = expected.pop(change["LogicalResourceId"])
        (detail,) = change["Details"]
        assert (change["Replacement"], change["Scope"]) == (replacement, ["Properties"])
        assert detail["Target"] == {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation}
    assert expected == {}


def test_change_set_is_not_sure_of_what_the_schema_calls_conditional(clients: Clients) -> None:
    def database(**properties: Any) -> dict[str, Any]:
        defaults = {"Engine": "mysql", "DBInstanceClass": "db.t4g.micro", "AllocatedStorage": "20"}
        login = {"MasterUsername": "admin", "MasterUserPassword": "open-sesame"}
        return {"D": {"Type": "AWS::RDS::DBInstance", "Properties": {**defaults, **login, **properties}}}

    clients.deploy("unsure", database(BackupRetentionPeriod=7))
    made = change_set(clients, "unsure", database(BackupRetentionPeriod=9, Port="3307"), "UPDATE")
    (change,) = changes(clients, made)
    recreation = {it["Target"]["Name"]: it["Target"]["RequiresRecreation"] for it in change["Details"]}
    assert change["Replacement"] == "Conditional"
    assert recreation == {"BackupRetentionPeriod": "Conditionally", "Port": "Never"}


def test_change_set_fits_its_stack(clients: Clients) -> None:
    clients.deploy("there", {"A": parameter("x")})
    for stack, kind, message in (
        ("there", "CREATE", r"Stack \[there\] already exists and cannot be created again"),
        ("not-there", "UPDATE", "Stack with id not-there does not exist"),
        ("there", "IMPORT", "ChangeSetType must be CREATE or UPDATE in the emulated AWS, got IMPORT"),
    ):
        with pytest.raises(ClientError, match=message):
            change_set(clients, stack, {"A": parameter("y")}, kind)


def test_stack_of_a_change_set_waits_for_its_execution(clients: Clients) -> None:
    change_set(clients, "waiting", {"A": parameter("x")}, "CREATE")
    assert clients.stack("waiting")["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert "TemplateBody" not in clients("cloudformation").get_template(StackName="waiting")
    clients("cloudformation").delete_stack(StackName="waiting")
    assert not clients.exists("cloudformation", "describe_stacks", StackName="waiting")


def test_change_set_is_not_executed_once_its_stack_is_deleted_or_updated(clients: Clients) -> None:
    cloudformation = clients("cloudformation")
    planned = change_set(clients, "unmade", {"A": log_group(7, "unmade")}, "CREATE")
    cloudformation.delete_stack(StackName="unmade")
    assert refusal(cloudformation.execute_change_set, ChangeSetName=planned)[0] == "ChangeSetNotFound"
    assert clients("logs").describe_log_groups(logGroupNamePrefix="unmade")["logGroups"] == []
    clients.deploy("outdated", {"A": parameter("1")})
    planned = change_set(clients, "outdated", {"A": parameter("2")}, "UPDATE")
    again = refusal(change_set, clients=clients, stack="outdated", resources={"A": parameter("3")}, kind="UPDATE")
    assert again == ("AlreadyExistsException", "ChangeSet change already exists")
    clients.deploy("outdated", {"A": parameter("4")})
    code, message = refusal(cloudformation.execute_change_set, ChangeSetName=planned)
    assert (code, "current execution status of [OBSOLETE]" in message) == ("InvalidChangeSetStatus", True)
    assert value_of(clients, "outdated", "A") == "4"


def test_requests_about_a_missing_stack_are_errors(clients: Clients) -> None:
    cloudformation = clients("cloudformation")
    cloudformation.delete_stack(StackName="nobody")
    missing = ("ValidationError", "Stack with id nobody does not exist")
    assert refusal(cloudformation.describe_stacks, StackName="nobody") == missing
    clients.deploy("somebody", {"A": parameter("x")})
    with pytest.raises(ClientError, match="Resource B does not exist for stack somebody"):
        clients.physical_id("somebody", "B")
    with pytest.raises(ClientError, match=r"Stack \[somebody\] already exists"):
        cloudformation.create_stack(StackName="somebody", TemplateBody=json.dumps({"Resources": {"A": parameter("x")}}))
    with pytest.raises(ClientError, match="Either Template URL or Template Body must be specified"):
        cloudformation.update_stack(StackName="somebody")


def test_template_is_shown_and_summarised(clients: Clients) -> None:
    cloudformation = clients("cloudformation")
    clients.deploy("shown", {"A": parameter("x")}, Description="A stack to show")
    body = cloudformation.get_template(StackName="shown")["TemplateBody"]
    assert body["Description"] == "A stack to show"
    summary = cloudformation.get_template_summary(StackName="shown")
    assert (summary["ResourceTypes"], summary["Description"]) == ([PARAMETER], "A stack to show")
    assert cloudformation.validate_template(TemplateBody=json.dumps(body))["Description"] == "A stack to show"
    listed = cloudformation.list_stacks(StackStatusFilter=["CREATE_COMPLETE"])["StackSummaries"]
    assert "shown" in [stack["StackName"] for stack in listed]
    found = cloudformation.describe_stack_resources(StackName="shown")["StackResources"]
    assert [(item["LogicalResourceId"], item["ResourceStatus"]) for item in found] == [("A", "CREATE_COMPLETE")]


def test_template_is_read_from_a_bucket(clients: Clients) -> None:
    clients("s3").create_bucket(Bucket="templates")
    body = json.dumps({"Resources": {"A": parameter("x")}})
    clients("s3").put_object(Bucket="templates", Key="a/b.json", Body=body.encode())
    urls = (
        "https://s3.us-east-1.amazonaws.com/templates/a/b.json",
        "https://templates.s3.us-east-1.amazonaws.com/a/b.json",
        "http://localhost:5000/templates/a/b.json",
    )
    for number, url in enumerate(urls):
        clients("cloudformation").create_stack(StackName=f"fetched-{number}", TemplateURL=url)
        assert value_of(clients, f"fetched-{number}", "A") == "x"


def test_condition_decides_what_is_made(clients: Clients) -> None:
    conditions = {"Never": {"Fn::Equals": ["a", "b"]}}
    resources = {"A": parameter("x"), "B": parameter("y", Condition="Never")}
    outputs = {"O": {"Value": {"Ref": "B"}, "Condition": "Never"}}
    clients.deploy("conditional", resources, Conditions=conditions, Outputs=outputs)
    other = {"A": parameter("x", Condition="Never"), "B": parameter("y", Condition="Never")}
    made = changes(clients, change_set(clients, "conditional", other, "UPDATE", Conditions=conditions))
    assert [(item["LogicalResourceId"], item["Action"]) for item in made] == [("A", "Remove")]
    found = clients("cloudformation").list_stack_resources(StackName="conditional")["StackResourceSummaries"]
    assert [item["LogicalResourceId"] for item in found] == ["A"]
    assert "Outputs" not in clients.stack("conditional") or clients.outputs("conditional") == {}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("{{resolve:secretsmanager:nobody:SecretString:p}}", "Could not resolve {{resolve:secretsmanager:nobody"),
        ("{{resolve:ssm:/nobody}}", "Could not resolve {{resolve:ssm:/nobody}}"),
        ("{{resolve:secretsmanager:known:SecretString:no}}", "Could not find a value associated with JSONKey no"),
        ({"Fn::GetAtt": ["Group", "Nothing"]}, "resource Group does not support attribute type Nothing in Fn::GetAtt"),
    ],
    ids=["secret", "parameter", "key", "attribute"],
)
def test_value_that_cannot_be_had_fails_the_resource(
    clients: Clients, request: pytest.FixtureRequest, value: Any, reason: str
) -> None:
    if not clients.exists("secretsmanager", "describe_secret", SecretId="known"):
        clients("secretsmanager").create_secret(Name="known", SecretString=json.dumps({"password": "p"}))
    resources = {"Group": log_group(7), "A": parameter(value, DependsOn="Group")}
    clients.expect_rollback(f"unresolved-{request.node.callspec.id}", resources, reason)


def test_required_property_is_required(clients: Clients) -> None:
    incomplete = {"A": {"Type": PARAMETER, "Properties": {"Type": "String"}}}
    clients.expect_rollback("incomplete", incomplete, "#: required key [Value] not found")


def test_dynamic_references_are_resolved_and_stay_out_of_the_template(clients: Clients) -> None:
    secret = clients("secretsmanager").create_secret(Name="dynamic", SecretString=json.dumps({"password": "p:1"}))
    clients("ssm").put_parameter(Name="/dynamic", Value="from ssm", Type="String")
    arn = secret["ARN"]
    text = f"{{{{resolve:secretsmanager:{arn}:SecretString:password::}}}} {{{{resolve:ssm:/dynamic}}}}"
    clients.deploy("dynamic", {"A": parameter(text)})
    assert value_of(clients, "dynamic", "A") == "p:1 from ssm"


def test_a_changed_value_in_parameter_store_is_an_update(clients: Clients) -> None:
    stored = {"P": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/changing"}}
    for value in ("one", "two"):
        clients("ssm").put_parameter(Name="/changing", Value=value, Type="String", Overwrite=True)
        clients.deploy("stored", {"A": parameter({"Ref": "P"})}, Parameters=stored)
        assert value_of(clients, "stored", "A") == value


def test_events_are_in_order_by_their_time(clients: Clients) -> None:
    clients.deploy("ordered", {f"P{number}": parameter("x") for number in range(5)})
    events = clients("cloudformation").describe_stack_events(StackName="ordered")["StackEvents"]
    times = [event["Timestamp"].isoformat(timespec="milliseconds") for event in events]
    assert times == sorted(set(times), reverse=True)
    assert (events[-1]["ResourceStatus"], events[0]["ResourceStatus"]) == ("CREATE_IN_PROGRESS", "CREATE_COMPLETE")


def test_rollback_can_be_switched_off(clients: Clients) -> None:
    body = json.dumps({"Resources": {"A": log_group(7, "left"), "B": broken(DependsOn="A")}})
    request = {"StackName": "left", "TemplateBody": body, "Capabilities": ["CAPABILITY_IAM"]}
    clients("cloudformation").create_stack(DisableRollback=True, **request)
    assert clients.stack("left")["StackStatus"] == "CREATE_FAILED"
    assert clients("logs").describe_log_groups(logGroupNamePrefix="left")["logGroups"]
    clients("cloudformation").delete_stack(StackName="left")
    assert clients("logs").describe_log_groups(logGroupNamePrefix="left")["logGroups"] == []


def test_a_stack_that_keeps_what_has_failed_is_updated_again(clients: Clients) -> None:
    def deploy(**resources: Any) -> str:
        request = {"StackName": "stubborn", "Capabilities": ["CAPABILITY_IAM"], "DisableRollback": True}
        there = clients.exists("cloudformation", "describe_stacks", StackName="stubborn")
        call = clients("cloudformation").update_stack if there else clients("cloudformation").create_stack
        call(TemplateBody=json.dumps({"Resources": resources}), **request)
        return str(clients.stack("stubborn")["StackStatus"])

    assert deploy(A=parameter("1"), Bad=broken(DependsOn="A")) == "CREATE_FAILED"
    assert deploy(A=parameter("1"), Gone=parameter("1")) == "UPDATE_COMPLETE"
    failing = {"A": parameter("2"), "Bad": broken(DependsOn="A")}
    # The second time nothing changes but what has failed.
    assert (deploy(**failing), deploy(**failing)) == ("UPDATE_FAILED", "UPDATE_FAILED")
    made = changes(clients, change_set(clients, "stubborn", {"A": parameter("3")}, "UPDATE"))
    assert [(it["LogicalResourceId"], it["Action"]) for it in made] == [("A", "Modify"), ("Gone", "Remove")]
    assert (deploy(A=parameter("3")), value_of(clients, "stubborn", "A")) == ("UPDATE_COMPLETE", "3")
    clients("cloudformation").delete_stack(StackName="stubborn")
    assert not clients.exists("cloudformation", "describe_stacks", StackName="stubborn")


def test_a_stack_is_deleted_if_its_creation_fails_and_the_request_says_so(clients: Clients) -> None:
    body = json.dumps({"Resources": {"A": parameter("1"), "Bad": broken(DependsOn="A")}})
    request = {"TemplateBody": body, "Capabilities": ["CAPABILITY_IAM"], "OnFailure": "DELETE"}
    stack = clients("cloudformation").create_stack(StackName="brief", **request)["StackId"]
    assert clients.stack(stack)["StackStatus"] == "DELETE_COMPLETE"
