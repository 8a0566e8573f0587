"""What a deployment would change in the deployed stacks, from change sets of CloudFormation that are not executed.

CloudFormation decides which resources are replaced; the old and the new values are those of the templates. As the CDK
CLI does, the calls use the roles of the CDK's bootstrap, or the credentials themselves where those may not assume them.
"""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from beanpod.deploy.errors import DeployError, UsageError

Template = Mapping[str, Any]
Replacement = Literal["no", "maybe", "yes"]

# A longer template has to be in S3: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
_LONGEST_BODY = 51_200
_REPLACEMENTS: dict[str | None, Replacement] = {"True": "yes", "Conditional": "maybe"}
_RECREATIONS: dict[str | None, Replacement] = {"Always": "yes", "Conditionally": "maybe"}
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
# A stack in one of these states is made anew by its next deployment.
_NOT_DEPLOYED = ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
OPTIONS = "OptionSettings"


@dataclass(frozen=True)
class PropertyChange:
    """A property, or an option of Elastic Beanstalk, that changes.

    Attributes:
        name: Its name.
        before: Its value in the deployed template; None for none.
        after: Its value in the new template; None for none.
        replaces: Whether its change replaces the resource.
        namespace: Of an option of Elastic Beanstalk.
    """

    name: str
    before: Any
    after: Any
    replaces: Replacement = "no"
    namespace: str = ""


@dataclass(frozen=True)
class ResourceChange:
    """A resource that is added, changed or removed.

    Attributes:
        logical_id: Its logical id.
        path: Its path in the CDK app, without the stack.
        type: Such as AWS::RDS::DBInstance.
        action: What happens to it.
        replacement: Whether a changed resource is replaced.
        properties: What changes.
        policy: What becomes of the old resource that is removed or replaced: Delete, Retain or Snapshot.
        settings: Its new properties, or those of one that is removed.
    """

    logical_id: str
    path: str
    type: str
    action: Literal["add", "change", "remove"]
    replacement: Replacement = "no"
    properties: tuple[PropertyChange, ...] = ()
    policy: str = "Delete"
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class StackChange:
    """What changes in one stack.

    Attributes:
        stack: The stack's name.
        kind: Whether the stack is new, changed, unchanged, or removed, as an empty one is.
        resources: Its resources that change; those of a new stack are not listed.
        deployed_image: The image of the project that deployed it, where this project has another one.
    """

    stack: str
    kind: Literal["new", "changed", "unchanged", "removed"]
    resources: tuple[ResourceChange, ...] = ()
    deployed_image: str | None = None


