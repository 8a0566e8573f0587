"""S3, KMS, Parameter Store, Secrets Manager and ECR."""

import json
import re
from typing import Any

from beanpod_emulator.cloudformation.exceptions import ResourceFailedError
from beanpod_emulator.cloudformation.handlers.base import (
    Context,
    Handler,
    Properties,
    Setting,
    State,
    call,
    handles,
    is_true,
    names,
    pick,
    same,
    without,
)


def _encryption(value: Properties) -> dict[str, Any]:
    rules = [
        {("ApplyServerSideEncryptionByDefault" if key == "ServerSideEncryptionByDefault" else key): item
         for key, item in rule.items()}
        for rule in value["ServerSideEncryptionConfiguration"]
    ]  # fmt: skip
    return {"ServerSideEncryptionConfiguration": {"Rules": rules}}


def _lifecycle(value: Properties) -> dict[str, Any]:
    return {"LifecycleConfiguration": {"Rules": [_lifecycle_rule(rule) for rule in value["Rules"]]}}


def _lifecycle_rule(rule: Properties) -> dict[str, Any]:
    converted = pick(rule, "Id", "Status", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
    converted["Filter"] = {"Prefix": rule.get("Prefix", "")}
    if days := rule.get("ExpirationInDays"):
        converted["Expiration"] = {"Days": days}
    if days := rule.get("NoncurrentVersionExpirationInDays"):
        converted["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    return converted


def _logging(value: Properties) -> dict[str, Any]:
    target = {"TargetBucket": value["DestinationBucketName"], "TargetPrefix": value.get("LogFilePrefix", "")}
    return {"BucketLoggingStatus": {"LoggingEnabled": target} if value else {}}


@handles("AWS::S3::Bucket")
class Bucket(Handler):
    supported = names(
        "AccessControl BucketEncryption BucketName LifecycleConfiguration LoggingConfiguration OwnershipControls "
        "PublicAccessBlockConfiguration Tags VersioningConfiguration"
    )
    service, calls = "s3", ("CreateBucket", "", "DeleteBucket")
    name, name_length, lower_case, key, renamed = "BucketName", 63, True, "Bucket", {"BucketName": "Bucket"}
    settings = {
        "AccessControl": Setting(
            "PutBucketAcl", lambda value: {"ACL": re.sub("(?<=[a-z])(?=[A-Z])", "-", value).lower()}, default="Private"
        ),
        "BucketEncryption": Setting("PutBucketEncryption", _encryption, "DeleteBucketEncryption"),
        "LifecycleConfiguration": Setting("PutBucketLifecycleConfiguration", _lifecycle, "DeleteBucketLifecycle"),
        "LoggingConfiguration": Setting("PutBucketLogging", _logging, default={}),
        "OwnershipControls": Setting("PutBucketOwnershipControls", remove="DeleteBucketOwnershipControls"),
        "PublicAccessBlockConfiguration": Setting("PutPublicAccessBlock", remove="DeletePublicAccessBlock"),
        "Tags": Setting("PutBucketTagging", lambda tags: {"Tagging": {"TagSet": tags}}, "DeleteBucketTagging"),
        "VersioningConfiguration": Setting("PutBucketVersioning", default={"Status": "Suspended"}),
    }
    attributes = {
        "Arn": "arn:aws:s3:::{id}",
        "DomainName": "{id}.s3.amazonaws.com",
        "DualStackDomainName": "{id}.s3.dualstack.{region}.amazonaws.com",
        "RegionalDomainName": "{id}.s3.{region}.amazonaws.com",
    }

    def request(self, context: Context, properties: Properties) -> Properties:
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": context.region}}
        named = pick(super().request(context, properties), "BucketName")
        return named | ({} if context.region == "us-east-1" else elsewhere)


@handles("AWS::S3::BucketPolicy")
class BucketPolicy(Handler):
    supported = names("Bucket PolicyDocument")
    service, calls, key = "s3", ("PutBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"), "Bucket"
    renamed = {"PolicyDocument": "Policy"}


@handles("AWS::KMS::Key")
class Key(Handler):
    supported = names(
        "Description EnableKeyRotation Enabled KeyPolicy KeySpec KeyUsage MultiRegion PendingWindowInDays Tags"
    )
    unchangeable = names("KeySpec KeyUsage MultiRegion")
    service, calls, answer, key = "kms", ("CreateKey", "", "ScheduleKeyDeletion"), "KeyMetadata", "KeyId"
    renamed, identified_by = {"KeyPolicy": "Policy"}, names("PendingWindowInDays")
    settings = {
        "Description": Setting("UpdateKeyDescription", default=""),
        "KeyPolicy": Setting("PutKeyPolicy", lambda value: {"PolicyName": "default", "Policy": value}),
    }
    attributes, tagged = same("Arn KeyId"), {"KeyId": "{id}"}

    def configure(self, context: Context, state: State, old: Properties, new: Properties) -> None:
        super().configure(context, state, old, new)
        kms, key_id = context.client("kms"), state.physical_id
        if is_true(new.get("EnableKeyRotation")):
            kms.enable_key_rotation(KeyId=key_id)
        elif "EnableKeyRotation" in old:
            kms.disable_key_rotation(KeyId=key_id)
        if not is_true(new.get("Enabled", True)):
            kms.disable_key(KeyId=key_id)
        elif "Enabled" in old:
            kms.enable_key(KeyId=key_id)


@handles("AWS::KMS::Alias")
class Alias(Handler):
    supported = names("AliasName TargetKeyId")
    service, calls, name = "kms", ("CreateAlias", "UpdateAlias", "DeleteAlias"), "AliasName"


@handles("AWS::SSM::Parameter")
class Parameter(Handler):
    supported = names("AllowedPattern DataType Description Name Policies Tags Tier Type Value")
    service, calls, name, name_length = "ssm", ("PutParameter", "PutParameter", "DeleteParameter"), "Name", 512
    attributes = same("Type Value")
    tagged = {"ResourceType": "Parameter", "ResourceId": "{id}"}
    tag_calls = ("RemoveTagsFromResource", "AddTagsToResource")

    def change(self, context: Context, state: State, old: Properties, new: Properties) -> Properties:
        return new | {"Overwrite": True}

    def describe(self, context: Context, physical_id: str, known: Properties) -> dict[str, Any]:
        arn = f"arn:aws:ssm:{context.region}:{context.account}:parameter/{physical_id.removeprefix('/')}"
        return super().describe(context, physical_id, known) | {"Arn": arn}


@handles("AWS::ECR::Repository")
class Repository(Handler):
    """A repository without images, as `cdk bootstrap` creates it."""

    supported = names(
        "EmptyOnDelete ImageScanningConfiguration ImageTagMutability LifecyclePolicy RepositoryName "
        "RepositoryPolicyText Tags"
    )
    service, calls, answer = "ecr", ("CreateRepository", "", "DeleteRepository"), "repository"
    name, name_length, lower_case = "RepositoryName", 256, True
    renamed, identified_by = {"EmptyOnDelete": "force"}, names("EmptyOnDelete")
    settings = {
        "ImageScanningConfiguration": Setting("PutImageScanningConfiguration", default={"ScanOnPush": False}),
        "ImageTagMutability": Setting("PutImageTagMutability", default="MUTABLE"),
        "LifecyclePolicy": Setting("PutLifecyclePolicy", lambda value: value, "DeleteLifecyclePolicy"),
        "RepositoryPolicyText": Setting(
            "SetRepositoryPolicy", lambda value: {"PolicyText": value}, "DeleteRepositoryPolicy"
        ),
    }
    attributes = {"Arn": "{repositoryArn}", "RepositoryUri": "{repositoryUri}"}
    tagged = {"ResourceArn": "{Arn}"}


@handles("AWS::CDK::Metadata")
class CdkMetadata(Handler):
    """The constructs of an app, for AWS's statistics; nothing is created."""

    supported = names("Analytics")

    def create(self, context: Context, properties: Properties) -> State:
        return State(context.generated_name())

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        return state


_VALUE = ("GenerateSecretString", "SecretString")


@handles("AWS::SecretsManager::Secret")
class Secret(Handler):
    supported = names("Description GenerateSecretString KmsKeyId Name SecretString Tags")
    service, calls = "secretsmanager", ("CreateSecret", "UpdateSecret", "DeleteSecret")
    name, name_length, key, id, reset = "Name", 200, "SecretId", "{ARN}", {"Description": ""}
    attributes, tagged = {"Id": "{id}"}, {"SecretId": "{id}"}

    def request(self, context: Context, properties: Properties) -> Properties:
        return super().request(context, properties) | self._value(context, properties)

    def change(self, context: Context, state: State, old: Properties, new: Properties) -> Properties:
        same_value = pick(old, *_VALUE) == pick(new, *_VALUE)
        value = {} if same_value else self._value(context, new)
        return without(super().change(context, state, old, new), *_VALUE) | value

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        client = context.client("secretsmanager")
        client.delete_secret(SecretId=state.physical_id, ForceDeleteWithoutRecovery=True)

    def _value(self, context: Context, properties: Properties) -> Properties:
        if "GenerateSecretString" not in properties:
            return pick(properties, "SecretString")
        rules = properties["GenerateSecretString"]
        password = call(context.client("secretsmanager"), "GetRandomPassword", rules)["RandomPassword"]
        if "GenerateStringKey" not in rules:
            return {"SecretString": password}
        template = json.loads(rules.get("SecretStringTemplate", "{}"))
        return {"SecretString": json.dumps(template | {rules["GenerateStringKey"]: password})}


@handles("AWS::SecretsManager::SecretTargetAttachment")
class SecretTargetAttachment(Handler):
    """Adds engine, host, port, dbname and dbInstanceIdentifier to the JSON of the secret."""

    supported = names("SecretId TargetId TargetType")

    def create(self, context: Context, properties: Properties) -> State:
        client, secret_id = context.client("secretsmanager"), properties["SecretId"]
        current = client.get_secret_value(SecretId=secret_id)
        merged = _secret_object(current["SecretString"]) | self._connection(context, properties)
        client.put_secret_value(SecretId=secret_id, SecretString=json.dumps(merged))
        return State(current["ARN"], {"Id": current["ARN"]})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        return self.create(context, new)

    def _connection(self, context: Context, properties: Properties) -> dict[str, Any]:
        if properties["TargetType"] != "AWS::RDS::DBInstance":
            raise ResourceFailedError(
                f"TargetType must be AWS::RDS::DBInstance in the emulated AWS, got {properties['TargetType']}"
            )
        found = context.client("rds").describe_db_instances(DBInstanceIdentifier=properties["TargetId"])
        instance = found["DBInstances"][0]
        connection = {
            "engine": instance["Engine"],
            "host": instance["Endpoint"]["Address"],
            "port": instance["Endpoint"]["Port"],
            "dbInstanceIdentifier": instance["DBInstanceIdentifier"],
        }
        return connection | ({"dbname": instance["DBName"]} if instance.get("DBName") else {})


def _secret_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ResourceFailedError(
            "The secret to attach must hold a JSON object, got other text: generate it with a template"
        )
    return value


@handles("AWS::SecretsManager::ResourcePolicy")
class ResourcePolicy(Handler):
    supported = names("BlockPublicPolicy ResourcePolicy SecretId")
    service, calls = "secretsmanager", ("PutResourcePolicy", "PutResourcePolicy", "DeleteResourcePolicy")
    key, id, attributes = "SecretId", "{ARN}", {"Id": "{id}"}
