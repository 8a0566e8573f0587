"""IAM: roles, users, groups, policies, instance profiles, access keys, OIDC providers."""

from typing import Any, ClassVar

from botocore.exceptions import ClientError

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
)


def _call_unless_gone(iam: Any, operation: str, request: Properties) -> None:
    try:
        call(iam, operation, request)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise


class _Attached(Handler):
    """A resource with attachments, which IAM wants removed before it."""

    service = "iam"

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        attached = pick(properties, "Groups", "ManagedPolicyArns", "Policies", "Roles", "Users")
        self.configure(context, state, attached, {})
        super().delete(context, state, properties)


class _Identity(_Attached):
    """A role, user or group, with inline and managed policies."""

    kind: ClassVar[str]

    def configure(self, context: Context, state: State, old: Properties, new: Properties) -> None:
        super().configure(context, state, old, new)
        iam, key = context.client("iam"), self.identify(state, new)
        before, after = _inline(old), _inline(new)
        for policy in before.keys() - after.keys():
            _call_unless_gone(iam, f"Delete{self.kind}Policy", key | {"PolicyName": policy})
        for policy, document in changed(before, after).items():
            call(iam, f"Put{self.kind}Policy", key | {"PolicyName": policy, "PolicyDocument": document})
        removed, added = differences(old.get("ManagedPolicyArns", []), new.get("ManagedPolicyArns", []))
        for arn in removed:
            _call_unless_gone(iam, f"Detach{self.kind}Policy", key | {"PolicyArn": arn})
        for arn in added:
            call(iam, f"Attach{self.kind}Policy", key | {"PolicyArn": arn})


def _inline(properties: Properties) -> Properties:
    return {item["PolicyName"]: item["PolicyDocument"] for item in properties.get("Policies", [])}


@handles("AWS::IAM::Role")
class Role(_Identity):
    supported = names(
        "AssumeRolePolicyDocument Description ManagedPolicyArns MaxSessionDuration Path PermissionsBoundary Policies "
        "RoleName Tags"
    )
    kind, calls, name, answer = "Role", ("CreateRole", "UpdateRole", "DeleteRole"), "RoleName", "Role"
    reset = {"Description": "", "MaxSessionDuration": 3600}
    settings = {
        "AssumeRolePolicyDocument": Setting("UpdateAssumeRolePolicy", lambda value: {"PolicyDocument": value}),
        "PermissionsBoundary": Setting("PutRolePermissionsBoundary", remove="DeleteRolePermissionsBoundary"),
    }
    attributes, tagged, tag_calls = same("Arn RoleId"), {"RoleName": "{id}"}, ("UntagRole", "TagRole")


@handles("AWS::IAM::User")
class User(_Identity):
    supported = names("Groups ManagedPolicyArns Path PermissionsBoundary Policies Tags UserName")
    kind, calls, name, answer = "User", ("CreateUser", "", "DeleteUser"), "UserName", "User"
    settings = {
        "Path": Setting("UpdateUser", lambda value: {"NewPath": value}, default="/"),
        "PermissionsBoundary": Setting("PutUserPermissionsBoundary", remove="DeleteUserPermissionsBoundary"),
    }
    attributes, tagged, tag_calls = same("Arn"), {"UserName": "{id}"}, ("UntagUser", "TagUser")

    def configure(self, context: Context, state: State, old: Properties, new: Properties) -> None:
        super().configure(context, state, old, new)
        iam, user = context.client("iam"), state.physical_id
        removed, added = differences(old.get("Groups", []), new.get("Groups", []))
        for group in removed:
            _call_unless_gone(iam, "RemoveUserFromGroup", {"GroupName": group, "UserName": user})
        for group in added:
            iam.add_user_to_group(GroupName=group, UserName=user)

    def describe(self, context: Context, physical_id: str, known: Properties) -> dict[str, Any]:
        # Its path is part of the ARN.
        return {"Arn": context.client("iam").get_user(UserName=physical_id)["User"]["Arn"]}


@handles("AWS::IAM::Group")
class Group(_Identity):
    supported = names("GroupName ManagedPolicyArns Path Policies")
    kind, calls, name, answer = "Group", ("CreateGroup", "", "DeleteGroup"), "GroupName", "Group"
    settings = {"Path": Setting("UpdateGroup", lambda value: {"NewPath": value}, default="/")}
    attributes = same("Arn")


def _targets(properties: Properties) -> list[tuple[str, str]]:
    return [(kind, name) for kind in ("Role", "User", "Group") for name in properties.get(f"{kind}s", [])]


