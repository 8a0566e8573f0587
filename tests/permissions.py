"""Statements of policies, and AWS's service authorization reference, which cfn-lint carries.

AWS takes a statement whose resource fits none of its action's resource types, or whose condition key its action does
not have, and allows or denies nothing with it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any

ISSUER = "token.actions.githubusercontent.com"
# Of the resource types cfn-lint has the condition keys, of the actions themselves it has none.
ACTION_KEYS = {
    "ec2:createtags": {"ec2:CreateAction"},
    "iam:passrole": {"iam:PassedToService"},
    "sts:assumerole": {"sts:ExternalId"},
    "sts:assumerolewithwebidentity": {f"{ISSUER}:aud", f"{ISSUER}:sub"},
}
SERVICE_KEYS = {"kms": {"kms:ViaService"}}
TAG_KEYS = ("aws:ResourceTag/", "aws:RequestTag/", "aws:TagKeys")
OF_ONE_ACCOUNT = ("aws:SourceAccount", "aws:SourceArn", "sts:ExternalId")
# The CDK grants it beside others on a parameter, although AWS has it for all parameters only.
WITHOUT_EFFECT = ("ssm:DescribeParameters",)
# AWS's pages disagree on the resource.
DISPUTED = ("StopDeployment",)
PLACE = {"AWS::Partition": "aws-test", "AWS::Region": "test-1", "AWS::AccountId": "123456789012"}
# What a reference to a resource is, where it is not a name.
ARNS = {
    "AWS::S3::Bucket": "arn:aws-test:s3:::bucket",
    "AWS::SNS::Topic": "arn:aws-test:sns:test-1:123456789012:topic",
    "AWS::KMS::Key": "arn:aws-test:kms:test-1:123456789012:key/id",
    "AWS::IAM::Role": "arn:aws-test:iam::123456789012:role/role",
    "AWS::Logs::LogGroup": "arn:aws-test:logs:test-1:123456789012:log-group:group:*",
    "AWS::SecretsManager::Secret": "arn:aws-test:secretsmanager:test-1:123456789012:secret:secret-AbCd12",
    "AWS::SecretsManager::SecretTargetAttachment": "arn:aws-test:secretsmanager:test-1:123456789012:secret:db-AbCd12",
    "AWS::CloudWatch::Alarm": "arn:aws-test:cloudwatch:test-1:123456789012:alarm:alarm",
    "AWS::IAM::OIDCProvider": f"arn:aws-test:iam::123456789012:oidc-provider/{ISSUER}",
}


@cache
def service_reference() -> Any:
    """Return actions and resource types by service, actions and types in lower case."""
    return json.loads(resources.files("cfnlint.data.AdditionalSpecs").joinpath("Policies.json").read_text())


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def resource_types(action: str) -> list[str]:
    """Return the resource types of an action; KeyError if it does not exist."""
    service, name = action.split(":")
    return list(service_reference()[service]["Actions"][name.lower()].get("Resources", ()))


def statements(templates: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the statements of all policies of an app, with ARNs in the place of references.

    Args:
        templates: The app's templates by the names of their stacks.
    """
    for template in templates.values():
        for resource in template.get("Resources", {}).values():
            for document in _documents(resource.get("Properties", {})):
                yield from (_resolved(it, template, templates) for it in listed(document["Statement"]))


def _documents(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and "Statement" in value:
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _documents(item)


def _resolved(value: Any, template: Any, templates: Mapping[str, Any]) -> Any:
    match value:
        case {"Fn::Join": [separator, parts]}:
            return separator.join(_resolved(part, template, templates) for part in parts)
        case {"Ref": name} | {"Fn::GetAtt": [name, _]}:
            return PLACE.get(name) or ARNS.get(template["Resources"][name]["Type"], name)
        case {"Fn::GetStackOutput": {"StackName": stack, "OutputName": output}}:
            return _resolved(templates[stack]["Outputs"][output]["Value"], templates[stack], templates)
        case {"Fn::ImportValue": export}:
            for other in templates.values():
                for output in other.get("Outputs", {}).values():
                    if output.get("Export", {}).get("Name") == export:
                        return _resolved(output["Value"], other, templates)
            raise KeyError(export)
        case dict():
            return {key: _resolved(item, template, templates) for key, item in value.items()}
        case list():
            return [_resolved(item, template, templates) for item in value]
    return value


def problems(statement: Mapping[str, Any]) -> Iterator[str]:
    """Yield what in a statement has no effect, is wider than it has to be, or trusts a service for other accounts."""
    conditions = {key for keys in statement.get("Condition", {}).values() for key in keys}
    named, used = listed(statement.get("Resource", [])), set[str]()
    for pattern in listed(statement["Action"]):
        service, _, name = pattern.partition(":")
        known = service_reference().get(service, {"Actions": {}})["Actions"]
        actions = [action for action in known if fnmatchcase(action, name.lower())]
        if not actions:
            yield f"{pattern} does not exist"
        for action in actions if pattern not in WITHOUT_EFFECT else ():
            types = known[action].get("Resources", ())
            kinds = {kind for kind in types if not named or any(_is_of(service, kind, arn) for arn in named)}
            used |= {arn for arn in named if any(_is_of(service, kind, arn) for kind in types) or arn == "*"}
            if "*" in name:
                continue
            if named and not (kinds if types else "*" in named):
                yield f"{pattern} is not for {named}"
            if types and "*" in named and statement["Effect"] == "Allow" and "Principal" not in statement:
                yield f"{pattern} should name its resources: {', '.join(types)}"
            for key in sorted(conditions - ACTION_KEYS.get(f"{service}:{action}", set())):
                if not _has_key(service, kinds, key):
                    yield f"{pattern} has no condition key {key}"
        if pattern == "iam:PassRole" and "iam:PassedToService" not in conditions:
            yield "iam:PassRole passes to any service"
    if unused := [arn for arn in named if arn not in used and statement.get("Sid") not in DISPUTED]:
        yield f"{unused} are of no action here"
    principal = statement.get("Principal")
    trusted = listed(principal.get("Service", [])) if isinstance(principal, dict) else []
    if set(trusted) - {"ec2.amazonaws.com"} and not conditions & {*OF_ONE_ACCOUNT}:
        yield f"{trusted} may act for any account"


def _is_of(service: str, kind: str, arn: str) -> bool:
    """Whether an ARN, or a pattern of some, is of a resource type."""
    if arn == "*":
        return True
    forms = service_reference()[service]["Resources"][kind.lower()]["ARNFormats"]
    if service == "s3" and ("/" in arn) != kind.endswith("object"):
        return False  # cfn-lint has one form for both.
    return any(all(map(_overlap, form.split(":", 5), arn.split(":", 5))) for form in forms)


def _overlap(form: str, part: str) -> bool:
    if "${" in form:
        return part != ""
    form = form.replace(".*", "*")
    return fnmatchcase(form, part) or fnmatchcase(part, form)


def _has_key(service: str, types: Iterable[str], key: str) -> bool:
    if key.startswith("aws:") and not key.startswith(TAG_KEYS):
        return True
    kinds = [service_reference()[service]["Resources"][kind.lower()] for kind in types]
    keys = {text.partition("$")[0] for kind in kinds for text in kind.get("ConditionKeys", ())}
    return key in keys or f"{key.partition('/')[0]}/" in keys or key in SERVICE_KEYS.get(service, ())
