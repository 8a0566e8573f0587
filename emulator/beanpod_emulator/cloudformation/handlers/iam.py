"""IAM: roles, users, groups, policies, instance profiles, access keys, OIDC providers."""

from typing import Any

from beanpod_emulator.cloudformation.exceptions import ResourceFailedError
from beanpod_emulator.cloudformation.handlers.base import (
    Context,
    Handler,
    Properties,
    State,
    api_tags,
    call,
    changed,
    document,
    handles,
    ignore_missing,
    names,
    pick,
    retag,
)  # fmt: skip

_GONE = ("NoSuchEntity",)


def _retag(iam: Any, kind: str, key: dict[str, str], old: Properties, new: Properties) -> None:
    retag(iam, key, old, new, operations=(f"Untag{kind}", f"Tag{kind}"))


class _Identity(Handler):
    """A role, user or group, with inline and managed policies."""

    kind: str

    def _key(self, name: str) -> dict[str, str]:
        return {f"{self.kind}Name": name}

    def _set_policies(self, iam: Any, name: str, old: Properties, new: Properties) -> None:
        before, after = _inline(old), _inline(new)
        for policy in before.keys() - after.keys():
            call(iam, f"Delete{self.kind}Policy", {**self._key(name), "PolicyName": policy})
        for policy, text in changed(before, after).items():
            request = {**self._key(name), "PolicyName": policy, "PolicyDocument": text}
            call(iam, f"Put{self.kind}Policy", request)
        self._set_attached(iam, name, set(old.get("ManagedPolicyArns", [])), set(new.get("ManagedPolicyArns", [])))

    def _set_attached(self, iam: Any, name: str, old: set[str], new: set[str]) -> None:
        for operation, arns in (("Detach", old - new), ("Attach", new - old)):
            for arn in sorted(arns):
                call(iam, f"{operation}{self.kind}Policy", {**self._key(name), "PolicyArn": arn})

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        iam = context.client("iam")
        self._set_policies(iam, state.physical_id, properties, {})
        call(iam, f"Delete{self.kind}", self._key(state.physical_id))


def _inline(properties: Properties) -> dict[str, str]:
    return {item["PolicyName"]: document(item["PolicyDocument"]) for item in properties.get("Policies", [])}


_ROLE = ("Description", "MaxSessionDuration")


@handles("AWS::IAM::Role")
class Role(_Identity):
    kind = "Role"
    supported = names(
        "AssumeRolePolicyDocument Description ManagedPolicyArns MaxSessionDuration Path PermissionsBoundary Policies "
        "RoleName Tags"
    )

    def create(self, context: Context, properties: Properties) -> State:
        iam = context.client("iam")
        name = properties.get("RoleName") or context.generated_name()
        request = pick(properties, "Description", "MaxSessionDuration", "Path", "PermissionsBoundary")
        request |= {"RoleName": name, "AssumeRolePolicyDocument": document(properties["AssumeRolePolicyDocument"])}
        role = call(iam, "CreateRole", request | {"Tags": api_tags(properties)})["Role"]
        self._set_policies(iam, name, {}, properties)
        return State(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        iam, name = context.client("iam"), state.physical_id
        text = document(new["AssumeRolePolicyDocument"])
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=text)
        call(iam, "UpdateRole", {"RoleName": name, "Description": "", "MaxSessionDuration": 3600} | pick(new, *_ROLE))
        self._set_boundary(iam, name, old, new)
        self._set_policies(iam, name, old, new)
        _retag(iam, "Role", self._key(name), old, new)
        return state

    def _set_boundary(self, iam: Any, name: str, old: Properties, new: Properties) -> None:
        if boundary := changed(old, new).get("PermissionsBoundary"):
            iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
        elif "PermissionsBoundary" in old and "PermissionsBoundary" not in new:
            iam.delete_role_permissions_boundary(RoleName=name)


@handles("AWS::IAM::User")
class User(_Identity):
    kind = "User"
    supported = names("Groups ManagedPolicyArns Path PermissionsBoundary Policies Tags UserName")

    def create(self, context: Context, properties: Properties) -> State:
        iam = context.client("iam")
        name = properties.get("UserName") or context.generated_name()
        request = pick(properties, "Path", "PermissionsBoundary") | {"UserName": name, "Tags": api_tags(properties)}
        user = call(iam, "CreateUser", request)["User"]
        self._set_policies(iam, name, {}, properties)
        self._set_groups(iam, name, {}, properties)
        return State(name, {"Arn": user["Arn"]})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        iam, name = context.client("iam"), state.physical_id
        self._set_policies(iam, name, old, new)
        self._set_groups(iam, name, old, new)
        _retag(iam, "User", self._key(name), old, new)
        return State(name, {"Arn": iam.get_user(UserName=name)["User"]["Arn"]})

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        self._set_groups(context.client("iam"), state.physical_id, properties, {})
        super().delete(context, state, properties)

    def _set_groups(self, iam: Any, name: str, old: Properties, new: Properties) -> None:
        before, after = set(old.get("Groups", [])), set(new.get("Groups", []))
        for group in before - after:
            ignore_missing(lambda g=group: iam.remove_user_from_group(GroupName=g, UserName=name), _GONE)  # type: ignore[misc]
        for group in after - before:
            iam.add_user_to_group(GroupName=group, UserName=name)


