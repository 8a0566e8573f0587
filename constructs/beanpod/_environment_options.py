"""The options of one environment while it is put together, and what may still be added to them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aws_cdk import IResolvable
from aws_cdk import aws_elasticbeanstalk as beanstalk
from constructs import IConstruct

from beanpod._checks import refuse
from beanpod._option_checks import variable_problems
from beanpod._option_rows import HEALTH, SECRETS, VARIABLES, Row
from beanpod._settings import OptionSetting
from beanpod._tokens import known

Property = beanstalk.CfnEnvironment.OptionSettingProperty
Key = tuple[str, str, str]

_OTHER_KIND = {VARIABLES: SECRETS, SECRETS: VARIABLES}
_DOCUMENT = (HEALTH, "ConfigDocument", "")
_EVERY_MINUTE = 60


class EnvironmentOptions:
    """Rows by namespace, name and resource name. An option is set once; a variable is plain or secret, not both."""

    def __init__(self, owner: IConstruct, rows: Iterable[Row]) -> None:
        """
        :param owner: The environment that refusals name.
        :param rows: What it is created with.
        """
        self._owner = owner
        self._properties: dict[Key, Property] = {}
        for namespace, name, value in rows:
            self._put((namespace, name, ""), value)

    def add_variables(self, variables: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        """Add plain variables, and secret ones by reference.

        :raises ValueError: A name is taken or no name for a variable, or 4,096 bytes would be exceeded.
        """
        refuse(self._owner, variable_problems({**self._variables(), **variables}, secrets))
        new = [(VARIABLES, *pair) for pair in variables.items()] + [(SECRETS, *pair) for pair in secrets.items()]
        for namespace, name, value in new:
            self.add(OptionSetting(namespace=namespace, name=name, value=value))

    def add(self, option: OptionSetting) -> None:
        """Add any option.

        :raises ValueError: It is set already, or it is a variable that `add_variables` would refuse.
        """
        key = (option.namespace, option.name, option.resource_name or "")
        refuse(self._owner, self._taken(key))
        if option.namespace == VARIABLES:
            refuse(self._owner, variable_problems({**self._variables(), option.name: option.value}, ()))
        self._put(key, option.value)

    def publish(self, metric: str) -> None:
        """Have Beanstalk publish a metric of the environment every minute, the only interval there is.

        :raises ValueError: `ConfigDocument` is set already, and not as JSON.
        """
        given = self._properties.get(_DOCUMENT)
        if given is None:
            self._put(_DOCUMENT, _with_metric({}, metric))
        elif known(given.value):
            self._put(_DOCUMENT, _with_metric(self._parsed(given.value), metric))

    def properties(self) -> list[IResolvable | Property]:
        """What CloudFormation gets, in order: the same settings always give the same template."""
        return [self._properties[key] for key in sorted(self._properties)]

    def _variables(self) -> dict[str, str]:
        return {name: row.value or "" for (kind, name, _), row in self._properties.items() if kind == VARIABLES}

    def _put(self, key: Key, value: str) -> None:
        namespace, name, resource = key
        self._properties[key] = Property(
            namespace=namespace, option_name=name, value=value, resource_name=resource or None
        )

    def _taken(self, key: Key) -> Iterator[str]:
        namespace, name, _ = key
        if key in self._properties or (_OTHER_KIND.get(namespace), name, "") in self._properties:
            yield f"option {namespace} {name} is set already: set it once"

    def _parsed(self, document: str) -> dict[str, Any]:
        try:
            parsed = json.loads(document)
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict):
            refuse(self._owner, [f"option {HEALTH} ConfigDocument must be a JSON object, got {document!r}"])
        return dict(parsed)


def _with_metric(document: dict[str, Any], metric: str) -> str:
    metrics = dict(document.get("CloudWatchMetrics") or {})
    metrics["Environment"] = {**(metrics.get("Environment") or {}), metric: _EVERY_MINUTE}
    return json.dumps({**document, "CloudWatchMetrics": metrics, "Version": 1}, sort_keys=True)
