"""S3, KMS, Parameter Store, Secrets Manager and ECR."""

import json
import re
from typing import Any

from beanpod_emulator.cloudformation.exceptions import ResourceFailedError
from beanpod_emulator.cloudformation.handlers.base import (
    Handler,
    Properties,
    Setting,
    State,
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


# The members of a lifecycle rule: the API's names of those that have another one, and all that are applied.
_EXPIRATION = {
    "ExpirationInDays": "Days",
    "ExpirationDate": "Date",
    "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker",
}
_TRANSITIONS = {
    "Transitions": {"TransitionInDays": "Days", "TransitionDate": "Date"},
    "NoncurrentVersionTransitions": {"TransitionInDays": "NoncurrentDays"},
}
_LIFECYCLE = names(
    "AbortIncompleteMultipartUpload Id NoncurrentVersionExpiration NoncurrentVersionExpirationInDays Prefix Status "
    "TagFilters"
).union(_EXPIRATION, _TRANSITIONS)


def _lifecycle(value: Properties) -> dict[str, Any]:
    return {"LifecycleConfiguration": {"Rules": [_lifecycle_rule(rule) for rule in value["Rules"]]}}


def _lifecycle_rule(rule: Properties) -> dict[str, Any]:
    if unknown := ", ".join(sorted(rule.keys() - _LIFECYCLE)):
        raise ResourceFailedError(f"The emulated AWS does not know {unknown} of a lifecycle rule: leave it out here")
    converted = pick(rule, "Id", "Status", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
    converted["Filter"] = prefix = {"Prefix": rule.get("Prefix", "")}
    if tags := rule.get("TagFilters"):
        converted["Filter"] = {"And": prefix | {"Tags": tags}}
    if expiration := pick(rule, *_EXPIRATION):
        converted["Expiration"] = _renamed(expiration, _EXPIRATION)
    if days := rule.get("NoncurrentVersionExpirationInDays"):
        converted["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    for name, members in _TRANSITIONS.items():
        if name in rule:
            converted[name] = [_renamed(transition, members) for transition in rule[name]]
    return converted


def _renamed(properties: Properties, members: dict[str, str]) -> Properties:
    return {members.get(name, name): value for name, value in properties.items()}


def _logging(value: Properties) -> dict[str, Any]:
    target = {"TargetBucket": value["DestinationBucketName"], "TargetPrefix": value.get("LogFilePrefix", "")}
    return {"BucketLoggingStatus": {"LoggingEnabled": target} if value else {}}


@handles(
    "AWS::S3::Bucket",
    "AccessControl BucketEncryption BucketName LifecycleConfiguration LoggingConfiguration OwnershipControls "
    "PublicAccessBlockConfiguration Tags VersioningConfiguration",
)
class BucketHandler(Handler):
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

    def request(self, properties: Properties) -> Properties:
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        named = pick(super().request(properties), "BucketName")
        return named | ({} if self.region == "us-east-1" else elsewhere)


@handles("AWS::S3::BucketPolicy", "Bucket PolicyDocument")
class BucketPolicyHandler(Handler):
    service, calls, key = "s3", ("PutBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"), "Bucket"
    renamed = {"PolicyDocument": "Policy"}


@handles(
    "AWS::KMS::Key",
    "Description EnableKeyRotation Enabled KeyPolicy KeySpec KeyUsage MultiRegion PendingWindowInDays Tags",
)
class KeyHandler(Handler):
    unchangeable = names("KeySpec KeyUsage MultiRegion")
    service, calls, answer, key = "kms", ("CreateKey", "", "ScheduleKeyDeletion"), "KeyMetadata", "KeyId"
    renamed, identified_by = {"KeyPolicy": "Policy"}, names("PendingWindowInDays")
    settings = {
        "Description": Setting("UpdateKeyDescription", default=""),
        "KeyPolicy": Setting("PutKeyPolicy", lambda value: {"PolicyName": "default", "Policy": value}),
    }
    attributes, tagged = same("Arn KeyId"), {"KeyId": "{id}"}

    def configure(self, state: State, old: Properties, new: Properties) -> None:
        super().configure(state, old, new)
        for name, default, calls in (
            ("EnableKeyRotation", False, ("DisableKeyRotation", "EnableKeyRotation")),
            ("Enabled", True, ("DisableKey", "EnableKey")),
        ):
            before, after = (is_true(properties.get(name, default)) for properties in (old, new))
            if before is not after:
                self.call(calls[after], {"KeyId": state.physical_id})


@handles("AWS::KMS::Alias", "AliasName TargetKeyId")
class AliasHandler(Handler):
    service, calls, name = "kms", ("CreateAlias", "UpdateAlias", "DeleteAlias"), "AliasName"


@handles("AWS::SSM::Parameter", "AllowedPattern DataType Description Name Policies Tags Tier Type Value")
class ParameterHandler(Handler):
    service, calls, name, name_length = "ssm", ("PutParameter", "PutParameter", "DeleteParameter"), "Name", 512
    attributes = same("Type Value")
    tagged = {"ResourceType": "Parameter", "ResourceId": "{id}"}
    tag_calls = ("RemoveTagsFromResource", "AddTagsToResource")

    def change(self, state: State, old: Properties, new: Properties) -> Properties:
        return new | {"Overwrite": True}

    def describe(self, physical_id: str, known: Properties) -> dict[str, Any]:
        arn = f"arn:aws:ssm:{self.region}:{self.account}:parameter/{physical_id.removeprefix('/')}"
        return super().describe(physical_id, known) | {"Arn": arn}


@handles(
    "AWS::ECR::Repository",
    "EmptyOnDelete ImageScanningConfiguration ImageTagMutability LifecyclePolicy RepositoryName "
    "RepositoryPolicyText Tags",
)
class RepositoryHandler(Handler):
    """A repository without images, as `cdk bootstrap` creates it."""

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


@handles("AWS::CDK::Metadata", "Analytics")
class CdkMetadataHandler(Handler):
    """The constructs of an app, for AWS's statistics; nothing is created."""

    def create(self, properties: Properties) -> State:
        return State(self.generated_name())

    def update(self, state: State, old: Properties, new: Properties) -> State:
        return state


_VALUE = ("GenerateSecretString", "SecretString")


@handles("AWS::SecretsManager::Secret", "Description GenerateSecretString KmsKeyId Name SecretString Tags")
class SecretHandler(Handler):
    service, calls = "secretsmanager", ("CreateSecret", "UpdateSecret", "DeleteSecret")
    name, name_length, key, id, reset = "Name", 200, "SecretId", "{ARN}", {"Description": ""}
    attributes, tagged = {"Id": "{id}"}, {"SecretId": "{id}"}

    def request(self, properties: Properties) -> Properties:
        return super().request(properties) | self._value(properties)

    def change(self, state: State, old: Properties, new: Properties) -> Properties:
        same_value = pick(old, *_VALUE) == pick(new, *_VALUE)
        value = {} if same_value else self._value(new)
        return without(super().change(state, old, new), *_VALUE) | value

    def delete(self, state: State, properties: Properties) -> None:
        self.client.delete_secret(SecretId=state.physical_id, ForceDeleteWithoutRecovery=True)

    def _value(self, properties: Properties) -> Properties:
        if "GenerateSecretString" not in properties:
            return pick(properties, "SecretString")
        rules = properties["GenerateSecretString"]
        password = self.call("GetRandomPassword", rules)["RandomPassword"]
        if "GenerateStringKey" not in rules:
            return {"SecretString": password}
        template = json.loads(rules.get("SecretStringTemplate", "{}"))
        return {"SecretString": json.dumps(template | {rules["GenerateStringKey"]: password})}


@handles("AWS::SecretsManager::SecretTargetAttachment", "SecretId TargetId TargetType")
class SecretTargetAttachmentHandler(Handler):
    """Adds engine, host, port, dbname and dbInstanceIdentifier to the JSON of the secret."""

    service = "secretsmanager"

    def create(self, properties: Properties) -> State:
        secret_id = properties["SecretId"]
        current = self.client.get_secret_value(SecretId=secret_id)
        merged = _secret_object(current["SecretString"]) | self._connection(properties)
        self.client.put_secret_value(SecretId=secret_id, SecretString=json.dumps(merged))
        return State(current["ARN"], {"Id": current["ARN"]})

    def update(self, state: State, old: Properties, new: Properties) -> State:
        return self.create(new)

    def _connection(self, properties: Properties) -> dict[str, Any]:
        if properties["TargetType"] != "AWS::RDS::DBInstance":
            raise ResourceFailedError(
                f"TargetType must be AWS::RDS::DBInstance in the emulated AWS, got {properties['TargetType']}"
            )
        found = self.call("DescribeDBInstances", {"DBInstanceIdentifier": properties["TargetId"]}, service="rds")
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


@handles("AWS::SecretsManager::ResourcePolicy", "BlockPublicPolicy ResourcePolicy SecretId")
class ResourcePolicyHandler(Handler):
    service, calls = "secretsmanager", ("PutResourcePolicy", "PutResourcePolicy", "DeleteResourcePolicy")
    key, id, attributes = "SecretId", "{ARN}", {"Id": "{id}"}