class Account:
    """The AWS account and region that stacks are deployed to."""

    def __init__(self, region: str | None, profile: str | None = None) -> None:
        """Use boto3's default credentials.

        Args:
            region: The region. Default: that of the credentials.
            profile: A profile of the AWS CLI's configuration. Default: the default one.
        """
        import boto3

        from beanpod.deploy.aws import configured, region_or_default

        with configured():
            self._session = boto3.Session(profile_name=profile, region_name=region_or_default(region))

    def client(self, service: str, role_arn: str | None = None, *, region: str | None = None) -> Any:
        """Return a client, with a role if there is one that may be assumed. region: Default: the account's."""
        from beanpod.deploy.aws import configuration, configured

        credentials = self._assumed(self.fill(role_arn)) if role_arn else {}
        more = {**credentials, "region_name": region, "config": configuration(60)}
        with configured():
            return self._session.client(service, **more)  # type: ignore[call-overload]

    def fill(self, text: str) -> str:
        """Fill the CDK's placeholders for account, region and partition."""
        region = self._session.region_name or ""
        values = {
            "AccountId": self._account,
            "Region": region,
            "Partition": self._session.get_partition_for_region(region),
        }
        for name, value in values.items():
            text = text.replace(f"${{AWS::{name}}}", value)
        return text

    @cached_property
    def _account(self) -> str:
        return str(self.client("sts").get_caller_identity()["Account"])

    @property
    def region(self) -> str | None:
        """The region; None where neither the stage nor the credentials name one."""
        return self._session.region_name

    def bucket_region(self, name: str) -> str | None:
        """Return the region of a bucket; None where there is none of that name, or S3 does not say."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            response: Mapping[str, Any] = self.client("s3").head_bucket(Bucket=name)
        except ClientError as error:
            # Also of another account's bucket, which may not be read.
            response = error.response
        except BotoCoreError:
            return None
        headers: Mapping[str, str] = response["ResponseMetadata"]["HTTPHeaders"]
        return headers.get("x-amz-bucket-region")

    def _assumed(self, role_arn: str) -> dict[str, str]:
        from botocore.exceptions import ClientError

        with suppress(ClientError):
            found = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="beanpod")["Credentials"]
            return {
                "aws_access_key_id": found["AccessKeyId"],
                "aws_secret_access_key": found["SecretAccessKey"],
                "aws_session_token": found["SessionToken"],
            }
        return {}


@dataclass(frozen=True)
class AssembledStack:
    """A stack of a synthesised app.

    Attributes:
        artifact_id: Its id in the assembly.
        name: Its name on CloudFormation.
        path: Its path in the app, by which the CDK CLI knows it.
        template_file: Its template.
        region: Of the app; None if the deployment decides.
        role_arn: The role that deploys it, with the CDK's placeholders.
        tags: Its tags.
        dependencies: Ids of what it depends on.
        parameters: Values for its parameters. Default: the previous ones.
    """

    artifact_id: str
    name: str
    path: str
    template_file: Path
    region: str | None
    role_arn: str | None
    tags: Mapping[str, str]
    dependencies: Sequence[str]
    parameters: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def template(self) -> Template:
        """Its template."""
        template: Template = json.loads(self.template_file.read_text(encoding="utf-8"))
        return template


def assembled_stacks(assembly: Path) -> list[AssembledStack]:
    """Return the stacks of a synthesised app, in the order of deployment. A `Stage` has an assembly of its own."""
    stacks: list[AssembledStack] = []
    artifacts = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    for key, made in artifacts.items():
        properties = made.get("properties", {})
        if made["type"] == "cdk:cloud-assembly":
            stacks += assembled_stacks(assembly / properties["directoryName"])
        elif made["type"] == "aws:cloudformation:stack":
            region = str(made.get("environment", "")).rpartition("/")[2]
            stacks.append(
                AssembledStack(
                    artifact_id=key,
                    name=properties.get("stackName", key),
                    path=made.get("displayName", key),
                    template_file=assembly / properties["templateFile"],
                    region=None if region.startswith("unknown") else region or None,
                    role_arn=properties.get("assumeRoleArn"),
                    tags=properties.get("tags", {}),
                    dependencies=made.get("dependencies", ()),
                )
            )
    return stacks


def stack_changes(stacks: Sequence[AssembledStack], account: Account) -> list[StackChange]:
    """Return what the deployment of stacks would change, in their order.

    Args:
        stacks: Of a synthesised app.
        account: Where they are deployed to.

    Raises:
        DeployError: AWS refused a call, or CloudFormation refuses the change.
    """
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda stack: _stack_change(stack, account), stacks))


def _stack_change(stack: AssembledStack, account: Account) -> StackChange:
    from botocore.exceptions import BotoCoreError, ClientError

    from beanpod.deploy.aws.errors import translated

    name, template = stack.name, stack.template
    try:
        client = account.client("cloudformation", stack.role_arn, region=stack.region)
        deployed = deployed_template(client, name)
        if not template.get("Resources"):
            removed = [removed_resource(it, deployed) for it in deployed.get("Resources", {})] if deployed else []
            return StackChange(name, "removed" if deployed else "unchanged", tuple(removed))
        if deployed is None:
            return StackChange(name, "new")
        found = list(_changes(client, stack, _body(stack, account)))
    except (BotoCoreError, ClientError) as error:
        if "is in UPDATE_ROLLBACK_FAILED state" in str(error):
            raise UsageError(
                f"stack {name} is in UPDATE_ROLLBACK_FAILED: fix what its events name, then run `beanpod cdk rollback "
                f"{name}` with the deployment's -c; --orphan LOGICAL_ID leaves out a resource that cannot be rolled "
                "back"
            ) from error
        raise translated(error, "cloudformation:CreateChangeSet") from error
    resources = (
        _resource(change, deployed, template) for change in found if change["ResourceType"] != "AWS::CDK::Metadata"
    )
    changed = tuple(
        change for change in resources if change.action != "change" or change.properties or change.replacement != "no"
    )
    before, after = _image(deployed), _image(template)
    other = before if before != after and after else None
    return StackChange(name, "changed" if changed else "unchanged", changed, other)


def _image(template: Template) -> str | None:
    """Return the output by which a Service stack names its project."""
    value = template.get("Outputs", {}).get("ServiceImage", {}).get("Value")
    return value if isinstance(value, str) else None


def deployed_template(client: Any, name: str) -> Template | None:
    """Return the template of a deployed stack; None without one."""
    from botocore.exceptions import ClientError

    try:
        status = client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    if status in _NOT_DEPLOYED:
        return None
    body = client.get_template(StackName=name, TemplateStage="Original").get("TemplateBody", {})
    try:
        return body if isinstance(body, dict) else dict(json.loads(body))
    except ValueError:
        # A template in YAML is not the CDK's: nothing is known of its values.
        return {}


def export_names(template: Template) -> set[str]:
    """Return the names of a template's exports."""
    return {str(output["Export"]["Name"]) for output in template.get("Outputs", {}).values() if "Export" in output}


