"""Keys, parameters and image repositories."""

from typing import Any

from beanpod_emulator.cloudformation.handlers.base import Context, Handler, Properties, State, handles
from beanpod_emulator.cloudformation.handlers.iam import document
from beanpod_emulator.cloudformation.handlers.properties import api_tags, call, names, pick, tag_changes, without


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
        tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in api_tags(properties)]
        key = call(kms, "CreateKey", request | {"Tags": tags})["KeyMetadata"]
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
            kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in added])
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
    """A repository without images: what `cdk bootstrap` makes."""

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
    """Which constructs an app uses: AWS reads it, nothing is made."""

    supported = names("Analytics")

    def create(self, context: Context, properties: Properties) -> State:
        return State(context.generated_name())

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        """Nothing was made."""
