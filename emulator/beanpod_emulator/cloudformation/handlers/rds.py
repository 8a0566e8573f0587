"""RDS: database instances, subnet groups and parameter groups."""

from typing import Any

from beanpod_emulator.cloudformation.handlers.base import (
    Context,
    Handler,
    Properties,
    State,
    api_tags,
    call,
    changed,
    handles,
    names,
    pick,
    retag,
    without,
)  # fmt: skip

_TAGGING = ("RemoveTagsFromResource", "AddTagsToResource")


@handles("AWS::RDS::DBSubnetGroup")
class DbSubnetGroup(Handler):
    supported = names("DBSubnetGroupDescription DBSubnetGroupName SubnetIds Tags")

    def create(self, context: Context, properties: Properties) -> State:
        # RDS keeps the names of its groups in lower case.
        name = (properties.get("DBSubnetGroupName") or context.generated_name(255)).lower()
        request = properties | {"DBSubnetGroupName": name, "Tags": api_tags(properties)}
        group = call(context.client("rds"), "CreateDBSubnetGroup", request)["DBSubnetGroup"]
        return State(name, {"DBSubnetGroupArn": group["DBSubnetGroupArn"]})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        rds = context.client("rds")
        request = without(new, "Tags") | {"DBSubnetGroupName": state.physical_id}
        call(rds, "ModifyDBSubnetGroup", request)
        retag(rds, {"ResourceName": state.attributes["DBSubnetGroupArn"]}, old, new, operations=_TAGGING)
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("rds").delete_db_subnet_group(DBSubnetGroupName=state.physical_id)


@handles("AWS::RDS::DBParameterGroup")
class DbParameterGroup(Handler):
    supported = names("DBParameterGroupName Description Family Parameters Tags")

    def create(self, context: Context, properties: Properties) -> State:
        rds = context.client("rds")
        name = (properties.get("DBParameterGroupName") or context.generated_name(255)).lower()
        group = rds.create_db_parameter_group(
            DBParameterGroupName=name,
            DBParameterGroupFamily=properties["Family"],
            Description=properties["Description"],
            Tags=api_tags(properties),
        )["DBParameterGroup"]
        self._set_parameters(rds, name, {}, properties)
        return State(name, {"DBParameterGroupArn": group["DBParameterGroupArn"], "DBParameterGroupName": name})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        rds = context.client("rds")
        self._set_parameters(rds, state.physical_id, old, new)
        retag(rds, {"ResourceName": state.attributes["DBParameterGroupArn"]}, old, new, operations=_TAGGING)
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("rds").delete_db_parameter_group(DBParameterGroupName=state.physical_id)

    def _set_parameters(self, rds: Any, name: str, old: Properties, new: Properties) -> None:
        before, after = old.get("Parameters", {}), new.get("Parameters", {})
        entries = [
            {"ParameterName": key, "ParameterValue": str(value), "ApplyMethod": "pending-reboot"}
            for key, value in changed(before, after).items()
        ]
        if entries:
            rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=entries)


# CloudFormation's word for a property, and the API's.
_RENAMED = {"VPCSecurityGroups": "VpcSecurityGroupIds"}
_MODIFY_RENAMED = _RENAMED | {"Port": "DBPortNumber"}
_NOT_IN_MODIFY = ("EnableCloudwatchLogsExports", "Tags", "Engine", "AvailabilityZone", "DeleteAutomatedBackups")


@handles("AWS::RDS::DBInstance")
class DbInstance(Handler):
    default_deletion_policy = "Snapshot"
    supported = names(
        "AllocatedStorage AllowMajorVersionUpgrade AutoMinorVersionUpgrade AvailabilityZone BackupRetentionPeriod "
        "CACertificateIdentifier CopyTagsToSnapshot DBInstanceClass DBInstanceIdentifier DBName DBParameterGroupName "
        "DBSubnetGroupName DeleteAutomatedBackups DeletionProtection EnableCloudwatchLogsExports "
        "EnableIAMDatabaseAuthentication EnablePerformanceInsights Engine EngineVersion Iops KmsKeyId LicenseModel "
        "ManageMasterUserPassword MasterUserPassword MasterUsername MaxAllocatedStorage MonitoringInterval "
        "MonitoringRoleArn MultiAZ NetworkType OptionGroupName PerformanceInsightsKMSKeyId "
        "PerformanceInsightsRetentionPeriod Port PreferredBackupWindow PreferredMaintenanceWindow PubliclyAccessible "
        "StorageEncrypted StorageThroughput StorageType Tags VPCSecurityGroups"
    )

    def create(self, context: Context, properties: Properties) -> State:
        rds = context.client("rds")
        name = (properties.get("DBInstanceIdentifier") or context.generated_name(63)).lower()
        # Both are for later calls: the first for an update, the second for the removal.
        request = without(properties, "AllowMajorVersionUpgrade", "DeleteAutomatedBackups")
        request = _renamed(request, _RENAMED) | {"DBInstanceIdentifier": name, "Tags": api_tags(properties)}
        call(rds, "CreateDBInstance", request)
        return self._read(rds, name)

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        rds, name = context.client("rds"), state.physical_id
        request = _renamed(without(changed(old, new), *_NOT_IN_MODIFY), _MODIFY_RENAMED)
        if logs := _log_exports(old, new):
            request["CloudwatchLogsExportConfiguration"] = logs
        request |= {"DBInstanceIdentifier": name, "ApplyImmediately": True}
        call(rds, "ModifyDBInstance", request | pick(new, "AllowMajorVersionUpgrade"))
        retag(rds, {"ResourceName": state.attributes["DBInstanceArn"]}, old, new, operations=_TAGGING)
        return self._read(rds, name)

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        request = {"DBInstanceIdentifier": state.physical_id, "SkipFinalSnapshot": True}
        call(context.client("rds"), "DeleteDBInstance", request | pick(properties, "DeleteAutomatedBackups"))

    def snapshot(self, context: Context, state: State) -> None:
        name = f"{context.stack_name}-snapshot-{context.generated_name(63)}".lower()
        request = {"DBInstanceIdentifier": state.physical_id, "DBSnapshotIdentifier": name[:255]}
        context.client("rds").create_db_snapshot(**request)

    def _read(self, rds: Any, name: str) -> State:
        instance = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
        secret = instance.get("MasterUserSecret", {}).get("SecretArn")
        attributes = {
            "Endpoint.Address": instance["Endpoint"]["Address"],
            "Endpoint.Port": str(instance["Endpoint"]["Port"]),
            "DBInstanceArn": instance["DBInstanceArn"],
            "DbiResourceId": instance["DbiResourceId"],
        }
        return State(name, attributes | ({"MasterUserSecret.SecretArn": secret} if secret else {}))


def _renamed(properties: Properties, table: dict[str, str]) -> Properties:
    return {table.get(name, name): value for name, value in properties.items()}


def _log_exports(old: Properties, new: Properties) -> dict[str, list[str]]:
    before = set(old.get("EnableCloudwatchLogsExports", []))
    after = set(new.get("EnableCloudwatchLogsExports", []))
    if before == after:
        return {}
    return {"EnableLogTypes": sorted(after - before), "DisableLogTypes": sorted(before - after)}