def _body(stack: AssembledStack, account: Account) -> dict[str, str]:
    """Return the template as an argument; one that is too long is uploaded as `cdk deploy` does."""
    body, path = json.dumps(stack.template, separators=(",", ":"), ensure_ascii=False), stack.template_file
    if len(body.encode()) <= _LONGEST_BODY:
        return {"TemplateBody": body}
    assets = json.loads(path.with_name(f"{path.name.partition('.')[0]}.assets.json").read_text(encoding="utf-8"))
    (asset,) = (asset for asset in assets["files"].values() if asset["source"]["path"] == path.name)
    (place,) = asset["destinations"].values()
    bucket, key = account.fill(place["bucketName"]), place["objectKey"]
    client = account.client("s3", place.get("assumeRoleArn"), region=stack.region)
    client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    return {"TemplateURL": f"{client.meta.endpoint_url}/{bucket}/{key}"}


def _changes(client: Any, stack: AssembledStack, body: Mapping[str, str]) -> Iterator[Any]:
    """Create a change set, and yield its changes of resources."""
    from botocore.exceptions import WaiterError

    known = client.describe_stacks(StackName=stack.name)["Stacks"][0].get("Parameters", [])
    values: dict[str, dict[str, Any]] = {it["ParameterKey"]: {"UsePreviousValue": True} for it in known}
    values |= {name: {"ParameterValue": value} for name, value in stack.parameters.items()}
    names = [name for name in values if name in stack.template.get("Parameters", {})]
    change_set = client.create_change_set(
        StackName=stack.name,
        ChangeSetName=f"beanpod-{uuid.uuid4()}",
        ChangeSetType="UPDATE",
        Description="Shows what a deployment would change; never executed",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": name, **values[name]} for name in names],
        Tags=[{"Key": key, "Value": value} for key, value in stack.tags.items()],
        **body,
    )["Id"]
    try:
        try:
            waiter = client.get_waiter("change_set_create_complete")
            waiter.wait(ChangeSetName=change_set, WaiterConfig={"Delay": 2, "MaxAttempts": 150})
        except WaiterError as error:
            reason = str(error.last_response.get("StatusReason", error))
            if any(words in reason for words in _NO_CHANGES):
                return
            raise DeployError(f"CloudFormation refuses the change of {stack.name}: {reason}") from error
        pages = client.get_paginator("describe_change_set").paginate(ChangeSetName=change_set)
        for page in pages:
            yield from (change["ResourceChange"] for change in page["Changes"] if change["Type"] == "Resource")
    finally:
        client.delete_change_set(ChangeSetName=change_set)


