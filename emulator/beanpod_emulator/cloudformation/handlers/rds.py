"""RDS: database instances, subnet groups and parameter groups."""

from typing import Any

from beanpod_emulator.cloudformation.handlers.base import (
    Context,
    Handler,
    Properties,
    Setting,
    State,
    call,
    changed,
    differences,
    handles,
    names,
    pick,
    same,
    without,
)


class _Rds(Handler):
    service, name_length, lower_case = "rds", 255, True
    tag_calls = ("RemoveTagsFromResource", "AddTagsToResource")


@handles("AWS::RDS::DBSubnetGroup")
class DbSubnetGroup(_Rds):
    supported = names("DBSubnetGroupDescription DBSubnetGroupName SubnetIds Tags")
    calls = ("CreateDBSubnetGroup", "ModifyDBSubnetGroup", "DeleteDBSubnetGroup")
    name, answer, attributes = "DBSubnetGroupName", "DBSubnetGroup", same("DBSubnetGroupArn")
    tagged = {"ResourceName": "{DBSubnetGroupArn}"}


@handles("AWS::RDS::DBParameterGroup")
class DbParameterGroup(_Rds):
    supported = names("DBParameterGroupName Description Family Parameters Tags")
    calls = ("CreateDBParameterGroup", "", "DeleteDBParameterGroup")
    name, answer, renamed = "DBParameterGroupName", "DBParameterGroup", {"Family": "DBParameterGroupFamily"}
    settings = {
        "Parameters": Setting(
            "ModifyDBParameterGroup",
            lambda values: {
                "Parameters": [
                    {"ParameterName": key, "ParameterValue": str(value), "ApplyMethod": "pending-reboot"}
                    for key, value in values.items()
                ]
            },
        )
    }
    attributes = same("DBParameterGroupArn DBParameterGroupName")
    tagged = {"ResourceName": "{DBParameterGroupArn}"}


@handles("AWS::RDS::DBInstance")
class DbInstance(_Rds):
    default_deletion_policy, takes_snapshots = "Snapshot", True
    kept_in_rollback = names("AllocatedStorage EngineVersion")
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
    calls = ("CreateDBInstance", "ModifyDBInstance", "DeleteDBInstance")
    name, name_length, answer = "DBInstanceIdentifier", 63, "DBInstance"
    renamed = {"VPCSecurityGroups": "VpcSecurityGroupIds"}
    attributes = same("DBInstanceArn DbiResourceId") | {
        "Endpoint.Address": "{Endpoint[Address]}",
        "Endpoint.Port": "{Endpoint[Port]}",
    }
    tagged = {"ResourceName": "{DBInstanceArn}"}

    def change(self, context: Context, state: State, old: Properties, new: Properties) -> Properties:
        request = without(changed(old, new), "Engine") | pick(new, "AllowMajorVersionUpgrade")
        removed, added = differences(*(it.get("EnableCloudwatchLogsExports", []) for it in (old, new)))
        if removed or added:
            request["CloudwatchLogsExportConfiguration"] = {"EnableLogTypes": added, "DisableLogTypes": removed}
        return request | {"ApplyImmediately": True} | ({"DBPortNumber": new["Port"]} if "Port" in request else {})

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        request = self.identify(state, properties) | pick(properties, "DeleteAutomatedBackups")
        call(context.client("rds"), "DeleteDBInstance", request | {"SkipFinalSnapshot": True})

    def snapshot(self, context: Context, state: State) -> None:
        name = f"{context.stack_name}-snapshot-{context.generated_name(63)}".lower()
        request = {"DBInstanceIdentifier": state.physical_id, "DBSnapshotIdentifier": name[:255]}
        context.client("rds").create_db_snapshot(**request)

    def describe(self, context: Context, physical_id: str, known: Properties) -> dict[str, Any]:
        instance = context.client("rds").describe_db_instances(DBInstanceIdentifier=physical_id)["DBInstances"][0]
        secret = instance.get("MasterUserSecret", {}).get("SecretArn")
        more = {"MasterUserSecret.SecretArn": secret} if secret else {}
        return super().describe(context, physical_id, instance) | more
