"""Templates: parsed, with their parameters' values, and refused where they cannot become a stack."""

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

import yaml
from botocore.exceptions import ClientError

from beanpod_emulator import clients
from beanpod_emulator.cloudformation.exceptions import ValidationError

_SUB_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")


class _Loader(yaml.SafeLoader):
    """YAML with the short forms of functions; dates, as in the Version of a policy, are text."""


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _short_tag(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_tag)


def parse(body: str) -> dict[str, Any]:
    """Parse a template in JSON or YAML.

    Raises:
        ValidationError: It is neither, or it has no resources.
    """
    try:
        document = json.loads(body)
    except ValueError:
        document = _parse_yaml(body)
    if not isinstance(document, dict):
        raise ValidationError("Template format error: unsupported structure.")
    if not document.get("Resources"):
        raise ValidationError("Template format error: At least one Resources member must be defined.")
    for logical_id, body in document["Resources"].items():
        # A transform may have resources of another form.
        if not isinstance(body, dict) and "Transform" not in document:
            raise ValidationError(f"Template format error: [/Resources/{logical_id}] must be an object")
        if isinstance(body, dict) and (empty := [name for name, value in body.items() if value is None]):
            path = f"/Resources/{logical_id}/{empty[0]}"
            raise ValidationError(f"Template format error: [{path}] 'null' values are not allowed in templates")
    return document


def _parse_yaml(body: str) -> Any:
    try:
        return yaml.load(body, Loader=_Loader)  # noqa: S506 - derived from SafeLoader
    except yaml.YAMLError as error:
        raise ValidationError(f"Template format error: YAML not well-formed. {error}") from error


def text_of(value: Any) -> str:
    """Return a value where text is expected."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def attribute_path(argument: Any) -> tuple[str, str]:
    """Return logical id and attribute of an Fn::GetAtt in either form."""
    logical_id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
    return logical_id, attribute


def references(node: Any) -> set[str]:
    """Return the parameters, pseudo parameters, logical ids and conditions that a part of a template refers to."""
    if isinstance(node, list):
        return set().union(*map(references, node))
    if not isinstance(node, dict):
        return set()
    found = set().union(*map(references, node.values()))
    match node:
        case {"Ref": str(name)} | {"DependsOn": str(name)}:
            found.add(name)
        case {"DependsOn": [*several]}:
            found |= {name for name in several if isinstance(name, str)}
        case {"Fn::If": [str(name), *_]}:
            found.add(f"condition {name}")
        case {"Fn::GetAtt": argument}:
            found.add(attribute_path(argument)[0])
        case {"Fn::Sub": argument}:
            found |= _sub_references(argument)
    if isinstance(node.get("Condition"), str):
        found.add(f"condition {node['Condition']}")
    return found


def _sub_references(argument: Any) -> set[str]:
    text, variables = (argument, {}) if isinstance(argument, str) else argument
    names = {name.split(".", 1)[0].strip() for name in _SUB_VARIABLE.findall(text)}
    return names - set(variables)


@dataclass(frozen=True)
class Template:
    """A parsed template and the text it came from."""

    body: str
    document: dict[str, Any] = field(repr=False)

    @classmethod
    def from_body(cls, body: str) -> "Template":
        """Parse a template; raises as parse() does."""
        return cls(body, parse(body))

    def section(self, name: str) -> dict[str, Any]:
        """Return a section such as "Parameters", empty if it is absent."""
        return self.document.get(name) or {}

    @property
    def description(self) -> str | None:
        return self.document.get("Description")

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        return self.document["Resources"]  # type: ignore[no-any-return]

    @cached_property
    def dependencies(self) -> dict[str, set[str]]:
        """The resources that each resource depends on."""
        return {logical_id: references(body) & self.resources.keys() for logical_id, body in self.resources.items()}

    @cached_property
    def order(self) -> list[str]:
        """Logical ids, each after its dependencies.

        Raises:
            ValidationError: The dependencies are circular.
        """
        try:
            return list(TopologicalSorter(self.dependencies).static_order())
        except CycleError as error:
            members = ", ".join(sorted(set(error.args[1])))
            raise ValidationError(f"Circular dependency between resources: [{members}]") from error


_SSM_VALUE = "AWS::SSM::Parameter::Value<"


def given_parameters(entries: list[dict[str, Any]], previous: dict[str, str]) -> dict[str, str]:
    """Return a request's parameters by key; those with UsePreviousValue are taken from `previous`."""
    kept = {entry["ParameterKey"] for entry in entries if entry.get("UsePreviousValue")}
    new = {entry["ParameterKey"]: entry.get("ParameterValue", "") for entry in entries}
    return {key: previous.get(key, "") if key in kept else value for key, value in new.items()}


def parameter_texts(template: Template, parameters: dict[str, str]) -> dict[str, str]:
    """Return each declared parameter as text, with defaults.

    Raises:
        ValidationError: A parameter is missing, undeclared, or breaks a rule of its declaration.
    """
    declared = template.section("Parameters")
    _check_names(declared, parameters)
    found = {name: text_of(parameters.get(name, body.get("Default"))) for name, body in declared.items()}
    for name, body in declared.items():
        _check_value(name, body, found[name])
    return found


def parameter_values(template: Template, found: dict[str, str], region: str) -> dict[str, Any]:
    """Return the value of each parameter.

    Raises:
        ValidationError: A parameter is not in Parameter Store.
    """
    declared = template.section("Parameters")
    return {name: _typed(text, declared[name]["Type"], region) for name, text in found.items()}


def _check_names(declared: dict[str, Any], parameters: dict[str, str]) -> None:
    unknown = [name for name in parameters if name not in declared]
    if unknown:
        raise ValidationError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [name for name, body in declared.items() if name not in parameters and "Default" not in body]
    if missing:
        raise ValidationError(f"Parameters: [{', '.join(missing)}] must have values")


def _check_value(name: str, body: dict[str, Any], text: str) -> None:
    allowed = [text_of(value) for value in body.get("AllowedValues", [])]
    if allowed and text not in allowed:
        raise ValidationError(f"Parameter '{name}' must be one of AllowedValues")
    if body["Type"] == "String" and not re.fullmatch(str(body.get("AllowedPattern", "(?s).*")), text):
        raise ValidationError(f"Parameter '{name}' must match pattern {body['AllowedPattern']}")
    try:
        size, key = (float(text), "Value") if body["Type"] == "Number" else (len(text), "Length")
    except ValueError:
        raise ValidationError(f"Parameter '{name}' must be a number") from None
    least, most = body.get(f"Min{key}", size), body.get(f"Max{key}", size)
    if body["Type"] in ("String", "Number") and not float(least) <= size <= float(most):
        raise ValidationError(f"Parameter '{name}' must have a {key.lower()} from {least} to {most}, got {size}")


def _typed(text: str, parameter_type: str, region: str) -> Any:
    if parameter_type.startswith(_SSM_VALUE):
        parameter_type = parameter_type.removeprefix(_SSM_VALUE).removesuffix(">")
        text = _stored(text, region)
    is_list = parameter_type == "CommaDelimitedList" or parameter_type.startswith("List<")
    return [item.strip() for item in text.split(",")] if is_list else text


def _stored(name: str, region: str) -> str:
    try:
        return str(clients.client("ssm", region).get_parameter(Name=name)["Parameter"]["Value"])
    except ClientError as error:
        raise ValidationError(f"Unable to fetch parameters [{name}] from parameter store for this account.") from error
