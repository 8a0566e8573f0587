"""S3, KMS, Parameter Store, Secrets Manager and ECR."""

import json
from typing import Any

from beanpod_emulator.cloudformation.exceptions import ResourceFailedError
from beanpod_emulator.cloudformation.handlers.base import (
    Context,
    Handler,
    Properties,
    State,
    api_tags,
    call,
    document,
    handles,
    names,
    pick,
    retag,
    tag_changes,
    without,
)  # fmt: skip


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
    converted = {key: rule[key] for key in ("Status",) if key in rule}
    converted["Filter"] = {"Prefix": rule.get("Prefix", "")}
    if "Id" in rule:
        converted["ID"] = rule["Id"]
    if days := rule.get("ExpirationInDays"):
        converted["Expiration"] = {"Days": days}
    if days := rule.get("NoncurrentVersionExpirationInDays"):
        converted["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    for key in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if key in rule:
            converted[key] = rule[key]
    return converted


def _logging(value: Properties) -> dict[str, Any]:
    target = {"TargetBucket": value["DestinationBucketName"], "TargetPrefix": value.get("LogFilePrefix", "")}
    return {"BucketLoggingStatus": {"LoggingEnabled": target}}


# Property: the call that sets it, its argument, and the call that takes it back (None: it cannot be taken back).
_SETTINGS: dict[str, tuple[str, Any, str | None]] = {
    "BucketEncryption": ("PutBucketEncryption", _encryption, "DeleteBucketEncryption"),
    "LifecycleConfiguration": ("PutBucketLifecycleConfiguration", _lifecycle, "DeleteBucketLifecycle"),
    "LoggingConfiguration": ("PutBucketLogging", _logging, None),
    "OwnershipControls": (
        "PutBucketOwnershipControls", lambda value: {"OwnershipControls": value}, "DeleteBucketOwnershipControls"
    ),
    "PublicAccessBlockConfiguration": (
        "PutPublicAccessBlock", lambda value: {"PublicAccessBlockConfiguration": value}, "DeletePublicAccessBlock"
    ),
    "VersioningConfiguration": (
        "PutBucketVersioning", lambda value: {"VersioningConfiguration": value}, None
    ),
}  # fmt: skip


@handles("AWS::S3::Bucket")
class Bucket(Handler):
    supported = names("AccessControl BucketName Tags") | frozenset(_SETTINGS)

    def create(self, context: Context, properties: Properties) -> State:
        name = properties.get("BucketName") or context.generated_name(63).lower()
        s3 = context.client("s3")
        place = {} if context.region == "us-east-1" else {"LocationConstraint": context.region}
        s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": place} if place else {}))
        state = State(name, self._attributes(name, context.region))
        return self.update(context, state, {}, properties)

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        s3, bucket = context.client("s3"), {"Bucket": state.physical_id}
        for name, (put, convert, undo) in _SETTINGS.items():
            if name in new and new[name] != old.get(name):
                call(s3, put, bucket | convert(new[name]))
            elif name in old and name not in new and undo:
                call(s3, undo, bucket)
        if api_tags(new):
            s3.put_bucket_tagging(Tagging={"TagSet": api_tags(new)}, **bucket)
        elif api_tags(old):
            s3.delete_bucket_tagging(**bucket)
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("s3").delete_bucket(Bucket=state.physical_id)

    def _attributes(self, name: str, region: str) -> dict[str, str]:
        return {
            "Arn": f"arn:aws:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com",
            "DualStackDomainName": f"{name}.s3.dualstack.{region}.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
        }


@handles("AWS::S3::BucketPolicy")
class BucketPolicy(Handler):
    supported = names("Bucket PolicyDocument")

    def create(self, context: Context, properties: Properties) -> State:
        bucket = properties["Bucket"]
        context.client("s3").put_bucket_policy(Bucket=bucket, Policy=document(properties["PolicyDocument"]))
        return State(bucket)

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("s3").delete_bucket_policy(Bucket=state.physical_id)


def _kms_tags(tags: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in tags]


@handles("AWS::KMS::Key")
class Key(Handler):
    supported = names(
        "Description EnableKeyRotation Enabled KeyPolicy KeySpec KeyUsage MultiRegion PendingWindowInDays Tags"
    )

    def create(self, context: Context, properties: Properties) -> State:
        kms = context.client("kms")
        request = pick(properties, "Description", "KeySpec", "KeyUsage", "MultiRegion")
        if "KeyPolicy" in properties:
            request["Policy"] = document(properties["KeyPolicy"])
        key = call(kms, "CreateKey", request | {"Tags": _kms_tags(api_tags(properties))})["KeyMetadata"]
        self._set_switches(kms, key["KeyId"], {}, properties)
        return State(key["KeyId"], {"Arn": key["Arn"], "KeyId": key["KeyId"]})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        kms, key_id = context.client("kms"), state.physical_id
        kms.update_key_description(KeyId=key_id, Description=new.get("Description", ""))
        if "KeyPolicy" in new:
            kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=document(new["KeyPolicy"]))
        self._set_switches(kms, key_id, old, new)
        removed, added = tag_changes(old, new)
        if removed:
            kms.untag_resource(KeyId=key_id, TagKeys=removed)
        if added:
            kms.tag_resource(KeyId=key_id, Tags=_kms_tags(added))
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        request = pick(properties, "PendingWindowInDays") | {"KeyId": state.physical_id}
        call(context.client("kms"), "ScheduleKeyDeletion", request)

    def _set_switches(self, kms: Any, key_id: str, old: Properties, new: Properties) -> None:
        rotated = str(new.get("EnableKeyRotation", False)).lower() == "true"
        if rotated:
            kms.enable_key_rotation(KeyId=key_id)
        elif "EnableKeyRotation" in old:
            kms.disable_key_rotation(KeyId=key_id)
        enabled = str(new.get("Enabled", True)).lower() == "true"
        if enabled and "Enabled" in old:
            kms.enable_key(KeyId=key_id)
        elif not enabled:
            kms.disable_key(KeyId=key_id)


