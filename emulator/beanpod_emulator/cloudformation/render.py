"""How stacks, events and change sets look in CloudFormation's answers."""

from typing import Any

from beanpod_emulator.cloudformation.stack import Change, ChangeSet, DeployedResource, Event, Stack


def tags(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in values.items()]


def parameters(shown: Stack | ChangeSet) -> list[dict[str, str]]:
    declared = shown.template.section("Parameters") if shown.template else {}
    return [
        {"ParameterKey": name, "ParameterValue": _shown_value(body, shown.parameters[name])}
        for name, body in declared.items()
    ]


def _shown_value(declared: dict[str, Any], value: Any) -> str:
    return "****" if str(declared.get("NoEcho", "")).lower() == "true" else str(value)


def stack(item: Stack) -> dict[str, Any]:
    return {
        "StackId": item.stack_id,
        "StackName": item.name,
        "Description": item.template.description if item.template else None,
        "Parameters": parameters(item),
        "CreationTime": item.creation_time,
        "DeletionTime": item.deletion_time,
        "LastUpdatedTime": item.last_updated_time,
        "StackStatus": item.status,
        "StackStatusReason": item.status_reason,
        "DisableRollback": item.disable_rollback,
        "NotificationARNs": item.notification_arns,
        "Capabilities": item.capabilities,
        "Outputs": [
            {
                "OutputKey": output.key,
                "OutputValue": output.value,
                "Description": output.description,
                "ExportName": output.export_name,
            }
            for output in item.outputs
        ],
        "RoleARN": item.role_arn,
        "Tags": tags(item.tags),
        "EnableTerminationProtection": item.termination_protection,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }


def summary(item: Stack) -> dict[str, Any]:
    keys = "StackId StackName CreationTime DeletionTime LastUpdatedTime StackStatus StackStatusReason DriftInformation"
    shown = stack(item)
    return {key: shown[key] for key in keys.split()} | {"TemplateDescription": shown["Description"]}


def event(item: Stack, entry: Event) -> dict[str, Any]:
    return {
        "StackId": item.stack_id,
        "EventId": entry.event_id,
        "StackName": item.name,
        "LogicalResourceId": entry.logical_resource_id,
        "PhysicalResourceId": entry.physical_resource_id,
        "ResourceType": entry.resource_type,
        "Timestamp": entry.timestamp,
        "ResourceStatus": entry.resource_status,
        "ResourceStatusReason": entry.resource_status_reason,
        "ClientRequestToken": entry.client_request_token,
    }


def resource(item: DeployedResource, *, timestamp: str) -> dict[str, Any]:
    """timestamp: what the operation calls the time, "Timestamp" or "LastUpdatedTimestamp"."""
    return {
        "LogicalResourceId": item.logical_id,
        "PhysicalResourceId": item.physical_id,
        "ResourceType": item.type,
        timestamp: item.timestamp,
        "ResourceStatus": item.status,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }


def change_set(item: ChangeSet) -> dict[str, Any]:
    return {
        "ChangeSetId": item.change_set_id,
        "ChangeSetName": item.name,
        "StackId": item.stack.stack_id,
        "StackName": item.stack.name,
        "Description": item.description,
        "Parameters": parameters(item),
        "CreationTime": item.creation_time,
        "ExecutionStatus": item.execution_status,
        "Status": item.status,
        "StatusReason": item.status_reason,
        "NotificationARNs": item.notification_arns,
        "Capabilities": item.capabilities,
        "Tags": tags(item.tags),
        "Changes": [{"Type": "Resource", "ResourceChange": _change(change)} for change in item.changes],
    }


def _change(item: Change) -> dict[str, Any]:
    shown = {
        "Action": item.action,
        "LogicalResourceId": item.logical_resource_id,
        "PhysicalResourceId": item.physical_resource_id,
        "ResourceType": item.resource_type,
        "Replacement": item.replacement,
    }
    return {key: value for key, value in shown.items() if value is not None} | {"Scope": [], "Details": []}
