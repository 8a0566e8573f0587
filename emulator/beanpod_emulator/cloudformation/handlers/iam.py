"""IAM: roles, users, groups, policies, instance profiles, access keys, OIDC providers."""

from typing import Any, ClassVar

from botocore.exceptions import ClientError

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
)


class _Iam(Handler):
    service = "iam"

    def remove(self, operation: str, request: Properties) -> None:
        """Call an operation that removes what may be gone."""
        try:
            self.call(operation, request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchEntity":
                raise

    def exchange(self, calls: tuple[str, str], key: Properties, name: str, old: list[str], new: list[str]) -> None:
        """Call the first operation for each item to remove, then the second for each to add. name: their parameter."""
        removed, added = differences(old, new)
        for item in removed:
            self.remove(calls[0], key | {name: item})
        for item in added:
            self.call(calls[1], key | {name: item})


class _Attached(_Iam):
    """A resource with attachments, which IAM wants removed before it."""

    def delete(self, state: State, properties: Properties) -> None:
        attached = pick(properties, "Groups", "ManagedPolicyArns", "Policies", "Roles", "Users")
        self.configure(state, attached, {})
        super().delete(state, properties)


class _Identity(_Attached):
    """A role, user or group, with inline and managed policies."""

    kind: ClassVar[str]

    def configure(self, state: State, old: Properties, new: Properties) -> None:
        super().configure(state, old, new)
        key = self.identify(state, new)
        before, after = _inline(old), _inline(new)
        for policy in before.keys() - after.keys():
            self.remove(f"Delete{self.kind}Policy", key | {"PolicyName": policy})
        for policy, document in changed(before, after).items():
            self.call(f"Put{self.kind}Policy", key | {"PolicyName": policy, "PolicyDocument": document})
        calls = (f"Detach{self.kind}Policy", f"Attach{self.kind}Policy")
        self.exchange(calls, key, "PolicyArn", old.get("ManagedPolicyArns", []), new.get("ManagedPolicyArns", []))


def _inline(properties: Properties) -> Properties:
    return {item["PolicyName"]: item["PolicyDocument"] for item in properties.get("Policies", [])}


@handles(
    "AWS::IAM::Role",
    "AssumeRolePolicyDocument Description ManagedPolicyArns MaxSessionDuration Path PermissionsBoundary Policies "
    "RoleName Tags",
)
class RoleHandler(_Identity):
    kind, calls, name, answer = "Role", ("CreateRole", "UpdateRole", "DeleteRole"), "RoleName", "Role"
    reset = {"Description": "", "MaxSessionDuration": 3600}
    settings = {
        "AssumeRolePolicyDocument": Setting("UpdateAssumeRolePolicy", lambda value: {"PolicyDocument": value}),
        "PermissionsBoundary": Setting("PutRolePermissionsBoundary", remove="DeleteRolePermissionsBoundary"),
    }
    attributes, tagged, tag_calls = same("Arn RoleId"), {"RoleName": "{id}"}, ("UntagRole", "TagRole")


@handles("AWS::IAM::User", "Groups ManagedPolicyArns Path PermissionsBoundary Policies Tags UserName")
class UserHandler(_Identity):
    kind, calls, name, answer = "User", ("CreateUser", "", "DeleteUser"), "UserName", "User"
    settings = {
        "Path": Setting("UpdateUser", lambda value: {"NewPath": value}, default="/"),
        "PermissionsBoundary": Setting("PutUserPermissionsBoundary", remove="DeleteUserPermissionsBoundary"),
    }
    attributes, tagged, tag_calls = same("Arn"), {"UserName": "{id}"}, ("UntagUser", "TagUser")

    def configure(self, state: State, old: Properties, new: Properties) -> None:
        super().configure(state, old, new)
        user, calls = {"UserName": state.physical_id}, ("RemoveUserFromGroup", "AddUserToGroup")
        self.exchange(calls, user, "GroupName", old.get("Groups", []), new.get("Groups", []))

    def describe(self, physical_id: str, known: Properties) -> dict[str, Any]:
        # Its path is part of the ARN.
        return {"Arn": self.client.get_user(UserName=physical_id)["User"]["Arn"]}


@handles("AWS::IAM::Group", "GroupName ManagedPolicyArns Path Policies")
class GroupHandler(_Identity):
    kind, calls, name, answer = "Group", ("CreateGroup", "", "DeleteGroup"), "GroupName", "Group"
    settings = {"Path": Setting("UpdateGroup", lambda value: {"NewPath": value}, default="/")}
    attributes = same("Arn")


def _targets(properties: Properties) -> list[tuple[str, str]]:
    return [(kind, name) for kind in ("Role", "User", "Group") for name in properties.get(f"{kind}s", [])]


@handles("AWS::IAM::Policy", "Groups PolicyDocument PolicyName Roles Users")
class PolicyHandler(_Iam):
    """An inline policy of roles, users and groups."""

    def create(self, properties: Properties) -> State:
        self._put(properties)
        return State(self.generated_name(), {})

    def update(self, state: State, old: Properties, new: Properties) -> State:
        self._put(new)
        renamed = old["PolicyName"] != new["PolicyName"]
        self._remove(old, [] if renamed else _targets(new))
        return state

    def delete(self, state: State, properties: Properties) -> None:
        self._remove(properties, [])

    def _put(self, properties: Properties) -> None:
        for kind, name in _targets(properties):
            self.call(f"Put{kind}Policy", properties | {f"{kind}Name": name})

    def _remove(self, properties: Properties, kept: list[tuple[str, str]]) -> None:
        for kind, name in differences(_targets(properties), kept)[0]:
            request = {f"{kind}Name": name, "PolicyName": properties["PolicyName"]}
            self.remove(f"Delete{kind}Policy", request)


@handles("AWS::IAM::ManagedPolicy", "Description Groups ManagedPolicyName Path PolicyDocument Roles Users")
class ManagedPolicyHandler(_Attached):
    calls = ("CreatePolicy", "", "DeletePolicy")
    name, renamed = "ManagedPolicyName", {"ManagedPolicyName": "PolicyName"}
    answer, key, id = "Policy", "PolicyArn", "{Arn}"
    attributes = {"PolicyArn": "{id}", "PolicyId": "{PolicyId}"}

    def configure(self, state: State, old: Properties, new: Properties) -> None:
        iam, key = self.client, {"PolicyArn": state.physical_id}
        if old and new and old["PolicyDocument"] != new["PolicyDocument"]:
            self.call("CreatePolicyVersion", key | {"PolicyDocument": new["PolicyDocument"], "SetAsDefault": True})
            # IAM keeps at most five versions of a policy, and deletes none with a policy.
            for version in iam.list_policy_versions(**key)["Versions"]:
                if not version["IsDefaultVersion"]:
                    iam.delete_policy_version(**key, VersionId=version["VersionId"])
        removed, added = differences(_targets(old), _targets(new))
        for kind, name in added:
            self.call(f"Attach{kind}Policy", key | {f"{kind}Name": name})
        for kind, name in removed:
            self.remove(f"Detach{kind}Policy", key | {f"{kind}Name": name})


@handles("AWS::IAM::InstanceProfile", "InstanceProfileName Path Roles")
class InstanceProfileHandler(_Attached):
    calls = ("CreateInstanceProfile", "", "DeleteInstanceProfile")
    name, name_length = "InstanceProfileName", 128
    answer, attributes = "InstanceProfile", same("Arn")

    def configure(self, state: State, old: Properties, new: Properties) -> None:
        # Removed first: it has one role at most.
        calls = ("RemoveRoleFromInstanceProfile", "AddRoleToInstanceProfile")
        self.exchange(calls, self.identify(state, new), "RoleName", old.get("Roles", []), new.get("Roles", []))


@handles("AWS::IAM::AccessKey", "Serial Status UserName")
class AccessKeyHandler(_Iam):
    calls = ("CreateAccessKey", "", "DeleteAccessKey")
    answer, key, identified_by = "AccessKey", "AccessKeyId", names("UserName")
    settings = {"Status": Setting("UpdateAccessKey", default="Active")}
    attributes = {"Id": "{id}", "SecretAccessKey": "{SecretAccessKey}"}


@handles("AWS::IAM::OIDCProvider", "ClientIdList Tags ThumbprintList Url")
class OidcProviderHandler(_Iam):
    calls = ("CreateOpenIDConnectProvider", "", "DeleteOpenIDConnectProvider")
    key, attributes = "OpenIDConnectProviderArn", {"Arn": "{id}"}
    settings = {"ThumbprintList": Setting("UpdateOpenIDConnectProviderThumbprint")}
    tagged = {"OpenIDConnectProviderArn": "{id}"}
    tag_calls = ("UntagOpenIDConnectProvider", "TagOpenIDConnectProvider")

    def update(self, state: State, old: Properties, new: Properties) -> State:
        if old.get("ClientIdList") != new.get("ClientIdList"):
            # moto 5.2.5 cannot change them; the ARN is made of the URL, so a new provider has the same.
            self.delete(state, old)
            return self.create(new)
        return super().update(state, old, new)
