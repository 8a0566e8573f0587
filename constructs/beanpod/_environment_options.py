"""The options of one environment while it is put together, and what may still be added to them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aws_cdk import IResolvable
from aws_cdk import aws_elasticbeanstalk as beanstalk
from constructs import IConstruct

from beanpod._checks import refuse
from beanpod._option_checks import variable_problems
from beanpod._option_overrides import overridden, override_problems
from beanpod._option_rows import HEALTH, SECRETS, VARIABLES, Row
from beanpod._settings import EnvironmentSettings, OptionSetting
from beanpod._tokens import known

Property = beanstalk.CfnEnvironment.OptionSettingProperty
Key = tuple[str, str, str]

_OTHER_KIND = {VARIABLES: SECRETS, SECRETS: VARIABLES}
_KINDS = {VARIABLES: "a plain one", SECRETS: "a secret"}
_DOCUMENT = (HEALTH, "ConfigDocument", "")
_EVERY_MINUTE = 60


class EnvironmentOptions:
    """Rows by namespace, name and resource name. An option is set once; a variable is plain or secret, not both."""

    def __init__(self, owner: IConstruct, rows: Iterable[Row], settings: EnvironmentSettings | None = None) -> None:
        """Collect the options that an environment is created with.

        Args:
            owner: The environment that refusals name.
            rows: What it is created with.
            settings: What the rows were made of, for the checks of `override`.
        """
        self._owner = owner
        self.settings = settings
        self._properties: dict[Key, Property] = {}
        self._order: list[Key] = []
        for namespace, name, value in rows:
            self._put((namespace, name, ""), value)

    def add_variables(self, variables: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        """Add plain variables, and secret ones by reference.

        Raises:
            ValueError: A name is taken or no name for a variable, or 4,096 bytes would be exceeded.
        """
        refuse(self._owner, variable_problems({**self._variables(), **variables}, secrets))
        new = [(VARIABLES, *pair) for pair in variables.items()] + [(SECRETS, *pair) for pair in secrets.items()]
        for namespace, name, value in new:
            self.add(OptionSetting(namespace=namespace, name=name, value=value))

    def add(self, option: OptionSetting) -> None:
        """Add any option.

        Raises:
            ValueError: It is set already, or it is a variable that `add_variables` would refuse.
        """
        key = (option.namespace, option.name, option.resource_name or "")
        refuse(self._owner, self._taken(key))
        if option.namespace == VARIABLES:
            refuse(self._owner, variable_problems({**self._variables(), option.name: option.value}, ()))
        self._put(key, option.value)

    def override(self, namespace: str, name: str, value: str | None, resource_name: str | None = None) -> None:
        """Set an option whether it is set or not; None takes it away. The checks of its argument hold.

        Raises:
            ValueError: As the argument would, or it is a variable that `add_variables` would refuse.
        """
        key = (namespace, name, resource_name or "")
        if self.settings is not None:
            taken = [(kind, option) for kind, option, _ in self._properties]
            refuse(self._owner, override_problems(namespace, name, value, self.settings, taken))
            self.settings = overridden(namespace, name, value, self.settings)
        if value is None:
            self._properties.pop(key, None)
            return
        if namespace == VARIABLES:
            refuse(self._owner, variable_problems({**self._variables(), name: value}, ()))
        if (_OTHER_KIND.get(namespace), name, "") in self._properties:
            refuse(
                self._owner, [f"variable {name} is set already, as {_KINDS[_OTHER_KIND[namespace]]}: remove it first"]
            )
        self._put(key, value)

    def adopt(self, assigned: Any) -> None:
        """Keep option settings that were assigned to the L1 resource's `option_settings` directly.

        Raises:
            ValueError: A token, of which nothing can be read.
        """
        entries = assigned if isinstance(assigned, list) else [assigned]
        rows = [_row(entry) for entry in entries]
        if rows == [_row(self._properties[key]) for key in self._order]:
            return
        if None in rows:
            problem = (
                "option_settings of its resource was set to a token, which nothing can be added to: "
                "set options with override_option instead"
            )
            refuse(self._owner, [problem])
        self._properties, self._order = {}, []
        for namespace, name, resource, value in filter(None, rows):
            self._put((namespace, name, resource or ""), value or "")
            self._order.append((namespace, name, resource or ""))

    def publish(self, metric: str) -> None:
        """Have Beanstalk publish a metric of the environment every minute, the only interval there is.

        Raises:
            ValueError: `ConfigDocument` is set already, and not as JSON.
        """
        given = self._properties.get(_DOCUMENT)
        if given is None:
            self._put(_DOCUMENT, _with_metric({}, metric))
        elif known(given.value):
            self._put(_DOCUMENT, _with_metric(self._parsed(given.value), metric))

    def properties(self) -> list[IResolvable | Property]:
        """What CloudFormation gets: sorted, so that the same settings give the same template; what comes later, after.

        Positions stay: `add_property_override("OptionSettings.3.Value", ...)` means the same option afterwards.
        """
        kept = [key for key in self._order if key in self._properties]
        self._order = [*kept, *sorted(set(self._properties).difference(kept))]
        return [self._properties[key] for key in self._order]

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
            remedy = "" if namespace in _OTHER_KIND else ", or write override_option"
            yield f"option {namespace} {name} is set already: set it once{remedy}"

    def _parsed(self, document: str) -> dict[str, Any]:
        try:
            parsed = json.loads(document)
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict):
            refuse(self._owner, [f"option {HEALTH} ConfigDocument must be a JSON object, got {document!r}"])
        return dict(parsed)


def _row(entry: Any) -> tuple[str, str, str | None, str | None] | None:
    """Namespace, name, resource name and value of an entry; None for a token."""
    if isinstance(entry, dict):
        names = ("namespace", "option_name", "resource_name", "value")
        camel = ("namespace", "optionName", "resourceName", "value")
        got = [entry.get(name, entry.get(other)) for name, other in zip(names, camel, strict=True)]
        return (str(got[0]), str(got[1]), got[2], got[3])
    if not isinstance(entry, Property):
        return None
    return (entry.namespace, entry.option_name, entry.resource_name, entry.value)


def _with_metric(document: dict[str, Any], metric: str) -> str:
    metrics = dict(document.get("CloudWatchMetrics") or {})
    metrics["Environment"] = {**(metrics.get("Environment") or {}), metric: _EVERY_MINUTE}
    return json.dumps({**document, "CloudWatchMetrics": metrics, "Version": 1}, sort_keys=True)