def _resource(change: Mapping[str, Any], deployed: Template, template: Template) -> ResourceChange:
    logical_id, kind = change["LogicalResourceId"], change["ResourceType"]
    if change["Action"] == "Remove":
        return removed_resource(logical_id, deployed, kind)
    new = template["Resources"].get(logical_id, {})
    path = _path(logical_id, new)
    if change["Action"] != "Modify":
        return ResourceChange(logical_id, path, kind, "add", settings=new.get("Properties", {}))
    old = deployed.get("Resources", {}).get(logical_id, {})
    replacement = _REPLACEMENTS.get(change.get("Replacement"), "no")
    targets = [detail["Target"] for detail in change.get("Details", ())]
    replaces = {it.get("Name"): _RECREATIONS.get(it.get("RequiresRecreation"), "no") for it in targets}
    before, after = old.get("Properties", {}), new.get("Properties", {})
    names = sorted({*before, *after, *filter(None, replaces)})
    # Also a property that refers to a resource that is replaced changes, though not in the template.
    named = [name for name in names if before.get(name) != after.get(name) or name in replaces]
    properties = [
        it for name in named for it in _property(name, before.get(name), after.get(name), replaces.get(name, "no"))
    ]
    policy = new.get("UpdateReplacePolicy", "Delete")
    return ResourceChange(logical_id, path, kind, "change", replacement, tuple(properties), policy, after)


def _property(name: str, before: Any, after: Any, replaces: Replacement) -> Iterator[PropertyChange]:
    if name != OPTIONS:
        yield PropertyChange(name, before, after, replaces)
        return
    old, new = options(before), options(after)
    if before == after:
        # An option refers to a resource that changes.
        yield PropertyChange(name, None, None)
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            yield PropertyChange(key[1], old.get(key), new.get(key), namespace=key[0])


def options(settings: Any) -> dict[tuple[str, str], Any]:
    """Return the options of Elastic Beanstalk by namespace and name; that of a scheduled action has the action's."""
    found = {}
    for entry in settings if isinstance(settings, list) else []:
        resource = f" [{entry['ResourceName']}]" if entry.get("ResourceName") else ""
        found[entry.get("Namespace", ""), f"{entry.get('OptionName', '')}{resource}"] = entry.get("Value")
    return found


def removed_resource(logical_id: str, deployed: Template, kind: str = "") -> ResourceChange:
    """Return the removal of a resource. kind: its type. Default: that in the deployed template."""
    body = deployed.get("Resources", {}).get(logical_id, {})
    policy = body.get("DeletionPolicy", "Delete")
    settings = body.get("Properties", {})
    kind = kind or body.get("Type", "")
    return ResourceChange(logical_id, _path(logical_id, body), kind, "remove", policy=policy, settings=settings)


def replaced_resource(logical_id: str, template: Template, replacement: Replacement) -> ResourceChange:
    """Return the replacement of a resource of the new template, of whose properties nothing is known."""
    body = template["Resources"][logical_id]
    policy, settings = body.get("UpdateReplacePolicy", "Delete"), body.get("Properties", {})
    return ResourceChange(
        logical_id, _path(logical_id, body), body["Type"], "change", replacement, policy=policy, settings=settings
    )


def _path(logical_id: str, body: Mapping[str, Any]) -> str:
    """Return the path of a resource in the CDK app, as a person would name it."""
    path = str(body.get("Metadata", {}).get("aws:cdk:path", "")).partition("/")[2]
    while path.endswith("/Resource"):
        path = path.removesuffix("/Resource")
    return path or logical_id