@handles("AWS::IAM::Policy")
class Policy(Handler):
    """An inline policy of roles, users and groups."""

    supported = names("Groups PolicyDocument PolicyName Roles Users")

    def create(self, context: Context, properties: Properties) -> State:
        self._put(context, properties)
        return State(context.generated_name(), {})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        self._put(context, new)
        renamed = old["PolicyName"] != new["PolicyName"]
        self._remove(context, old, [] if renamed else _targets(new))
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        self._remove(context, properties, [])

    def _put(self, context: Context, properties: Properties) -> None:
        for kind, name in _targets(properties):
            call(context.client("iam"), f"Put{kind}Policy", properties | {f"{kind}Name": name})

    def _remove(self, context: Context, properties: Properties, kept: list[tuple[str, str]]) -> None:
        for kind, name in differences(_targets(properties), kept)[0]:
            request = {f"{kind}Name": name, "PolicyName": properties["PolicyName"]}
            _call_unless_gone(context.client("iam"), f"Delete{kind}Policy", request)


@handles("AWS::IAM::ManagedPolicy")
class ManagedPolicy(_Attached):
    supported = names("Description Groups ManagedPolicyName Path PolicyDocument Roles Users")
    calls = ("CreatePolicy", "", "DeletePolicy")
    name, renamed = "ManagedPolicyName", {"ManagedPolicyName": "PolicyName"}
    answer, key, id = "Policy", "PolicyArn", "{Arn}"
    attributes = {"PolicyArn": "{id}", "PolicyId": "{PolicyId}"}

    def configure(self, context: Context, state: State, old: Properties, new: Properties) -> None:
        iam, key = context.client("iam"), {"PolicyArn": state.physical_id}
        if old and new and old["PolicyDocument"] != new["PolicyDocument"]:
            call(iam, "CreatePolicyVersion", key | {"PolicyDocument": new["PolicyDocument"], "SetAsDefault": True})
            # IAM keeps at most five versions of a policy, and deletes none with a policy.
            for version in iam.list_policy_versions(**key)["Versions"]:
                if not version["IsDefaultVersion"]:
                    iam.delete_policy_version(**key, VersionId=version["VersionId"])
        removed, added = differences(_targets(old), _targets(new))
        for kind, name in added:
            call(iam, f"Attach{kind}Policy", key | {f"{kind}Name": name})
        for kind, name in removed:
            _call_unless_gone(iam, f"Detach{kind}Policy", key | {f"{kind}Name": name})


@handles("AWS::IAM::InstanceProfile")
class InstanceProfile(_Attached):
    supported = names("InstanceProfileName Path Roles")
    calls = ("CreateInstanceProfile", "", "DeleteInstanceProfile")
    name, name_length = "InstanceProfileName", 128
    answer, attributes = "InstanceProfile", same("Arn")

    def configure(self, context: Context, state: State, old: Properties, new: Properties) -> None:
        iam, key = context.client("iam"), {"InstanceProfileName": state.physical_id}
        removed, added = differences(old.get("Roles", []), new.get("Roles", []))
        # Removed first: it has one role at most.
        for role in removed:
            _call_unless_gone(iam, "RemoveRoleFromInstanceProfile", key | {"RoleName": role})
        for role in added:
            iam.add_role_to_instance_profile(**key, RoleName=role)


@handles("AWS::IAM::AccessKey")
class AccessKey(Handler):
    supported = names("Serial Status UserName")
    service, calls = "iam", ("CreateAccessKey", "", "DeleteAccessKey")
    answer, key, identified_by = "AccessKey", "AccessKeyId", names("UserName")
    settings = {"Status": Setting("UpdateAccessKey", default="Active")}
    attributes = {"Id": "{id}", "SecretAccessKey": "{SecretAccessKey}"}


@handles("AWS::IAM::OIDCProvider")
class OidcProvider(Handler):
    supported = names("ClientIdList Tags ThumbprintList Url")
    service, calls = "iam", ("CreateOpenIDConnectProvider", "", "DeleteOpenIDConnectProvider")
    key, attributes = "OpenIDConnectProviderArn", {"Arn": "{id}"}
    settings = {"ThumbprintList": Setting("UpdateOpenIDConnectProviderThumbprint")}
    tagged = {"OpenIDConnectProviderArn": "{id}"}
    tag_calls = ("UntagOpenIDConnectProvider", "TagOpenIDConnectProvider")

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        if old.get("ClientIdList") != new.get("ClientIdList"):
            # moto 5.2.5 cannot change them; the ARN is made of the URL, so a new provider has the same.
            self.delete(context, state, old)
            return self.create(context, new)
        return super().update(context, state, old, new)