@handles("AWS::IAM::Group")
class Group(_Identity):
    kind = "Group"
    supported = names("GroupName ManagedPolicyArns Path Policies")

    def create(self, context: Context, properties: Properties) -> State:
        iam = context.client("iam")
        name = properties.get("GroupName") or context.generated_name()
        group = call(iam, "CreateGroup", pick(properties, "Path") | {"GroupName": name})["Group"]
        self._set_policies(iam, name, {}, properties)
        return State(name, {"Arn": group["Arn"]})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        self._set_policies(context.client("iam"), state.physical_id, old, new)
        return state


@handles("AWS::IAM::Policy")
class Policy(Handler):
    """An inline policy of roles, users and groups."""

    supported = names("Groups PolicyDocument PolicyName Roles Users")

    def create(self, context: Context, properties: Properties) -> State:
        self._put(context, properties)
        return State(context.generated_name(), {})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        self._put(context, new)
        moved = old["PolicyName"] != new["PolicyName"]
        self._drop(context, old, set() if moved else _targets(new))
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        self._drop(context, properties, set())

    def _put(self, context: Context, properties: Properties) -> None:
        text = document(properties["PolicyDocument"])
        for kind, name in sorted(_targets(properties)):
            request = {f"{kind}Name": name, "PolicyName": properties["PolicyName"], "PolicyDocument": text}
            call(context.client("iam"), f"Put{kind}Policy", request)

    def _drop(self, context: Context, properties: Properties, kept: set[tuple[str, str]]) -> None:
        for kind, name in sorted(_targets(properties) - kept):
            request = {f"{kind}Name": name, "PolicyName": properties["PolicyName"]}
            operation = f"Delete{kind}Policy"
            ignore_missing(lambda o=operation, r=request: call(context.client("iam"), o, r), _GONE)  # type: ignore[misc]


def _targets(properties: Properties) -> set[tuple[str, str]]:
    return {(kind, name) for kind in ("Role", "User", "Group") for name in properties.get(f"{kind}s", [])}


@handles("AWS::IAM::ManagedPolicy")
class ManagedPolicy(Handler):
    supported = names("Description Groups ManagedPolicyName Path PolicyDocument Roles Users")

    def create(self, context: Context, properties: Properties) -> State:
        request = pick(properties, "Description", "Path")
        request["PolicyName"] = properties.get("ManagedPolicyName") or context.generated_name()
        request["PolicyDocument"] = document(properties["PolicyDocument"])
        policy = call(context.client("iam"), "CreatePolicy", request)["Policy"]
        self._attach(context, policy["Arn"], set(), _targets(properties))
        return State(policy["Arn"], {"PolicyArn": policy["Arn"], "PolicyId": policy["PolicyId"]})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        if old["PolicyDocument"] != new["PolicyDocument"]:
            self._set_document(context.client("iam"), state.physical_id, document(new["PolicyDocument"]))
        self._attach(context, state.physical_id, _targets(old), _targets(new))
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        iam = context.client("iam")
        self._attach(context, state.physical_id, _targets(properties), set())
        self._drop_old_versions(iam, state.physical_id)
        iam.delete_policy(PolicyArn=state.physical_id)

    def _set_document(self, iam: Any, arn: str, text: str) -> None:
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)
        # IAM keeps at most five versions of a policy.
        self._drop_old_versions(iam, arn)

    def _drop_old_versions(self, iam: Any, arn: str) -> None:
        for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])

    def _attach(self, context: Context, arn: str, old: set[tuple[str, str]], new: set[tuple[str, str]]) -> None:
        for operation, targets in (("Attach", new - old), ("Detach", old - new)):
            for kind, name in sorted(targets):
                request = {f"{kind}Name": name, "PolicyArn": arn}
                call(context.client("iam"), f"{operation}{kind}Policy", request)


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
        _retag(iam, "OpenIDConnectProvider", key, old, new)
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=state.physical_id)
