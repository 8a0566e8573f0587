"""Intrinsic functions and dynamic references, evaluated with what a stack knows."""

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.exceptions import ClientError

from beanpod_emulator import clients
from beanpod_emulator.cloudformation.exceptions import ResourceFailedError, ValidationError
from beanpod_emulator.cloudformation.template import Template, attribute_path, text_of

_SUB_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")
NO_VALUE = object()


class Resource(Protocol):
    """A resource as Ref and Fn::GetAtt need it."""

    @property
    def physical_id(self) -> str: ...

    def attribute(self, name: str) -> Any: ...


@dataclass
class Evaluator:
    """One evaluation of one template.

    values: parameters and pseudo parameters by name. resources: by logical id, filled while the stack is made.
    import_value, stack_output, zones: how Fn::ImportValue, Fn::GetStackOutput and Fn::GetAZs are answered.
    """

    template: Template
    values: Mapping[str, Any]
    resources: Mapping[str, Resource]
    import_value: Callable[[str], str]
    stack_output: Callable[[dict[str, Any]], str]
    zones: Callable[[str], list[str]]
    _conditions: dict[str, bool] = field(default_factory=dict)

    def evaluate(self, node: Any) -> Any:
        """Return a part of the template with its functions evaluated; a member with AWS::NoValue is removed."""
        if isinstance(node, list):
            return [value for value in map(self.evaluate, node) if value is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            name, argument = next(iter(node.items()))
            if name == "Ref":
                return self._ref(argument)
            if name.startswith("Fn::"):
                return self._function(name, argument)
        members = {key: self.evaluate(value) for key, value in node.items()}
        return {key: value for key, value in members.items() if value is not NO_VALUE}

    def condition(self, name: str) -> bool:
        """Evaluate a condition by its name."""
        if name not in self._conditions:
            conditions = self.template.section("Conditions")
            if name not in conditions:
                raise ValidationError(f"Template format error: Unresolved condition {name}")
            self._conditions[name] = self.holds(conditions[name])
        return self._conditions[name]

    def holds(self, node: Any) -> bool:
        """Evaluate the body of a condition, or the assertion of a rule."""
        match node:
            case {"Condition": str(name)}:
                return self.condition(name)
            case {"Fn::Equals": [left, right]}:
                return text_of(self.evaluate(left)) == text_of(self.evaluate(right))
            case {"Fn::Not": [inner]}:
                return not self.holds(inner)
            case {"Fn::And": list(parts)}:
                return all(map(self.holds, parts))
            case {"Fn::Or": list(parts)}:
                return any(map(self.holds, parts))
            case {"Fn::Contains": [values, value]}:
                return self.evaluate(value) in self.evaluate(values)
        raise ValidationError(f"Template error: unsupported condition {json.dumps(node)}")

    def _function(self, name: str, argument: Any) -> Any:
        function = _FUNCTIONS.get(name)
        if function is None:
            raise ValidationError(f"Template error: the emulated AWS does not know the function {name}")
        return function(self, argument)

    def _ref(self, name: str) -> Any:
        if name in self.values:
            return self.values[name]
        if name in self.resources:
            return self.resources[name].physical_id
        raise self._unresolved(name)

    def _get_att(self, argument: Any) -> Any:
        logical_id, attribute = attribute_path(argument)
        if logical_id not in self.resources:
            raise self._unresolved(logical_id)
        return self.resources[logical_id].attribute(self.evaluate(attribute))

    def _unresolved(self, name: str) -> ValidationError:
        return ValidationError(
            f"Template format error: Unresolved resource dependencies [{name}] in the Resources block of the template"
        )

    def _if(self, argument: list[Any]) -> Any:
        name, then, otherwise = argument
        return self.evaluate(then if self.condition(name) else otherwise)

    def _join(self, argument: list[Any]) -> str:
        delimiter, parts = argument
        return str(delimiter).join(map(text_of, self.evaluate(parts)))

    def _split(self, argument: list[Any]) -> list[str]:
        delimiter, text = argument
        return str(self.evaluate(text)).split(delimiter)

    def _select(self, argument: list[Any]) -> Any:
        index, values = self.evaluate(argument[0]), self.evaluate(argument[1])
        try:
            return values[int(index)]
        except IndexError as error:
            raise ValidationError(
                f"Template error: Fn::Select cannot select nonexistent value at index {index}"
            ) from error

    def _sub(self, argument: Any) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument
        own = self.evaluate(own)

        def replace(match: re.Match[str]) -> str:
            literal, name = match.group(1), match.group(2).strip()
            if literal:
                return "${" + name + "}"
            if name in own:
                return text_of(own[name])
            return text_of(self._get_att(name) if "." in name else self._ref(name))

        return _SUB_VARIABLE.sub(replace, text)

    def _find_in_map(self, argument: list[Any]) -> Any:
        name, first, second = self.evaluate(argument[:3])
        try:
            return self.template.section("Mappings")[name][first][second]
        except KeyError as error:
            if len(argument) > 3 and "DefaultValue" in argument[3]:
                return self.evaluate(argument[3]["DefaultValue"])
            raise ValidationError(f"Template error: Unable to get mapping for {name}::{first}::{second}") from error

    def _get_azs(self, argument: Any) -> list[str]:
        return self.zones(self.evaluate(argument) or self.values["AWS::Region"])

    def _cidr(self, argument: list[Any]) -> list[str]:
        block, count, bits = [*self.evaluate(argument), 8][:3]
        network = ipaddress.ip_network(block)
        subnets = network.subnets(new_prefix=network.max_prefixlen - int(bits))
        return [str(subnet) for subnet, _ in zip(subnets, range(int(count)), strict=False)]


_FUNCTIONS: dict[str, Callable[[Evaluator, Any], Any]] = {
    "Fn::GetAtt": Evaluator._get_att,
    "Fn::If": Evaluator._if,
    "Fn::Join": Evaluator._join,
    "Fn::Split": Evaluator._split,
    "Fn::Select": Evaluator._select,
    "Fn::Sub": Evaluator._sub,
    "Fn::FindInMap": Evaluator._find_in_map,
    "Fn::GetAZs": Evaluator._get_azs,
    "Fn::Cidr": Evaluator._cidr,
    "Fn::ImportValue": lambda self, argument: self.import_value(self.evaluate(argument)),
    "Fn::GetStackOutput": lambda self, argument: self.stack_output(self.evaluate(argument)),
    "Fn::Base64": lambda self, argument: base64.b64encode(self.evaluate(argument).encode()).decode(),
    "Fn::ToJsonString": lambda self, argument: json.dumps(self.evaluate(argument)),
    "Fn::Length": lambda self, argument: len(self.evaluate(argument)),
}


_REFERENCE = re.compile(r"\{\{resolve:(secretsmanager|ssm|ssm-secure):([^}]+)\}\}")


def resolve(node: Any, region: str) -> Any:
    """Return properties with their dynamic references resolved.

    Raises:
        ResourceFailedError: A secret or parameter does not exist, or lacks the key.
    """
    if isinstance(node, dict):
        return {key: resolve(value, region) for key, value in node.items()}
    if isinstance(node, list):
        return [resolve(value, region) for value in node]
    if isinstance(node, str):
        return _REFERENCE.sub(lambda match: _referenced_value(match.group(1), match.group(2), region), node)
    return node


def _referenced_value(service: str, key: str, region: str) -> str:
    try:
        return _secret(key, region) if service == "secretsmanager" else _parameter(key, region)
    except ClientError as error:
        reason = error.response["Error"]["Message"]
        raise ResourceFailedError(f"Could not resolve {{{{resolve:{service}:{key}}}}}: {reason}") from error


def _parameter(key: str, region: str) -> str:
    response = clients.client("ssm", region).get_parameter(Name=key, WithDecryption=True)
    return str(response["Parameter"]["Value"])


def _secret(key: str, region: str) -> str:
    parts = key.split(":")
    # An ARN has six colons of its own.
    size = 7 if key.startswith("arn:") else 1
    secret_id, rest = ":".join(parts[:size]), [*parts[size:], "", "", "", ""]
    _, field, stage, version = rest[:4]
    selector = {"VersionStage": stage, "VersionId": version}
    chosen = {name: value for name, value in selector.items() if value}
    text = clients.client("secretsmanager", region).get_secret_value(SecretId=secret_id, **chosen)["SecretString"]
    return _field(text, field, secret_id) if field else str(text)


def _field(text: str, field: str, secret_id: str) -> str:
    try:
        return str(json.loads(text)[field])
    except (ValueError, KeyError) as error:
        raise ResourceFailedError(f"Could not find a value associated with JSONKey {field} in {secret_id}") from error
