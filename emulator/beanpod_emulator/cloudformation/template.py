"""A template as CloudFormation sees it: parsed, its parts by name, its references in order."""

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

import yaml

from beanpod_emulator.cloudformation.exceptions import ValidationError

_SUB_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags; a policy's version date stays the text it is."""


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
    """The template in `body`, JSON or YAML; ValidationError when it is neither or has no resources."""
    try:
        document = json.loads(body)
    except ValueError:
        document = _parse_yaml(body)
    if not isinstance(document, dict):
        raise ValidationError("Template format error: unsupported structure.")
    if not document.get("Resources"):
        raise ValidationError("Template format error: At least one Resources member must be defined.")
    return document


def _parse_yaml(body: str) -> Any:
    try:
        return yaml.load(body, Loader=_Loader)  # noqa: S506 - derived from SafeLoader
    except yaml.YAMLError as error:
        raise ValidationError(f"Template format error: YAML not well-formed. {error}") from error


def attribute_path(argument: Any) -> tuple[str, str]:
    """The logical id and the attribute of an Fn::GetAtt, in either of its spellings."""
    logical_id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
    return logical_id, attribute


def references(node: Any) -> set[str]:
    """The names a piece of template refers to: parameters, pseudo parameters and logical ids."""
    if isinstance(node, list):
        return set().union(*map(references, node))
    if not isinstance(node, dict):
        return set()
    found = set().union(*map(references, node.values()))
    match node:
        case {"Ref": str(name)}:
            found.add(name)
        case {"Fn::GetAtt": argument}:
            found.add(attribute_path(argument)[0])
        case {"Fn::Sub": argument}:
            found |= _sub_references(argument)
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
        """Parse `body`; see parse() for the errors."""
        return cls(body, parse(body))

    def section(self, name: str) -> dict[str, Any]:
        """A section such as "Parameters"; empty when absent."""
        return self.document.get(name) or {}

    @property
    def description(self) -> str | None:
        return self.document.get("Description")

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        return self.document["Resources"]  # type: ignore[no-any-return]

    @cached_property
    def dependencies(self) -> dict[str, set[str]]:
        """What each resource needs before it."""
        return {logical_id: self._needs(body) for logical_id, body in self.resources.items()}

    @cached_property
    def order(self) -> list[str]:
        """Logical ids, each after what it needs; ValidationError on a circle."""
        try:
            return list(TopologicalSorter(self.dependencies).static_order())
        except CycleError as error:
            members = ", ".join(sorted(set(error.args[1])))
            raise ValidationError(f"Circular dependency between resources: [{members}]") from error

    def _needs(self, body: dict[str, Any]) -> set[str]:
        explicit = body.get("DependsOn", [])
        explicit = [explicit] if isinstance(explicit, str) else explicit
        return (references(body.get("Properties")) | set(explicit)) & set(self.resources)
