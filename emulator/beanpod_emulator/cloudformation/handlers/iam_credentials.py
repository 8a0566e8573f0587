"""IAM: what proves an identity. Instance profiles, access keys, OIDC providers."""

from beanpod_emulator.cloudformation.exceptions import ResourceFailedError
from beanpod_emulator.cloudformation.handlers.base import Context, Handler, Properties, State, handles
from beanpod_emulator.cloudformation.handlers.properties import api_tags, call, names, pick, tag_changes


@handles("AWS::IAM::InstanceProfile")
class InstanceProfile(Handler):
    supported = names("InstanceProfileName Path Roles")

    def create(self, context: Context, properties: Properties) -> State:
        name = properties.get("InstanceProfileName") or context.generated_name(128)
        request = pick(properties, "Path") | {"InstanceProfileName": name}
        profile = call(context.client("iam"), "CreateInstanceProfile", request)["InstanceProfile"]
        self._set_role(context, name, [], properties["Roles"])
        return State(name, {"Arn": profile["Arn"]})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        self._set_role(context, state.physical_id, old["Roles"], new["Roles"])
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        self._set_role(context, state.physical_id, properties["Roles"], [])
        context.client("iam").delete_instance_profile(InstanceProfileName=state.physical_id)

    def _set_role(self, context: Context, name: str, old: list[str], new: list[str]) -> None:
        iam = context.client("iam")
        for role in old:
            iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role)
        for role in new:
            iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)


@handles("AWS::IAM::AccessKey")
class AccessKey(Handler):
    supported = names("Serial Status UserName")

    def create(self, context: Context, properties: Properties) -> State:
        iam, user = context.client("iam"), properties["UserName"]
        key = iam.create_access_key(UserName=user)["AccessKey"]
        self._set_status(context, key["AccessKeyId"], properties)
        return State(key["AccessKeyId"], {"Id": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        self._set_status(context, state.physical_id, new)
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("iam").delete_access_key(UserName=properties["UserName"], AccessKeyId=state.physical_id)

    def _set_status(self, context: Context, key_id: str, properties: Properties) -> None:
        status = properties.get("Status", "Active")
        context.client("iam").update_access_key(UserName=properties["UserName"], AccessKeyId=key_id, Status=status)


@handles("AWS::IAM::OIDCProvider")
class OidcProvider(Handler):
    supported = names("ClientIdList Tags ThumbprintList Url")

    def create(self, context: Context, properties: Properties) -> State:
        request = {
            "Url": properties["Url"],
            "ClientIDList": properties.get("ClientIdList", []),
            "ThumbprintList": properties.get("ThumbprintList", []),
            "Tags": api_tags(properties),
        }
        arn = context.client("iam").create_open_id_connect_provider(**request)["OpenIDConnectProviderArn"]
        return State(arn, {"Arn": arn})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        if old.get("ClientIdList") != new.get("ClientIdList"):
            before, after = old.get("ClientIdList"), new.get("ClientIdList")
            raise ResourceFailedError(
                f"ClientIdList cannot change from {before} to {after} in the embedded AWS, moto has no call for it: "
                "remove the provider and make it again"
            )
        iam, key = context.client("iam"), {"OpenIDConnectProviderArn": state.physical_id}
        if thumbprints := new.get("ThumbprintList"):
            iam.update_open_id_connect_provider_thumbprint(ThumbprintList=thumbprints, **key)
        removed, added = tag_changes(old, new)
        if removed:
            iam.untag_open_id_connect_provider(TagKeys=removed, **key)
        if added:
            iam.tag_open_id_connect_provider(Tags=added, **key)
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=state.physical_id)