@handles("AWS::KMS::Alias")
class Alias(Handler):
    supported = names("AliasName TargetKeyId")

    def create(self, context: Context, properties: Properties) -> State:
        context.client("kms").create_alias(**properties)
        return State(properties["AliasName"])

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        context.client("kms").update_alias(**new)
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("kms").delete_alias(AliasName=state.physical_id)


@handles("AWS::SSM::Parameter")
class Parameter(Handler):
    supported = names("AllowedPattern DataType Description Name Policies Tags Tier Type Value")

    def create(self, context: Context, properties: Properties) -> State:
        name = properties.get("Name") or context.generated_name(512)
        request = without(properties, "Tags") | {"Name": name}
        tags = [{"Key": key, "Value": value} for key, value in properties.get("Tags", {}).items()]
        call(context.client("ssm"), "PutParameter", request | ({"Tags": tags} if tags else {}))
        return self._state(context, name, properties)

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        ssm, name = context.client("ssm"), state.physical_id
        call(ssm, "PutParameter", without(new, "Tags") | {"Name": name, "Overwrite": True})
        before, after = old.get("Tags", {}), new.get("Tags", {})
        key = {"ResourceType": "Parameter", "ResourceId": name}
        if removed := [tag for tag in before if tag not in after]:
            ssm.remove_tags_from_resource(TagKeys=removed, **key)
        if after:
            ssm.add_tags_to_resource(Tags=[{"Key": tag, "Value": value} for tag, value in after.items()], **key)
        return self._state(context, name, new)

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("ssm").delete_parameter(Name=state.physical_id)

    def _state(self, context: Context, name: str, properties: Properties) -> State:
        arn = f"arn:aws:ssm:{context.region}:{context.account}:parameter/{name.removeprefix('/')}"
        return State(name, {"Arn": arn, "Type": properties["Type"], "Value": properties["Value"]})


