"""RDS: database instances, subnet groups and parameter groups."""

from typing import Any

from beanpod_emulator.cloudformation.handlers.base import (
    Handler,
    Properties,
    Setting,
    State,
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


@handles("AWS::RDS::DBSubnetGroup", "DBSubnetGroupDescription DBSubnetGroupName SubnetIds Tags")
class DbSubnetGroupHandler(_Rds):
    calls = ("CreateDBSubnetGroup", "ModifyDBSubnetGroup", "DeleteDBSubnetGroup")
    name, answer, attributes = "DBSubnetGroupName", "DBSubnetGroup", same("DBSubnetGroupArn")
    tagged = {"ResourceName": "{DBSubnetGroupArn}"}


@handles("AWS::RDS::DBParameterGroup", "DBParameterGroupName Description Family Parameters Tags")
class DbParameterGroupHandler(_Rds):
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

    def configure(self, state: State, old: Properties, new: Properties) -> None:
        super().configure(state, old, new)
        if removed := sorted(old.get("Parameters", {}).keys() - new.get("Parameters", {}).keys()):
            parameters = [{"ParameterName": name, "ApplyMethod": "pending-reboot"} for name in removed]
            self.call("ResetDBParameterGroup", {"Parameters": parameters} | self.identify(state, new))


@handles(
    "AWS::RDS::DBInstance",
    "AllocatedStorage AllowMajorVersionUpgrade AutoMinorVersionUpgrade AvailabilityZone BackupRetentionPeriod "
    "CACertificateIdentifier CopyTagsToSnapshot DBInstanceClass DBInstanceIdentifier DBName DBParameterGroupName "
    "DBSubnetGroupName DeleteAutomatedBackups DeletionProtection EnableCloudwatchLogsExports "
    "EnableIAMDatabaseAuthentication EnablePerformanceInsights Engine EngineVersion Iops KmsKeyId LicenseModel "
    "ManageMasterUserPassword MasterUserPassword MasterUsername MaxAllocatedStorage MonitoringInterval "
    "MonitoringRoleArn MultiAZ NetworkType OptionGroupName PerformanceInsightsKMSKeyId "
    "PerformanceInsightsRetentionPeriod Port PreferredBackupWindow PreferredMaintenanceWindow PubliclyAccessible "
    "StorageEncrypted StorageThroughput StorageType Tags VPCSecurityGroups",
)
class DbInstanceHandler(_Rds):
    default_deletion_policy, takes_snapshots = "Snapshot", True
    kept_in_rollback = names("AllocatedStorage EngineVersion")
    calls = ("CreateDBInstance", "ModifyDBInstance", "DeleteDBInstance")
    name, name_length, answer = "DBInstanceIdentifier", 63, "DBInstance"
    renamed = {"VPCSecurityGroups": "VpcSecurityGroupIds"}
    attributes = same("DBInstanceArn DbiResourceId") | {
        "Endpoint.Address": "{Endpoint[Address]}",
        "Endpoint.Port": "{Endpoint[Port]}",
    }
    tagged = {"ResourceName": "{DBInstanceArn}"}

    def change(self, state: State, old: Properties, new: Properties) -> Properties:
        request = without(changed(old, new), "Engine") | pick(new, "AllowMajorVersionUpgrade")
        removed, added = differences(*(it.get("EnableCloudwatchLogsExports", []) for it in (old, new)))
        if removed or added:
            request["CloudwatchLogsExportConfiguration"] = {"EnableLogTypes": added, "DisableLogTypes": removed}
        return request | {"ApplyImmediately": True} | ({"DBPortNumber": new["Port"]} if "Port" in request else {})

    def delete(self, state: State, properties: Properties) -> None:
        request = self.identify(state, properties) | pick(properties, "DeleteAutomatedBackups")
        self.call("DeleteDBInstance", request | {"SkipFinalSnapshot": True})

    def snapshot(self, state: State) -> None:
        name = f"{self.stack_name}-snapshot-{self.generated_name(63)}".lower()
        request = {"DBInstanceIdentifier": state.physical_id, "DBSnapshotIdentifier": name[:255]}
        self.client.create_db_snapshot(**request)

    def describe(self, physical_id: str, known: Properties) -> dict[str, Any]:
        instance = self.client.describe_db_instances(DBInstanceIdentifier=physical_id)["DBInstances"][0]
        secret = instance.get("MasterUserSecret", {}).get("SecretArn")
        more = {"MasterUserSecret.SecretArn": secret} if secret else {}
        return super().describe(physical_id, instance) | more