@handles("AWS::ECR::Repository")
class Repository(Handler):
    """A repository without images, as `cdk bootstrap` creates it."""

    supported = names("EmptyOnDelete ImageScanningConfiguration ImageTagMutability LifecyclePolicy RepositoryName "
                      "RepositoryPolicyText Tags")  # fmt: skip

    def create(self, context: Context, properties: Properties) -> State:
        ecr = context.client("ecr")
        name = properties.get("RepositoryName") or context.generated_name(256).lower()
        request: dict[str, Any] = {"repositoryName": name, "tags": api_tags(properties)}
        if "ImageTagMutability" in properties:
            request["imageTagMutability"] = properties["ImageTagMutability"]
        repository = ecr.create_repository(**request)["repository"]
        state = State(name, {"Arn": repository["repositoryArn"], "RepositoryUri": repository["repositoryUri"]})
        return self.update(context, state, {}, properties)

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        ecr, key = context.client("ecr"), {"repositoryName": state.physical_id}
        if "ImageTagMutability" in new:
            ecr.put_image_tag_mutability(imageTagMutability=new["ImageTagMutability"], **key)
        if scanning := new.get("ImageScanningConfiguration"):
            on_push = str(scanning["ScanOnPush"]).lower() == "true"
            ecr.put_image_scanning_configuration(imageScanningConfiguration={"scanOnPush": on_push}, **key)
        if policy := new.get("LifecyclePolicy"):
            ecr.put_lifecycle_policy(lifecyclePolicyText=policy["LifecyclePolicyText"], **key)
        if "RepositoryPolicyText" in new:
            ecr.set_repository_policy(policyText=document(new["RepositoryPolicyText"]), **key)
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        force = str(properties.get("EmptyOnDelete", False)).lower() == "true"
        context.client("ecr").delete_repository(repositoryName=state.physical_id, force=force)


@handles("AWS::CDK::Metadata")
class CdkMetadata(Handler):
    """The constructs of an app, for AWS's statistics; nothing is created."""

    supported = names("Analytics")

    def create(self, context: Context, properties: Properties) -> State:
        return State(context.generated_name())


@handles("AWS::SecretsManager::Secret")
class Secret(Handler):
    supported = names("Description GenerateSecretString KmsKeyId Name SecretString Tags")

    def create(self, context: Context, properties: Properties) -> State:
        client = context.client("secretsmanager")
        request = pick(properties, "Description", "KmsKeyId") | {"Tags": api_tags(properties)}
        request["Name"] = properties.get("Name") or context.generated_name(200)
        value = self._value(client, properties)
        arn = call(client, "CreateSecret", request | ({} if value is None else {"SecretString": value}))["ARN"]
        return State(arn, {"Id": arn})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        client, secret_id = context.client("secretsmanager"), state.physical_id
        request = {"SecretId": secret_id, "Description": new.get("Description", "")} | pick(new, "KmsKeyId")
        if pick(old, *_VALUE) != pick(new, *_VALUE):
            value = self._value(client, new)
            request |= {} if value is None else {"SecretString": value}
        client.update_secret(**request)
        retag(client, {"SecretId": secret_id}, old, new)
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        client = context.client("secretsmanager")
        client.delete_secret(SecretId=state.physical_id, ForceDeleteWithoutRecovery=True)

    def _value(self, client: Any, properties: Properties) -> str | None:
        if "GenerateSecretString" not in properties:
            return properties.get("SecretString")
        rules = properties["GenerateSecretString"]
        request = without(rules, "SecretStringTemplate", "GenerateStringKey")
        password = call(client, "GetRandomPassword", request)["RandomPassword"]
        if "GenerateStringKey" not in rules:
            return str(password)
        template = json.loads(rules.get("SecretStringTemplate", "{}"))
        return json.dumps(template | {rules["GenerateStringKey"]: password})


_VALUE = ("GenerateSecretString", "SecretString")


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

    def _connection(self, context: Context, properties: Properties) -> dict[str, Any]:
        if properties["TargetType"] != "AWS::RDS::DBInstance":
            raise ResourceFailedError(
                f"TargetType must be AWS::RDS::DBInstance in the embedded AWS, got {properties['TargetType']}"
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

    def create(self, context: Context, properties: Properties) -> State:
        request = pick(properties, "BlockPublicPolicy", "SecretId")
        request["ResourcePolicy"] = document(properties["ResourcePolicy"])
        arn = call(context.client("secretsmanager"), "PutResourcePolicy", request)["ARN"]
        return State(arn, {"Id": arn})

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("secretsmanager").delete_resource_policy(SecretId=state.physical_id)
